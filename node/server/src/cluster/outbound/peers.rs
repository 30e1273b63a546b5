//! The other nodes of the cluster, according to their heartbeats. Pure: the caller passes the time.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fanfare_proto::wire::Heartbeat;
use rustc_hash::FxHashSet;

use super::borrowed::LISTED_MAX;
use super::directory::{Directory, Guests};
use crate::ids::{NodeTag, SocketId};

/// Number of names of nodes that are remembered; a cluster that restarts its nodes for years has more.
const NAMES_MAX: usize = 10_000;

/// Number of silent nodes that are remembered; beyond it the one that fell silent first is forgotten.
const SILENT_MAX: usize = 1_000;

/// A node that answered lately.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Name of the node: the start of its socket ids.
    pub node: Arc<str>,
    /// This run of it.
    pub instance: u64,
    /// When this run was heard first.
    pub since: Instant,
    /// When it was heard last.
    pub heard_at: Instant,
    /// The node's last heartbeat.
    pub heartbeat: Heartbeat,
}

/// Effect of a heartbeat on the knowledge about a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The node was known.
    Known,
    /// The node was not known.
    New,
    /// The node counted as gone after a silence of this length: it was stopped, or cut off.
    Back(Duration),
    /// Two nodes have the same name: a socket id does not tell which of them it belongs to.
    Doubled,
}

/// The nodes that are alive, by name.
#[derive(Debug)]
pub struct Peers {
    own: NodeTag,
    /// Time until every node has heard of a new one, and has announced its borrowed ids.
    patience: Duration,
    /// Moment at which this node heard others for the first time.
    began: Option<Instant>,
    /// Moment since which it hears them without interruption.
    hears_since: Option<Instant>,
    peers: HashMap<Arc<str>, Peer>,
    /// Those that counted as gone because they were silent, with the time they were heard last: they may come back.
    silent: VecDeque<(u64, Arc<str>, Instant)>,
    /// The part of this knowledge that emits use.
    directory: Directory,
    /// The directory has changed since it was [taken](Self::take_directory).
    is_changed: bool,
}

impl Peers {
    /// The peers of a new node with this tag: none yet. Each node announces all its borrowed ids once in `patience`.
    pub fn new(own: NodeTag, patience: Duration) -> Self {
        Self {
            own,
            patience,
            began: None,
            hears_since: None,
            peers: HashMap::new(),
            silent: VecDeque::new(),
            directory: Directory::new(own),
            is_changed: false,
        }
    }

    /// Notes that other nodes can be heard from now on, or not any more.
    pub fn set_hearing(&mut self, hears: bool, now: Instant) {
        self.hears_since = hears.then_some(now);
        self.began = self.began.or(self.hears_since);
        self.update_synced(now);
    }

    /// Takes the heartbeat of a node.
    pub fn heard(&mut self, node: &Arc<str>, instance: u64, heartbeat: Heartbeat, now: Instant) -> Standing {
        self.remember(node);
        let mut peer = Peer { node: node.clone(), instance, since: now, heard_at: now, heartbeat };
        if peer.heartbeat.borrowed.len() > LISTED_MAX {
            peer.heartbeat.borrowed = Vec::new();
        }
        let borrows = peer.heartbeat.borrowed_ids > 0;
        let before = self.peers.remove(node);
        let (standing, is_changed) = match &before {
            None => (self.newcomer(instance, now), borrows),
            Some(before) if before.instance != instance => (Standing::Doubled, !peer.borrows_as(before)),
            Some(before) => {
                peer.since = before.since;
                (Standing::Known, !peer.borrows_as(before))
            }
        };
        self.peers.insert(node.clone(), peer);
        if is_changed {
            self.refresh_guests();
        }
        if !self.directory.is_any_synced() {
            // Perhaps it was the last one to tell.
            self.update_synced(now);
        }
        standing
    }

    /// Adds a node that was not known until now.
    fn newcomer(&mut self, instance: u64, now: Instant) -> Standing {
        let Some(place) = self.silent.iter().position(|(silent, ..)| *silent == instance) else {
            return Standing::New;
        };
        let heard_at = self.silent.remove(place).map_or(now, |(_, _, heard_at)| heard_at);
        Standing::Back(now.saturating_duration_since(heard_at))
    }

    /// Notes the name of a node that sent a message.
    pub fn remember(&mut self, node: &str) {
        let Some(tag) = NodeTag::parse(node).filter(|tag| *tag != self.own) else { return };
        if self.directory.knows(tag) {
            return;
        }
        if self.directory.known_count() >= NAMES_MAX {
            let alive = self.peers.keys().filter_map(|node| NodeTag::parse(node));
            self.directory.forget_all_but(alive.collect());
        }
        self.directory.remember(tag);
        self.is_changed = true;
    }

    /// Removes a node that says goodbye. Returns false if it was not known, or this is another run of it.
    pub fn left(&mut self, node: &str, instance: u64) -> bool {
        let is_known = self.peers.get(node).is_some_and(|peer| peer.instance == instance);
        is_known && self.remove(node).is_some()
    }

    /// Returns the moment at which [`sweep`](Self::sweep) will have something to do, if no heartbeat comes until then.
    pub fn next_silence(&self, connected_at: Instant, patience: Duration) -> Option<Instant> {
        self.peers.values().map(|peer| peer.heard_at.max(connected_at) + patience).min()
    }

