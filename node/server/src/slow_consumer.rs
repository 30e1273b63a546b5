//! The rule about clients that read too slowly (SLOW-1): one costs at most its outbox, and is disconnected when it is found
//! out. [Decision 4](../../../docs/decisions/0004-slow-consumer-is-judged-when-blocked.md) says why it is judged like this.
//!
//! 1. Up to `outbox_bytes_max` may wait for a client, as long as the network takes something of it now and then: at least
//!    once in `unread_timeout_ms`.
//! 2. A client may stay over that for `slow_consumer_grace_ms`, however much it reads meanwhile.
//! 3. A client whose transport is blocked is too slow at once with four times as much, any other one with sixteen times as
//!    much.
//! 4. What a client asks for over WebSocket is not read while it is over its bound, or does not take the answers.
//! 5. While a client that polls is over its bound, clients that broadcast are read more slowly
//!    (`node::pressure`).

use std::time::{Duration, Instant};

/// A client whose transport is blocked may run ahead of its bound this many times over, within its grace.
const BLOCKED_FACTOR: usize = 4;
/// The same for a client whose transport is not: its task just had no turn yet.
const BURST_FACTOR: usize = 16;
/// Time after a poll for which a client is expected back; after that its transport counts as blocked.
const POLL_GAP: Duration = Duration::from_secs(1);

/// Bytes that may wait at most, whatever the grace.
pub fn hard_limit(bytes_max: usize, is_blocked: bool) -> usize {
    bytes_max.saturating_mul(if is_blocked { BLOCKED_FACTOR } else { BURST_FACTOR })
}

/// Times that one client may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// To get below its bound again.
    pub grace: Duration,
    /// To take something of what waits.
    pub unread: Duration,
}

/// One client's lag behind what it is sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lag {
    /// Since when more waits for the client than may.
    over_since: Option<Instant>,
    /// Since when the network has taken nothing of what waits.
    stuck_since: Option<Instant>,
    /// When it has polled last.
    polled_at: Option<Instant>,
    /// It was expected back since.
    is_late: bool,
}

impl Lag {
    /// The network has taken everything, or a poll waits.
    pub fn clear(&mut self) {
        self.over_since = None;
        self.stuck_since = None;
    }

    /// The network takes no more for now, although more waits: more than may (`is_over`) or less. It `took` something
    /// before that.
    pub fn on_blocked(&mut self, took: bool, is_over: bool, now: Instant) {
        // It has a WebSocket now: no poll is expected.
        self.polled_at = None;
        self.look(is_over, now);
        if took {
            self.stuck_since = None;
        }
        self.stuck_since.get_or_insert(now);
    }

    /// The client has polled.
    pub fn on_poll(&mut self, now: Instant) {
        self.polled_at = Some(now);
    }

    /// No poll waits. Returns whether the client should have polled by now.
    pub fn on_no_poll(&mut self, now: Instant) -> bool {
        self.is_late = self.polled_at.is_none_or(|at| now >= at + POLL_GAP);
        self.is_late
    }

    /// More waits for the client than may, or less.
    pub fn look(&mut self, is_over: bool, now: Instant) {
        if is_over {
            self.over_since.get_or_insert(now);
        } else {
            self.over_since = None;
        }
    }

    /// Whether more waits than may.
    pub fn is_over(&self) -> bool {
        self.over_since.is_some()
    }

    /// Whether the client was too slow.
    pub fn is_too_slow(&self, patience: Patience, now: Instant) -> bool {
        self.end(patience).is_some_and(|end| now >= end)
    }

    /// When to look again.
    pub fn deadline(&self, patience: Patience) -> Option<Instant> {
        let late = self.polled_at.map(|at| at + POLL_GAP).filter(|_| self.is_over() && !self.is_late);
        [self.end(patience), late].into_iter().flatten().min()
    }

    /// When it will have been too slow.
    fn end(&self, patience: Patience) -> Option<Instant> {
        let over = self.over_since.map(|since| since + patience.grace);
        let stuck = self.stuck_since.map(|since| since + patience.unread);
        [over, stuck].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests;
