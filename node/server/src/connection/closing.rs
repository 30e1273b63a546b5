//! How a connection ends, whoever ends it: what the client is told, and how long it may take to hear it.

use std::time::Instant;

use tokio::sync::oneshot;
use tracing::debug;

use super::actor::{Connection, Transport};
use super::message::{PollAnswer, Unanswered};
use super::polling::{CLOSE, NOOP, NOOP_AND_CLOSE};
use crate::options::ms;
use crate::outbox::Ending;
use crate::socket::{Close, DisconnectReason};
use fanfare_engineio::HandshakeError;
use fanfare_engineio::payload::SEPARATOR;

/// Where a connection is in its life.
pub(super) enum Phase {
    /// In use.
    Open,
    /// Its sockets are closed. A WebSocket finishes its closing handshake; a polling session owes its last word.
    Closing { until: Instant, last_word: LastWord },
    /// Nothing is left to do.
    Closed,
}

/// What the end of a session means to the polls of its client: to the one that waits, or else to those that follow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LastWord {
    /// The server ends it: the close packet, which waits for the next poll if none is there. Nothing of what waits is
    /// lost, and the end does not race with the client's poll.
    Owed,
    /// It failed, or the client left: the close packet if a poll waits. Later ones name a session that is not known.
    Prompt,
    /// The node goes away: the one that waits, or the next one, is refused as if there had never been a session. After
    /// a close packet not every client comes back by itself: python-socketio does not.
    Refusal,
}

/// The close code of an endpoint that goes away, such as a server that goes down (RFC 6455, section 7.4.1).
const GOING_AWAY: u16 = 1001;

impl Connection {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// The client said goodbye.
    pub(super) fn client_closes(&mut self) {
        if let Transport::Polling(polling) = &mut self.transport
            && polling.poll.is_some()
        {
            polling.control.push(NOOP);
            // If the client hung up, it knows already that it is over.
            let _ = polling.flush(&self.link.outbox);
        }
        self.close(DisconnectReason::TransportClose, None, None, LastWord::Prompt);
    }

    /// The client broke the rules of Engine.IO; counted.
    pub(super) fn break_off(&mut self, reason: DisconnectReason, detail: &'static str) {
        self.hub.node.metrics.protocol_errors.increment();
        self.close(reason, Some(detail), None, LastWord::Prompt);
    }

    /// The client broke the rules of Socket.IO; counted. Its transport has done nothing wrong, and tells it of the end.
    pub(super) fn expel(&mut self, reason: DisconnectReason, detail: &'static str) {
        self.hub.node.metrics.protocol_errors.increment();
        self.close(reason, Some(detail), None, LastWord::Owed);
    }

    /// The client has entered no namespace in time.
    pub(super) fn give_up_waiting(&mut self) {
        let detail = Some("entered no namespace in time");
        self.close(DisconnectReason::ForcedServerClose, detail, None, LastWord::Owed);
    }

    /// The client is gone.
    pub(super) fn time_out(&mut self, reason: DisconnectReason, detail: &'static str) {
        self.close(reason, Some(detail), None, LastWord::Prompt);
    }

    /// The transport failed; a WebSocket is closed with this code.
    pub(super) fn transport_failed(&mut self, detail: &'static str, code: Option<u16>) {
        self.close(DisconnectReason::TransportError, Some(detail), code, LastWord::Prompt);
    }

    /// The client does not read what it is sent (SLOW-1).
    pub(super) fn too_slow(&mut self) {
        self.hub.node.metrics.slow_consumers.increment();
        self.close(DisconnectReason::TransportError, Some("slow consumer"), None, LastWord::Prompt);
        // Its buffers are full: not even a Close frame would reach it.
        self.phase = Phase::Closed;
    }

    /// Does what the server asked for, once everything that waits has been written.
    pub(super) fn drive_ending(&mut self, ending: Ending) {
        match ending {
            Ending::Shutdown => {
                self.hub.node.metrics.undelivered.add(self.link.outbox.clear() as u64);
                self.close(DisconnectReason::ServerShuttingDown, None, None, LastWord::Owed);
            }
            Ending::Disconnect => {
                self.namespaces.sockets().for_each(|socket| socket.disconnect_here(false));
                let is_late = self.leave_by.is_some_and(|leave_by| Instant::now() >= leave_by);
                if is_late || self.link.outbox.is_empty() && !self.writing {
                    let reason = DisconnectReason::ServerNamespaceDisconnect;
                    self.close(reason, None, None, LastWord::Owed);
                }
            }
            Ending::Failure => {
                let detail = Some("what served it has died");
                self.close(DisconnectReason::ForcedServerClose, detail, None, LastWord::Owed);
            }
            Ending::Drain => self.drain(),
        }
    }

