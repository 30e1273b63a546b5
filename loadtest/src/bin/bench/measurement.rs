//! One measurement: start the servers, put one load on them, end them, keep the report and the logs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fanfare_loadtest::Report;

use crate::row::Row;
use crate::servers::Servers;

/// The folder of reports and logs.
pub(crate) const KEPT: &str = "target/bench";

/// Everything that measurements of a session have in common.
#[derive(Debug)]
pub(crate) struct Bench {
    /// The folder of release builds.
    pub(crate) target: PathBuf,
    /// The length of each measurement.
    pub(crate) seconds: u32,
    /// Set by Ctrl-C.
    is_over: Arc<AtomicBool>,
}

/// One server under one load, once.
#[derive(Debug, Default)]
pub(crate) struct Measurement {
    /// The figure of the row; `None` if there is none.
    pub(crate) figure: Option<f64>,
    /// A broken promise, or the reason for a missing figure.
    pub(crate) remark: Option<String>,
}

impl Bench {
    /// Prepares the folder for reports, and ends the session at the next measurement after Ctrl-C.
    pub(crate) fn new(target: &Path, seconds: u32) -> Result<Self, String> {
        let is_over = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&is_over)).map_err(|error| error.to_string())?;
        }
        fs::create_dir_all(KEPT).map_err(|error| format!("{KEPT}: {error}"))?;
        Ok(Self { target: target.to_owned(), seconds, is_over })
    }

    /// Measures what `start` starts; it is given what the names of its logs begin with. `name` names the report.
    pub(crate) fn measure(
        &self,
        row: &Row,
        name: &str,
        start: impl FnOnce(&str) -> Result<Servers, String>,
    ) -> Result<Measurement, String> {
        if self.is_over.load(Ordering::Relaxed) {
            return Err("interrupted".to_owned());
        }
        let kept = format!("{KEPT}/{name}");
        let report = start(&kept).and_then(|servers| self.load(row, &servers.arguments(), Path::new(&kept)));
        Ok(match report {
            Err(failure) => Measurement { figure: None, remark: Some(failure) },
            Ok(report) => Measurement { figure: row.figure.of(&report), remark: report.first_fault },
        })
    }

    /// Runs the load test and returns its report.
    fn load(&self, row: &Row, servers: &[String], kept: &Path) -> Result<Report, String> {
        let json = kept.with_added_extension("json");
        let _ = fs::remove_file(&json);
        let output = Command::new(self.target.join("release/loadtest"))
            .args(row.arguments(self.seconds))
            .args(servers)
            .arg("--json")
            .arg(&json)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("loadtest: {error}"))?;
        let said = || {
            let text = String::from_utf8_lossy(&output.stderr);
            text.lines().last().unwrap_or("loadtest made no report").to_owned()
        };
        let text = fs::read(&json).map_err(|_| said())?;
        serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", json.display()))
    }
}
