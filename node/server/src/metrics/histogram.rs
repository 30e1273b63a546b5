//! Histograms: numbers of durations, by their length.
//!
//! Our own, because those of the `metrics` crate keep every value until they are read, which has no bound. They are
//! written in the text format of Prometheus beside the text of the exporter.

use std::fmt::Write;
use std::time::Duration;

use super::cells::{Columns, Sum};

/// Microseconds up to which the work of a processor is told apart: from 10 µs to 3 s.
pub(super) const WORK_US: &[u64] =
    &[10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000];
/// The same for durations that include a network: from 300 µs to 30 s.
pub(super) const NETWORK_US: &[u64] =
    &[300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000];

/// Durations, counted by how long they were. Recording one is two additions.
#[derive(Debug)]
pub struct Histogram {
    /// The upper bounds of all buckets but the last.
    bounds_us: &'static [u64],
    buckets: Box<[Sum]>,
    sum_ns: Sum,
}

impl Histogram {
    pub(super) fn new(bounds_us: &'static [u64], columns: &mut Columns) -> Self {
        let buckets = (0..=bounds_us.len()).map(|_| columns.take()).collect();
        Self { bounds_us, buckets, sum_ns: columns.take() }
    }

    /// Counts one duration.
    pub fn record(&self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = self.bounds_us.partition_point(|bound| bound * 1000 < ns);
        self.buckets[bucket].add(1);
        self.sum_ns.add(ns);
    }

    /// Number of values counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(Sum::get).sum()
    }

    /// Writes it in the text format of Prometheus, in seconds.
    pub(super) fn render(&self, name: &str, help: &str, text: &mut String) {
        let mut count = 0;
        // Writing to a string does not fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} histogram");
        for (number, bucket) in self.buckets.iter().enumerate() {
            count += bucket.get();
            let bound = self.bounds_us.get(number).map(|us| (*us as f64 / 1e6).to_string());
            let _ = writeln!(text, "{name}_bucket{{le=\"{}\"}} {count}", bound.as_deref().unwrap_or("+Inf"));
        }
        let sum = self.sum_ns.get() as f64 / 1e9;
        let _ = writeln!(text, "{name}_sum {sum}\n{name}_count {count}\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_every_bucket_that_is_wide_enough() {
        let histogram = Histogram::new(&[10, 1_000], &mut Columns::new(4, 0));
        for us in [10, 11, 1_000, 5_000_000] {
            histogram.record(Duration::from_micros(us));
        }
        let mut text = String::new();
        histogram.render("x_seconds", "Help.", &mut text);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[2], "x_seconds_bucket{le=\"0.00001\"} 1");
        assert_eq!(lines[3], "x_seconds_bucket{le=\"0.001\"} 3");
        assert_eq!(lines[4], "x_seconds_bucket{le=\"+Inf\"} 4");
        assert_eq!(lines[5], "x_seconds_sum 5.001021");
        assert_eq!(lines[6], "x_seconds_count 4");
        assert_eq!(histogram.count(), 4);
    }
}
