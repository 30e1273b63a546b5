//! Life of one session, as a state machine: requests, packets and instants in; decisions, deadlines and an end out.
//!
//! The session decides and carries nothing out: its owner answers requests, writes packets and holds the timer. `G` is
//! the owner's handle of a GET that waits, `P` that of a POST whose body is being read: every handle that goes in comes
//! out exactly once, to be answered, or is dropped with the phase that held it.
//!
//! ```text
//!            probe            5 (upgrade)
//! Polling ────────▶ Probing ─────────────▶ WebSocket
//!    ▲                 │                       │
//!    └─────────────────┘ it fails              │
//!          every one of them: close            ▼
//!                           Closing ──────▶ Closed
//!             (owes a last answer, or a closing handshake)
//! ```

use std::time::{Duration, Instant};

use crate::heartbeat::{Beat, Heartbeat};
use crate::packet::{Packet, PacketError};
use crate::request::TransportKind;

pub use polling::{Control, GetDecision, PostRejection};
pub use probe::{ProbeStep, Upgrade};

use polling::Polling;
use probe::Probe;

mod polling;
mod probe;

/// Life of one session.
#[derive(Debug)]
pub struct Session<G, P> {
    phase: Phase<G, P>,
    heartbeat: Heartbeat,
    /// When the client must have entered a namespace; `None` once it has.
    connect_by: Option<Instant>,
    /// When the client may be read again; `None` = now.
    paused_until: Option<Instant>,
    /// When the session ends because its node drains, finished or not.
    leave_by: Option<Instant>,
}

#[derive(Debug)]
enum Phase<G, P> {
    /// In use, over polling; perhaps with a WebSocket beside it that proves itself.
    Polling(Polling<G, P>, Option<Probe>),
    /// In use, over a WebSocket.
    WebSocket,
    /// Closed, over polling: the client may come for its last answer.
    Farewell { until: Instant, last_answer: LastAnswer, post: Option<P> },
    /// Closed, over a WebSocket that finishes its closing handshake.
    ClosingHandshake { until: Instant },
    /// Nothing is left to do.
    Closed,
}

/// Way in which the polls of a client learn of the end: the waiting one, or else those that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// The server ends the session: by a close packet, which waits for the next poll if none is there. Nothing of what
    /// waits is lost, and the end does not race with the client's poll.
    Owed,
    /// The session failed, or the client left: by a close packet if a poll waits. Later ones name a session that is not
    /// known.
    Prompt,
    /// The node goes away: the poll that waits, or the next one, is refused as if there had never been a session. After a
    /// close packet not every client comes back by itself: python-socketio does not.
    Refusal,
}

/// The answer to the last poll of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastAnswer {
    /// A close packet, behind what still waits if the session closed before the poll came.
    Close,
    /// The error of a session that is not known.
    Refusal,
}

/// Duties of the owner when it closes a session.
#[derive(Debug)]
pub struct Closing<G> {
    /// A GET that waits, and its answer; nothing else is in that answer.
    pub get: Option<(G, LastAnswer)>,
    /// A WebSocket was proving itself, and must be closed.
    pub has_probe: bool,
}

/// Meaning of a client's packet to its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A message, for the layer above.
    Message,
    /// A pong, with the time since its ping if that is known.
    Pong(Option<Duration>),
    /// The client closes the session.
    Close,
    /// Nothing: the official server lets such packets pass too.
    Nothing,
    /// A ping of a client of protocol 3. A pong must be sent over the WebSocket; over polling it is among the
    /// [control packets](Control) already.
    Ping,
    /// A violation: the ping of a client whose server pings, or the pong of one that pings itself.
    WrongHeartbeat,
}

/// Work that is due at a deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// The session must be closed: [`Timeout`] says why.
    pub timeout: Option<Timeout>,
    /// A ping is due. It must be sent over the WebSocket; over polling it is among the [control packets](Control)
    /// already.
    pub ping: bool,
    /// The WebSocket that was to take over must be closed; the session goes on.
    pub probe_expired: bool,
}

/// Reason why a session ends by its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// The client has entered no namespace in time.
    Connect,
    /// The client has not answered a ping or, in protocol 3, sent none.
    Ping,
}

impl<G, P> Session<G, P> {
    /// A session that was opened now over that transport, and whose client must enter a namespace by `connect_by`.
    pub fn new(transport: TransportKind, heartbeat: Heartbeat, connect_by: Instant) -> Self {
        let phase = match transport {
            TransportKind::Polling => Phase::Polling(Polling::default(), None),
            TransportKind::WebSocket => Phase::WebSocket,
        };
        Self { phase, heartbeat, connect_by: Some(connect_by), paused_until: None, leave_by: None }
    }

