//! Routing of an emit in the cluster.

use std::sync::Arc;

use fanfare_proto::Subject;

use super::directory::Directory;
use super::peers::Peers;
use crate::ids::{NodeTag, Room, SocketId};

/// Number of places above which an emit is sent to the whole namespace instead: each node then picks its own part.
const COPIES_MAX: usize = 16;

/// Subjects of the nodes that may have members of these rooms, each once; none if all members are here.
///
/// A room named like the socket of a node concerns that node, and those that have announced members in it. It counts as
/// an ordinary room too while announcements may be missing, or the node is silent; and as nothing else if no such node
/// was ever heard of.
pub fn subjects_for(
    namespace: &Arc<str>,
    rooms: &[Room],
    directory: &Directory,
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
        let place = directory.locate(room.as_str());
        if let Some(place) = &place {
            place
                .owner()
                .into_iter()
                .chain(place.guests().cloned())
                .for_each(|node| add(Subject::Node(node)));
        }
        if place.is_none_or(|place| !place.is_synced) {
            add(Subject::room(namespace, room.as_str(), buckets));
        }
    }
    if subjects.len() > COPIES_MAX { vec![Subject::Namespace(namespace.clone())] } else { subjects }
}

/// Nodes that have to answer for the selected sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Only this node has such sockets.
    Here,
    /// These nodes, and this one.
    Nodes(Vec<Arc<str>>),
    /// Every node that serves the namespace.
    All,
}

/// Returns the nodes that a question about these rooms concerns. While the bus is away (`is_away`) a socket of this
/// node concerns this node alone, as far as it knows.
pub fn audience_for(
    namespace: &str,
    rooms: &[Room],
    directory: &Directory,
    peers: &Peers,
    is_away: bool,
) -> Audience {
    let [room] = rooms else { return Audience::All };
    let Some(place) = directory.locate(room.as_str()) else { return Audience::All };
    let is_ours_alone = is_away && place.owner().is_none();
    if !place.is_synced && !is_ours_alone {
        return Audience::All;
    }
    let mut nodes: Vec<Arc<str>> = place.owner().into_iter().collect();
    // A guest has such a room in some namespace, which need not be this one.
    for guest in place.guests().filter(|guest| peers.serves(guest, namespace)) {
        if !nodes.contains(guest) {
            nodes.push(guest.clone());
        }
    }
    match nodes.len() {
        0 => Audience::Here,
        1..=COPIES_MAX => Audience::Nodes(nodes),
        _ => Audience::All,
    }
}

/// Subjects for a sender that does not hear other nodes, and so cannot tell a socket from a room.
pub fn subjects_from_outside(namespace: &Arc<str>, rooms: &[Room], buckets: u32) -> Vec<Subject> {
    let may_be_socket = |room: &Room| SocketId::parse(room.as_str()).is_some();
    if rooms.iter().any(may_be_socket) {
        return vec![Subject::Namespace(namespace.clone())];
    }
    subjects_for(namespace, rooms, &Directory::new(NodeTag::random()), buckets)
}

#[cfg(test)]
mod tests;
