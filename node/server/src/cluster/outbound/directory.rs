//! Places of the members of rooms that are named like socket ids, looked up before an emit is routed. An immutable
//! value, so that emits read it without a lock.
//!
//! A name counts as an id if it begins with the tag of a node that was heard of. Any other name is an ordinary room's.

use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use crate::ids::{NodeTag, SocketId};

/// Knowledge of one node about the others' ids. Clones share everything.
#[derive(Clone, Debug)]
pub struct Directory {
    own: NodeTag,
    /// Nodes ever heard of. One that is silent may only be cut off.
    known: Arc<FxHashSet<NodeTag>>,
    /// Nodes, this one perhaps among them, for whose ids all other nodes with members in their rooms are known.
    synced: Arc<FxHashSet<NodeTag>>,
    guests: Arc<Guests>,
}

/// Nodes with members in rooms that are named like sockets of other nodes.
#[derive(Debug, Default)]
pub struct Guests {
    /// By id. Names are made up by clients, so the hasher is a keyed one.
    elsewhere: HashMap<SocketId, SmallVec<[Arc<str>; 1]>>,
    /// Nodes that have more of them than they list, or cannot list any.
    anywhere: Vec<Arc<str>>,
}

/// Places where a room that is named like an id may have members.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The node that the id names; `None` if it is this one.
    owner: Option<NodeTag>,
    elsewhere: &'a [Arc<str>],
    anywhere: &'a [Arc<str>],
    /// Whether there is no other place.
    pub is_synced: bool,
}

impl Directory {
    /// The directory of a node that has not heard of any other.
    pub fn new(own: NodeTag) -> Self {
        Self { own, known: Arc::default(), synced: Arc::default(), guests: Arc::default() }
    }

    /// Returns the nodes where a room may have members because of its name; `None` if it is an ordinary room.
    pub fn locate(&self, room: &str) -> Option<Place<'_>> {
        let id = SocketId::parse(room)?;
        let owner = id.node();
        if owner != self.own && !self.knows(owner) {
            return None;
        }
        Some(Place {
            owner: (owner != self.own).then_some(owner),
            elsewhere: self.guests.elsewhere.get(&id).map_or(&[], SmallVec::as_slice),
            anywhere: &self.guests.anywhere,
            is_synced: self.synced.contains(&owner),
        })
    }

    /// Returns the id of another node's socket that this name is, as far as such nodes are known.
    pub fn foreign_id(&self, room: &str) -> Option<SocketId> {
        SocketId::parse(room).filter(|id| id.node() != self.own && self.knows(id.node()))
    }

    /// Whether a node was ever heard of.
    pub fn knows(&self, node: NodeTag) -> bool {
        self.known.contains(&node)
    }

    /// Number of nodes that were ever heard of.
    pub fn known_count(&self) -> usize {
        self.known.len()
    }

    /// Whether any node is synced.
    pub fn is_any_synced(&self) -> bool {
        !self.synced.is_empty()
    }

    /// Notes that a node was heard of.
    pub fn remember(&mut self, node: NodeTag) {
        Arc::make_mut(&mut self.known).insert(node);
    }

    /// Forgets all nodes but these.
    pub fn forget_all_but(&mut self, nodes: FxHashSet<NodeTag>) {
        self.known = Arc::new(nodes);
    }

    /// Replaces the synced nodes. Returns false if nothing changed.
    pub fn set_synced(&mut self, nodes: FxHashSet<NodeTag>) -> bool {
        let is_new = *self.synced != nodes;
        if is_new {
            self.synced = Arc::new(nodes);
        }
        is_new
    }

    /// Replaces the guests.
    pub fn set_guests(&mut self, guests: Guests) {
        self.guests = Arc::new(guests);
    }
}

impl Guests {
    /// Notes that a node has members in the rooms of these ids. Ids of its own sockets are ignored.
    pub fn list(&mut self, node: &Arc<str>, ids: impl Iterator<Item = SocketId>) {
        for id in ids.filter(|id| id.node().as_str() != &**node) {
            let nodes = self.elsewhere.entry(id).or_default();
            if !nodes.contains(node) {
                nodes.push(node.clone());
            }
        }
    }

    /// Notes that a node may have members in the room of any id.
    pub fn suspect(&mut self, node: &Arc<str>) {
        self.anywhere.push(node.clone());
    }
}

impl Place<'_> {
    /// Returns the name of the node in the id, unless it is this one.
    pub fn owner(&self) -> Option<Arc<str>> {
        self.owner.map(|owner| owner.as_str().into())
    }

    /// Other nodes that have members in this room, or may have; some perhaps twice.
    pub fn guests(&self) -> impl Iterator<Item = &Arc<str>> {
        self.elsewhere.iter().chain(self.anywhere)
    }
}
