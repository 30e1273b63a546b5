//! From books and meters to a report: what the scenarios hand over when they are done.

use serde::Serialize;

use crate::latency::{Latency, points};
use crate::ledger::Ledger;
use crate::meter::Usage;
use crate::report::Report;
use crate::series::Bytes;

impl Report {
    pub(crate) fn new(
        scenario: &str,
        unit: &str,
        options: &impl Serialize,
        usage: Usage,
        ledger: Ledger,
    ) -> Self {
        let units = ledger.measured;
        let per_unit = |seconds: f64| seconds * 1e6 / units as f64;
        Self {
            scenario: scenario.to_owned(),
            unit: unit.to_owned(),
            options: serde_json::to_value(options).expect("options are plain data"),
            units,
            units_per_second: Some(units as f64 / usage.seconds),
            server_cpu_us_per_unit: usage.server_cpu_seconds.filter(|_| units > 0).map(per_unit),
            latency: Latency::of(&ledger.latency),
            latency_local: None,
            latency_remote: None,
            histogram: points(&ledger.latency),
            planned_rate: None,
            achieved_rate: None,
            connects_per_second: None,
            back_50_seconds: None,
            back_99_seconds: None,
            back_100_seconds: None,
            bytes: Bytes::default(),
            series: Vec::new(),
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
}