    /// Whether it is in use.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Polling(..) | Phase::WebSocket)
    }

    /// Whether nothing is left to do.
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    // Packets of the client

    /// Takes note of a packet, and says what it means. An error is one that could not be decoded.
    pub fn on_packet(&mut self, packet: Result<&Packet, &PacketError>, now: Instant) -> Meaning {
        let client_pings = self.heartbeat.is_awaiting_pings();
        if let Ok(Packet::Pong(_)) = packet
            && !client_pings
        {
            return Meaning::Pong(self.heartbeat.on_pong(now));
        }
        self.heartbeat.on_other_packet(now);
        match packet {
            Ok(Packet::Message(_)) => Meaning::Message,
            Ok(Packet::Close) => Meaning::Close,
            Ok(Packet::Ping(_)) if client_pings => {
                if let Phase::Polling(polling, _) = &mut self.phase {
                    polling.control.pong();
                }
                Meaning::Ping
            }
            Ok(Packet::Ping(_) | Packet::Pong(_)) => Meaning::WrongHeartbeat,
            Ok(Packet::Open(_) | Packet::Upgrade | Packet::Noop) | Err(_) => Meaning::Nothing,
        }
    }

    /// The client has entered its first namespace. Returns how long before the deadline, the first time.
    pub fn on_connect(&mut self, now: Instant) -> Option<Duration> {
        Some(self.connect_by.take()?.saturating_duration_since(now))
    }

    /// The client must not be read before then: it has sent more than it may.
    pub fn pause(&mut self, until: Instant) {
        self.paused_until = self.paused_until.max(Some(until));
    }

    /// As [`pause`](Self::pause), for a client whose pong may be among what is not read.
    pub fn pause_excused(&mut self, until: Instant, now: Instant) {
        self.pause(until);
        self.heartbeat.on_pause(now);
    }

    /// Whether the client must not be read now.
    pub fn is_paused(&self) -> bool {
        self.paused_until.is_some()
    }

    // The end

    /// Closes the session, if it is open. What is left to do may take until `until`.
    pub fn close(&mut self, farewell: Farewell, until: Instant) -> Option<Closing<G>> {
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Polling(mut polling, probe) => {
                let last_answer = match farewell {
                    Farewell::Owed | Farewell::Prompt => LastAnswer::Close,
                    Farewell::Refusal => LastAnswer::Refusal,
                };
                let get = polling.get.take().map(|get| (get, last_answer));
                if get.is_none() && farewell != Farewell::Prompt {
                    self.phase = Phase::Farewell { until, last_answer, post: None };
                }
                Some(Closing { get, has_probe: probe.is_some() })
            }
            Phase::WebSocket => {
                self.phase = Phase::ClosingHandshake { until };
                Some(Closing { get: None, has_probe: false })
            }
            closed => {
                self.phase = closed;
                None
            }
        }
    }

    /// Notes that nothing is left to do: the last answer was given, the closing handshake is over, or the client reads
    /// neither.
    pub fn end(&mut self) {
        self.phase = Phase::Closed;
    }

    /// The node drains: the session ends by then at the latest. Returns the deadline, which the first call sets.
    pub fn leave_by(&mut self, deadline: Instant) -> Instant {
        *self.leave_by.get_or_insert(deadline)
    }

    /// When the session ends because its node drains; `None` if it does not.
    pub fn leaves_by(&self) -> Option<Instant> {
        self.leave_by
    }

    // The clock

    /// When to call [`on_deadline`](Self::on_deadline); `None` once nothing is left to do.
    pub fn deadline(&self) -> Option<Instant> {
        let probe = match &self.phase {
            Phase::Closed => return None,
            Phase::Farewell { until, .. } | Phase::ClosingHandshake { until } => return Some(*until),
            Phase::Polling(_, probe) => probe.as_ref().map(Probe::due_at),
            Phase::WebSocket => None,
        };
        let others = [probe, self.connect_by, self.paused_until, self.leave_by];
        Some(others.into_iter().flatten().fold(self.heartbeat.deadline(), Instant::min))
    }

    /// The time has come, or so the owner's timer says; calling early is harmless.
    ///
    /// A closed session ends by itself here; an open one is closed by the owner, as [`Due::timeout`] asks. At the
    /// deadline of draining the owner must close it too.
    pub fn on_deadline(&mut self, now: Instant) -> Due {
        match &self.phase {
            Phase::Closed => return Due::default(),
            Phase::Farewell { until, .. } | Phase::ClosingHandshake { until } => {
                if now >= *until {
                    self.end();
                }
                return Due::default();
            }
            Phase::Polling(..) | Phase::WebSocket => {}
        }
        if self.connect_by.is_some_and(|deadline| now >= deadline) {
            return Due { timeout: Some(Timeout::Connect), ..Due::default() };
        }
        let is_paused = self.is_paused();
        self.paused_until = self.paused_until.filter(|until| now < *until);
        let mut beat = self.heartbeat.on_deadline(now);
        if beat == Beat::TimedOut && is_paused {
            // Its pong may be among what is not read.
            self.heartbeat.on_pause(now);
            beat = self.heartbeat.on_deadline(now);
        }
        if beat == Beat::TimedOut {
            return Due { timeout: Some(Timeout::Ping), ..Due::default() };
        }
        let ping = beat == Beat::Ping;
        let Phase::Polling(polling, probe) = &mut self.phase else { return Due { ping, ..Due::default() } };
        if ping {
            polling.control.ping();
        }
        let probe_expired = probe.as_mut().is_some_and(|probe| probe.on_deadline(polling, now));
        if probe_expired {
            *probe = None;
        }
        Due { ping, probe_expired, ..Due::default() }
    }
}

#[cfg(test)]
mod tests;
