//! Operators: they choose the receivers of an emit and how it travels, and then emit.
//!
//! Operators can be kept and used again; every method returns a new one.

use std::sync::Arc;
use std::time::Duration;

use fanfare_proto::wire::envelope::Body;
use fanfare_proto::{Subject, wire};
use serde::Serialize;

use super::ack::Acknowledgement;
use super::error::EmitError;
use super::rooms::IntoRooms;
use crate::cluster::outbound::{ClusterLink, TooLarge, target};
use crate::ids::Room;
use crate::namespace::NamespaceCore;
use crate::outbox::Packet;
use crate::room::Target;
use crate::socket::SocketCore;
use fanfare_socketio::{EncodeError, Encoded, encode};

/// Properties of a packet on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flags {
    pub(super) volatile: bool,
    pub(super) compress: bool,
    /// Whether the arguments may contain bytes.
    pub(super) binary: bool,
    pub(super) timeout: Option<Duration>,
}

impl Default for Flags {
    fn default() -> Self {
        Self { volatile: false, compress: true, binary: true, timeout: None }
    }
}

impl Flags {
    /// Encodes an event.
    pub(super) fn encode(
        &self,
        namespace: &str,
        ack: Option<u64>,
        event: &str,
        arguments: &impl Serialize,
    ) -> Result<Encoded, EmitError> {
        check_bytes(self.binary, encode::event(namespace, ack, event, arguments))
    }
}

/// Checks that an event has no attachments, unless it may be `binary`.
pub(super) fn check_bytes(binary: bool, encoded: Result<Encoded, EncodeError>) -> Result<Encoded, EmitError> {
    match encoded {
        Ok(encoded) if !binary && !encoded.attachments.is_empty() => Err(EmitError::UnexpectedBytes),
        Err(EncodeError::TooManyAttachments(_)) if !binary => Err(EmitError::UnexpectedBytes),
        encoded => Ok(encoded?),
    }
}

macro_rules! flag_methods {
    () => {
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
    };
}

/// An emit to many sockets of a namespace.
///
/// Rooms add up: `to("a").to("b")` is for everybody in either, each once (ONCE-1); `except` wins over both.
/// Without a room it is for the whole namespace.
#[derive(Clone)]
#[must_use = "an operator does nothing until `emit` is called"]
pub struct Broadcast {
    pub(super) namespace: Arc<NamespaceCore>,
    pub(super) target: Target,
    pub(super) flags: Flags,
    /// Only this node is concerned (LOCAL-1).
    pub(super) is_local: bool,
}

impl Broadcast {
    pub(super) fn new(namespace: Arc<NamespaceCore>) -> Self {
        Self { namespace, target: Target::default(), flags: Flags::default(), is_local: false }
    }

    pub(super) fn excluding(socket: &SocketCore, flags: Flags) -> Self {
        let mut broadcast = Self { flags, ..Self::new(socket.namespace.clone()) };
        broadcast.target.except.push(Room::from(socket.id));
        broadcast
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

    /// Limits the emit to sockets of this node (LOCAL-1). A node on its own has no others.
    pub fn local(&self) -> Self {
        Self { is_local: true, ..self.clone() }
    }

    /// Time that clients have to acknowledge, and other nodes to answer. Default: `request_timeout_ms` of
    /// [`ClusterOptions`](crate::ClusterOptions).
    pub fn timeout(&self, timeout: Duration) -> Self {
        let mut next = self.clone();
        next.flags.timeout = Some(timeout);
        next
    }

    flag_methods!();

    /// Sends an event with its arguments: a tuple is several, `()` none, anything else is one.
    ///
    /// # Errors
    /// Those of [`EmitError`]; nothing was sent then.
    pub fn emit(&self, event: &str, arguments: impl Serialize) -> Result<(), EmitError> {
        let encoded = self.flags.encode(self.namespace.name(), None, event, &arguments)?;
        let elsewhere = self.elsewhere(&encoded)?;
        let packet = Packet::new(encoded, self.flags.compress);
        self.namespace.rooms.broadcast(self.target.clone(), packet, self.flags.volatile)?;
        if let Some(elsewhere) = elsewhere {
            elsewhere.say();
        }
        Ok(())
    }

    /// Part of the emit that concerns other nodes; `None` if none is concerned.
    fn elsewhere(&self, encoded: &Encoded) -> Result<Option<Elsewhere<'_>>, TooLarge> {
        let Some(cluster) = self.cluster() else { return Ok(None) };
        let subjects = cluster.route(self.namespace.shared_name(), &self.target.rooms);
        if subjects.is_empty() {
            return Ok(None);
        }
        let body = self.body(encoded, None);
        cluster.check_size(&body)?;
        Ok(Some(Elsewhere { cluster, subjects, body }))
    }

