//! The other nodes of the cluster, as their heartbeats tell. Pure: the time is given.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fanfare_proto::wire::Heartbeat;

/// Names remembered of nodes that were heard of; a cluster that restarts its nodes for years has more.
const NAMES_MAX: usize = 10_000;

/// Nodes remembered that fell silent; beyond it the one that was found so first is forgotten.
const SILENT_MAX: usize = 1_000;

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
    /// The node counted as gone after it was silent for so long: it was stopped, or cut off.
    Back(Duration),
    /// Two nodes have the same name: a socket id does not tell which one is meant.
    Doubled,
}

/// The nodes that are alive, by name.
#[derive(Debug, Default)]
pub struct Peers {
    peers: HashMap<Arc<str>, Peer>,
    /// Every node that was ever heard of: one that is silent may only be cut off.
    names: HashSet<Arc<str>>,
    /// Those that counted as gone because they were silent, with the time they were heard last: they may come back.
    silent: VecDeque<(u64, Arc<str>, Instant)>,
}

impl Peers {
    /// A node says that it lives.
    pub fn heard(&mut self, node: &Arc<str>, instance: u64, heartbeat: Heartbeat, now: Instant) -> Standing {
        self.remember(node);
        let peer = Peer { node: node.clone(), instance, heard_at: now, heartbeat };
        match self.peers.insert(node.clone(), peer) {
            None => match self.silent.iter().position(|(silent, ..)| *silent == instance) {
                Some(place) => {
                    let heard_at = self.silent.remove(place).map_or(now, |(_, _, heard_at)| heard_at);
                    Standing::Back(now.saturating_duration_since(heard_at))
                }
                None => Standing::New,
            },
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
        for peer in gone.iter().filter_map(|node| self.peers.remove(node)) {
            if self.silent.len() >= SILENT_MAX {
                self.silent.pop_front();
            }
            self.silent.push_back((peer.instance, peer.node, peer.heard_at));
        }
        gone
    }

    /// The name of the node of this run, if it is alive or was lately.
    pub fn name_of(&self, instance: u64) -> Option<Arc<str>> {
        let alive = self.peers.values().find(|peer| peer.instance == instance).map(|peer| &peer.node);
        let silent = || self.silent.iter().find(|(silent, ..)| *silent == instance).map(|(_, node, _)| node);
        alive.or_else(silent).cloned()
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
