//! Outputs of a report: the table, JSON, a page; and the exit code that it deserves.

use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::Args;

use crate::report::Report;
use crate::report::limits::Limits;
use crate::report::page;

/// Options for the report.
#[derive(Debug, Clone, Default, Args)]
#[non_exhaustive]
pub struct Outputs {
    /// Also write the report with its curves as an HTML page into this file
    #[arg(long, global = true, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Limits that the run must keep to.
    #[command(flatten)]
    pub limits: Limits,
}

impl Outputs {
    /// Prints the report, writes it where it is wanted, and returns the exit code of the process.
    pub fn publish(&self, report: &Report, json: Option<&Path>) -> io::Result<u8> {
        let crossed = self.limits.crossed(report);
        print!("{report}");
        for failure in &crossed {
            println!("  LIMIT CROSSED           {failure}");
        }
        if let Some(path) = &self.html {
            fs::write(path, page::html(report, &crossed))?;
        }
        match json {
            Some(path) if path == Path::new("-") => print!("{}", report.json()),
            Some(path) => fs::write(path, report.json())?,
            None => {}
        }
        Ok(match (self.limits.is_kept(report), crossed.is_empty(), report.is_interrupted) {
            (false, _, _) => 1,
            (true, false, _) => 4,
            (true, true, true) => 130,
            (true, true, false) => 0,
        })
    }
}
