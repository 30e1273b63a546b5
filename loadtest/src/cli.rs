//! The command line. Plain data; each scenario reads its own options.

use std::num::ParseIntError;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use serde::{Serialize, Serializer};

use crate::error::RunError;
use crate::interrupt::Interrupt;
use crate::report::Report;
use crate::stamp::STAMP_BYTES;
use crate::target::Target;
use crate::traffic::Completion;
use crate::{connect, echo, fanout, idle};

const EXAMPLES: &str = "\
Examples:
  A server with the relay contract listens on port 3000 with process id 4242.

  What does one delivery cost the server? 1,000 members of one room, one message at a time:
      loadtest fanout --url ws://127.0.0.1:3000 --clients 1000 --server-pid 4242

  The same with eight messages in flight, so that the server can batch its writes:
      loadtest fanout --url ws://127.0.0.1:3000 --clients 1000 --window 8 --server-pid 4242

  A hundred rooms of ten, over two nodes of a cluster, result for a script:
      loadtest fanout --url ws://127.0.0.1:3000 --url ws://127.0.0.1:3001 \\
          --clients 1000 --rooms 100 --server-pid 4242 --server-pid 4243 --json result.json

  An acknowledged event, a connection, an idle connection:
      loadtest echo    --url ws://127.0.0.1:3000 --clients 100 --server-pid 4242
      loadtest connect --url ws://127.0.0.1:3000 --count 5000 --concurrency 50 --server-pid 4242
      loadtest idle    --url ws://127.0.0.1:3000 --clients 8000 --hold 10s --server-pid 4242

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
  130  interrupted; if the measurement had begun, the report covers it up to then";

/// Load tester for Socket.IO servers: exact accounting of every message, and the server's own processor time per
/// unit of work, which is the figure that counts when server and tester share a machine.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version, after_long_help = EXAMPLES, after_help = "--help shows examples and exit codes")]
pub struct Cli {
    /// What to test.
    #[command(subcommand)]
    pub command: Command,
}

/// The scenarios.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Messages to rooms: server time per delivery, deliveries per second, latency
    Fanout(FanoutOptions),
    /// Acknowledged events: server time per round trip, round trips per second, latency
    Echo(EchoOptions),
    /// Connections up to the acknowledged CONNECT, then closed: server time per connection
    Connect(ConnectOptions),
    /// Connections that do nothing: resident memory per connection
    Idle(IdleOptions),
}

/// Which server, and how to watch it.
#[derive(Debug, Args, Serialize)]
pub struct ServerOptions {
    /// A server's address, ws://HOST:PORT[/PATH]; several times for a cluster: clients are dealt round robin
    #[arg(long = "url", value_name = "URL", default_value = "ws://127.0.0.1:3000")]
    pub urls: Vec<String>,
    /// The process id of a server on this machine, to measure its processor time and memory; may be repeated
    #[arg(long = "server-pid", value_name = "PID")]
    pub pids: Vec<u32>,
    /// New connections per second before the measurement
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    pub connect_rate: u32,
    /// Also write the report as JSON into this file; - is standard output
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Options of `loadtest fanout`.
#[derive(Debug, Args, Serialize)]
pub struct FanoutOptions {
    /// Where to connect to.
    #[command(flatten)]
    pub server: ServerOptions,
    /// Clients in all; dealt to the rooms round robin
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub clients: u32,
    /// Rooms; the first client of each is its publisher
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub rooms: u32,
    /// Messages in flight per room
    #[arg(long, value_name = "W", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub window: u32,
    /// Whose receipt completes a message and lets the next one go
    ///
    /// "all": every member of the room; only then does a window of 1 leave the server nothing to batch.
    /// "publisher": the publisher's own receipt, while other members may still wait.
    #[arg(long, value_name = "WHO", default_value = "all")]
    pub complete: Completion,
    /// Bytes of payload in a message; the first 32 are the tester's stamp
    #[arg(long, value_name = "BYTES", default_value = "64", value_parser = parse_payload)]
    pub payload: PayloadBytes,
    /// How long to measure
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub duration: Duration,
    /// How long to run before measuring
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub warmup: Duration,
    /// How long to wait after the last join, for clusters whose joins take effect later than they are acknowledged
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub settle: Duration,
    /// How long to wait at the end for what has not arrived yet
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub drain: Duration,
}

/// Options of `loadtest echo`.
#[derive(Debug, Args, Serialize)]
pub struct EchoOptions {
    /// Where to connect to.
    #[command(flatten)]
    pub server: ServerOptions,
    /// Clients, each with its own events
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub clients: u32,
    /// Events in flight per client
    #[arg(long, value_name = "W", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub window: u32,
    /// Bytes of payload in an event; the first 32 are the tester's stamp
    #[arg(long, value_name = "BYTES", default_value = "64", value_parser = parse_payload)]
    pub payload: PayloadBytes,
    /// How long to measure
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub duration: Duration,
    /// How long to run before measuring
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub warmup: Duration,
    /// How long to wait at the end for what has not arrived yet
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub drain: Duration,
}

/// Options of `loadtest connect`.
#[derive(Debug, Args, Serialize)]
pub struct ConnectOptions {
    /// Where to connect to.
    #[command(flatten)]
    pub server: ServerOptions,
    /// Connections to measure
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..))]
    pub count: u32,
    /// Connections under way at once
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub concurrency: u32,
    /// Connections to make before measuring
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub warmup: u32,
}

