//! Messages between a coordinator and its workers: one JSON document a line, over TCP.

use std::io::{self, BufRead, BufReader, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::measure::outcome::{Outcome, Spread};
use crate::measure::series::Sample;
use crate::scenario::plan::PhasePlan;

/// Both sides must be of the same version: options and outcomes are exchanged as they are.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Longest line; a longer one does not come from a tester.
const LINE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Message from the coordinator.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    /// Prepare this share of a run.
    Assign { version: String, arguments: Vec<String>, phases: Vec<PhasePlan>, share: String },
    /// All workers are ready: begin.
    Go,
}

/// Message from a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer {
    /// All clients are connected and in place.
    Ready,
    /// A phase begins.
    Phase { is_measured: bool },
    /// An interval ended.
    Interval { sample: Box<Sample>, latency: Spread },
    /// The run is over.
    Done(Box<Outcome>),
    /// Failed without a result.
    Failed(String),
}

/// Sends one line.
pub(crate) fn send(mut stream: impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    stream.write_all(&line)
}

/// Receives lines until the other side hangs up.
pub(crate) fn receive<M: DeserializeOwned>(stream: impl Read) -> impl Iterator<Item = io::Result<M>> {
    let mut reader = BufReader::new(stream);
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        match reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) => Some(serde_json::from_slice(&line).map_err(io::Error::from)),
            Err(error) => Some(Err(error)),
        }
    })
}
