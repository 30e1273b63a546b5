//! `loadtest`: load tester for Socket.IO servers. Reads the command line, runs one scenario, prints one report.

use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use clap::Parser;
use fanfare_loadtest::{Cli, Report, RunError};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = cli.run().and_then(|report| {
        if let Some(report) = &report {
            publish(report, cli.json().map(|path| path.as_path()))?;
        }
        Ok(report)
    });
    match result {
        Ok(report) => report.map_or(0, |report| report.exit_code()).into(),
        Err(error) => {
            eprintln!("loadtest: {error}");
            RunError::exit_code(&error).into()
        }
    }
}

fn publish(report: &Report, json: Option<&Path>) -> io::Result<()> {
    print!("{report}");
    match json {
        None => Ok(()),
        Some(path) if path == Path::new("-") => {
            print!("{}", report.json());
            Ok(())
        }
        Some(path) => fs::write(path, report.json()),
    }
}
