//! One session of measurements: who takes part, in which order, and what came out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, io};

use fanfare_loadtest::Report;

use crate::Options;
use crate::peer::Peer;
use crate::row::{Nodes, Row};

/// Where reports and logs are kept.
const KEPT: &str = "target/bench";

pub(crate) struct Session {
    pub(crate) runs: u32,
    pub(crate) seconds: u32,
    pub(crate) rows: Vec<&'static Row>,
    /// Those that can run here.
    pub(crate) peers: Vec<&'static Peer>,
    /// Those that cannot, and what is missing for each.
    pub(crate) skipped: Vec<(&'static Peer, PathBuf)>,
    pub(crate) target: PathBuf,
    cells: BTreeMap<(&'static str, &'static str), Cell>,
    /// Set by Ctrl-C.
    is_over: Arc<AtomicBool>,
}

/// What one server did under one load.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    /// One for each run that gave one.
    figures: Vec<f64>,
    /// What else there is to say: broken promises, failures.
    pub(crate) remarks: Vec<String>,
}

/// The cells of a session in the order of rows and peers.
pub(crate) struct Results<'a>(pub(crate) &'a Session);

impl Session {
    pub(crate) fn new(options: &Options) -> Result<Self, String> {
        let is_over = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&is_over)).map_err(|error| error.to_string())?;
        }
        let mut session = Self {
            runs: options.runs,
            seconds: options.seconds,
            rows: options.rows.clone(),
            peers: Vec::new(),
            skipped: Vec::new(),
            target: options.target.clone(),
            cells: BTreeMap::new(),
            is_over,
        };
        for peer in &options.peers {
            match peer.missing(&options.target) {
                None => session.peers.push(peer),
                Some(path) => {
                    println!("skipped: {}, because there is no {}", peer.title, path.display());
                    session.skipped.push((peer, path));
                }
            }
        }
        Ok(session)
    }

    /// Takes every measurement.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        fs::create_dir_all(KEPT).map_err(|error| format!("{KEPT}: {error}"))?;
        for run in 1..=self.runs {
            for (row, peer) in self.pairs() {
                if self.is_over.load(Ordering::Relaxed) {
                    return Err("interrupted".to_owned());
                }
                let cell = self.measure(row, peer, run);
                let shown = cell.figures.first().map_or("-".to_owned(), |figure| format!("{figure:.2}"));
                let (runs, remark) = (self.runs, cell.remarks.join("; "));
                println!("run {run} of {runs}  {:<16}{:<20}{shown:>10}  {remark}", row.name, peer.name);
                self.cells.entry((row.name, peer.name)).or_default().add(cell);
            }
        }
        Ok(())
    }

    pub(crate) fn results(&self) -> Results<'_> {
        Results(self)
    }

    fn pairs(&self) -> Vec<(&'static Row, &'static Peer)> {
        let fits = |row: &Row, peer: &Peer| matches!(row.nodes, Nodes::Two { .. }) == peer.broker.is_some();
        let of_row = |row: &'static Row| {
            self.peers.iter().copied().filter(move |peer| fits(row, peer)).map(move |peer| (row, peer))
        };
        self.rows.iter().copied().flat_map(of_row).collect()
    }

    fn measure(&self, row: &Row, peer: &Peer, run: u32) -> Cell {
        let kept = format!("{KEPT}/{}.{}.{run}", row.name, peer.name);
        let report = peer
            .start(&self.target, &kept)
            .and_then(|servers| self.load(row, &servers.arguments(), Path::new(&kept)));
        match report {
            Err(failure) => Cell { figures: Vec::new(), remarks: vec![failure] },
            Ok(report) => {
                let figures = row.figure.of(&report).into_iter().collect();
                Cell { figures, remarks: report.first_fault.into_iter().collect() }
            }
        }
    }

    /// Runs the load test; its report, unless it made none.
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
        let text = fs::read(&json).map_err(|_: io::Error| said())?;
        serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", json.display()))
    }
}

impl Cell {
    fn add(&mut self, other: Self) {
        self.figures.extend(other.figures);
        self.figures.sort_by(f64::total_cmp);
        self.remarks.extend(other.remarks);
    }

    pub(crate) fn median(&self) -> Option<f64> {
        self.figures.get(self.figures.len().saturating_sub(1) / 2).copied()
    }

    /// The least and the greatest figure.
    pub(crate) fn range(&self) -> Option<(f64, f64)> {
        Some((*self.figures.first()?, *self.figures.last()?))
    }
}

impl Results<'_> {
    pub(crate) fn cell(&self, row: &Row, peer: &Peer) -> Option<&Cell> {
        self.0.cells.get(&(row.name, peer.name))
    }

    /// The lower of the floors' medians for this row, if a floor took part.
    pub(crate) fn floor(&self, row: &Row) -> Option<f64> {
        let median = |name| self.0.cells.get(&(row.floor(), name)).and_then(Cell::median);
        ["floor-direct", "floor-batched"].into_iter().filter_map(median).min_by(f64::total_cmp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_the_lower_middle() {
        let mut cell = Cell::default();
        assert_eq!(cell.median(), None);
        for figure in [4.0, 1.0, 3.0, 2.0] {
            cell.add(Cell { figures: vec![figure], remarks: vec![] });
        }
        assert_eq!((cell.median(), cell.range()), (Some(2.0), Some((1.0, 4.0))));
    }
}
