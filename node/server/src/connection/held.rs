//! Memory that a client makes the node hold before it has delivered: frames, fragments and attachments of a message that
//! is not complete, one sum with a bound of its own and a deadline.

use std::time::Instant;

use super::state::Connection;
use crate::metrics::Limit;
use crate::options::ms;
use crate::socket::DisconnectReason;
use fanfare_engineio::session::Farewell;

/// Close code of a message that is too large (RFC 6455, section 7.4.1).
const TOO_LARGE: u16 = 1009;
/// Close code of a client that breaks a rule of the server.
const POLICY: u16 = 1008;

impl Connection {
    /// Looks at what is held for the client, after something was read.
    pub(super) fn note_held(&mut self) {
        if !self.session.is_open() {
            return;
        }
        let unread = self.websocket.as_ref().map_or(0, |websocket| websocket.held_bytes());
        let held = unread + self.decoder.held_bytes();
        if held == 0 {
            self.incomplete_since = None;
        } else if held > self.hub.node.options.message_bytes_max {
            self.hub.node.metrics.limits.of(Limit::MessageBytes).increment();
            self.refuse_message("a message is too large with its attachments", TOO_LARGE);
        } else {
            self.incomplete_since.get_or_insert_with(Instant::now);
        }
    }

    /// When the message that the client is sending must be complete.
    pub(super) fn message_deadline(&self) -> Option<Instant> {
        self.incomplete_since.map(|since| since + ms(self.hub.node.options.message_timeout_ms))
    }

    /// Whether the message that the client is sending takes too long. Time in which the client is not read does not count.
    pub(super) fn is_message_late(&mut self, now: Instant) -> bool {
        let is_late = self.message_deadline().is_some_and(|deadline| now >= deadline);
        if is_late && self.must_not_read() {
            self.incomplete_since = Some(now);
            return false;
        }
        is_late
    }

    /// Ends the session of a client whose message takes too long.
    pub(super) fn message_too_slow(&mut self) {
        self.hub.node.metrics.limits.of(Limit::MessageTime).increment();
        self.refuse_message("a message took too long", POLICY);
    }

    fn refuse_message(&mut self, detail: &'static str, code: u16) {
        self.close(DisconnectReason::TransportError, Some(detail), Some(code), Farewell::Prompt);
    }
}