/// Options of `loadtest idle`.
#[derive(Debug, Args, Serialize)]
pub struct IdleOptions {
    /// Where to connect to.
    #[command(flatten)]
    pub server: ServerOptions,
    /// Connections to hold
    #[arg(long, value_name = "N", default_value_t = 8000, value_parser = clap::value_parser!(u32).range(1..))]
    pub clients: u32,
    /// How long to hold them before memory is read
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub hold: Duration,
}

/// The size of a payload in bytes: room for a stamp, and within a WebSocket frame any server accepts.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PayloadBytes(usize);

impl From<PayloadBytes> for usize {
    fn from(bytes: PayloadBytes) -> Self {
        bytes.0
    }
}

impl Cli {
    /// Runs the scenario and returns what to report.
    pub fn run(&self) -> Result<Report, RunError> {
        let interrupt = Interrupt::install()?;
        match &self.command {
            Command::Fanout(options) => fanout::run(options, &interrupt),
            Command::Echo(options) => echo::run(options, &interrupt),
            Command::Connect(options) => connect::run(options, &interrupt),
            Command::Idle(options) => idle::run(options, &interrupt),
        }
    }

    /// Where to write the report as JSON, if anywhere.
    pub fn json(&self) -> Option<&PathBuf> {
        let server = match &self.command {
            Command::Fanout(options) => &options.server,
            Command::Echo(options) => &options.server,
            Command::Connect(options) => &options.server,
            Command::Idle(options) => &options.server,
        };
        server.json.as_ref()
    }
}

impl ServerOptions {
    pub(crate) fn targets(&self) -> Result<Vec<Target>, RunError> {
        self.urls.iter().map(|url| Target::parse(url)).collect()
    }
}

fn parse_payload(text: &str) -> Result<PayloadBytes, String> {
    let bytes = text.parse().map_err(|error: ParseIntError| error.to_string())?;
    if !(STAMP_BYTES..=PAYLOAD_BYTES_MAX).contains(&bytes) {
        return Err(format!("must be from {STAMP_BYTES} to {PAYLOAD_BYTES_MAX}"));
    }
    Ok(PayloadBytes(bytes))
}

/// Socket.IO servers refuse messages over 1 MB by default (`maxHttpBufferSize`); leave room for the packet around it.
const PAYLOAD_BYTES_MAX: usize = 900_000;

fn as_seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn payloads_without_room_for_a_stamp_are_refused() {
        assert!(
            parse_payload("31").is_err() && parse_payload("900001").is_err() && parse_payload("x").is_err()
        );
        assert_eq!(usize::from(parse_payload("32").expect("fits")), 32);
    }
}
