//! The upgrade from polling to WebSocket: a second transport proves itself while the first goes on.
//!
//! Until the client says `5` every packet travels on polling; then polling is over and what waits goes out on the
//! WebSocket. A WebSocket that does anything else, or takes too long, is closed, and polling goes on.

use std::time::{Duration, Instant};

use super::polling::Polling;
use super::{Phase, Session};
use crate::packet::{Packet, PacketError};

/// Interval at which a waiting GET is answered with a noop, so that the client can pause polling.
const NOOP_INTERVAL: Duration = Duration::from_millis(100);
/// Number of probes that a WebSocket may send: one is enough, and every answer has to be kept until it is read.
const PROBES_MAX: u32 = 16;

/// A WebSocket that may become the transport.
#[derive(Debug)]
pub(super) struct Probe {
    /// When it must have decided.
    deadline: Instant,
    /// When a waiting GET is answered; `None` before the client probed.
    noop_at: Option<Instant>,
    /// Number of probes that the client has left.
    tries: u32,
}

/// Outcome of a packet on the second transport.
#[derive(Debug)]
pub enum ProbeStep<G> {
    /// The packet must be answered with `3probe`.
    Answer,
    /// The WebSocket is the transport now.
    Upgraded(Upgrade<G>),
    /// The WebSocket must be closed; the session goes on.
    Failed,
}

/// Remains of polling after an upgrade.
#[derive(Debug)]
pub struct Upgrade<G> {
    /// A GET that waits still: it must be answered with a noop. A client that upgrades has stopped waiting; if it has
    /// not, it learns that polling is over.
    pub get: Option<G>,
    /// A ping that no poll has fetched is due all the same.
    pub ping: bool,
    /// So is a pong, to a client of protocol 3.
    pub pong: bool,
}

impl Probe {
    pub(super) fn due_at(&self) -> Instant {
        self.noop_at.map_or(self.deadline, |noop_at| noop_at.min(self.deadline))
    }

    /// Releases a waiting GET if that is due. Returns whether the time is up.
    pub(super) fn on_deadline<G, P>(&mut self, polling: &mut Polling<G, P>, now: Instant) -> bool {
        if now >= self.deadline {
            return true;
        }
        if self.noop_at.is_some_and(|at| now >= at) {
            self.noop_at = Some(now + NOOP_INTERVAL);
            if polling.get.is_some() {
                polling.control.noop();
            }
        }
        false
    }
}

impl<G, P> Session<G, P> {
    /// A WebSocket wants to take over, and must have done so by `deadline`. Returns whether it may try; else it must be
    /// closed.
    pub fn on_probe(&mut self, deadline: Instant) -> bool {
        let Phase::Polling(_, probe @ None) = &mut self.phase else { return false };
        *probe = Some(Probe { deadline, noop_at: None, tries: PROBES_MAX });
        true
    }

    /// Whether a WebSocket proves itself.
    pub fn is_probing(&self) -> bool {
        matches!(self.phase, Phase::Polling(_, Some(_)))
    }

    /// The WebSocket that proves itself has sent a text message, or what was meant to be one.
    pub fn on_probe_packet(&mut self, packet: Result<&Packet, &PacketError>, now: Instant) -> ProbeStep<G> {
        let Phase::Polling(polling, probe) = &mut self.phase else { return ProbeStep::Failed };
        let Some(prober) = probe else { return ProbeStep::Failed };
        match packet {
            Ok(Packet::Ping(text)) if text == "probe" && prober.tries > 0 => {
                prober.tries -= 1;
                prober.noop_at = Some(now + NOOP_INTERVAL);
                ProbeStep::Answer
            }
            Ok(Packet::Upgrade) => {
                let control = polling.control;
                let upgrade =
                    Upgrade { get: polling.get.take(), ping: control.has_ping(), pong: control.has_pong() };
                self.phase = Phase::WebSocket;
                self.heartbeat.on_upgrade(now);
                ProbeStep::Upgraded(upgrade)
            }
            _ => {
                *probe = None;
                ProbeStep::Failed
            }
        }
    }

    /// The probing WebSocket has failed, or sent something that is not text. Returns whether there was one.
    pub fn on_probe_failed(&mut self) -> bool {
        match &mut self.phase {
            Phase::Polling(_, probe) => probe.take().is_some(),
            _ => false,
        }
    }
}
