//! The report as a table for people.

use std::fmt;

use crate::measure::latency::Latency;
use crate::measure::ledger::Accounts;
use crate::report::Report;

impl Report {
    /// Names and values of figures and accounts, as they are shown.
    pub(crate) fn rows(&self) -> Vec<(String, String)> {
        [self.figures(), self.latencies(), self.consumption(), self.account_rows()].concat()
    }

    /// Describes the first fault in the accounts, if there is one.
    pub(crate) fn verdict(&self) -> Option<String> {
        let fault = self.first_fault.as_deref().unwrap_or("messages are missing");
        (!self.accounts.is_flawless()).then(|| format!("NOT AS PROMISED: {fault}"))
    }

    fn figures(&self) -> Vec<(String, String)> {
        let per_second = |rate: f64| format!("{rate:.0} per second");
        let bytes = |count: u64| format!("{:.2} MB/s", count as f64 / 1e6 / self.usage.seconds);
        let moved = (self.bytes.received + self.bytes.sent > 0).then_some(self.bytes);
        let back = [self.back_50_seconds, self.back_99_seconds, self.back_100_seconds];
        let seconds =
            |back: Option<f64>| back.map_or("never".to_owned(), |seconds| format!("{seconds:.2} s"));
        let is_avalanche = self.scenario == "avalanche";
        let mut rows = present([
            ("measured", Some(format!("{} units in {:.2} s", self.units, self.usage.seconds))),
            (
                "memory per connection",
                self.resident_kib_per_connection.map(|kib| format!("{kib:.2} KiB resident")),
            ),
            ("rate", self.units_per_second.map(per_second)),
            ("messages planned", self.planned_rate.map(per_second)),
            ("messages sent", self.achieved_rate.map(per_second)),
            ("connecting", self.connects_per_second.map(per_second)),
            ("half of clients back", is_avalanche.then(|| seconds(back[0]))),
            ("99 % of clients back", is_avalanche.then(|| seconds(back[1]))),
            ("all clients back", is_avalanche.then(|| seconds(back[2]))),
            (
                "bytes",
                moved.map(|moved| format!("{} received, {} sent", bytes(moved.received), bytes(moved.sent))),
            ),
        ]);
        let cpu = self.server_cpu_us_per_unit.map(|us| format!("{us:.2} us"));
        rows.splice(1..1, cpu.map(|cpu| (format!("server CPU per {}", self.unit), cpu)));
        rows.extend(self.details.iter().map(|(name, value)| (name.replace('_', " "), value.to_string())));
        rows
    }

    fn latencies(&self) -> Vec<(String, String)> {
        let line = |latency: &Option<Latency>| latency.as_ref().map(Latency::to_string);
        present([
            ("latency", line(&self.latency)),
            ("  on the same node", line(&self.latency_local)),
            ("  across nodes", line(&self.latency_remote)),
        ])
    }

    fn consumption(&self) -> Vec<(String, String)> {
        let cores = |cores: f64| format!("{cores:.2} cores");
        present([
            ("server", self.usage.server_cores.map(|used| cores(used) + &self.processes())),
            ("server memory", self.server_resident_kib.map(|kib| format!("{kib} KiB resident"))),
            ("tester", Some(cores(self.usage.tester_cores))),
            ("other processes", Some(cores(self.usage.other_cores))),
            ("heartbeats answered", self.heartbeats.map(|count| count.to_string())),
        ])
    }

    /// Names the processes whose cores and memory these are.
    fn processes(&self) -> String {
        let processes: Vec<_> = self.usage.processes.iter().map(ToString::to_string).collect();
        match processes.len() {
            0 => String::new(),
            1 => format!(", process {}", processes[0]),
            _ => format!(", processes {}", processes.join(", ")),
        }
    }

    fn account_rows(&self) -> Vec<(String, String)> {
        let Accounts { expected, received, lost, doubled, out_of_order, .. } = self.accounts;
        let Accounts { stray, corrupt, disconnected, stalled, .. } = self.accounts;
        present([
            ("accounts (whole run)", Some(format!("{expected} expected, {received} received"))),
            ("", Some(format!("{lost} lost, {doubled} doubled, {out_of_order} out of order"))),
            (
                "",
                Some(format!(
                    "{stray} stray, {corrupt} corrupt, {disconnected} disconnected, {stalled} stalled"
                )),
            ),
        ])
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.scenario)?;
        for (name, value) in self.rows() {
            writeln!(f, "  {name:<24}{value}")?;
        }
        if let Some(verdict) = self.verdict() {
            writeln!(f, "  {verdict}")?;
        }
        for warning in &self.warnings {
            writeln!(f, "  {:<24}{warning}", "warning")?;
        }
        if self.is_interrupted {
            writeln!(f, "  {:<24}the figures cover the time up to then", "interrupted")?;
        }
        Ok(())
    }
}

/// The rows that have a value.
fn present<const N: usize>(rows: [(&str, Option<String>); N]) -> Vec<(String, String)> {
    rows.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
