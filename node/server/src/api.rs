//! The interface for Rust programs: [`Io`], [`Namespace`], [`Socket`], the operators that emit, and handlers with
//! extractors.

mod ack;
mod broadcast_acks;
mod cluster;
mod data;
mod emit;
mod emitter;
mod error;
mod extract;
#[cfg(feature = "fault-injection")]
pub mod fault;
mod handler;
mod handler_error;
mod io;
mod many;
mod namespace;
mod observe;
mod remote;
mod rooms;
mod servers;
mod socket;

pub use ack::{Ack, Acknowledgement};
pub use broadcast_acks::{AckStream, BroadcastAcks};
pub use emit::{Broadcast, Direct};
pub use emitter::{Emission, Emitter};
pub use error::{AckError, ConnectError, EmitError};
pub use extract::{Auth, Data, EventName, FromContext};
pub use handler::{Handler, IntoDecision, IntoOutcome};
pub use handler_error::HandlerError;
pub use io::{Io, IoBuilder};
pub use namespace::Namespace;
pub use observe::Observation;
pub use remote::RemoteSocket;
pub use rooms::{Changed, IntoRooms};
pub use servers::{FromNode, ServerAck};
pub use socket::Socket;