    /// Closes the transport once nothing is under way, or after the grace. No DISCONNECT packet: after that a client
    /// would not come back by itself.
    fn drain(&mut self) {
        let now = Instant::now();
        let leave_by = *self.leave_by.get_or_insert(now + ms(self.hub.node.options.drain.grace_ms));
        if self.has_finished() || now >= leave_by {
            self.hub.node.metrics.drained.increment();
            let (reason, detail) = (DisconnectReason::ServerShuttingDown, Some("the node drains"));
            self.close(reason, detail, Some(GOING_AWAY), LastWord::Refusal);
        }
    }

    /// Whether what was read has been handled, and what was said has been sent. An upgrade under way is waited for too:
    /// the official client hangs until its ping timeout if both transports go in the middle of it.
    fn has_finished(&self) -> bool {
        let is_posting = matches!(&self.transport, Transport::Polling(polling)
            if polling.is_posting() || polling.answering.is_some());
        !is_posting
            && self.inbox.is_none()
            && self.probe.is_none()
            && self.namespaces.are_idle()
            && self.link.outbox.is_empty()
            && !self.writing
    }

    /// Whether a WebSocket is read no further since the node drains: what it says now would be handled and hardly be
    /// answered. Unless the program waits for an answer of the client.
    pub(super) fn reads_no_more(&self) -> bool {
        self.is_open() && self.leave_by.is_some() && !self.namespaces.await_acks()
    }

    /// Ends the session: its sockets hear why after the events on their way to them, the client by its transport.
    fn close(
        &mut self,
        reason: DisconnectReason,
        detail: Option<&'static str>,
        code: Option<u16>,
        last_word: LastWord,
    ) {
        if !self.is_open() {
            return;
        }
        debug!(session = ?self.link.session, %reason, detail, "connection closed");
        self.link.outbox.close();
        // Also while it waits for a last poll: a client that comes back shall find the place it has left.
        self.permit = None;
        self.count_closed(reason);
        self.namespaces.close_all(|| Close { reason, detail, tell_client: false });
        self.abandon_probe(None);
        self.forget_post();
        self.inbox = None;
        let options = &self.hub.node.options;
        let timeout = match &mut self.transport {
            Transport::WebSocket(websocket) => {
                websocket.queue_close(code);
                self.writing = true;
                self.link.set_over();
                options.close_timeout_ms
            }
            Transport::Polling(polling) => {
                // Pings are for the living.
                polling.control.clear();
                let poll = polling.poll.take();
                if poll.is_some() || last_word == LastWord::Prompt {
                    if let Some(poll) = poll {
                        let close = PollAnswer { body: CLOSE.into(), compress: false };
                        let refusal = Unanswered::Refused(HandshakeError::SessionUnknown);
                        // If the client hung up, it knows already.
                        let _ =
                            poll.send(if last_word == LastWord::Refusal { Err(refusal) } else { Ok(close) });
                    }
                    return self.end();
                }
                options.polling_close_timeout_ms
            }
        };
        // Who does not come for the last word shall not hold up a node that drains.
        let timeout = if self.leave_by.is_some() { timeout.min(options.drain.grace_ms) } else { timeout };
        self.phase = Phase::Closing { until: Instant::now() + ms(timeout), last_word };
    }

    /// Answers a GET to a session that is closed: with what waits and the close, if that is owed.
    pub(super) fn last_poll(&mut self, answer: oneshot::Sender<Result<PollAnswer, Unanswered>>) {
        let mut answered = Err(Unanswered::Refused(HandshakeError::SessionUnknown));
        if let Transport::Polling(polling) = &mut self.transport {
            let is_owed = matches!(self.phase, Phase::Closing { last_word: LastWord::Owed, .. });
            if is_owed {
                let (mut last, _) = polling.gather(&self.link.outbox);
                if self.link.outbox.is_empty() {
                    if !last.body.is_empty() {
                        last.body.push(SEPARATOR);
                    }
                    last.body.push_str(NOOP_AND_CLOSE);
                }
                answered = Ok(last);
            }
            if !is_owed || self.link.outbox.is_empty() {
                self.end();
            }
        }
        // If the client hung up, nobody is left to be told.
        let _ = answer.send(answered);
    }

    /// Nothing is left to be said: the session is forgotten.
    fn end(&mut self) {
        self.link.set_over();
        self.phase = Phase::Closed;
    }
}
