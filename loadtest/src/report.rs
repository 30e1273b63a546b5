//! Report of a run: plain data, and the same as JSON for scripts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::measure::latency::{HistogramPoint, Latency, points};
use crate::measure::ledger::Accounts;
use crate::measure::meter::Usage;
use crate::measure::outcome::Outcome;
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
#[non_exhaustive]
pub struct Report {
    /// Name of the scenario: `fanout`, `echo`, `connect`, `idle`, …
    pub scenario: String,
    /// Unit of work: `delivery`, `ack`, `connect` or `connection`.
    pub unit: String,
    /// The options as given.
    pub options: Value,
    /// Units of work done inside the measured window.
    pub units: u64,
    /// Units of work per second of the measured window; `None` for `idle`, which has no work.
    pub units_per_second: Option<f64>,
    /// Processor time of all servers per unit of work, in microseconds.
    pub server_cpu_us_per_unit: Option<f64>,
    /// Resources used inside the measured window.
    pub usage: Usage,
    /// Time from sending to receiving; for connections from TCP connect to the acknowledged CONNECT.
    pub latency: Option<Latency>,
    /// Latency between receiver and publisher on the same node (`cluster` only).
    pub latency_local: Option<Latency>,
    /// Latency between receiver and publisher on two nodes (`cluster` only).
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
    /// Seconds from the cut until 99 % of the clients were back.
    pub back_99_seconds: Option<f64>,
    /// Seconds from the cut until all clients were back.
    pub back_100_seconds: Option<f64>,
    /// Bytes moved inside the measured window.
    #[serde(default)]
    pub bytes: Bytes,
    /// Intervals of one second each, over the whole run.
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
    /// Promised and received messages, over the whole run.
    pub accounts: Accounts,
    /// The first broken promise, in words.
    pub first_fault: Option<String>,
    /// Reasons to doubt the figures.
    pub warnings: Vec<String>,
    /// Whether the measurement was interrupted.
    pub is_interrupted: bool,
}

impl Report {
    /// Makes a report of what all testers found together.
    pub(crate) fn new(outcome: Outcome, scenario: &str, options: Value) -> Self {
        let latency = outcome.latency.histogram();
        let (units, seconds) = (outcome.units, outcome.usage.seconds);
        let per_unit = |cpu: f64| cpu * 1e6 / units as f64;
        let is_idle = outcome.unit == "connection";
        let side =
            |index: usize| outcome.sides.as_ref().and_then(|sides| Latency::of(&sides[index].histogram()));
        let back = |share: f64| {
            let (spread, clients) = outcome.back.as_ref()?;
            let histogram = spread.histogram();
            // As many as this must be back, whether or not the others ever were.
            let wanted = (share * *clients as f64).ceil() as u64;
            let enough = wanted > 0 && histogram.len() >= wanted;
            enough.then(|| histogram.value_at_quantile(wanted as f64 / histogram.len() as f64) as f64 / 1e9)
        };
        let has_messages = outcome.totals.sent > 0;
        let per_second = |count: u64| count as f64 / outcome.totals.seconds;
        Self {
            scenario: scenario.to_owned(),
            options,
            units,
            units_per_second: (!is_idle).then_some(units as f64 / seconds),
            server_cpu_us_per_unit: outcome
                .usage
                .server_cpu_seconds
                .filter(|_| units > 0 && !is_idle)
                .map(per_unit),
            latency: Latency::of(&latency),
            latency_local: side(0),
            latency_remote: side(1),
            histogram: points(&latency),
            planned_rate: outcome.totals.planned.map(per_second),
            achieved_rate: has_messages.then(|| per_second(outcome.totals.sent)),
            connects_per_second: outcome.connects_per_second,
            back_50_seconds: back(0.5),
            back_99_seconds: back(0.99),
            back_100_seconds: back(1.0),
            bytes: outcome.totals.bytes,
            series: outcome.series,
            server_resident_kib: outcome.server_resident_kib,
            resident_kib_per_connection: outcome.grown.map(|(kib, clients)| kib / clients as f64),
            heartbeats: outcome.heartbeats,
            details: outcome.details,
            accounts: outcome.accounts,
            first_fault: outcome.first_fault,
            warnings: outcome.usage.warnings(),
            is_interrupted: outcome.is_interrupted,
            unit: outcome.unit,
            usage: outcome.usage,
        }
    }

    /// The report as JSON, with a final newline.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report is plain data") + "\n"
    }
}
