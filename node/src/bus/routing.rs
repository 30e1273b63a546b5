//! Where in the cluster an emit has to go.

use std::sync::Arc;

use fanfare_proto::Subject;

use super::peers::Peers;
use crate::ids::{NodeTag, Room, SocketId};

/// An emit to more places is sent to the whole namespace instead: each node sorts out what concerns it.
const COPIES_MAX: usize = 16;

/// The subjects on which those who may have members of these rooms listen, each once; none if they are all here.
///
/// A room named like a socket id is the business of the node that the id names. Such names can be made up, though, and
/// anybody may join the room of another socket: so if that node is not known, or others have members in such rooms, it
/// is treated as the ordinary room it may be, too.
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
        let Some(id) = SocketId::parse(room.as_str()) else {
            add(Subject::room(namespace, room.as_str(), buckets));
            continue;
        };
        let (tag, is_own) = (id.node(), id.node() == own);
        if !is_own {
            add(Subject::Node(tag.as_str().into()));
        }
        let is_known = is_own || peers.knows(tag.as_str());
        if !is_known || peers.borrows_from(tag.as_str()) {
            add(Subject::room(namespace, room.as_str(), buckets));
        }
    }
    if subjects.len() > COPIES_MAX { vec![Subject::Namespace(namespace.clone())] } else { subjects }
}

#[cfg(test)]
mod tests;
