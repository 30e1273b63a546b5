//! Rate limits of one client. A client beyond them is read no further until its excess is paid for.
//!
//! Nothing is lost by it: what the client sends waits in the network, and then at the client.

use std::time::Instant;

use super::actor::Connection;
use crate::metrics::Limit;
use crate::options::{ClientLimits, ms};
use crate::rate_limit::RateLimit;
use fanfare_engineio::{Message, Packet};

/// Allowances of one client; a part that is `None` has no limit.
pub(super) struct RateLimits {
    events: Option<RateLimit>,
    bytes: Option<RateLimit>,
}

impl RateLimits {
    /// Allowances of one client; `None` without limits, as most connections have it.
    pub fn new(limits: &ClientLimits, now: Instant) -> Option<Box<Self>> {
        let burst = ms(limits.burst_ms);
        let events = RateLimit::new(limits.events_per_second.into(), burst, now);
        let bytes = RateLimit::new(limits.bytes_per_second, burst, now);
        (events.is_some() || bytes.is_some()).then(|| Box::new(Self { events, bytes }))
    }
}

/// A fragment of at least so many bytes counts by its bytes alone, as part of its message.
const FRAGMENT_BYTES: usize = 1024;

impl Connection {
    /// Counts a packet against the client's rate limits. The one that exceeds it is handled like any other; the next one
    /// is read when it is paid for.
    pub(super) fn charge(&mut self, packet: &Packet, now: Instant) {
        if self.rate_limits.is_some() {
            let (events, bytes) = weigh(packet);
            self.take_allowance(events, bytes, now);
        }
    }

    /// Counts a frame that is not a message, of so many bytes: a control frame, or a fragment, whose bytes are counted
    /// with its message.
    pub(super) fn charge_frame(&mut self, bytes: usize) {
        if self.rate_limits.is_some() && bytes < FRAGMENT_BYTES {
            self.take_allowance(1, 1, Instant::now());
        }
    }

    fn take_allowance(&mut self, events: u64, bytes: u64, now: Instant) {
        let Some(rate_limits) = &mut self.rate_limits else { return };
        let metrics = &self.hub.node.metrics;
        let until_events = rate_limits.events.as_mut().and_then(|bucket| bucket.take(events, now));
        let until_bytes = rate_limits.bytes.as_mut().and_then(|bucket| bucket.take(bytes, now));
        metrics.limits.of(Limit::Events).add(until_events.is_some().into());
        metrics.limits.of(Limit::Bytes).add(until_bytes.is_some().into());
        if let Some(until) = until_events.max(until_bytes) {
            self.session.pause_excused(until, now);
        }
    }
}

/// Number of events and bytes that a packet counts as. An attachment is part of the event before it.
fn weigh(packet: &Packet) -> (u64, u64) {
    let is_attachment = matches!(packet, Packet::Message(Message::Binary(_)));
    (u64::from(!is_attachment), packet.len() as u64 + 1)
}
