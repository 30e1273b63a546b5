//! One client in one namespace: its rooms, handlers and pending acknowledgements, and the actor that runs its
//! events.

mod ack;
mod actor;
mod close;
mod core;
mod declared;
mod failure;
mod handlers;
mod joined_rooms;
mod link;
mod message;
mod outgoing;
mod rejection;
mod rooms;
mod screening;

pub use crate::reason::DisconnectReason;
pub use ack::{AckSlot, AckUpdate, LocalAcks, NoAck, PendingAck};
pub use actor::SocketActor;
pub use core::{SendError, SharedDataTooLarge, SocketCore};
pub use declared::{Declaration, HandlerId, Handlers, ids};
pub use failure::{Failure, Failures, HandlerErrorKind};
pub use handlers::{
    Callback, Called, ConnectContext, ConnectRejection, DisconnectContext, EventContext, HandlerFuture,
    Outcome, Returned, ServerContext,
};
pub use link::{Handshake, Link};
#[cfg(feature = "fault-injection")]
pub use message::CrashSocket;
pub use message::{AckArrived, Close, Event, INVALID_PACKET, ObserveSocket, SocketSnapshot};
pub use outgoing::OutgoingContext;
pub use rejection::{Rejection, RejectionKind};
pub use rooms::{NotChanged, PendingChange, RoomNameTooLong, TooManyRooms, check_room_names};
pub use screening::{ErrorContext, Rewritten, SocketError, Verdict};
