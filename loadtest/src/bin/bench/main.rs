//! `bench`: every server of the comparison under every load in turn, on this machine, in one session.
//!
//! Run it as `make bench`, which installs and builds the servers first. One measurement is: start the server, run
//! `loadtest` against it, end the server. Servers take turns inside a row and rows take turns inside a run, so that
//! what drifts on the machine drifts for all of them.

mod broker;
mod chart;
mod document;
mod environment;
mod peer;
mod process;
mod row;
mod session;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::peer::{PEERS, Peer};
use crate::row::{ROWS, Row};
use crate::session::Session;

const EXPLANATION: &str = "\
Examples:
  Everything, three times, into docs/performance.md (about 20 minutes):
      make bench
  A look at two rows and two servers, once, printed only:
      make bench ARGS='--runs 1 --row fanout-w1 --row echo --peer floor-batched --peer fanfare --print'

Every figure's report, and the log of every server, is kept in target/bench.";

/// Measures Fanfare, its peers and the floor side by side.
#[derive(Debug, Parser)]
#[command(version, after_help = EXPLANATION)]
struct Options {
    /// Measurements of each figure; the table shows their median and range
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Seconds of each measurement
    #[arg(long, value_name = "S", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Only this row; may be repeated (see --list)
    #[arg(long = "row", value_name = "ROW", value_parser = row::parse)]
    rows: Vec<&'static Row>,
    /// Only this server; may be repeated (see --list)
    #[arg(long = "peer", value_name = "PEER", value_parser = peer::parse)]
    peers: Vec<&'static Peer>,
    /// Print the table instead of writing it into the document
    #[arg(long)]
    print: bool,
    /// Say which rows and servers there are, and end
    #[arg(long)]
    list: bool,
    /// Where release builds are
    #[arg(long, value_name = "FOLDER", env = "CARGO_TARGET_DIR", default_value = "target")]
    target: PathBuf,
}

fn main() -> ExitCode {
    let mut options = Options::parse();
    if options.list {
        list();
        return ExitCode::SUCCESS;
    }
    if options.rows.is_empty() {
        options.rows = ROWS.iter().collect();
    }
    if options.peers.is_empty() {
        options.peers = PEERS.iter().collect();
    }
    match bench(&options) {
        Ok(()) => ExitCode::SUCCESS,
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

fn bench(options: &Options) -> Result<(), String> {
    let mut session = Session::new(options)?;
    session.run()?;
    let section = document::section(&session, &environment::describe(&session));
    if options.print {
        print!("{section}");
        return Ok(());
    }
    document::write(&section, &chart::dots(&session.results()))
}
