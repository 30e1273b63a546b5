//! Distributions of latencies as a report tells them: a few quantiles, and the whole curve. Pure.

use std::fmt;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Quantiles in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Half of all were faster.
    pub p50_us: f64,
    /// 90 % were faster.
    pub p90_us: f64,
    /// 99 % were faster.
    pub p99_us: f64,
    /// 99.9 % were faster.
    pub p999_us: f64,
    /// The slowest.
    pub max_us: f64,
}

/// One step of the distribution of all latencies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HistogramPoint {
    /// The latency in microseconds.
    pub value_us: f64,
    /// The share of all that were this fast or faster, up to 1.
    pub cumulative: f64,
    /// Number that were this fast, within the histogram's three digits.
    pub count: u64,
}

impl Latency {
    /// The quantiles of a histogram of nanoseconds; `None` if it is empty.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let quantile_us = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        (!histogram.is_empty()).then(|| Self {
            p50_us: quantile_us(0.5),
            p90_us: quantile_us(0.9),
            p99_us: quantile_us(0.99),
            p999_us: quantile_us(0.999),
            max_us: histogram.max() as f64 / 1e3,
        })
    }
}

/// Every latency that occurred in a histogram of nanoseconds, in rising order.
pub(crate) fn points(histogram: &Histogram<u64>) -> Vec<HistogramPoint> {
    let all = histogram.len() as f64;
    let mut below = 0;
    let point = |step: hdrhistogram::iterators::IterationValue<u64>| {
        let count = step.count_at_value();
        below += count;
        HistogramPoint {
            value_us: step.value_iterated_to() as f64 / 1e3,
            cumulative: below as f64 / all,
            count,
        }
    };
    histogram.iter_recorded().map(point).collect()
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50_us, p90_us, p99_us, p999_us, max_us } = self;
        write!(f, "p50 {p50_us:.0}  p90 {p90_us:.0}  p99 {p99_us:.0}  p99.9 {p999_us:.0}  max {max_us:.0} us")
    }
}
