//! One call for proof, while it is under way. No clock, no I/O.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::peers::{Known, PeerId, Peers};

/// When the own server is asked again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// When the other buses of a server are asked, too: the one that was asked may be frozen.
const WIDEN_AFTER: Duration = Duration::from_millis(250);
/// When other servers are no longer waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The proofs so far, and the buses that were asked.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) number: u64,
    pub(crate) began: Instant,
    own_server: Arc<str>,
    own_is_proven: bool,
    /// Whether all buses were asked for their ids, and none has answered yet.
    seeks: bool,
    answered: Vec<Arc<str>>,
    /// Buses that have not answered.
    asked: Vec<Asked>,
    again_at: Instant,
    is_widened: bool,
    has_given_up: bool,
}

#[derive(Debug)]
struct Asked {
    peer: PeerId,
    server: Arc<str>,
    at: Instant,
}

/// The end of a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Buses that had time to answer and did not.
    pub(crate) silent: Vec<PeerId>,
    /// Every server that was waited for has proven it.
    pub(crate) is_complete: bool,
}

impl Call {
    /// Creates a call for which no bus was asked yet; or, if it `seeks`, all were.
    pub(crate) fn new(number: u64, own_server: Arc<str>, seeks: bool, now: Instant) -> Self {
        Self {
            number,
            began: now,
            own_server,
            own_is_proven: false,
            seeks,
            answered: Vec::new(),
            asked: Vec::new(),
            again_at: now + AGAIN_AFTER,
            is_widened: false,
            has_given_up: false,
        }
    }

    /// Returns the buses to be asked now: one bus of each server, or, when that one takes its time, all.
    pub(crate) fn ask(&mut self, peers: &Peers, now: Instant) -> Vec<PeerId> {
        if self.has_given_up {
            return Vec::new();
        }
        let mut ask = Vec::new();
        for (server, peers) in peers.awaited() {
            if *server == self.own_server || self.answered.contains(server) {
                continue;
            }
            let is_asked = |peer: &PeerId| self.asked.iter().any(|a| a.peer == *peer && a.server == *server);
            let asked = |peer: &PeerId| Asked { peer: *peer, server: server.clone(), at: now };
            if self.is_widened {
                ask.extend(peers.iter().filter(|peer| !is_asked(peer)).map(asked));
            } else if !peers.iter().any(is_asked) {
                ask.push(asked(&peers[0]));
            }
        }
        let peers = ask.iter().map(|asked| asked.peer).collect();
        self.asked.append(&mut ask);
        peers
    }

    /// Notes that a bus has answered this call.
    pub(crate) fn answered(&mut self, peer: &Known) {
        self.seeks = false;
        self.asked.retain(|asked| asked.peer != peer.id);
        self.answered.push(peer.server.clone());
    }

    /// Notes that the server says that no other bus is there to answer.
    pub(crate) fn nobody_is_there(&mut self, call: u64) {
        if call == self.number {
            self.seeks = false;
        }
    }

    /// The own server has got as far as that call. Returns whether that is news for this one.
    pub(crate) fn own_server_is_proven(&mut self, call: u64) -> bool {
        call == self.number && !std::mem::replace(&mut self.own_is_proven, true)
    }

    /// When something is to be done about silence.
    pub(crate) fn next_step(&self) -> Instant {
        let own = (!self.own_is_proven).then_some(self.again_at);
        let others = match (self.is_widened, self.has_given_up) {
            (false, _) => Some(self.began + WIDEN_AFTER),
            (true, false) => Some(self.began + PATIENCE),
            (true, true) => None,
        };
        // A call without either is over.
        own.into_iter().chain(others).min().unwrap_or(self.began + PATIENCE)
    }

    /// That time has come. Returns whether the own server is to be asked again.
    pub(crate) fn step(&mut self, now: Instant) -> bool {
        self.is_widened |= now >= self.began + WIDEN_AFTER;
        self.has_given_up |= now >= self.began + PATIENCE;
        let again = !self.own_is_proven && now >= self.again_at;
        if again {
            self.again_at = now + AGAIN_AFTER;
        }
        again
    }

    /// Whether nothing is waited for any more.
    pub(crate) fn is_over(&self, peers: &Peers) -> bool {
        self.own_is_proven && (self.has_given_up || (!self.seeks && self.missing(peers).next().is_none()))
    }

    fn missing<'a>(&'a self, peers: &'a Peers) -> impl Iterator<Item = &'a Arc<str>> {
        let servers = peers.awaited().map(|(server, _)| server);
        servers.filter(|server| **server != self.own_server && !self.answered.contains(*server))
    }

    /// Returns what is to be remembered of this call.
    pub(crate) fn finish(&self, peers: &Peers, now: Instant) -> Outcome {
        let had_time = |asked: &&Asked| now.duration_since(asked.at) >= WIDEN_AFTER;
        let silent = self.asked.iter().filter(had_time).map(|asked| asked.peer);
        let is_complete = !self.has_given_up || self.missing(peers).next().is_none();
        Outcome { silent: silent.collect(), is_complete }
    }
}

#[cfg(test)]
mod tests;
