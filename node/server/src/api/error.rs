//! Errors, and whose fault each of them is.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::cluster::outbound::TooLarge;
use crate::room::Overloaded;
use crate::socket::{
    ConnectRejection, NoAck, NotChanged, RoomNameTooLong, SendError, SharedDataTooLarge, TooManyRooms,
};
use fanfare_socketio::{ArgumentError, EncodeError};

/// Reason why an emit did not happen. Nothing of it was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The caller's fault: the event's name is reserved, or the arguments have no JSON.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The caller's fault: the arguments contain bytes, and `binary(false)` promised that they do not.
    #[error("the arguments contain bytes, although `binary(false)` promised that they do not")]
    UnexpectedBytes,
    /// The socket is disconnected. It happens: clients go when they like.
    #[error("the socket is disconnected")]
    Disconnected,
    /// The caller's fault: more than the bus between the nodes carries. `local()` has no such bound.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The bus is away, so that clients on other nodes cannot be asked for an acknowledgement. `local()` asks this
    /// node's clients alone.
    #[error("the cluster cannot be reached now: its bus is away")]
    ClusterAway,
    /// This node's: more is emitted than it can hand out. Emit less, or later.
    #[error("the node has too much to do: emit less, or later")]
    Overloaded,
    /// The client's, if it decides which rooms it joins: it is in as many as it may be, and has joined none of these.
    #[error(transparent)]
    TooManyRooms(#[from] TooManyRooms),
    /// The fault of the client or the program that named the room: the name is too long, and none of these rooms was
    /// joined.
    #[error(transparent)]
    RoomNameTooLong(#[from] RoomNameTooLong),
    /// The caller's fault: more than a socket may share with other nodes. The value shared before stays.
    #[error(transparent)]
    SharedDataTooLarge(#[from] SharedDataTooLarge),
}

impl From<SendError> for EmitError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Disconnected => Self::Disconnected,
            SendError::Overloaded(_) => Self::Overloaded,
        }
    }
}

impl From<NotChanged> for EmitError {
    fn from(error: NotChanged) -> Self {
        match error {
            NotChanged::Overloaded(_) => Self::Overloaded,
            NotChanged::TooManyRooms(error) => Self::TooManyRooms(error),
            NotChanged::RoomNameTooLong(error) => Self::RoomNameTooLong(error),
        }
    }
}

impl From<Overloaded> for EmitError {
    fn from(_: Overloaded) -> Self {
        Self::Overloaded
    }
}

/// Reason why there is no answer to an emit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AckError {
    /// The event was not sent.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// The client did not answer in time.
    #[error("the client did not acknowledge in time")]
    Timeout,
    /// The client went before it answered.
    #[error("the socket was disconnected before the client acknowledged")]
    Disconnected,
    /// The client's fault: it answered something else than was asked for.
    #[error(transparent)]
    Answer(#[from] ArgumentError),
}

impl From<NoAck> for AckError {
    fn from(error: NoAck) -> Self {
        match error {
            NoAck::Disconnected => Self::Disconnected,
            NoAck::Timeout => Self::Timeout,
        }
    }
}

/// A middleware's refusal. The client gets it as its `connect_error`.
#[derive(Debug)]
pub struct ConnectError {
    message: String,
    data: Option<Box<RawValue>>,
}

impl ConnectError {
    /// A refusal with a message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), data: None }
    }

    /// Adds data for the client: `err.data` there. Data that cannot be written as JSON are left out.
    pub fn with_data(mut self, data: impl Serialize) -> Self {
        self.data = to_raw_value(&data).ok();
        self
    }
}

impl From<&str> for ConnectError {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<String> for ConnectError {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl From<ConnectError> for ConnectRejection {
    fn from(error: ConnectError) -> Self {
        Self { message: error.message, data: error.data }
    }
}
