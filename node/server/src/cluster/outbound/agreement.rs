//! Agreement on the settings that all nodes of a cluster must share. Pure: the caller passes the heartbeats of others.
//!
//! Nodes that disagree miss each other's emits, so not all of them may serve. The newcomer yields: it does not take new
//! clients. Starting times form a total order, as each node tells its own, so that of two that disagree just one
//! yields. A node that yields goes on to do so until no serving node disagrees with it: it does not win by outliving
//! those that were right.

use std::fmt;
use std::sync::Arc;

use super::peers::Peer;

/// Start of a node by its own clock, in milliseconds since 1970, and the number of this run. The least is the eldest.
type Start = (u64, u64);

/// Agreement of this node with the others on settings that all need alike.
#[derive(Debug)]
pub struct Agreement {
    start: Start,
    room_buckets: u32,
    /// Reason why this node yields.
    dispute: Option<Dispute>,
    /// Number of other nodes that disagree with this one.
    disagreeing: usize,
}

/// Disagreement with another node that serves with another setting and does not have to yield. Its text is for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    node: Arc<str>,
    theirs: u32,
    ours: u32,
}

impl Agreement {
    /// The agreement of a node that has not heard any other yet.
    pub fn new(started_at_ms: u64, instance: u64, room_buckets: u32) -> Self {
        Self { start: (started_at_ms, instance), room_buckets, dispute: None, disagreeing: 0 }
    }

    /// Decides which nodes yield, now that these are alive. Returns whether that changes anything for this node.
    pub fn judge<'a>(&mut self, peers: impl Iterator<Item = &'a Peer>) -> bool {
        let yields = self.dispute.is_some();
        let disagreeing: Vec<_> = peers.filter(|peer| self.disagrees(peer)).collect();
        let wins = |peer: &&&Peer| !peer.heartbeat.yields && (yields || start_of(peer) < self.start);
        let winner = disagreeing.iter().filter(wins).min_by_key(|peer| start_of(peer));
        self.dispute = winner.map(|peer| Dispute {
            node: peer.node.clone(),
            theirs: peer.heartbeat.room_buckets,
            ours: self.room_buckets,
        });
        self.disagreeing = disagreeing.len();
        yields != self.dispute.is_some()
    }

    /// A node of an older release does not tell when it started: it is not judged.
    fn disagrees(&self, peer: &Peer) -> bool {
        peer.heartbeat.started_at_ms != 0 && peer.heartbeat.room_buckets != self.room_buckets
    }

    /// When this node started, in milliseconds since 1970.
    pub fn started_at_ms(&self) -> u64 {
        self.start.0
    }

    /// Reason why this node yields, if it does.
    pub fn dispute(&self) -> Option<&Dispute> {
        self.dispute.as_ref()
    }

    /// Number of other nodes that disagree with this one.
    pub fn disagreeing(&self) -> usize {
        self.disagreeing
    }
}

fn start_of(peer: &Peer) -> Start {
    (peer.heartbeat.started_at_ms, peer.instance)
}

impl fmt::Display for Dispute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, theirs, ours } = self;
        write!(
            f,
            "room_buckets is {ours} here and {theirs} on node {node}, which was there before: configure all nodes of \
             the cluster alike and restart this one"
        )
    }
}

#[cfg(test)]
mod tests;
