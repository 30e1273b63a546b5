//! Limits the log lines about other nodes: anybody with access to the bus can make nodes up.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tracing::warn;

use crate::rate_limit::RateLimit;

/// Lines a second in the long run, and the time until a full burst is allowed again.
const LINES_PER_SECOND: u64 = 2;
const BURST: Duration = Duration::from_secs(10);

/// The pace of such lines on one node.
#[derive(Debug)]
pub struct LogPace(Mutex<Pace>);

#[derive(Debug)]
struct Pace {
    bucket: Option<RateLimit>,
    /// Lines left out since the last one that was written.
    left_out: u64,
}

impl LogPace {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Pace::new(Instant::now())))
    }

    /// Writes a line, or leaves it out and [reports that](Self::tell_left_out) later.
    pub(crate) fn say(&self, line: impl FnOnce()) {
        // The lock is free again before anything is written.
        let admitted = self.0.lock().admit(Instant::now());
        let Some(left_out) = admitted else { return };
        tell(left_out);
        line();
    }

    /// Logs the number of lines left out, as soon as a line is allowed again. Must be called now and then.
    pub(crate) fn tell_left_out(&self) {
        let mut pace = self.0.lock();
        let left_out = pace.take_left_out(Instant::now());
        drop(pace);
        tell(left_out);
    }
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self { bucket: RateLimit::new(LINES_PER_SECOND, BURST, now), left_out: 0 }
    }

    /// Number of lines that were left out, if a line about it may be written.
    fn take_left_out(&mut self, now: Instant) -> u64 {
        let is_due =
            self.left_out > 0 && self.bucket.as_mut().is_none_or(|bucket| bucket.try_take(now).is_ok());
        if is_due { std::mem::take(&mut self.left_out) } else { 0 }
    }

    /// Returns the number of lines left out before, if a line may be written now.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        match self.bucket.as_mut().map_or(Ok(()), |bucket| bucket.try_take(now)) {
            Ok(()) => Some(std::mem::take(&mut self.left_out)),
            Err(_) => {
                self.left_out += 1;
                None
            }
        }
    }
}

fn tell(left_out: u64) {
    if left_out > 0 {
        warn!(left_out, "log lines about other nodes were left out: there were too many at once");
    }
}

#[cfg(test)]
mod tests;
