//! What a run found: one table for people, the same as JSON for scripts, and the exit code.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::latency::{HistogramPoint, Latency};
use crate::ledger::Accounts;
use crate::meter::Usage;
use crate::series::{Bytes, Sample};

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
    /// 0 when everything came as promised, 1 when not, 130 when it did until somebody interrupted.
    pub fn exit_code(&self) -> u8 {
        match (self.accounts.is_flawless(), self.is_interrupted) {
            (false, _) => 1,
            (true, true) => 130,
            (true, false) => 0,
        }
    }

    /// The report as JSON, with a final newline.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report is plain data") + "\n"
    }

    fn rows(&self) -> Vec<(String, String)> {
        let Usage { seconds, server_cores, tester_cores, other_cores, .. } = &self.usage;
        let mut rows = vec![("measured".to_owned(), format!("{} units in {seconds:.2} s", self.units))];
        let mut row = |name: String, value: Option<String>| rows.extend(value.map(|value| (name, value)));
        row(
            format!("server CPU per {}", self.unit),
            self.server_cpu_us_per_unit.map(|us| format!("{us:.2} us")),
        );
        row(
            "memory per connection".to_owned(),
            self.resident_kib_per_connection.map(|kib| format!("{kib:.2} KiB resident")),
        );
        row("rate".to_owned(), self.units_per_second.map(|rate| format!("{rate:.0} per second")));
        row("latency".to_owned(), self.latency.as_ref().map(Latency::to_string));
        row("server".to_owned(), server_cores.map(|cores| format!("{cores:.2} cores")));
        row("server memory".to_owned(), self.server_resident_kib.map(|kib| format!("{kib} KiB resident")));
        row("tester".to_owned(), Some(format!("{tester_cores:.2} cores")));
        row("everybody else".to_owned(), Some(format!("{other_cores:.2} cores")));
        row("heartbeats answered".to_owned(), self.heartbeats.map(|count| count.to_string()));
        rows
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.scenario)?;
        for (name, value) in self.rows() {
            writeln!(f, "  {name:<24}{value}")?;
        }
        let Accounts {
            expected,
            received,
            lost,
            doubled,
            out_of_order,
            stray,
            corrupt,
            disconnected,
            stalled,
        } = self.accounts;
        writeln!(f, "  {:<24}{expected} expected, {received} received", "accounts (whole run)")?;
        writeln!(f, "  {:<24}{lost} lost, {doubled} doubled, {out_of_order} out of order", "")?;
        writeln!(
            f,
            "  {:<24}{stray} stray, {corrupt} corrupt, {disconnected} disconnected, {stalled} stalled",
            ""
        )?;
        if !self.accounts.is_flawless() {
            writeln!(
                f,
                "  NOT AS PROMISED         {}",
                self.first_fault.as_deref().unwrap_or("messages are missing")
            )?;
        }
        for warning in &self.warnings {
            writeln!(f, "  warning                 {warning}")?;
        }
        if self.is_interrupted {
            writeln!(f, "  interrupted             the figures cover the time up to then")?;
        }
        Ok(())
    }
}