    /// Forgets the nodes that were silent for too long since they could be heard, and returns their names.
    pub fn sweep(&mut self, now: Instant, connected_at: Instant, patience: Duration) -> Vec<Arc<str>> {
        let silent = |peer: &Peer| now.saturating_duration_since(peer.heard_at.max(connected_at)) >= patience;
        let gone: Vec<_> =
            self.peers.values().filter(|peer| silent(peer)).map(|peer| peer.node.clone()).collect();
        for node in &gone {
            let Some(peer) = self.remove(node) else { continue };
            if self.silent.len() >= SILENT_MAX {
                self.silent.pop_front();
            }
            self.silent.push_back((peer.instance, peer.node, peer.heard_at));
        }
        self.update_synced(now);
        gone
    }

    /// The name of the node of this run, if it is alive or was lately.
    pub fn name_of(&self, instance: u64) -> Option<Arc<str>> {
        let alive = self.peers.values().find(|peer| peer.instance == instance).map(|peer| &peer.node);
        let silent = || self.silent.iter().find(|(silent, ..)| *silent == instance).map(|(_, node, _)| node);
        alive.or_else(silent).cloned()
    }

    fn remove(&mut self, node: &str) -> Option<Peer> {
        let peer = self.peers.remove(node)?;
        if peer.heartbeat.borrowed_ids > 0 {
            self.refresh_guests();
        }
        Some(peer)
    }

    /// Decides for which nodes' ids all members are known: once each node has announced its borrowed ids since it can
    /// be heard, and has had the time to hear of the owner. Until then an id may have unknown members.
    pub fn update_synced(&mut self, now: Instant) {
        let is_long_ago = |since: Instant| now.saturating_duration_since(since) >= self.patience;
        let have_told = |since| self.peers.values().all(|peer| peer.heard_at >= since);
        let mut synced = FxHashSet::default();
        if self.hears_since.is_some_and(have_told) {
            let peers = self.peers.values().filter(|peer| is_long_ago(peer.since));
            synced.extend(peers.filter_map(|peer| NodeTag::parse(&peer.node)));
            synced.extend(self.began.filter(|began| is_long_ago(*began)).map(|_| self.own));
        }
        self.is_changed |= self.directory.set_synced(synced);
    }

    fn refresh_guests(&mut self) {
        let mut guests = Guests::default();
        for peer in self.peers.values().filter(|peer| peer.heartbeat.borrowed_ids > 0) {
            match peer.listed() {
                Some(ids) => guests.list(&peer.node, ids),
                None => guests.suspect(&peer.node),
            }
        }
        self.directory.set_guests(guests);
        self.is_changed = true;
    }

    /// The directory, if it has changed since it was taken.
    pub fn take_directory(&mut self) -> Option<Directory> {
        std::mem::take(&mut self.is_changed).then(|| self.directory.clone())
    }

    /// Whether a node of that name is alive.
    pub fn knows(&self, node: &str) -> bool {
        self.peers.contains_key(node)
    }

    /// Whether the clients of a node can enter a namespace, according to its heartbeat.
    pub fn serves(&self, node: &str, namespace: &str) -> bool {
        self.peers.get(node).is_some_and(|peer| peer.serves(namespace))
    }

    /// Returns the nodes that serve a namespace.
    pub fn serving(&self, namespace: &str) -> Vec<Arc<str>> {
        let serving = self.peers.values().filter(|peer| peer.serves(namespace));
        serving.map(|peer| peer.node.clone()).collect()
    }

    /// Returns the nodes that confirm the announcements of others.
    pub fn confirming(&self) -> Vec<Arc<str>> {
        let confirming = self.peers.values().filter(|peer| peer.heartbeat.confirms);
        confirming.map(|peer| peer.node.clone()).collect()
    }

    /// Iterates over the nodes.
    pub fn iter(&self) -> impl Iterator<Item = &Peer> {
        self.peers.values()
    }

    /// Returns all nodes, in the order of their names.
    pub fn all(&self) -> Vec<Peer> {
        let mut all: Vec<_> = self.peers.values().cloned().collect();
        all.sort_by(|a, b| a.node.cmp(&b.node));
        all
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.peers.len()
    }
}

impl Peer {
    fn serves(&self, namespace: &str) -> bool {
        self.heartbeat.namespaces.iter().any(|name| name == namespace)
    }

    /// Ids that the node has borrowed; `None` if it has more of them than it lists, or is of an older release, which
    /// lists none.
    fn listed(&self) -> Option<impl Iterator<Item = SocketId> + '_> {
        let Heartbeat { borrowed_ids, borrowed, .. } = &self.heartbeat;
        let is_complete = *borrowed_ids <= borrowed.len() as u64 && borrowed.len() <= LISTED_MAX;
        is_complete.then(|| borrowed.iter().filter_map(|id| SocketId::parse(id)))
    }

    fn borrows_as(&self, other: &Self) -> bool {
        let (one, other) = (&self.heartbeat, &other.heartbeat);
        one.borrowed_ids == other.borrowed_ids && one.borrowed == other.borrowed
    }
}

#[cfg(test)]
mod tests;
