//! Two builds of Fanfare against each other, in turn: what a change costs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;

use crate::broker::Broker;
use crate::build::{self, Build};
use crate::environment;
use crate::measurement::{Bench, KEPT};
use crate::pairs::{Pairs, Side};
use crate::row::{self, Nodes, Row};
use crate::servers::Servers;

mod summary;

use summary::Summary;

/// Rows that are measured unless some are named.
const ROWS: [&str; 5] = ["fanout-w1", "fanout-w8", "fanout-rooms", "echo", "idle"];

/// Options of a comparison of two builds.
#[derive(Debug, Args)]
#[command(next_help_heading = "Before and after a change")]
pub(crate) struct BeforeAfterOptions {
    /// Compare this older build of `fanfare` (the program, or the folder it is in) with the current one, in turn,
    /// instead of measuring peers; writes no document
    #[arg(long, value_name = "PATH", conflicts_with_all = ["runs", "peers", "print"])]
    pub(crate) before: Option<PathBuf>,
    /// Build to compare the one of --before with [default: the one in --target]
    #[arg(long, value_name = "PATH", requires = "before")]
    after: Option<PathBuf>,
    /// Pairs of measurements of each row; before and after take turns at going first
    #[arg(long, value_name = "N", default_value_t = 7, requires = "before",
          value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    /// Reactors of the nodes of both builds [default: one for each core]
    #[arg(long, value_name = "N", requires = "before", value_parser = clap::value_parser!(u32).range(1..))]
    reactors: Option<u32>,
    /// Change of the median ratio, in per cent, above which a row counts as worse or better if five in six of its pairs
    /// agree
    #[arg(long, value_name = "PERCENT", default_value_t = 3.0, requires = "before", value_parser = parse_threshold)]
    threshold: f64,
    /// End with exit code 1 if a row became worse or could not be measured
    #[arg(long, requires = "before")]
    fail_if_worse: bool,
}

/// One row and its pairs.
struct Measured {
    row: &'static Row,
    pairs: Pairs,
    /// Broken promises and failures, each with its pair and side.
    remarks: Vec<String>,
}