    /// The cluster, unless the operator stays on this node, or the namespace has ended here.
    pub(super) fn cluster(&self) -> Option<&Arc<ClusterLink>> {
        self.namespace.node.cluster.as_ref().filter(|_| !self.is_local && !self.namespace.is_closed())
    }

    /// The emit as other nodes get it.
    pub(super) fn body(&self, encoded: &Encoded, answers_wanted: Option<wire::AnswersWanted>) -> Body {
        Body::Broadcast(wire::Broadcast {
            target: Some(target(self.namespace.name(), &self.target.rooms, &self.target.except)),
            volatile: self.flags.volatile,
            uncompressed: !self.flags.compress,
            packet: encoded.text.to_string(),
            attachments: encoded.attachments.clone(),
            answers_wanted,
            ..wire::Broadcast::default()
        })
    }

    /// Sends the event `message`.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn send(&self, arguments: impl Serialize) -> Result<(), EmitError> {
        self.emit("message", arguments)
    }
}

/// Message to other nodes, sent once this node has done its part.
struct Elsewhere<'a> {
    cluster: &'a ClusterLink,
    subjects: Vec<Subject>,
    body: Body,
}

impl Elsewhere<'_> {
    fn say(self) {
        self.cluster.say(&self.subjects, self.body);
    }
}

/// An emit to one socket, with flags; rooms turn it into a [`Broadcast`] without the sender.
#[derive(Clone)]
#[must_use = "an operator does nothing until `emit` is called"]
pub struct Direct {
    socket: Arc<SocketCore>,
    flags: Flags,
}

impl Direct {
    pub(super) fn new(socket: Arc<SocketCore>) -> Self {
        Self { socket, flags: Flags::default() }
    }

    flag_methods!();

    /// Time to wait for an acknowledgement. Default: until the socket is disconnected.
    pub fn timeout(&self, timeout: Duration) -> Self {
        let mut next = self.clone();
        next.flags.timeout = Some(timeout);
        next
    }

    /// Targets everybody in these rooms but this socket.
    pub fn to(&self, rooms: impl IntoRooms) -> Broadcast {
        self.broadcast().to(rooms)
    }

    /// Targets everybody in these rooms, including this socket if it is in one of them.
    pub fn within(&self, rooms: impl IntoRooms) -> Broadcast {
        Broadcast { flags: self.flags, ..Broadcast::new(self.socket.namespace.clone()) }.to(rooms)
    }

    /// Targets everybody in the namespace but this socket and those in these rooms.
    pub fn except(&self, rooms: impl IntoRooms) -> Broadcast {
        self.broadcast().except(rooms)
    }

    /// Targets everybody in the namespace but this socket.
    pub fn broadcast(&self) -> Broadcast {
        Broadcast::excluding(&self.socket, self.flags)
    }

    /// Targets everybody in the namespace on this node but this socket (LOCAL-1).
    pub fn local(&self) -> Broadcast {
        self.broadcast().local()
    }

    /// Sends an event to this socket: a tuple is several arguments, `()` none, anything else is one.
    ///
    /// # Errors
    /// Those of [`EmitError`]; nothing was sent then.
    pub fn emit(&self, event: &str, arguments: impl Serialize) -> Result<(), EmitError> {
        let encoded = self.flags.encode(self.socket.namespace.name(), None, event, &arguments)?;
        let packet = Packet::new(encoded, self.flags.compress);
        Ok(self.socket.send(packet, self.flags.volatile)?)
    }

    /// Sends the event `message`.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn send(&self, arguments: impl Serialize) -> Result<(), EmitError> {
        self.emit("message", arguments)
    }

    /// Sends an event at once, and returns a future of the answer: a tuple takes the several arguments of an answer,
    /// `()` none, anything else the first.
    pub fn emit_with_ack<T>(&self, event: &str, arguments: impl Serialize) -> Acknowledgement<T> {
        let id = self.socket.namespace.next_ack();
        let encoded = self.flags.encode(self.socket.namespace.name(), Some(id), event, &arguments);
        let sent = encoded.and_then(|encoded| {
            let packet = Packet::new(encoded, self.flags.compress);
            Ok(self.socket.send_with_ack(id, packet, self.flags.volatile, self.flags.timeout)?)
        });
        Acknowledgement::new(sent)
    }
}
