//! The heartbeat, as a state machine over instants that the caller gives. In protocol 4 the server pings; in protocol 3
//! the client does, and the server waits for it.
//!
//! Pure: the caller asks for [`Heartbeat::deadline`], holds the timer, and comes back with the time.

use std::time::{Duration, Instant};

/// The heartbeat of one session. Small, because there is one for each.
#[derive(Debug, Clone, Copy)]
pub struct Heartbeat {
    /// When the next ping is due, or when the pong is overdue.
    deadline: Instant,
    interval_ms: u32,
    timeout_ms: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The ping is not due yet.
    Resting,
    /// A ping was sent and its pong is awaited.
    Awaiting,
    /// Still awaited, and another packet has moved the deadline already.
    AwaitingExtended,
    /// Protocol 3: the client pings, and has until the deadline for a sign of life.
    Listening,
}

/// Step that is due at a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// Nothing: the deadline has moved into the future.
    Early,
    /// Send a ping. The new deadline is that of its pong.
    Ping,
    /// Close the session with `ping timeout`.
    TimedOut,
}

impl Heartbeat {
    /// Starts at the handshake. Durations are kept in whole milliseconds, at most 49 days.
    pub fn new(now: Instant, interval: Duration, timeout: Duration) -> Self {
        let mut heartbeat = Heartbeat {
            deadline: now,
            interval_ms: milliseconds(interval),
            timeout_ms: milliseconds(timeout),
            state: State::Resting,
        };
        heartbeat.on_pong(now);
        heartbeat
    }

    /// Starts at the handshake of a client of protocol 3: it pings after each interval, and is given the timeout more.
    pub fn awaiting_pings(now: Instant, interval: Duration, timeout: Duration) -> Self {
        let mut heartbeat = Heartbeat { state: State::Listening, ..Self::new(now, interval, timeout) };
        heartbeat.on_other_packet(now);
        heartbeat
    }

    /// Whether the client pings, as in protocol 3.
    pub fn is_awaiting_pings(&self) -> bool {
        self.state == State::Listening
    }

    /// When to call [`Heartbeat::on_deadline`].
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The time has come, or so the caller's timer says; calling early is harmless.
    pub fn on_deadline(&mut self, now: Instant) -> Beat {
        if now < self.deadline {
            return Beat::Early;
        }
        if self.state != State::Resting {
            return Beat::TimedOut;
        }
        self.state = State::Awaiting;
        self.deadline = after(now, self.timeout_ms);
        Beat::Ping
    }

    /// A pong came. The next interval is counted from here, not by a fixed clock; an unsolicited pong does
    /// the same and no harm (engine.io `Socket.onPacket`). Returns how long it took, where that is known.
    pub fn on_pong(&mut self, now: Instant) -> Option<Duration> {
        let timeout = Duration::from_millis(self.timeout_ms.into());
        let round_trip = match self.state {
            State::Awaiting => Some(timeout.saturating_sub(self.deadline.saturating_duration_since(now))),
            State::Resting | State::AwaitingExtended => None,
            // No ping of ours is out.
            State::Listening => return None,
        };
        self.state = State::Resting;
        self.deadline = after(now, self.interval_ms);
        round_trip
    }

    /// Another packet came. While a pong is awaited the first one starts the timeout anew, once: the client
    /// lives and its pong may be stuck behind a long message. It does not count as a pong.
    ///
    /// Of a client of protocol 3 every packet is a sign of life, as in engine.io 3; version 6 counts its pings alone.
    pub fn on_other_packet(&mut self, now: Instant) {
        match self.state {
            State::Awaiting => {
                self.state = State::AwaitingExtended;
                self.deadline = after(now, self.timeout_ms);
            }
            State::Listening => self.deadline = after(now, self.interval_ms.saturating_add(self.timeout_ms)),
            State::Resting | State::AwaitingExtended => {}
        }
    }

    /// The session has moved to another transport, which is a sign of life of a client of protocol 3. In protocol 4 a pong
    /// that is awaited stays so.
    pub fn on_upgrade(&mut self, now: Instant) {
        if self.state == State::Listening {
            self.on_other_packet(now);
        }
    }

    /// The client is not read for a while, and the pong that is awaited may be among what it sent. It counts as given;
    /// but the next ping comes no later than that pong was due, since the client, too, waits for a sign of life and
    /// counts from the last one. A client that is gone misses the next pong.
    ///
    /// Of a client of protocol 3 a ping may be among it: there must be time to read it.
    pub fn on_pause(&mut self, now: Instant) {
        match self.state {
            State::Resting => {}
            State::Awaiting | State::AwaitingExtended => {
                self.state = State::Resting;
                self.deadline = self.deadline.min(after(now, self.interval_ms));
            }
            State::Listening => self.deadline = self.deadline.max(after(now, self.timeout_ms)),
        }
    }
}

fn milliseconds(duration: Duration) -> u32 {
    duration.as_millis().try_into().unwrap_or(u32::MAX)
}

fn after(now: Instant, ms: u32) -> Instant {
    now + Duration::from_millis(ms.into())
}

#[cfg(test)]
mod tests;
