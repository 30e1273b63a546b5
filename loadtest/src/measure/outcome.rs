//! Outcome of one tester, before it is a report: mergeable, so that many testers make one report. Pure.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::measure::ledger::{Accounts, Ledger, empty_histogram};
use crate::measure::meter::Usage;
use crate::measure::series::{Sample, Series, Totals};

/// A histogram as pairs of a value in nanoseconds and how often it occurred.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Spread(Vec<(u64, u64)>);

/// Outcome of one tester.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Name of one unit of work.
    pub(crate) unit: String,
    pub(crate) units: u64,
    pub(crate) usage: Usage,
    pub(crate) totals: Totals,
    pub(crate) connects_per_second: Option<f64>,
    pub(crate) accounts: Accounts,
    pub(crate) first_fault: Option<String>,
    pub(crate) latency: Spread,
    /// Latencies of receivers on the publisher's node, and on others.
    pub(crate) sides: Option<[Spread; 2]>,
    pub(crate) series: Vec<Sample>,
    /// Growth of the servers' memory since before the first connection, in KiB, and for how many connections.
    pub(crate) grown: Option<(f64, u64)>,
    pub(crate) server_resident_kib: Option<u64>,
    pub(crate) heartbeats: Option<u64>,
    /// Seconds from a cut until each client was back, in nanoseconds; and how many there are.
    pub(crate) back: Option<(Spread, u64)>,
    /// Further counts of the scenario, by name.
    pub(crate) details: BTreeMap<String, f64>,
    pub(crate) is_interrupted: bool,
}

impl Outcome {
    pub(crate) fn new(unit: &str, usage: Usage, series: Series, ledger: &Ledger) -> Self {
        Self {
            unit: unit.to_owned(),
            units: ledger.latency.len(),
            usage,
            totals: series.totals,
            connects_per_second: series.connects_per_second(),
            accounts: ledger.accounts.clone(),
            first_fault: ledger.first_fault.clone(),
            latency: Spread::of(&ledger.latency),
            sides: ledger
                .sides
                .as_deref()
                .map(|[local, remote]| [Spread::of(&local.latency), Spread::of(&remote.latency)]),
            series: series.samples,
            grown: None,
            server_resident_kib: None,
            heartbeats: None,
            back: None,
            details: BTreeMap::new(),
            is_interrupted: false,
        }
    }

    /// Adds what another tester found in the same run. Histograms are added up, not averaged.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.units += other.units;
        self.usage.merge(&other.usage);
        self.totals.merge(&other.totals);
        self.connects_per_second = add(self.connects_per_second, other.connects_per_second);
        self.accounts.merge(&other.accounts);
        self.first_fault = self.first_fault.take().or_else(|| other.first_fault.clone());
        self.latency.merge(&other.latency);
        if let (Some(sides), Some(others)) = (&mut self.sides, &other.sides) {
            sides.iter_mut().zip(others).for_each(|(side, other)| side.merge(other));
        }
        self.heartbeats = self.heartbeats.zip(other.heartbeats).map(|(own, other)| own + other);
        if let (Some((spread, clients)), Some((other, others))) = (&mut self.back, &other.back) {
            spread.merge(other);
            *clients += others;
        }
        for (name, value) in &other.details {
            *self.details.entry(name.clone()).or_default() += value;
        }
        self.is_interrupted |= other.is_interrupted;
    }
}

impl Spread {
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        Self(
            histogram.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value())).collect(),
        )
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        let mut histogram = self.histogram();
        histogram.add(other.histogram()).expect("the bounds are the same");
        *self = Self::of(&histogram);
    }

    pub(crate) fn histogram(&self) -> Histogram<u64> {
        let mut histogram = empty_histogram();
        self.0.iter().for_each(|(value, count)| histogram.saturating_record_n(*value, *count));
        histogram
    }
}

fn add(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    }
}
