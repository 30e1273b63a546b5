//! `loadtest compare`: what changed between two reports, and by how much.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use crate::error::RunError;
use crate::report::Report;

/// Options of `loadtest compare`.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct CompareOptions {
    /// Report of the earlier run, as written by --json
    pub before: PathBuf,
    /// Report of the later run, as written by --json
    pub after: PathBuf,
}

/// Direction that is good.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Better {
    Less,
    More,
}

/// Reads both reports and returns their differences as text.
pub fn compare(options: &CompareOptions) -> Result<String, RunError> {
    Ok(changes(&read(&options.before)?, &read(&options.after)?))
}

fn read(path: &Path) -> Result<Report, RunError> {
    let fault = |reason: String| RunError::Options(format!("{}: {reason}", path.display()));
    let text = fs::read(path).map_err(|error| fault(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| fault(format!("no report of loadtest: {error}")))
}

fn changes(before: &Report, after: &Report) -> String {
    let mut text = String::new();
    let _ = match before.scenario == after.scenario {
        true => writeln!(text, "{}", before.scenario),
        false => writeln!(text, "{} before, {} after: two scenarios", before.scenario, after.scenario),
    };
    let mut options = Vec::new();
    differences("", &before.options, &after.options, &mut options);
    for option in options {
        let _ = writeln!(text, "  option{option}");
    }
    let _ = writeln!(text, "  {:<26}{:>14}{:>14}", "", "before", "after");
    for (name, better, figure) in FIGURES {
        if let (Some(before), Some(after)) = (figure(before), figure(after)) {
            let _ =
                writeln!(text, "  {name:<26}{before:>14.2}{after:>14.2}  {}", change(before, after, *better));
        }
    }
    text
}

type Figure = fn(&Report) -> Option<f64>;

const FIGURES: &[(&str, Better, Figure)] = &[
    ("server CPU per unit, us", Better::Less, |report| report.server_cpu_us_per_unit),
    ("memory/connection, KiB", Better::Less, |report| report.resident_kib_per_connection),
    ("rate, per second", Better::More, |report| report.units_per_second),
    ("connects per second", Better::More, |report| report.connects_per_second),
    ("latency p50, us", Better::Less, |report| Some(report.latency.as_ref()?.p50_us)),
    ("latency p90, us", Better::Less, |report| Some(report.latency.as_ref()?.p90_us)),
    ("latency p99, us", Better::Less, |report| Some(report.latency.as_ref()?.p99_us)),
    ("latency p99.9, us", Better::Less, |report| Some(report.latency.as_ref()?.p999_us)),
    ("latency max, us", Better::Less, |report| Some(report.latency.as_ref()?.max_us)),
    ("p99 on the same node, us", Better::Less, |report| Some(report.latency_local.as_ref()?.p99_us)),
    ("p99 across nodes, us", Better::Less, |report| Some(report.latency_remote.as_ref()?.p99_us)),
    ("99 % back after, s", Better::Less, |report| report.back_99_seconds),
    ("server memory, KiB", Better::Less, |report| report.server_resident_kib.map(|kib| kib as f64)),
    ("lost", Better::Less, |report| Some(report.accounts.lost as f64)),
    ("doubled", Better::Less, |report| Some(report.accounts.doubled as f64)),
    ("out of order", Better::Less, |report| Some(report.accounts.out_of_order as f64)),
    ("disconnected", Better::Less, |report| Some(report.accounts.disconnected as f64)),
];

/// `+12.5 %, worse`; nothing if nothing changed.
fn change(before: f64, after: f64, better: Better) -> String {
    if before == after {
        return String::new();
    }
    let verdict = if (after < before) == (better == Better::Less) { "better" } else { "worse" };
    match before == 0.0 {
        true => verdict.to_owned(),
        false => format!("{:+.1} %, {verdict}", (after / before - 1.0) * 100.0),
    }
}

/// Adds a line for each difference between two trees of options. Places of reports and servers do not count.
fn differences(path: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
            for name in
                names.filter(|name| !["json", "pids", "server_metrics", "urls"].contains(&name.as_str()))
            {
                let of =
                    |options: &serde_json::Map<String, Value>| options.get(name).cloned().unwrap_or_default();
                differences(&format!("{path} {name}"), &of(before), &of(after), found);
            }
        }
        _ if before != after => found.push(format!("{path}: {before} before, {after} after")),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_says_by_how_much_and_whether_it_is_good() {
        assert_eq!(change(100.0, 112.5, Better::Less), "+12.5 %, worse");
        assert_eq!(change(100.0, 112.5, Better::More), "+12.5 %, better");
        assert_eq!(change(0.0, 3.0, Better::Less), "worse");
        assert_eq!(change(5.0, 5.0, Better::Less), "");
    }

    #[test]
    fn options_that_differ_are_named() {
        let mut found = Vec::new();
        let before = json!({ "clients": 10, "window": 1, "server": { "json": "a" } });
        let after = json!({ "clients": 20, "window": 1, "server": { "json": "b" } });
        differences("", &before, &after, &mut found);
        assert_eq!(found, [" clients: 10 before, 20 after"]);
    }
}
