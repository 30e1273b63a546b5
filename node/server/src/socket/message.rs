//! Messages to a socket's actor.

use std::sync::Arc;

use actix::Message;
use bytestring::ByteString;
use serde::Serialize;

use super::screening::Decision;
use crate::outbox::Packet;
use crate::reason::DisconnectReason;
use fanfare_socketio::Arguments;

/// Sent by the connection: the client emitted. Handled in the order of arrival (ORDER-1).
#[derive(Message)]
#[rtype(result = "()")]
pub struct Event {
    /// The event; `None` if the packet had no payload.
    pub name: Option<ByteString>,
    /// Arguments of the event.
    pub arguments: Arguments,
    /// The id to answer with, if the client wants an answer.
    pub ack: Option<u64>,
}

/// Sent by the task that waited for the middlewares of an event: they have decided.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Screened(
    /// Decision about the event.
    pub Decision,
);

/// Sent by the outbox's fillers on the socket's reactor, if handlers want it: this packet was queued for the client.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Sent(
    /// The packet.
    pub Arc<Packet>,
);

/// Sent by the socket itself from other threads: handlers want to be told of what is sent, or do not any more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ListenersChanged;

/// Sent by the connection: the client acknowledged.
#[derive(Message)]
#[rtype(result = "()")]
pub struct AckArrived {
    /// Id of the emit that it answers.
    pub id: u64,
    /// The answer.
    pub arguments: Arguments,
}

/// Detail of the end of a connection whose client has sent something that is not a Socket.IO packet.
pub const INVALID_PACKET: &str = "not a Socket.IO packet";

/// Sent by the connection when it or the client ends the socket, and from other threads' `disconnect` if it finds no
/// other way. Everything that arrived before is handled before.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Close {
    /// Reason.
    pub reason: DisconnectReason,
    /// More about it, for people.
    pub detail: Option<&'static str>,
    /// Whether the client gets a DISCONNECT packet.
    pub tell_client: bool,
}

/// Sent by the socket itself, when the program has disconnected it: its handlers are to run.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Finish;

/// Sent by the socket itself, once it is closed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Stop;

/// Asks for a snapshot of the socket.
#[derive(Message)]
#[rtype(result = "SocketSnapshot")]
pub struct ObserveSocket;

/// Snapshot of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, actix::MessageResponse)]
pub struct SocketSnapshot {
    /// Rooms beside its own.
    pub rooms: usize,
    /// Acknowledgements awaited.
    pub acks_pending: usize,
    /// Events whose handlers have not finished.
    pub events_in_flight: usize,
    /// Bytes that wait for the client.
    pub outbox_bytes: usize,
}

/// Makes the socket panic, in tests.
#[cfg(feature = "fault-injection")]
#[derive(Message)]
#[rtype(result = "()")]
pub struct CrashSocket;
