//! `bench`: every server of the comparison under every load in turn, on this machine, in one session.
//!
//! Run it as `make bench`, which installs and builds the servers first. One measurement is: start the server, run
//! `loadtest` against it, end the server. Servers take turns inside a row and rows take turns inside a run, so that
//! what drifts on the machine drifts for all of them.

mod before_after;
mod broker;
mod build;
mod chart;
mod document;
mod environment;
mod measurement;
mod pairs;
mod peer;
mod process;
mod row;
mod servers;
mod session;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::before_after::BeforeAfterOptions;
use crate::measurement::Bench;
use crate::peer::{PEERS, Peer};
use crate::row::{ROWS, Row};
use crate::session::Session;

const EXPLANATION: &str = "\
Examples:
  Everything, three times, into docs/performance.md (about 20 minutes):
      make bench
  A look at two rows and two servers, once, printed only:
      make bench ARGS='--runs 1 --row fanout-w1 --row echo --peer baseline-batched --peer fanfare --print'
  What does a change cost? Keep a build of before it, make the change, and measure both in turn (about 7 minutes):
      cargo build --release -p fanfare-server && cp target/release/fanfare /tmp/fanfare-before
      make bench ARGS='--before /tmp/fanfare-before'
  The same for two nodes and one row, for a script:
      make bench ARGS='--before /tmp/fanfare-before --row cluster-w1 --pairs 11 --fail-if-worse'

With --before the rows are fanout-w1, fanout-w8, fanout-rooms, echo and idle unless --row names others.
The table and every ratio are left in target/bench/before-after.md and before-after.json.

Every figure's report, and the log of every server, is kept in target/bench.";

/// Measures Fanfare, its peers and the baseline side by side.
#[derive(Debug, Parser)]
#[command(version, after_help = EXPLANATION)]
struct Options {
    /// Number of measurements of each figure; the table shows their median and range
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Length of each measurement in seconds
    #[arg(long, value_name = "S", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Row to measure instead of all; may be repeated (see --list)
    #[arg(long = "row", value_name = "ROW", value_parser = row::parse)]
    rows: Vec<&'static Row>,
    /// Server to measure instead of all; may be repeated (see --list)
    #[arg(long = "peer", value_name = "PEER", value_parser = peer::parse)]
    peers: Vec<&'static Peer>,
    /// Print the table instead of writing it into the document
    #[arg(long)]
    print: bool,
    /// List rows and servers, and end
    #[arg(long)]
    list: bool,
    /// Folder with the release builds
    #[arg(long, value_name = "FOLDER", env = "CARGO_TARGET_DIR", default_value = "target")]
    target: PathBuf,
    #[command(flatten)]
    before_after: BeforeAfterOptions,
}

fn main() -> ExitCode {
    let mut options = Options::parse();
    if options.list {
        list();
        return ExitCode::SUCCESS;
    }
    match bench(&mut options) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn list() {
    println!("Rows:");
    ROWS.iter().for_each(|row| println!("  {:<16}{}", row.name, row.title));
    println!("Servers:");
    PEERS.iter().for_each(|peer| println!("  {:<20}{}", peer.name, peer.title));
}

fn bench(options: &mut Options) -> Result<ExitCode, String> {
    let bench = Bench::new(&options.target, options.seconds)?;
    if let Some(before) = &options.before_after.before {
        let is_fine = before_after::run(&bench, &options.rows, &options.before_after, before)?;
        return Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if options.rows.is_empty() {
        options.rows = ROWS.iter().collect();
    }
    if options.peers.is_empty() {
        options.peers = PEERS.iter().collect();
    }
    let mut session = Session::new(bench, options);
    session.run()?;
    let section = document::section(&session, &environment::describe(&session));
    if options.print {
        print!("{section}");
    } else {
        document::write(&section, &chart::dots(&session.results()))?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn options_of_the_two_comparisons_do_not_mix() {
        let parse = |arguments: &str| Options::try_parse_from(arguments.split(' '));
        assert!(parse("bench --before x --pairs 3 --row echo --fail-if-worse").is_ok());
        for wrong in
            ["--before x --peer official", "--before x --runs 2", "--pairs 3", "--before x --pairs 0"]
        {
            assert!(parse(&format!("bench {wrong}")).is_err(), "{wrong}");
        }
    }
}
