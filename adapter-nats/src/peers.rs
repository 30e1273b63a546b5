//! The other buses on the prefix, and the NATS servers they are connected to. No clock, no I/O.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use fanfare_proto::BusMeters;
use tokio::time::Instant;

/// A bus that was not heard for so long is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(15);
/// Interval at which a silent bus is asked again.
const ASK_SILENT_INTERVAL: Duration = Duration::from_secs(1);
/// Buses that are known at a time; more are not waited for.
const PEERS_MAX: usize = 10_000;
/// Buses of other servers that one answer may name.
const NAMED_MAX: usize = 100;
/// Bytes of the id of a server; real ones have 56.
const SERVER_BYTES_MAX: usize = 128;

/// One run of a bus: its instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PeerId(pub(crate) u64);

/// A bus and the id of the server that it is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) id: PeerId,
    pub(crate) server: Arc<str>,
}

/// The buses that are known.
#[derive(Debug)]
pub(crate) struct Peers {
    peers: HashMap<PeerId, Peer>,
    /// Those that can be waited for, server by server; the one that answered last comes first.
    awaited: HashMap<Arc<str>, Vec<PeerId>>,
    /// Those that do not answer, and when they were asked last.
    silent: HashMap<PeerId, Instant>,
    meters: Arc<BusMeters>,
}

#[derive(Debug)]
struct Peer {
    server: Arc<str>,
    heard_at: Instant,
}

impl Peers {
    /// None yet.
    pub(crate) fn new(meters: Arc<BusMeters>) -> Self {
        Self { peers: HashMap::new(), awaited: HashMap::new(), silent: HashMap::new(), meters }
    }

    /// A bus says where it is. Returns whether that is news.
    pub(crate) fn heard(&mut self, known: Known, now: Instant) -> bool {
        let Known { id, server } = known;
        let is_full = self.peers.len() >= PEERS_MAX;
        match self.peers.get_mut(&id) {
            Some(peer) if peer.server == server && !self.silent.contains_key(&id) => {
                peer.heard_at = now;
                return false;
            }
            None if is_full => return false,
            _ => self.gone(id),
        }
        self.awaited.entry(server.clone()).or_default().push(id);
        self.peers.insert(id, Peer { server, heard_at: now });
        self.count();
        true
    }

    /// A bus answers a call: it is the one to be asked next.
    pub(crate) fn answered(&mut self, known: Known, now: Instant) {
        let id = known.id;
        self.heard(known, now);
        let peers = self.peers.get(&id).and_then(|peer| self.awaited.get_mut(&peer.server));
        if let Some(peers) = peers.filter(|peers| peers[0] != id) {
            peers.retain(|peer| *peer != id);
            peers.insert(0, id);
        }
    }

    /// Another bus tells where this one is. What it said itself counts more.
    pub(crate) fn told_of(&mut self, known: Known, now: Instant) {
        if !self.peers.contains_key(&known.id) {
            self.heard(known, now);
        }
    }

    /// Forgets a bus that is no longer there.
    pub(crate) fn gone(&mut self, id: PeerId) {
        self.stop_awaiting(id);
        self.silent.remove(&id);
        self.peers.remove(&id);
        self.count();
    }

    /// Nothing is known any more.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.meters.clone());
        self.count();
    }

    /// Forgets buses that were not heard for long.
    pub(crate) fn expire(&mut self, now: Instant) {
        let is_old = |peer: &Peer| now.saturating_duration_since(peer.heard_at) >= FORGET_AFTER;
        let old: Vec<_> = self.peers.iter().filter(|(_, peer)| is_old(peer)).map(|(id, _)| *id).collect();
        old.into_iter().for_each(|id| self.gone(id));
    }

    /// A bus does not answer: it is not waited for until it is heard again. Returns whether that is news.
    pub(crate) fn silence(&mut self, id: PeerId, now: Instant) -> bool {
        if !self.peers.contains_key(&id) || self.silent.contains_key(&id) {
            return false;
        }
        self.stop_awaiting(id);
        self.silent.insert(id, now);
        true
    }

    /// The silent ones that it is time to ask again.
    pub(crate) fn silent_to_ask(&mut self, now: Instant) -> Vec<PeerId> {
        let is_due = |at: &Instant| now.saturating_duration_since(*at) >= ASK_SILENT_INTERVAL;
        let due = self.silent.iter_mut().filter(|(_, at)| is_due(at));
        due.map(|(id, at)| {
            *at = now;
            *id
        })
        .collect()
    }

    /// Those that can be waited for, server by server; the one that answered last comes first.
    pub(crate) fn awaited(&self) -> impl Iterator<Item = (&Arc<str>, &[PeerId])> {
        self.awaited.iter().map(|(server, peers)| (server, &peers[..]))
    }

    /// Returns one bus of each server, for the answer to a bus that asks.
    pub(crate) fn representatives(&self) -> impl Iterator<Item = Known> {
        let known = |(server, peers): (&Arc<str>, &[PeerId])| Known { id: peers[0], server: server.clone() };
        self.awaited().take(NAMED_MAX).map(known)
    }

    fn stop_awaiting(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get(&id) else { return };
        if let Some(peers) = self.awaited.get_mut(&peer.server) {
            peers.retain(|peer| *peer != id);
            if peers.is_empty() {
                self.awaited.remove(&peer.server);
            }
        }
    }

    fn count(&self) {
        self.meters.peers.set(self.peers.len() as u64);
    }
}

impl Known {
    /// Pairs of words. What cannot be read ends it.
    pub(crate) fn read_all(text: &str) -> impl Iterator<Item = Self> {
        let mut words = text.split(' ');
        let next = move || {
            let (id, server) = (words.next()?.parse().ok()?, words.next()?);
            (server.len() <= SERVER_BYTES_MAX).then(|| Self { id, server: server.into() })
        };
        std::iter::from_fn(next).take(NAMED_MAX + 1)
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.server)
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for PeerId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

#[cfg(test)]
mod tests;
