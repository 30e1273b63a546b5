//! What a run found. Plain data, and the same as JSON for scripts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::measure::latency::{HistogramPoint, Latency};
use crate::measure::ledger::Accounts;
use crate::measure::meter::Usage;
use crate::measure::series::{Bytes, Sample};

pub(crate) mod chart;
pub(crate) mod compare;
pub(crate) mod limits;
pub(crate) mod live;
pub(crate) mod outputs;
pub(crate) mod page;
pub(crate) mod table;

/// The result of a run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    /// Which scenario: `fanout`, `echo`, `connect`, `idle`, …
    pub scenario: String,
    /// What one unit of work is: `delivery`, `ack`, `connect` or `connection`.
    pub unit: String,
    /// The options as given.
    pub options: Value,
    /// Units of work done inside the measured window.
    pub units: u64,
    /// Units of work per second of the measured window; for `idle` there is no work.
    pub units_per_second: Option<f64>,
    /// Processor time of all servers per unit of work, in microseconds.
    pub server_cpu_us_per_unit: Option<f64>,
    /// What was used inside the measured window.
    pub usage: Usage,
    /// From sending to receiving; for connections from TCP connect to the acknowledged CONNECT.
    pub latency: Option<Latency>,
    /// Where receiver and publisher are on the same node (`cluster` only).
    pub latency_local: Option<Latency>,
    /// Where they are on two nodes (`cluster` only).
    pub latency_remote: Option<Latency>,
    /// The whole distribution behind `latency`.
    #[serde(default)]
    pub histogram: Vec<HistogramPoint>,
    /// Messages per second that the plan wanted; `None` in a closed loop.
    pub planned_rate: Option<f64>,
    /// Messages per second that were sent (one message is many deliveries).
    pub achieved_rate: Option<f64>,
    /// Connections per second while connecting.
    pub connects_per_second: Option<f64>,
    /// Seconds from the cut until half of the clients were back (`avalanche` only); `None` if they never were.
    pub back_50_seconds: Option<f64>,
    /// The same for 99 % of them.
    pub back_99_seconds: Option<f64>,
    /// The same for all.
    pub back_100_seconds: Option<f64>,
    /// What was moved inside the measured window.
    #[serde(default)]
    pub bytes: Bytes,
    /// What happened in each second of the run.
    #[serde(default)]
    pub series: Vec<Sample>,
    /// Resident memory of all servers at the end, in KiB.
    pub server_resident_kib: Option<u64>,
    /// Resident memory per connection, in KiB (`idle` only): growth since before the first one.
    pub resident_kib_per_connection: Option<f64>,
    /// Engine.IO heartbeats answered (`idle` only).
    pub heartbeats: Option<u64>,
    /// Further counts of the scenario by name, such as `cut`, `recovered`, `left`.
    #[serde(default)]
    pub details: BTreeMap<String, f64>,
    /// What was promised and what came, over the whole run.
    pub accounts: Accounts,
    /// The first broken promise, in words.
    pub first_fault: Option<String>,
    /// Reasons to doubt the figures.
    pub warnings: Vec<String>,
    /// Whether somebody ended the measurement early.
    pub is_interrupted: bool,
}

impl Report {
    /// The report as JSON, with a final newline.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report is plain data") + "\n"
    }
}
