//! Engine.IO protocols 4 and 3 without I/O: packets, polling payloads, admission of requests, the open packet, the
//! heartbeat, and the life of a session.
//!
//! ```
//! use fanfare_engineio::{Message, Packet, PacketError, payload};
//!
//! // A polling client has posted a message and the answer to a ping.
//! let body = "42[\"hello\"]\u{1e}3";
//! let packets: Vec<Packet> = payload::decode(body.into()).collect::<Result<_, _>>()?;
//! let hello = Message::Text("2[\"hello\"]".into());
//! assert_eq!(packets, [Packet::Message(hello), Packet::Pong("".into())]);
//! # Ok::<(), PacketError>(())
//! ```
//!
//! * [`Packet`] is a WebSocket frame, or an element of a polling [`payload`].
//! * [`request`] decides whether an HTTP request may be, and what it wants; [`HandshakeError`] and [`BadRequest`] say why not.
//! * [`v3`] is what older clients write otherwise.
//! * [`open`] is the first packet of a session, [`session`] its state machine, [`Heartbeat`] the pings in it.
//!
//! Pure: bytes, times and facts in, values out. It does not know that Socket.IO exists, and it never reads a
//! clock, takes a lock, or does I/O.

#![deny(clippy::unwrap_used)]
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests may read a clock"))]

mod error;
mod form;
mod heartbeat;
pub mod open;
mod packet;
pub mod payload;
pub mod request;
pub mod session;
pub mod v3;

pub use error::{BadRequest, Forbidden, HandshakeError};
pub use heartbeat::{Beat, Heartbeat};
pub use packet::{CLOSE, Message, NOOP, PING, PONG, Packet, PacketError};
