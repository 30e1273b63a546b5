//! `fanfare completions`: what a shell needs to complete commands and flags.

use std::io::Write;

use clap::{Args, Command};
use clap_complete::{Shell, generate};

#[derive(Args)]
pub struct Arguments {
    /// The shell.
    shell: Shell,
}

/// Prints the script for that shell.
pub fn run(arguments: &Arguments, command: &mut Command) -> Result<(), String> {
    let mut script = Vec::new();
    generate(arguments.shell, command, "fanfare", &mut script);
    std::io::stdout().write_all(&script).map_err(|error| format!("cannot print: {error}"))
}
