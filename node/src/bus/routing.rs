//! Where in the cluster an emit has to go.

use std::sync::Arc;

use fanfare_proto::Subject;

use super::peers::Peers;
use crate::ids::{NodeTag, Room, SocketId};

/// An emit to more places is sent to the whole namespace instead: each node sorts out what concerns it.
const COPIES_MAX: usize = 16;

/// The subjects on which those who may have members of these rooms listen, each once; none if they are all here.
///
/// A room named like the socket of a node is the business of that node. But such names can be made up, and anybody may
/// join the room of another socket: so if no such node was heard of it is an ordinary room, and it is that too if the
/// node is silent or others have members in such rooms.
pub fn subjects_for(
    namespace: &Arc<str>,
    rooms: &[Room],
    own: NodeTag,
    peers: &Peers,
    buckets: u32,
) -> Vec<Subject> {
    if rooms.is_empty() {
        return vec![Subject::Namespace(namespace.clone())];
    }
    let mut subjects: Vec<Subject> = Vec::with_capacity(rooms.len());
    let mut add = |subject| {
        if !subjects.contains(&subject) {
            subjects.push(subject);
        }
    };
    for room in rooms {
        let Some(owner) = SocketId::parse(room.as_str()).map(|id| id.node()) else {
            add(Subject::room(namespace, room.as_str(), buckets));
            continue;
        };
        if owner != own && peers.remembers(owner.as_str()) {
            add(Subject::Node(owner.as_str().into()));
        }
        let is_alive = owner == own || peers.knows(owner.as_str());
        if !is_alive || peers.borrows_from(owner.as_str()) {
            add(Subject::room(namespace, room.as_str(), buckets));
        }
    }
    if subjects.len() > COPIES_MAX { vec![Subject::Namespace(namespace.clone())] } else { subjects }
}

/// Who has to answer for the sockets that are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Only this node has such sockets.
    Here,
    /// One node, and this one.
    Node(Arc<str>),
    /// Everybody who serves the namespace.
    All,
}

/// Whom a question about these rooms concerns.
pub fn audience_for(rooms: &[Room], own: NodeTag, peers: &Peers) -> Audience {
    let [room] = rooms else { return Audience::All };
    let Some(owner) = SocketId::parse(room.as_str()).map(|id| id.node()) else { return Audience::All };
    if peers.borrows_from(owner.as_str()) {
        Audience::All
    } else if owner == own {
        Audience::Here
    } else if peers.knows(owner.as_str()) {
        Audience::Node(owner.as_str().into())
    } else {
        Audience::All
    }
}

/// The subjects for who hears nobody, and so cannot tell a socket from a room.
pub fn subjects_from_outside(namespace: &Arc<str>, rooms: &[Room], buckets: u32) -> Vec<Subject> {
    let may_be_socket = |room: &Room| SocketId::parse(room.as_str()).is_some();
    if rooms.iter().any(may_be_socket) {
        return vec![Subject::Namespace(namespace.clone())];
    }
    subjects_for(namespace, rooms, NodeTag::random(), &Peers::default(), buckets)
}

#[cfg(test)]
mod tests;
