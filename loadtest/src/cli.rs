//! The command line. Plain data; each scenario reads its own options.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::error::RunError;
use crate::report::Report;
use crate::report::compare::{CompareOptions, compare};
use crate::report::live;
use crate::report::outputs::Outputs;
use crate::scenario::Scenario;
use crate::scenario::plan::Plan;
use crate::swarm::control::Control;
use crate::swarm::interrupt::Interrupt;
use crate::workers::worker::WorkerOptions;
use crate::workers::{coordinator, worker};

const EXAMPLES: &str = "\
Examples:
  A server with the relay contract listens on port 3000.

  What does one delivery cost the server? 1,000 members of one room, one message at a time:
      loadtest fanout --url ws://127.0.0.1:3000 --clients 1000

  The same with eight messages in flight, so that the server can batch its writes:
      loadtest fanout --url ws://127.0.0.1:3000 --clients 1000 --window 8

  A hundred rooms of ten, over two nodes of a cluster, result for a script:
      loadtest fanout --url ws://127.0.0.1:3000 --url ws://127.0.0.1:3001 \\
          --clients 1000 --rooms 100 --json result.json

  An acknowledged event, a connection, an idle connection:
      loadtest echo    --url ws://127.0.0.1:3000 --clients 100
      loadtest connect --url ws://127.0.0.1:3000 --count 5000 --concurrency 50
      loadtest idle    --url ws://127.0.0.1:3000 --clients 8000 --hold 10s

  In an open loop, over polling with the usual upgrade, on a namespace with authentication:
      loadtest fanout --url wss://chat.test --tls-ca ca.pem --transport upgrade --namespace /chat \\
          --auth '{\"token\":\"x\"}' --clients 1000 --rooms 10 --rate 200

  A third of 20,000 connections a minute breaks; all of them break:
      loadtest jitter    --url ws://127.0.0.1:3000 --clients 20000 --cuts 110 --away 2s --recovery
      loadtest avalanche --url ws://127.0.0.1:3000 --clients 20000 --spread 2s

  From several machines (`loadtest worker --listen 0.0.0.0:9600` runs on each, in a network you trust):
      loadtest fanout --url ws://10.0.0.9:3000 --clients 100000 --rooms 1000 --rate 5000 \\
          --workers 10.0.0.1:9600,10.0.0.2:9600

  As a test, with a page to look at; what changed since the last run:
      loadtest fanout --url ws://127.0.0.1:3000 --rate 50 --max-p99 20ms --min-rate 45000 --html run.html \\
          --json after.json
      loadtest compare before.json after.json

The relay contract: the server answers these events.
  \"join\", room[, ack]            the socket joins the room
  \"leave\", room[, ack]           the socket leaves the room
  \"emit\", room, payload[, ack]   every member of the room, the sender included, gets \"msg\", payload
  \"broadcast\", payload[, ack]    every socket gets \"msg\", payload
  \"echo\", payload, ack           the acknowledgement brings the payload back

Exit codes:
  0    everything came exactly as promised
  1    something was lost, doubled, out of order, misdirected, altered or cut off: see the report
  2    the command line is wrong
  3    no measurement: the server cannot be reached, or the operating system refused something
  4    everything came as promised, but the run crossed a limit such as --max-p99
  130  interrupted; if the measurement had begun, the report covers it up to then";

/// Load tester for Socket.IO servers: exact accounting of every message, and the server's own processor time per
/// unit of work, which is the figure that counts when server and tester share a machine.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version, after_long_help = EXAMPLES, after_help = "--help shows examples and exit codes")]
#[non_exhaustive]
pub struct Cli {
    /// Command to run.
    #[command(subcommand)]
    pub command: Command,
    /// Options for the report.
    #[command(flatten)]
    pub outputs: Outputs,
}

/// Commands of the tester.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// A scenario, from the command line.
    #[command(flatten)]
    Scenario(Box<Scenario>),
    /// Run a scenario with phases from a TOML file
    Run(RunOptions),
    /// Wait for shares of runs from a tester with --workers
    Worker(WorkerOptions),
    /// Differences between two reports, in figures and options
    Compare(CompareOptions),
}

/// Options of `loadtest run`.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct RunOptions {
    /// TOML file: `scenario`, `[options]` named as on the command line, and `[[phases]]`
    pub file: PathBuf,
    /// Also write the report as JSON into this file; - is standard output
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl Cli {
    /// Runs the command and returns its report, if it has one.
    pub fn run(&self) -> Result<Option<Report>, RunError> {
        let interrupt = Interrupt::install()?;
        match &self.command {
            Command::Scenario(scenario) => measure(Plan::of((**scenario).clone()), interrupt).map(Some),
            Command::Run(options) => measure(Plan::load(&options.file)?, interrupt).map(Some),
            Command::Worker(options) => worker::serve(options, &interrupt).map(|()| None),
            Command::Compare(options) => {
                print!("{}", compare(options)?);
                Ok(None)
            }
        }
    }

    /// File to write the report to as JSON, if any.
    pub fn json(&self) -> Option<&PathBuf> {
        match &self.command {
            Command::Scenario(scenario) => scenario.server().json.as_ref(),
            Command::Run(options) => options.json.as_ref(),
            Command::Worker(_) | Command::Compare(_) => None,
        }
    }
}

fn measure(plan: Plan, interrupt: Interrupt) -> Result<Report, RunError> {
    let scenario = &plan.scenario;
    let outcome = match scenario.server().workers.is_empty() {
        true => scenario.measure(&mut Control::alone(interrupt, live::observer())),
        false => coordinator::run(&plan, &interrupt),
    };
    live::finish();
    Ok(Report::new(outcome?, scenario.name(), scenario.options()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
