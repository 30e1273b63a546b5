//! Fanfare: a Socket.IO server that stock clients use without noticing, alone or as one node of a cluster.
//!
//! ```no_run
//! use fanfare::{Ack, Data, Io, Socket};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     tracing_subscriber::fmt().init(); // errors of handlers are logged with `tracing`
//!     let io = Io::new();
//!     io.on_connect(async |socket: Socket| socket.join("lobby").await);
//!     io.on("chat", async |socket: Socket, Data((room, text)): Data<(String, String)>, ack: Ack| {
//!         socket.to(room).emit("chat", text)?;
//!         ack.send("ok")
//!     });
//!     let server = io.listen("127.0.0.1:3000").await?;
//!     server.closed().await;
//!     Ok(())
//! }
//! ```
//!
//! `docs/guide.md` has the official emit cheat sheet line by line, `examples/` has programs to start from, and
//! `ARCHITECTURE.md` tells how it works inside.
//!
//! | for … | there is |
//! |---|---|
//! | the server | [`Io`], [`IoBuilder`]; [`Server`] listens, on a [`Listener`] or several; [`Drained`] is how a drain went; [`Admin`] serves operators |
//! | other HTTP servers | [`MountLayer`] and [`MountService`] put the server into axum, tower and hyper; [`Mounted`], [`AnswerBody`] and [`Cut`] are what comes out |
//! | hooks of HTTP | [`HandshakeRequest`], [`HandshakeRefusal`] and [`ConnectionError`] of clients that connect; [`HttpNext`] and [`HttpBody`] of layers around the listener; [`EncryptedConnection`] says that another server has done TLS |
//! | sockets and rooms | [`Namespace`], [`Socket`], [`SocketId`], [`Conn`], [`Handshake`]; [`Room`], [`IntoRooms`], [`Changed`]; [`RoomEvents`] is a stream of each [`RoomEvent`]; [`DisconnectReason`] |
//! | namespaces that clients make | [`ParentNamespace`] by a pattern, a regular expression or a predicate, which judges a [`NamespaceAttempt`] ([`IntoMatch`]); [`NamespacePatternError`]; [`ParentBroadcast`], [`ParentDeclared`]; [`Params`] of their names |
//! | handlers | what they take: [`Data`], [`Auth`], [`EventName`], [`Ack`], [`Arguments`], [`Raw`], [`Value`], [`State`], [`Extension`], [`HttpExtension`], [`DisconnectDetail`], or what implements [`FromContext`]; what they are: [`Handler`], [`IntoOutcome`], [`IntoDecision`] of a middleware, [`IntoVerdict`] and [`Rewrite`] of one for events; [`Declared`] and [`HandlerId`] to remove them |
//! | own extractors | [`Context`], [`HasSocket`], [`HasEvent`]: [`ConnectContext`], [`EventContext`], [`DisconnectContext`], [`ErrorContext`], [`OutgoingContext`], [`ServerContext`]; [`States`]; [`Rejection`], [`RejectionKind`] |
//! | emitting | [`Broadcast`] to many, [`Direct`] to one; [`Bytes`] travel as attachments |
//! | acknowledgements | [`Ack`] answers a client; [`Acknowledgement`] is the answer of one, [`AckStream`] and [`BroadcastAcks`] are those of many; [`FromAnswer`] |
//! | a cluster | [`Bus`] carries it, [`MemoryBus`] in one process; [`RemoteSocket`], [`ClusterResponse`], [`Servers`], [`ServerAck`], [`ServerAnswer`], [`NodeReport`]; [`Emitter`] for programs that are not nodes |
//! | options | [`Options`], [`ClientLimits`], [`ClusterOptions`], [`DrainOptions`], [`TlsOptions`], [`Cookie`], [`Cors`] |
//! | errors | [`EmitError`], [`AckError`], [`ConnectError`], [`RequestError`], [`ServeError`], [`TlsError`], [`EncodeError`], [`ArgumentError`]; [`SocketError`]; [`HandlerError`] is what [`Io::on_error`] is told |
//! | metrics | [`Metrics`], with [`Counter`], [`Gauge`], [`Histogram`] and [`Family`] by [`Label`]; [`Observation`] for tests and debuggers |
//!
//! Errors of handlers are logged with `tracing`, which shows nothing unless the program installs a subscriber, such as
//! `tracing_subscriber::fmt().init()`; [`Io::on_error`] is told of each.

