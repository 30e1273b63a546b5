//! Charging a client for what it sends, where that is limited: beyond its allowance it is read no further until its excess
//! is paid for.
//!
//! Nothing is lost by it: what the client sends waits in the network, and then at the client.

use std::time::Instant;

use super::state::Connection;
use fanfare_engineio::{Message, Packet};

/// A fragment of at least so many bytes counts by its bytes alone, as part of its message.
const FRAGMENT_BYTES: usize = 1024;

impl Connection {
    /// Counts a packet. The one that exceeds the allowance is handled like any other; the next one is read when it is
    /// paid for. An attachment is part of the event before it; with another parser than the default there are none, and every
    /// message counts.
    pub(super) fn charge(&mut self, packet: &Packet, now: Instant) {
        let has_attachments = self.hub.transcoder.is_none();
        let is_attachment = has_attachments && matches!(packet, Packet::Message(Message::Binary(_)));
        self.take_allowance(u64::from(!is_attachment), packet.len() as u64 + 1, now);
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
        let limits = &self.hub.node.metrics.limits;
        if let Some(until) = rate_limits.take(events, bytes, now, |limit| limits.of(limit).increment()) {
            self.session.pause_excused(until, now);
        }
    }
}
