//! Fanfare: a Socket.IO server that stock clients use without noticing.
//!
//! [`Io`] is the server, [`Namespace`] and [`Socket`] are what handlers work with. Start with the example
//! `cheatsheet`; `ARCHITECTURE.md` tells how it works inside.

mod ids;
mod limits;
mod metrics;
mod node;
mod nursery;
mod timer;

mod engine;
mod socketio;

mod outbox;
mod room;

mod namespace;
mod socket;

mod connection;
mod server;
mod transport;

mod api;

pub mod relay;

pub use api::{
    Ack, AckError, Acknowledgement, Auth, Broadcast, Changed, ConnectError, Data, Direct, EmitError,
    EventName, FromAnswer, FromContext, Handler, IntoDecision, IntoOutcome, IntoRooms, Io, IoBuilder,
    Namespace, Observation, Socket,
};
pub use bytes::Bytes;
pub use engine::request::TransportKind;
/// The HTTP types that hooks work with.
pub use http;
pub use ids::{Room, SocketId};
pub use limits::{Cookie, Cors, Options, SameSite};
pub use metrics::{Counter, Gauge, Metrics};
pub use server::{ServeError, Server};
pub use socket::{DisconnectReason, Handshake};
pub use socketio::{ArgumentError, Arguments, EncodeError, Raw, Value};

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
