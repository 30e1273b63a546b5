//! The interface for Rust programs: [`Io`], [`Namespace`], [`Socket`], the operators that emit, and handlers with
//! extractors.

mod ack;
mod broadcast_acks;
mod cluster;
mod conn;
mod context;
mod data;
mod declared;
mod emit;
mod emitter;
mod error;
mod event_middleware;
mod extension;
mod extract;
#[cfg(feature = "fault-injection")]
pub mod fault;
mod handler;
mod handler_error;
mod hooks;
mod io;
mod many;
mod namespace;
mod observe;
mod outcome;
mod outgoing;
mod own_io;
mod remote;
mod rooms;
mod servers;
mod socket;
mod state;

pub use ack::{Ack, Acknowledgement};
pub use broadcast_acks::{AckStream, BroadcastAcks};
pub use conn::Conn;
pub use context::{Context, HasEvent, HasSocket};
pub use declared::Declared;
pub use emit::{Broadcast, Direct};
pub use emitter::{Emission, Emitter};
pub use error::{AckError, ConnectError, EmitError};
pub use event_middleware::{IntoVerdict, Rewrite};
pub use extension::{Extension, HttpExtension};
pub use extract::{Auth, Data, DisconnectDetail, EventName, FromContext};
pub use handler::Handler;
pub use handler_error::HandlerError;
pub use io::{Io, IoBuilder};
pub use namespace::Namespace;
pub use observe::Observation;
pub use outcome::{IntoDecision, IntoOutcome};
pub use remote::RemoteSocket;
pub use rooms::{Changed, IntoRooms};
pub use servers::{FromNode, ServerAck, Servers};
pub use socket::Socket;
pub use state::State;
