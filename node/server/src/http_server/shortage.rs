//! Limits that TCP connections run into: each is counted, and logged now and then.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tracing::warn;

use crate::metrics::{Limit, Metrics};

/// Time between two log lines about the same limit.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// One limit.
pub(super) struct Shortage {
    limit: Limit,
    /// Remedy that the log names.
    advice: &'static str,
    untold: Mutex<Untold>,
}

#[derive(Default)]
struct Untold {
    /// Connections since the last line.
    connections: u64,
    /// Time of the last line.
    told_at: Option<Instant>,
}

impl Shortage {
    pub fn new(limit: Limit, advice: &'static str) -> Self {
        Self { limit, advice, untold: Mutex::default() }
    }

    /// Counts a connection that was closed or refused.
    pub fn count(&self, metrics: &Metrics) {
        metrics.limits.of(self.limit).increment();
        if let Some(connections) = self.untold.lock().take_if_due(Instant::now()) {
            warn!(connections, advice = self.advice, "too many TCP connections: some are closed or refused");
        }
    }
}

impl Untold {
    /// Adds one, and returns their number if a line may be written now.
    fn take_if_due(&mut self, now: Instant) -> Option<u64> {
        self.connections += 1;
        if self.told_at.is_some_and(|at| now < at + LOG_INTERVAL) {
            return None;
        }
        self.told_at = Some(now);
        Some(std::mem::take(&mut self.connections))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_of_all_since_the_last_one() {
        let (mut untold, now) = (Untold::default(), Instant::now());
        assert_eq!(untold.take_if_due(now), Some(1));
        assert_eq!(untold.take_if_due(now), None);
        assert_eq!(untold.take_if_due(now + LOG_INTERVAL / 2), None);
        assert_eq!(untold.take_if_due(now + LOG_INTERVAL), Some(3));
        assert_eq!(untold.take_if_due(now + LOG_INTERVAL), None);
    }
}
