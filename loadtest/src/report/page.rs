//! The report as one HTML page that needs nothing else: the table, the curves, and the figures as JSON.

use std::fmt::Write;

use plotters::style::RGBColor;

use crate::measure::latency::{HistogramPoint, Latency};
use crate::measure::series::Sample;
use crate::report::Report;
use crate::report::chart::{Axis, Chart, Curve};

const STYLE: &str = "\
body { font: 15px/1.5 system-ui, sans-serif; max-width: 900px; margin: 2em auto; padding: 0 1em; color: #222; \
background: #fff }
table { border-collapse: collapse } td { padding: .15em 1em .15em 0; vertical-align: top }
svg { width: 100%; height: auto; margin-top: 1em } .fault { color: #b00020; font-weight: 600 }
pre { overflow: auto; background: #f5f5f5; padding: 1em }";
const GREEN: RGBColor = RGBColor(10, 125, 79);
const ORANGE: RGBColor = RGBColor(217, 102, 43);
const GREY: RGBColor = RGBColor(140, 140, 140);

/// Writes the page.
pub(crate) fn html(report: &Report, failures: &[String]) -> String {
    let title = format!("loadtest {}", escape(&report.scenario));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         <h1>{title}</h1>\n<table>\n"
    );
    for (name, value) in report.rows() {
        let _ = writeln!(page, "<tr><td>{}<td>{}", escape(&name), escape(&value));
    }
    page.push_str("</table>\n");
    let faults = report.verdict().into_iter().chain(failures.iter().cloned());
    for fault in faults {
        let _ = writeln!(page, "<p class=\"fault\">{}</p>", escape(&fault));
    }
    for warning in &report.warnings {
        let _ = writeln!(page, "<p>Warning: {}</p>", escape(warning));
    }
    let charts =
        [throughput(&report.series, &report.unit), latency(&report.series), percentiles(&report.histogram)];
    charts.into_iter().flatten().for_each(|svg| page.push_str(&svg));
    let options = serde_json::to_string_pretty(&report.options).unwrap_or_default();
    let _ = writeln!(page, "<h2>Options</h2>\n<pre>{}</pre>", escape(&options));
    // Inside a script only "</" could end it early; in JSON the escape means the same.
    let json = report.json().replace("</", "<\\/");
    let _ = writeln!(page, "<script type=\"application/json\" id=\"report\">\n{json}</script>\n</html>");
    page
}

/// Units per second over time, and connections.
fn throughput(series: &[Sample], unit: &str) -> Option<String> {
    let per_second = |count: fn(&Sample) -> u64| -> Vec<(f64, f64)> {
        let whole = series.iter().filter(|sample| sample.has_rate());
        whole.map(|sample| (sample.at_seconds, count(sample) as f64 / sample.seconds)).collect()
    };
    let units = per_second(|sample| sample.units);
    let connects = per_second(|sample| sample.connects);
    let name = format!("units of work: {unit}");
    Chart {
        title: "Throughput over time",
        x: Axis { label: "seconds", is_logarithmic: false, format: |seconds| format!("{seconds:.0}") },
        y: Axis { label: "per second", is_logarithmic: false, format: |rate| format!("{rate:.0}") },
        curves: vec![
            Curve { name: &name, colour: GREEN, points: units },
            Curve { name: "connections", colour: GREY, points: connects },
        ],
    }
    .svg()
}

fn latency(series: &[Sample]) -> Option<String> {
    let quantile = |of: fn(&Latency) -> f64| -> Vec<(f64, f64)> {
        let point = |sample: &Sample| Some((sample.at_seconds, of(sample.latency.as_ref()?) / 1e3));
        series.iter().filter_map(point).filter(|point| point.1 > 0.0).collect()
    };
    Chart {
        title: "Latency over time",
        x: Axis { label: "seconds", is_logarithmic: false, format: |seconds| format!("{seconds:.0}") },
        y: Axis { label: "milliseconds", is_logarithmic: true, format: milliseconds },
        curves: vec![
            Curve { name: "p50", colour: GREEN, points: quantile(|latency| latency.p50_us) },
            Curve { name: "p99", colour: ORANGE, points: quantile(|latency| latency.p99_us) },
            Curve { name: "slowest", colour: GREY, points: quantile(|latency| latency.max_us) },
        ],
    }
    .svg()
}

/// Latency against the share of all that were as fast; the axis stretches towards the slowest, a step for each nine.
fn percentiles(histogram: &[HistogramPoint]) -> Option<String> {
    // What lies above the last recorded share is 0, which has no logarithm: one more half of the last step stands for
    // it.
    let all: u64 = histogram.iter().map(|point| point.count).sum();
    let least = 0.5 / all.max(1) as f64;
    let point = |point: &HistogramPoint| (-(1.0 - point.cumulative).max(least).log10(), point.value_us / 1e3);
    Chart {
        title: "Latency by percentile",
        x: Axis { label: "share that was as fast", is_logarithmic: false, format: nines },
        y: Axis { label: "milliseconds", is_logarithmic: true, format: milliseconds },
        curves: vec![Curve {
            name: "all of the measured time",
            colour: GREEN,
            points: histogram.iter().filter(|point| point.value_us > 0.0).map(point).collect(),
        }],
    }
    .svg()
}

/// 1 is 90 %, 2 is 99 %, 3 is 99.9 %.
fn nines(exponent: f64) -> String {
    let digits = (exponent.ceil() - 2.0).max(0.0) as usize;
    format!("{:.digits$} %", 100.0 * (1.0 - 10_f64.powf(-exponent)))
}

fn milliseconds(value: f64) -> String {
    match value {
        0.1.. => value.to_string(),
        _ => format!("{value:.3}"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_written_with_the_nines_they_need() {
        let written = [0.0, 1.0, 2.0, 3.0, 4.0].map(nines);
        assert_eq!(written, ["0 %", "90 %", "99 %", "99.9 %", "99.99 %"]);
    }

    #[test]
    fn markup_in_what_a_server_said_stays_text() {
        assert_eq!(escape("<b>&\""), "&lt;b&gt;&amp;&quot;");
    }
}
