//! One session of measurements: its peers, their order, and the results.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::Options;
use crate::measurement::{Bench, Measurement};
use crate::pairs::median;
use crate::peer::Peer;
use crate::row::{Nodes, Row};

pub(crate) struct Session {
    pub(crate) bench: Bench,
    pub(crate) runs: u32,
    pub(crate) rows: Vec<&'static Row>,
    /// Peers that can run here.
    pub(crate) peers: Vec<&'static Peer>,
    /// Peers that cannot run here, and what is missing for each.
    pub(crate) skipped: Vec<(&'static Peer, PathBuf)>,
    cells: BTreeMap<(&'static str, &'static str), Cell>,
}

/// Results of one server under one load.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    /// Figures, one for each run that gave one.
    figures: Vec<f64>,
    /// Broken promises and failures, in words.
    pub(crate) remarks: Vec<String>,
}

/// The cells of a session in the order of rows and peers.
pub(crate) struct Results<'a>(pub(crate) &'a Session);

impl Session {
    pub(crate) fn new(bench: Bench, options: &Options) -> Self {
        let mut session = Self {
            bench,
            runs: options.runs,
            rows: options.rows.clone(),
            peers: Vec::new(),
            skipped: Vec::new(),
            cells: BTreeMap::new(),
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
        session
    }

    /// Takes every measurement.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        for run in 1..=self.runs {
            for (row, peer) in self.pairs() {
                let name = format!("{}.{}.{run}", row.name, peer.name);
                let measurement =
                    self.bench.measure(row, &name, |log| peer.start(&self.bench.target, log))?;
                let shown = measurement.figure.map_or("-".to_owned(), |figure| format!("{figure:.2}"));
                let (runs, remark) = (self.runs, measurement.remark.as_deref().unwrap_or_default());
                println!("run {run} of {runs}  {:<16}{:<20}{shown:>10}  {remark}", row.name, peer.name);
                self.cells.entry((row.name, peer.name)).or_default().add(measurement);
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
}

impl Cell {
    fn add(&mut self, measurement: Measurement) {
        self.figures.extend(measurement.figure);
        self.remarks.extend(measurement.remark);
    }

    pub(crate) fn median(&self) -> Option<f64> {
        median(&self.figures)
    }

    /// The least and the greatest figure.
    pub(crate) fn range(&self) -> Option<(f64, f64)> {
        let figures = || self.figures.iter().copied();
        Some((figures().min_by(f64::total_cmp)?, figures().max_by(f64::total_cmp)?))
    }
}

impl Results<'_> {
    pub(crate) fn cell(&self, row: &Row, peer: &Peer) -> Option<&Cell> {
        self.0.cells.get(&(row.name, peer.name))
    }

    /// Lower of the two baselines' medians for this row, if a baseline took part.
    pub(crate) fn baseline(&self, row: &Row) -> Option<f64> {
        let median = |name| self.0.cells.get(&(row.baseline(), name)).and_then(Cell::median);
        ["baseline-direct", "baseline-batched"].into_iter().filter_map(median).min_by(f64::total_cmp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_has_the_median_and_the_range_of_its_figures() {
        let mut cell = Cell::default();
        assert_eq!((cell.median(), cell.range()), (None, None));
        for figure in [4.0, 1.0, 3.0] {
            cell.add(Measurement { figure: Some(figure), remark: None });
        }
        assert_eq!((cell.median(), cell.range()), (Some(3.0), Some((1.0, 4.0))));
    }
}
