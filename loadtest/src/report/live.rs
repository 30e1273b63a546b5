//! Progress of a run on standard error: on a terminal one line that changes, in a log a
//! new line every few seconds and in every new phase.

use std::io::{IsTerminal, stderr};
use std::sync::{LazyLock, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::measure::series::{Notice, Observer, Sample};

/// Seconds between two lines in a log.
const LOG_SECONDS: f64 = 5.0;

/// One process has one standard error.
static LINE: LazyLock<Mutex<Line>> = LazyLock::new(|| Mutex::new(Line::new()));

enum Line {
    Terminal(ProgressBar),
    /// The phase and the time of the last line.
    Log(String, f64),
}

/// An observer that shows every interval.
pub(crate) fn observer() -> Observer {
    Box::new(|notice| {
        if let Notice::Interval(sample, _) = notice {
            show(sample);
        }
    })
}

/// Shows the interval that just ended.
pub(crate) fn show(sample: &Sample) {
    LINE.lock().unwrap_or_else(PoisonError::into_inner).show(sample);
}

/// Clears the line, so that something else can be written.
pub(crate) fn finish() {
    if let Line::Terminal(bar) = &*LINE.lock().unwrap_or_else(PoisonError::into_inner) {
        bar.finish_and_clear();
    }
}

impl Line {
    fn new() -> Self {
        if !stderr().is_terminal() {
            return Self::Log(String::new(), 0.0);
        }
        let style =
            ProgressStyle::with_template("{spinner} {wide_msg}").expect("a constant template is valid");
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        Self::Terminal(bar.with_style(style))
    }

    fn show(&mut self, sample: &Sample) {
        match self {
            // Between two phases.
            _ if !sample.has_rate() && sample.units + sample.connects == 0 => {}
            Self::Terminal(bar) => {
                bar.set_message(text(sample));
                bar.tick();
            }
            Self::Log(phase, at) if *phase == sample.phase && sample.at_seconds < *at + LOG_SECONDS => {}
            Self::Log(phase, at) => {
                sample.phase.clone_into(phase);
                *at = sample.at_seconds;
                eprintln!("{}", text(sample));
            }
        }
    }
}

/// `  12 s  measure  1000 clients  85312/s  p99 11.25 ms  0 errors`
fn text(sample: &Sample) -> String {
    let Sample { at_seconds, seconds, phase, connected, connects, units, errors, .. } = sample;
    let per_second = |count: u64| count as f64 / seconds.max(1e-3);
    let mut text =
        format!("{at_seconds:>4.0} s  {phase:<8}{connected:>7} clients  {:>7.0}/s", per_second(*units));
    if *connects > 0 {
        text += &format!("  {:.0} connects/s", per_second(*connects));
    }
    if let Some(latency) = &sample.latency {
        text += &format!("  p99 {:.2} ms", latency.p99_us / 1e3);
    }
    text + &format!("  {errors} {}", if *errors == 1 { "error" } else { "errors" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::series::Bytes;

    #[test]
    fn a_line_says_phase_rate_latency_and_errors() {
        let sample = Sample {
            at_seconds: 12.0,
            seconds: 0.5,
            phase: "measure".to_owned(),
            is_measured: true,
            connected: 1000,
            connects: 0,
            units: 42_656,
            sent: 43,
            planned: None,
            bytes: Bytes::default(),
            latency: None,
            errors: 1,
        };
        assert_eq!(text(&sample), "  12 s  measure    1000 clients    85312/s  1 error");
    }
}