#![deny(clippy::unwrap_used)]

mod ids;
mod metrics;
mod options;
mod rate_limit;
mod slow_consumer;

mod node;
mod reason;
mod spawn;
mod timer;

mod outbox;
// Not used by the server yet: its core, and the proof that it works.
#[cfg(test)]
mod recovery;
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
    Ack, AckError, AckStream, Acknowledgement, Auth, Broadcast, BroadcastAcks, Changed, Conn, ConnectError,
    Context, Data, Declared, Direct, DisconnectDetail, Emission, EmitError, Emitter, EventName, Extension,
    FromContext, FromNode, Handler, HandlerError, HasEvent, HasSocket, HttpExtension, IntoDecision,
    IntoMatch, IntoOutcome, IntoRooms, IntoVerdict, Io, IoBuilder, Namespace, Observation, Params,
    ParentBroadcast, ParentDeclared, ParentNamespace, RemoteSocket, Rewrite, ServerAck, Servers, Socket,
    State,
};
pub use bytes::Bytes;
pub use cluster::inbound::{
    Applied, ClusterResponse, NodeReport, NotReached, RequestError, ServerAnswer, roll_call,
};
pub use cluster::outbound::TooLarge;
pub use fanfare_engineio::request::TransportKind;
/// The seam to a bus, and one without a network.
pub use fanfare_proto::{Bus, BusMeters, Faults, MemoryBus, MemoryHub};
pub use fanfare_socketio::{ArgumentError, Arguments, EncodeError, FromAnswer, Raw, Value};
/// The HTTP types that hooks work with.
pub use http;
#[cfg(feature = "fault-injection")]
#[doc(hidden)]
pub use http_server::echo_websockets;
#[cfg(feature = "parsers")]
#[doc(hidden)]
pub use http_server::proxy_protocol;
pub use http_server::{
    AnswerBody, ConnectionError, Cut, Drained, EncryptedConnection, HandshakeRefusal, HandshakeRequest,
    HttpBody, HttpNext, Listener, MountLayer, MountService, Mounted, ServeError, Server, TlsError,
};
pub use ids::{Room, SocketId};
pub use metrics::{
    Actor, Counter, Family, Gauge, Histogram, Label, Limit, Mailbox, Metrics, PacketType, ProxyHeader,
    Refused, Transport,
};
pub use namespace::{NamespaceAttempt, NamespacePatternError};
pub use node::States;
pub use options::{
    ClientCertificates, ClientLimits, ClusterOptions, Cookie, Cors, DrainOptions, Options, PacketFormat,
    SameSite, TlsOptions,
};
pub use reason::DisconnectReason;
pub use room::{RoomEvent, RoomEvents};
pub use socket::{
    ConnectContext, DisconnectContext, ErrorContext, EventContext, HandlerErrorKind, HandlerId, Handshake,
    OutgoingContext, Rejection, RejectionKind, RoomNameTooLong, ServerContext, SharedDataTooLarge,
    SocketError, TooManyRooms,
};

/// The seam for other formats of packets, to be given to [`IoBuilder::parser`].
pub mod parser {
    pub use bytestring::ByteString;
    pub use fanfare_socketio::{
        DecodeError, DefaultParser, Encoded, Message, MsgpackParser, Packet, PacketDecoder, PacketParts,
        PacketType, Parser, ParserError,
    };
}

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide.md")]
struct Guide;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/from-socketioxide.md")]
struct FromSocketioxide;
