//! One client in one namespace: its rooms, handlers and pending acknowledgements, and the actor that runs its
//! events.

mod acks;
mod actor;
mod close;
mod core;
mod gather;
mod handlers;
mod link;
mod message;
mod rooms;

pub use crate::reason::DisconnectReason;
pub use acks::{NoAck, PendingAck};
pub use actor::SocketActor;
pub use core::{SendError, SocketCore};
pub use gather::{Gather, Told};
pub use handlers::{
    AckSlot, Callback, ConnectContext, DisconnectContext, EventContext, HandlerError, HandlerFuture,
    Handlers, Misfit, Refusal, ServerContext,
};
pub use link::{Handshake, Link};
#[cfg(feature = "fault-injection")]
pub use message::CrashSocket;
pub use message::{AckArrived, Close, Event, ObserveSocket, SocketSnapshot};
pub use rooms::{NotChanged, PendingChange, TooManyRooms};