/// Measures the build before and the one after, and reports. `Ok(false)` if the exit code must tell that it became
/// worse.
pub(crate) fn run(
    bench: &Bench,
    rows: &[&'static Row],
    options: &BeforeAfterOptions,
    before: &Path,
) -> Result<bool, String> {
    let current = bench.target.join("release/fanfare");
    let after = match &options.after {
        Some(path) => Build::find("--after", path)?,
        None => Build::find("the current build", &current)?,
    };
    let builds = [Build::find("--before", before)?, after];
    let rows = chosen(rows)?;
    let mut measured: Vec<Measured> =
        rows.into_iter().map(|row| Measured { row, pairs: Pairs::default(), remarks: Vec::new() }).collect();
    for (build, side) in builds.iter().zip([Side::Before, Side::After]) {
        println!("{:<8}{} ({})", side.name(), build.program.display(), build.version);
    }
    let is_same = builds[0].is_same_as(&builds[1]);
    if is_same {
        println!("note: both are the same program, so that only the noise of this machine is measured");
    }
    measure(bench, options, &builds, &mut measured)?;
    let summary = Summary { options, builds: &builds, is_same, measured: &measured };
    let turn = format!("Medians of {} pairs, before and after in turn", options.pairs);
    let markdown = summary.markdown(&environment::heading(&turn, bench.seconds));
    println!("\n{markdown}");
    let path = format!("{KEPT}/before-after");
    for (path, text) in [(format!("{path}.md"), markdown), (format!("{path}.json"), summary.json())] {
        fs::write(&path, text).map_err(|error| format!("{path}: {error}"))?;
        println!("written: {path}");
    }
    if measured.iter().all(|measured| measured.pairs.count() == 0) {
        return Err("nothing was measured: see the remarks above".to_owned());
    }
    Ok(!(options.fail_if_worse && summary.is_worse()))
}

/// The rows to measure, checked for what they need.
fn chosen(rows: &[&'static Row]) -> Result<Vec<&'static Row>, String> {
    let rows: Vec<&'static Row> = match rows.is_empty() {
        true => ROWS.into_iter().map(row::parse).collect::<Result<_, _>>()?,
        false => rows.to_vec(),
    };
    let nats = Broker::Nats.program();
    match rows.iter().find(|row| broker(row).is_some()) {
        Some(row) if !nats.exists() => {
            Err(format!("the row {} needs NATS, and there is no {}", row.name, nats.display()))
        }
        _ => Ok(rows),
    }
}

fn broker(row: &Row) -> Option<Broker> {
    matches!(row.nodes, Nodes::Two { .. }).then_some(Broker::Nats)
}

/// Rows take turns inside a pair, so that the pairs of a row lie as far apart as possible.
fn measure(
    bench: &Bench,
    options: &BeforeAfterOptions,
    builds: &[Build; 2],
    measured: &mut [Measured],
) -> Result<(), String> {
    let start = Instant::now();
    let reactors = options.reactors.map(|count| count.to_string());
    for pair in 0..options.pairs {
        println!("pair {} of {}{}", pair + 1, options.pairs, left(start.elapsed(), pair, options.pairs));
        for Measured { row, pairs, remarks } in &mut *measured {
            let mut figures = [None; 2];
            for side in Side::order(pair) {
                let program = &builds[side as usize].program;
                let name = format!("{}.{}.{}", row.name, side.name(), pair + 1);
                let measurement = bench.measure(row, &name, |log| {
                    Servers::start(broker(row), log, |port, url| {
                        build::node(program, port, reactors.as_deref(), url)
                    })
                })?;
                figures[side as usize] = measurement.figure;
                remarks.extend(
                    measurement
                        .remark
                        .map(|remark| format!("{}, {}, pair {}: {remark}", row.name, side.name(), pair + 1)),
                );
            }
            let ratio = pairs.add(figures[0], figures[1]);
            let [before, after, ratio] = [(figures[0], 2), (figures[1], 2), (ratio, 3)]
                .map(|(figure, digits)| figure.map_or("-".to_owned(), |figure| format!("{figure:.digits$}")));
            println!("  {:<16}before {before:>9}   after {after:>9}   ratio {ratio:>6}", row.name);
        }
    }
    Ok(())
}

/// The time that the rest will take, from the time that the pairs so far took.
fn left(elapsed: Duration, done: u32, all: u32) -> String {
    if done == 0 {
        return String::new();
    }
    let seconds = elapsed.as_secs_f64() / f64::from(done) * f64::from(all - done);
    match (seconds / 60.0).round() {
        minutes if minutes >= 1.0 => format!(", about {minutes} min left"),
        _ => ", less than a minute left".to_owned(),
    }
}

fn parse_threshold(text: &str) -> Result<f64, String> {
    let percent: f64 = text.parse().map_err(|_| "must be a number".to_owned())?;
    match percent {
        0.0..100.0 => Ok(percent),
        _ => Err("must be from 0 to less than 100".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_rows_exist_and_need_one_node() {
        let rows = chosen(&[]).expect("exist");
        assert_eq!(rows.iter().map(|row| row.name).collect::<Vec<_>>(), ROWS);
        assert!(rows.iter().all(|row| broker(row).is_none()));
    }

    #[test]
    fn the_time_left_follows_from_the_pairs_so_far() {
        assert_eq!(left(Duration::ZERO, 0, 7), "");
        assert_eq!(left(Duration::from_secs(120), 2, 7), ", about 5 min left");
        assert_eq!(left(Duration::from_secs(60), 6, 7), ", less than a minute left");
    }

    #[test]
    fn a_threshold_is_a_share_in_per_cent() {
        assert_eq!(parse_threshold("2.5"), Ok(2.5));
        assert!(parse_threshold("-1").is_err() && parse_threshold("100").is_err());
        assert!(parse_threshold("x").is_err() && parse_threshold("NaN").is_err());
    }
}
