//! The rule about clients that read too slowly (SLOW-1): one costs at most its outbox, and is disconnected when it is found
//! out. [Decision 4](../../../docs/decisions/0004-slow-consumer-is-judged-when-blocked.md) says why it is judged like this.
//!
//! 1. Up to `outbox_bytes_max` may wait for a client for as long as it likes.
//! 2. One whose transport is blocked may stay over that for `slow_consumer_grace_ms`.
//! 3. One whose transport is blocked is too slow at once with four times as much, any other one with sixteen times as much.

use std::time::{Duration, Instant};

/// A client whose transport is blocked may run ahead of its bound this many times over, within its grace.
const BLOCKED_FACTOR: usize = 4;
/// The same for a client whose transport is not: its task just had no turn yet.
const BURST_FACTOR: usize = 16;

/// Bytes that may wait at most, whatever the grace.
pub fn hard_limit(bytes_max: usize, is_blocked: bool) -> usize {
    bytes_max.saturating_mul(if is_blocked { BLOCKED_FACTOR } else { BURST_FACTOR })
}

/// The grace of one client.
#[derive(Clone, Copy, Debug, Default)]
pub struct Grace {
    /// Since when more waits for the client than may, without its reading.
    over_since: Option<Instant>,
}

impl Grace {
    /// The transport took something, or is blocked with more waiting than may (`is_over`) or less.
    pub fn look(&mut self, is_over: bool) {
        match (is_over, self.over_since) {
            (true, None) => self.over_since = Some(Instant::now()),
            (false, Some(_)) => self.over_since = None,
            _ => {}
        }
    }

    /// When the client will have been over its bound for too long.
    pub fn deadline(self, grace: Duration) -> Option<Instant> {
        self.over_since.map(|since| since + grace)
    }
}
