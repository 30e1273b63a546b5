//! `loadtest`: load tester for Socket.IO servers. Reads the command line, runs one scenario, prints one report.

#![deny(clippy::unwrap_used)]

use std::process::ExitCode;

use clap::Parser;
use fanfare_loadtest::{Cli, RunError};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let code = cli.run().and_then(|report| match report {
        Some(report) => Ok(cli.outputs.publish(&report, cli.json().map(|path| path.as_path()))?),
        None => Ok(0),
    });
    match code {
        Ok(code) => code.into(),
        Err(error) => {
            eprintln!("loadtest: {error}");
            RunError::exit_code(&error).into()
        }
    }
}
