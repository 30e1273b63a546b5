//! What a run found: one table for people, the same as JSON for scripts, and the exit code.

use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::Value;

use crate::ledger::{Accounts, Ledger};
use crate::meter::Usage;

/// The result of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Which scenario: `fanout`, `echo`, `connect` or `idle`.
    pub scenario: &'static str,
    /// What one unit of work is: `delivery`, `ack`, `connect` or `connection`.
    pub unit: &'static str,
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
    /// Resident memory of all servers at the end, in KiB.
    pub server_resident_kib: Option<u64>,
    /// Resident memory per connection, in KiB (`idle` only): growth since before the first one.
    pub resident_kib_per_connection: Option<f64>,
    /// Engine.IO heartbeats answered (`idle` only).
    pub heartbeats: Option<u64>,
    /// What was promised and what came, over the whole run.
    pub accounts: Accounts,
    /// The first broken promise, in words.
    pub first_fault: Option<String>,
    /// Reasons to doubt the figures.
    pub warnings: Vec<String>,
    /// Whether somebody ended the measurement early.
    pub is_interrupted: bool,
}

/// Quantiles in microseconds.
#[derive(Debug, Serialize)]
pub struct Latency {
    /// Half of all were faster.
    pub p50_us: f64,
    /// 99 % were faster.
    pub p99_us: f64,
    /// 99.9 % were faster.
    pub p999_us: f64,
    /// The slowest.
    pub max_us: f64,
}

impl Report {
    pub(crate) fn new(
        scenario: &'static str,
        unit: &'static str,
        options: &impl Serialize,
        usage: Usage,
        ledger: Ledger,
    ) -> Self {
        let units = ledger.measured;
        let per_unit = |seconds: f64| seconds * 1e6 / units as f64;
        Self {
            scenario,
            unit,
            options: serde_json::to_value(options).expect("options are plain data"),
            units,
            units_per_second: Some(units as f64 / usage.seconds),
            server_cpu_us_per_unit: usage.server_cpu_seconds.filter(|_| units > 0).map(per_unit),
            latency: Latency::of(&ledger.latency),
            server_resident_kib: None,
            resident_kib_per_connection: None,
            heartbeats: None,
            accounts: ledger.accounts,
            first_fault: ledger.first_fault,
            warnings: usage.warnings(),
            is_interrupted: false,
            usage,
        }
    }

    pub(crate) fn interrupted(mut self, is_interrupted: bool) -> Self {
        self.is_interrupted = is_interrupted;
        self
    }

    pub(crate) fn resident(mut self, kib: Option<u64>) -> Self {
        self.server_resident_kib = kib;
        self
    }

    /// An idle connection does no work: there is memory per connection instead of time per unit.
    pub(crate) fn idle(mut self, resident_before: Option<u64>, clients: usize, heartbeats: u64) -> Self {
        let grown =
            self.server_resident_kib.zip(resident_before).map(|(after, before)| after as f64 - before as f64);
        self.resident_kib_per_connection = grown.map(|kib| kib / clients as f64);
        self.heartbeats = Some(heartbeats);
        self.units_per_second = None;
        self.server_cpu_us_per_unit = None;
        self
    }

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

impl Latency {
    fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let quantile_us = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        (!histogram.is_empty()).then(|| Self {
            p50_us: quantile_us(0.5),
            p99_us: quantile_us(0.99),
            p999_us: quantile_us(0.999),
            max_us: histogram.max() as f64 / 1e3,
        })
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50_us, p99_us, p999_us, max_us } = self;
        write!(f, "p50 {p50_us:.0}  p99 {p99_us:.0}  p99.9 {p999_us:.0}  max {max_us:.0} us")
    }
}
