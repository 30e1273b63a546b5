//! Fanfare: a Socket.IO server that stock clients use without noticing.
//!
//! [`Io`] is the server, [`Namespace`] and [`Socket`] are what handlers work with. Start with the example
//! `cheatsheet`; `ARCHITECTURE.md` tells how it works inside.
//!
//! Errors of handlers are logged with `tracing`, which shows nothing unless the program installs a subscriber, such as
//! `tracing_subscriber::fmt().init()`; [`Io::on_error`] is told of each.

#![deny(clippy::unwrap_used)]

mod ids;
mod metrics;
mod options;
mod rate_limit;
mod slow_consumer;

mod bus;
mod node;
mod reason;
mod spawn;
mod timer;

mod outbox;
mod room;
mod websocket;

mod namespace;
mod socket;

mod connection;

mod cluster;
mod http_server;

mod api;

mod admin;

pub use admin::Admin;
pub use api::{
    Ack, AckError, AckStream, Acknowledgement, Auth, Broadcast, BroadcastAcks, Changed, ConnectError, Data,
    Direct, Emission, EmitError, Emitter, EventName, FromContext, FromNode, Handler, HandlerError,
    IntoDecision, IntoOutcome, IntoRooms, Io, IoBuilder, Namespace, Observation, RemoteSocket, ServerAck,
    Socket,
};
pub use bus::TooLarge;
pub use bytes::Bytes;
pub use cluster::{Applied, ClusterResponse, NodeReport, NotReached, RequestError, ServerAnswer, roll_call};
pub use fanfare_engineio::request::TransportKind;
/// The seam to a bus, and one without a network.
pub use fanfare_proto::{Bus, BusMeters, Faults, MemoryBus, MemoryHub};
pub use fanfare_socketio::{ArgumentError, Arguments, EncodeError, FromAnswer, Raw, Value};
/// The HTTP types that hooks work with.
pub use http;
pub use http_server::{Drained, ServeError, Server};
pub use ids::{Room, SocketId};
pub use metrics::{
    Actor, Counter, Family, Gauge, Histogram, Label, Limit, Mailbox, Metrics, PacketType, Refused, Transport,
};
pub use options::{ClientLimits, ClusterOptions, Cookie, Cors, DrainOptions, Options, SameSite};
pub use reason::DisconnectReason;
pub use socket::{HandlerErrorKind, Handshake, RoomNameTooLong, SharedDataTooLarge, TooManyRooms};

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
