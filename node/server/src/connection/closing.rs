//! End of a connection, whoever ends it: what the client is told, and the time it has to read it.

use std::time::Instant;

use tracing::debug;

use super::message::Unanswered;
use super::state::Connection;
use crate::options::ms;
use crate::outbox::{Ending, Item};
use crate::socket::{Close, DisconnectReason};
use fanfare_engineio::session::{Farewell, LastAnswer};
use fanfare_engineio::{CLOSE, HandshakeError};

/// The close code of an endpoint that goes away, such as a server that goes down (RFC 6455, section 7.4.1).
const GOING_AWAY: u16 = 1001;

impl Connection {
    /// The client closed the session.
    pub(super) fn client_closes(&mut self) {
        self.session.release_get();
        // If the client hung up, it knows already that it is over.
        let _ = self.flush_poll();
        self.close(DisconnectReason::TransportClose, None, None, Farewell::Prompt);
    }

    /// The client broke the rules of Engine.IO; counted.
    pub(super) fn break_off(&mut self, reason: DisconnectReason, detail: &'static str) {
        self.hub.node.metrics.protocol_errors.increment();
        self.close(reason, Some(detail), None, Farewell::Prompt);
    }

    /// The client broke the rules of Socket.IO; counted. Its transport has done nothing wrong, and tells it of the end.
    pub(super) fn expel(&mut self, reason: DisconnectReason, detail: &'static str) {
        self.hub.node.metrics.protocol_errors.increment();
        self.close(reason, Some(detail), None, Farewell::Owed);
    }

    /// The client has entered no namespace in time.
    pub(super) fn give_up_waiting(&mut self) {
        let detail = Some("entered no namespace in time");
        self.close(DisconnectReason::ForcedServerClose, detail, None, Farewell::Owed);
    }

    /// The client is gone.
    pub(super) fn time_out(&mut self, reason: DisconnectReason, detail: &'static str) {
        self.close(reason, Some(detail), None, Farewell::Prompt);
    }

    /// The transport failed; a WebSocket is closed with this code.
    pub(super) fn transport_failed(&mut self, detail: &'static str, code: Option<u16>) {
        self.close(DisconnectReason::TransportError, Some(detail), code, Farewell::Prompt);
    }

    /// The client does not read what it is sent (SLOW-1).
    pub(super) fn too_slow(&mut self) {
        self.hub.node.metrics.slow_consumers.increment();
        self.close(DisconnectReason::TransportError, Some("slow consumer"), None, Farewell::Prompt);
        // Its buffers are full: not even a Close frame would reach it.
        self.session.end();
    }

    /// Does what the server asked for, once everything that waits has been written.
    pub(super) fn drive_ending(&mut self, ending: Ending) {
        match ending {
            Ending::Shutdown => {
                self.hub.node.metrics.undelivered.add(self.link.outbox.drop_unbegun() as u64);
                self.close(DisconnectReason::ServerShuttingDown, None, None, Farewell::Owed);
            }
            Ending::Disconnect => {
                self.namespaces.sockets().for_each(|socket| socket.disconnect_here(false));
                let is_late = self.session.leaves_by().is_some_and(|leave_by| Instant::now() >= leave_by);
                if is_late || self.link.outbox.is_empty() {
                    let reason = DisconnectReason::ServerNamespaceDisconnect;
                    self.close(reason, None, None, Farewell::Owed);
                }
            }
            Ending::Close => {
                let detail = Some("the program closed the connection");
                self.close(DisconnectReason::ForcedClose, detail, None, Farewell::Owed);
            }
            Ending::Failure => {
                let detail = Some("what served it has died");
                self.close(DisconnectReason::ForcedServerClose, detail, None, Farewell::Owed);
            }
            Ending::Drain => self.drain(),
        }
    }

    /// Closes the transport once nothing is under way, or after the grace. No DISCONNECT packet: after that a client
    /// would not come back by itself.
    fn drain(&mut self) {
        let now = Instant::now();
        let leave_by = self.session.leave_by(now + ms(self.hub.node.options.drain.grace_ms));
        if self.has_finished() || now >= leave_by {
            self.hub.node.metrics.drained.increment();
            let (reason, detail) = (DisconnectReason::ServerShuttingDown, Some("the node drains"));
            self.close(reason, detail, Some(GOING_AWAY), Farewell::Refusal);
        }
    }

    /// Whether all packets read have been handled, and all packets queued have been sent. An upgrade under way is
    /// waited for too: the official client hangs until its ping timeout if both transports go in the middle of it.
    fn has_finished(&self) -> bool {
        let is_posting = self.session.post().is_some_and(|post| !post.is_closed());
        !is_posting
            && self.answering.is_none()
            && self.inbox.is_none()
            && !self.session.is_probing()
            && self.namespaces.are_idle()
            && self.link.outbox.is_empty()
    }

    /// Whether a WebSocket is read no further because the node drains: its messages would now be handled and hardly be
    /// answered. Unless the program waits for an answer of the client.
    pub(super) fn reads_no_more(&self) -> bool {
        self.session.is_open() && self.session.leaves_by().is_some() && !self.namespaces.await_acks()
    }

    /// Ends the session: its sockets hear why after the events on their way to them, the client by its transport.
    pub(super) fn close(
        &mut self,
        reason: DisconnectReason,
        detail: Option<&'static str>,
        code: Option<u16>,
        farewell: Farewell,
    ) {
        let options = &self.hub.node.options;
        let timeout = match &self.websocket {
            Some(_) => options.close_timeout_ms,
            None => options.polling_close_timeout_ms,
        };
        // A client that does not come for the last answer must not hold up a node that drains.
        let is_leaving = self.session.leaves_by().is_some();
        let timeout = if is_leaving { timeout.min(options.drain.grace_ms) } else { timeout };
        let Some(closing) = self.session.close(farewell, Instant::now() + ms(timeout)) else { return };
        debug!(session = ?self.link.session, %reason, detail, "connection closed");
        self.link.outbox.close();
        self.count_closed(reason);
        self.namespaces.close_all(|| Close { reason, detail, tell_client: false });
        self.inbox = None;
        self.pressed = None;
        if closing.has_probe {
            self.abandon_probe(None);
        }
        if let Some(websocket) = &mut self.websocket {
            if let Some(frame) = websocket.close(code) {
                self.link.outbox.push_own(Item::Frame(frame));
            }
            self.link.set_over();
        }
        // Before the last answer: the request that follows it may come in on another reactor.
        self.note_end();
        if let Some((get, last_answer)) = closing.get {
            // If the client hung up, it knows already.
            let _ = get.send(match last_answer {
                LastAnswer::Close => Ok(self.dialect.own_packets([CLOSE.into()])),
                LastAnswer::Refusal => Err(Unanswered::Refused(HandshakeError::SessionUnknown)),
            });
        }
    }

    /// Requests that name the session are refused once nothing is left to be said.
    pub(super) fn note_end(&self) {
        if self.session.is_closed() {
            self.link.set_over();
        }
    }
}
