//! What a socket's actor is told.

use actix::Message;
use bytestring::ByteString;
use serde::Serialize;

use crate::reason::DisconnectReason;
use fanfare_socketio::Arguments;

/// From the connection: the client emitted. Handled in the order of arrival (ORDER-1).
#[derive(Message)]
#[rtype(result = "()")]
pub struct Event {
    /// The event; `None` if the packet had no payload.
    pub name: Option<ByteString>,
    /// What came with it.
    pub arguments: Arguments,
    /// The id to answer with, if the client wants an answer.
    pub ack: Option<u64>,
}

/// From the connection: the client acknowledged.
#[derive(Message)]
#[rtype(result = "()")]
pub struct AckArrived {
    /// Which emit it answers.
    pub id: u64,
    /// The answer.
    pub arguments: Arguments,
}

/// From the connection when it or the client ends the socket, and from other threads' `disconnect` if it finds no other
/// way. Everything that arrived before is handled before.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Close {
    /// Why.
    pub reason: DisconnectReason,
    /// More about it, for people.
    pub detail: Option<&'static str>,
    /// Whether the client gets a DISCONNECT packet.
    pub tell_client: bool,
}

/// From the socket itself, when the program has disconnected it: its handlers are to run.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Finish;

/// From the socket itself, once it is closed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Stop;

/// From anybody: how the socket is.
#[derive(Message)]
#[rtype(result = "SocketSnapshot")]
pub struct ObserveSocket;

/// What a socket holds.
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

/// From a test: panic.
#[cfg(feature = "fault-injection")]
#[derive(Message)]
#[rtype(result = "()")]
pub struct CrashSocket;
