//! Emits to the sockets of all children of a parent.

use std::sync::Arc;

use fanfare_proto::wire;
use fanfare_proto::wire::envelope::Body;
use serde::Serialize;

use super::emit::Flags;
use super::error::EmitError;
use super::parent::ParentNamespace;
use super::rooms::IntoRooms;
use crate::cluster::outbound::{ClusterLink, target};
use crate::outbox::Packet;
use crate::room::Target;
use fanfare_socketio::encode;

/// An emit to the sockets of all children of a parent. Rooms are those of each child, and add up as in a
/// [`Broadcast`](crate::Broadcast). There are no acknowledgements: [`ParentNamespace::children`] ask for them, each for itself.
#[derive(Clone)]
#[must_use = "an operator does nothing until `emit` is called"]
pub struct ParentBroadcast {
    parent: ParentNamespace,
    target: Target,
    flags: Flags,
    is_local: bool,
}

impl ParentBroadcast {
    pub(super) fn new(parent: ParentNamespace) -> Self {
        Self { parent, target: Target::default(), flags: Flags::default(), is_local: false }
    }

    /// Adds everybody in these rooms to the receivers.
    pub fn to(&self, rooms: impl IntoRooms) -> Self {
        let mut next = self.clone();
        next.target.rooms.extend(rooms.into_rooms());
        next
    }

    /// Synonym of [`to`](Self::to): JavaScript's `in`.
    pub fn within(&self, rooms: impl IntoRooms) -> Self {
        self.to(rooms)
    }

    /// Excludes everybody in these rooms.
    pub fn except(&self, rooms: impl IntoRooms) -> Self {
        let mut next = self.clone();
        next.target.except.extend(rooms.into_rooms());
        next
    }

    /// Limits the emit to sockets of this node (LOCAL-1).
    pub fn local(&self) -> Self {
        Self { is_local: true, ..self.clone() }
    }

    /// The packet may be lost: it is dropped for a client that is not ready to take it at once.
    pub fn volatile(&self) -> Self {
        let mut next = self.clone();
        next.flags.volatile = true;
        next
    }

    /// Whether a polling answer that carries the packet may be compressed. Default true.
    pub fn compress(&self, compress: bool) -> Self {
        let mut next = self.clone();
        next.flags.compress = compress;
        next
    }

    /// `false` promises that the arguments contain no bytes: an emit that does fails with
    /// [`EmitError::UnexpectedBytes`]. Default true: bytes travel as attachments.
    pub fn binary(&self, binary: bool) -> Self {
        let mut next = self.clone();
        next.flags.binary = binary;
        next
    }

    /// Sends an event with its arguments: a tuple is several, `()` none, anything else is one.
    ///
    /// # Errors
    /// Those of [`EmitError`]. With [`EmitError::Overloaded`] some children of this node did not get it.
    pub fn emit(&self, event: &str, arguments: impl Serialize) -> Result<(), EmitError> {
        let parent = &self.parent.parent;
        // Encoded once, and written into each child's packets.
        let encoded = self.flags.encode("/", None, event, &arguments)?;
        let body = || {
            Body::Broadcast(wire::Broadcast {
                target: Some(target("/", &self.target.rooms, &self.target.except)),
                volatile: self.flags.volatile,
                uncompressed: !self.flags.compress,
                packet: encoded.text.to_string(),
                attachments: encoded.attachments.clone(),
                answers_wanted: None,
                parent: parent.key().to_string(),
            })
        };
        let elsewhere = self.cluster().map(|cluster| (cluster, body()));
        if let Some((cluster, body)) = &elsewhere {
            cluster.check_size(body)?;
        }
        let mut result = Ok(());
        for child in parent.children() {
            let packet = Packet::new(encode::within(&encoded, child.name()), self.flags.compress);
            if let Err(overloaded) = child.rooms.broadcast(self.target.clone(), packet, self.flags.volatile) {
                result = Err(overloaded.into());
            }
        }
        if let Some((cluster, body)) = elsewhere {
            cluster.say_to_namespace(parent.key(), body);
        }
        result
    }

    /// Sends the event `message`.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn send(&self, arguments: impl Serialize) -> Result<(), EmitError> {
        self.emit("message", arguments)
    }

    fn cluster(&self) -> Option<&Arc<ClusterLink>> {
        self.parent.node.cluster.as_ref().filter(|_| !self.is_local)
    }
}
