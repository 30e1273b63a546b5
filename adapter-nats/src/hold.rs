//! The nodes to wait for after a reconnection. No clock, no I/O.
//!
//! When the servers were away the nodes of a cluster come back one after the other, seconds apart, and what one of them
//! publishes before another has subscribed again is lost to that one. So what waits is held until every node that was
//! there before has shown itself: it sends heartbeats only when its subscriptions are in force.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

/// Nodes that are known at most. If there are more all are forgotten, and those that live are heard again soon.
const PEERS_MAX: usize = 10_000;
/// As many are known before those that are silent are looked for.
const PEERS_MIN: usize = 64;
/// A node that is silent for so many of its intervals while others are not is gone.
const INTERVALS_MAX: u32 = 3;

#[derive(Debug)]
pub(crate) struct Hold {
    /// The longest wait.
    patience: Duration,
    /// The nodes that sent heartbeats, by name: a node that restarts under its name is back.
    peers: HashMap<Arc<str>, Peer>,
    /// With how many those that are silent are looked for.
    forget_at: usize,
    /// Those that were there when the connection broke and were not heard since it is back.
    missing: HashSet<Arc<str>>,
    link: Link,
}

#[derive(Debug)]
struct Peer {
    heard_at: Instant,
    interval: Duration,
}

/// The connection, as far as waiting is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// Nothing is waited for.
    Open,
    /// The connection is lost.
    Broken,
    /// There is one again; until then others are waited for.
    Waiting(Instant),
}

impl Hold {
    /// Creates a hold that knows no nodes yet.
    pub(crate) fn new(patience: Duration) -> Self {
        let (peers, missing) = (HashMap::new(), HashSet::new());
        Self { patience, peers, forget_at: PEERS_MIN, missing, link: Link::Open }
    }

    /// Notes that a node showed itself. Returns whether nothing is to be waited for any more.
    pub(crate) fn heard(&mut self, node: &Arc<str>, interval: Duration, now: Instant) -> bool {
        if node.is_empty() {
            return false;
        }
        self.peers.insert(node.clone(), Peer { heard_at: now, interval });
        if self.peers.len() >= self.forget_at {
            self.forget_silent();
            if self.peers.len() >= PEERS_MAX {
                self.peers.clear();
            }
            self.forget_at = (2 * self.peers.len()).clamp(PEERS_MIN, PEERS_MAX);
        }
        self.is_back(node)
    }

    /// Notes that a node said goodbye. Returns whether nothing is to be waited for any more.
    pub(crate) fn left(&mut self, node: &Arc<str>) -> bool {
        self.peers.remove(node);
        self.is_back(node)
    }

    fn is_back(&mut self, node: &Arc<str>) -> bool {
        let Link::Waiting(_) = self.link else { return false };
        self.missing.remove(node);
        if self.missing.is_empty() {
            self.link = Link::Open;
        }
        self.missing.is_empty()
    }

    /// Notes that the connection broke. Nodes that were missing since the last time still are.
    pub(crate) fn broken(&mut self) {
        self.forget_silent();
        self.missing.extend(self.peers.keys().cloned());
        self.link = Link::Broken;
    }

    /// Notes that there is a connection.
    pub(crate) fn connected(&mut self, now: Instant) {
        self.link = if self.missing.is_empty() { Link::Open } else { Link::Waiting(now + self.patience) };
    }

    /// Returns the time until which others are waited for, if they are.
    pub(crate) fn until(&self, now: Instant) -> Option<Instant> {
        match self.link {
            Link::Waiting(until) if until > now => Some(until),
            Link::Waiting(_) | Link::Open | Link::Broken => None,
        }
    }

    /// Gives up the nodes whose time is up. Returns their number.
    pub(crate) fn give_up(&mut self, now: Instant) -> usize {
        match self.link {
            Link::Waiting(until) if until <= now => {
                self.link = Link::Open;
                std::mem::take(&mut self.missing).into_iter().map(|node| self.peers.remove(&node)).count()
            }
            Link::Waiting(_) | Link::Open | Link::Broken => 0,
        }
    }

    /// Forgets silent nodes. Silence is measured against the node that was heard last: when none was, it was this node
    /// that did not hear.
    fn forget_silent(&mut self) {
        let Some(latest) = self.peers.values().map(|peer| peer.heard_at).max() else { return };
        self.peers.retain(|_, peer| {
            latest.duration_since(peer.heard_at) <= peer.interval.saturating_mul(INTERVALS_MAX)
        });
    }
}

#[cfg(test)]
mod tests;
