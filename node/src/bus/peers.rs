//! The other nodes of the cluster, as their heartbeats tell. Pure: the time is given.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fanfare_proto::wire::Heartbeat;

/// Names remembered of nodes that were heard of; a cluster that restarts its nodes for years has more.
const NAMES_MAX: usize = 10_000;

/// A node that answered lately.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its name: what its socket ids begin with.
    pub node: Arc<str>,
    /// This run of it.
    pub instance: u64,
    /// When it was heard last.
    pub heard_at: Instant,
    /// What it said of itself.
    pub heartbeat: Heartbeat,
}

/// How a heartbeat changes what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The node was known.
    Known,
    /// The node was not known.
    New,
    /// Two nodes have the same name: a socket id does not tell which one is meant.
    Doubled,
}

/// The nodes that are alive, by name.
#[derive(Debug, Default)]
pub struct Peers {
    peers: HashMap<Arc<str>, Peer>,
    /// Every node that was ever heard of: one that is silent may only be cut off.
    names: HashSet<Arc<str>>,
}

impl Peers {
    /// A node says that it lives.
    pub fn heard(&mut self, node: &Arc<str>, instance: u64, heartbeat: Heartbeat, now: Instant) -> Standing {
        self.remember(node);
        let peer = Peer { node: node.clone(), instance, heard_at: now, heartbeat };
        match self.peers.insert(node.clone(), peer) {
            None => Standing::New,
            Some(before) if before.instance == instance => Standing::Known,
            Some(_) => Standing::Doubled,
        }
    }

    /// A node said something: there is a node of that name.
    pub fn remember(&mut self, node: &Arc<str>) {
        if self.names.contains(node) || node.is_empty() {
            return;
        }
        if self.names.len() >= NAMES_MAX {
            // Those that are alive are heard again soon.
            self.names.clear();
        }
        self.names.insert(node.clone());
    }

    /// Whether a node of that name was ever heard of.
    pub fn remembers(&self, node: &str) -> bool {
        self.names.contains(node)
    }

    /// A node says goodbye; false if it was not known, or this is another run of it.
    pub fn left(&mut self, node: &str, instance: u64) -> bool {
        let known = self.peers.get(node).is_some_and(|peer| peer.instance == instance);
        known && self.peers.remove(node).is_some()
    }

    /// The moment at which [`sweep`](Self::sweep) will have something to do, if nobody says anything until then.
    pub fn next_silence(&self, connected_at: Instant, patience: Duration) -> Option<Instant> {
        self.peers.values().map(|peer| peer.heard_at.max(connected_at) + patience).min()
    }

    /// Forgets the nodes that were silent for too long since they could be heard, and names them.
    pub fn sweep(&mut self, now: Instant, connected_at: Instant, patience: Duration) -> Vec<Arc<str>> {
        let silent = |peer: &Peer| now.saturating_duration_since(peer.heard_at.max(connected_at)) >= patience;
        let gone: Vec<_> =
            self.peers.values().filter(|peer| silent(peer)).map(|peer| peer.node.clone()).collect();
        gone.iter().for_each(|node| drop(self.peers.remove(node)));
        gone
    }

    /// Whether a node of that name is alive.
    pub fn knows(&self, node: &str) -> bool {
        self.peers.contains_key(node)
    }

    /// The nodes whose clients can enter a namespace.
    pub fn serving(&self, namespace: &str) -> Vec<Arc<str>> {
        let serves = |peer: &&Peer| peer.heartbeat.namespaces.iter().any(|name| name == namespace);
        self.peers.values().filter(serves).map(|peer| peer.node.clone()).collect()
    }

    /// Whether another node than `owner` has members in rooms that are named like somebody's socket id.
    pub fn borrows_from(&self, owner: &str) -> bool {
        self.peers.values().any(|peer| peer.heartbeat.borrowed_ids > 0 && *peer.node != *owner)
    }

    /// All of them, in the order of their names.
    pub fn all(&self) -> Vec<Peer> {
        let mut all: Vec<_> = self.peers.values().cloned().collect();
        all.sort_by(|a, b| a.node.cmp(&b.node));
        all
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.peers.len()
    }
}

#[cfg(test)]
mod tests;
