//! Names by which clients of Engine.IO 3 know their sockets: they make them themselves, of the id of their session.
//!
//! In the main namespace a client of Socket.IO 2 takes the id of the session, in another one `<namespace>#<id>`; Socket.IO 1
//! takes the id everywhere. Whatever of these is not the id of the socket is a room that it is in.

use std::sync::Arc;

use smallvec::SmallVec;

use super::core::NamespaceCore;
use crate::ids::{Room, SocketId};
use crate::socket::{Link, SocketCore};
use fanfare_engineio::request::Protocol;

impl NamespaceCore {
    /// The id of a new socket. In protocol 3 it is that of the session, unless an earlier socket of the same client has not
    /// left yet.
    pub(super) fn id_for(&self, link: &Link, reactor: usize) -> SocketId {
        let of_session = SocketId::of_session(link.session);
        if link.protocol == Protocol::V3 && self.socket(of_session).is_none() {
            return of_session;
        }
        SocketId::generate(self.node.tag, reactor)
    }
}

/// Lets a socket into the rooms that are named as its client names it.
pub(super) fn join(socket: &Arc<SocketCore>) {
    if socket.link.protocol == Protocol::V4 {
        return;
    }
    let mut rooms = SmallVec::<[Room; 2]>::new();
    let session = socket.link.session.as_str();
    if socket.id.as_str() != session {
        rooms.push(session.into());
    }
    if socket.namespace.name() != "/" {
        rooms.push(format!("{}#{session}", socket.namespace.name()).into());
    }
    if let Err(error) = socket.join_here(&rooms) {
        tracing::debug!(%socket.id, %error, "a socket cannot be reached by the name that its client gives it");
    }
}
