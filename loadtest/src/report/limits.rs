//! Limits of a run, from the command line: the difference between a measurement and a test. Pure.

use std::time::Duration;

use clap::Args;

use crate::report::Report;

/// Limits of a run; one that is not given is not checked.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Limits (exit code 4 if the run crosses one)")]
#[non_exhaustive]
pub struct Limits {
    /// Highest median latency that passes, such as 5ms
    #[arg(long, global = true, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub max_p50: Option<Duration>,
    /// Highest latency at the 99th percentile that passes, such as 20ms
    #[arg(long, global = true, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub max_p99: Option<Duration>,
    /// Highest latency at the 99.9th percentile that passes, such as 50ms
    #[arg(long, global = true, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub max_p999: Option<Duration>,
    /// Lowest number of deliveries, acknowledgements or connections per second that passes
    #[arg(long, global = true, value_name = "N")]
    pub min_rate: Option<f64>,
    /// Highest processor time of the servers per unit of work that passes, in microseconds; needs the servers to be
    /// watched
    #[arg(long, global = true, value_name = "US")]
    pub max_server_cpu: Option<f64>,
    /// Highest resident memory per connection that passes, in KiB (`idle` only); needs the servers to be watched
    #[arg(long, global = true, value_name = "KIB")]
    pub max_memory: Option<f64>,
    /// Number of lost messages that passes [default: 0]
    #[arg(long, global = true, value_name = "N")]
    pub max_lost: Option<u64>,
    /// Number of messages out of order that passes [default: 0]
    #[arg(long, global = true, value_name = "N")]
    pub max_out_of_order: Option<u64>,
    /// Number of connections ended by the server that passes [default: 0]
    #[arg(long, global = true, value_name = "N")]
    pub max_disconnected: Option<u64>,
}

impl Limits {
    /// Describes the limits that the run crossed; empty if it crossed none.
    pub fn crossed(&self, report: &Report) -> Vec<String> {
        let quantile = |of: fn(&crate::measure::latency::Latency) -> f64| report.latency.as_ref().map(of);
        let time = |limit: Option<Duration>| limit.map(|limit| limit.as_secs_f64() * 1e6);
        let most = [
            ("latency p50", "us", time(self.max_p50), quantile(|latency| latency.p50_us)),
            ("latency p99", "us", time(self.max_p99), quantile(|latency| latency.p99_us)),
            ("latency p99.9", "us", time(self.max_p999), quantile(|latency| latency.p999_us)),
            ("server CPU per unit", "us", self.max_server_cpu, report.server_cpu_us_per_unit),
            ("memory per connection", "KiB", self.max_memory, report.resident_kib_per_connection),
        ];
        let above = |(name, unit, limit, value): (&str, &str, Option<f64>, Option<f64>)| match (limit?, value)
        {
            (limit, None) => Some(format!("{name} was not measured; the limit is {limit} {unit}")),
            (limit, Some(value)) if value > limit => {
                Some(format!("{name} is {value:.2} {unit}; the limit is {limit} {unit}"))
            }
            _ => None,
        };
        let rate = self.min_rate.and_then(|least| match report.units_per_second {
            Some(rate) if rate >= least => None,
            Some(rate) => Some(format!("the rate is {rate:.0} per second; the limit is {least}")),
            None => Some(format!("the rate was not measured; the limit is {least} per second")),
        });
        most.into_iter().filter_map(above).chain(rate).collect()
    }

    /// Whether every promise was kept, but for as many lapses as are allowed.
    pub fn is_kept(&self, report: &Report) -> bool {
        let accounts = &report.accounts;
        let mut rest = accounts.clone();
        let allowed = [
            (&mut rest.lost, self.max_lost),
            (&mut rest.out_of_order, self.max_out_of_order),
            (&mut rest.disconnected, self.max_disconnected),
        ];
        for (count, most) in allowed {
            if most.is_some_and(|most| *count <= most) {
                *count = 0;
            }
        }
        if self.max_lost.is_some_and(|most| accounts.expected.saturating_sub(accounts.received) <= most) {
            rest.expected = rest.received;
        }
        rest.is_flawless()
    }
}
