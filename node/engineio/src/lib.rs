//! Engine.IO protocol 4: packets, polling payloads, admission of requests, the open packet, the heartbeat.
//!
//! Pure: bytes, times and facts in, values out. It does not know that Socket.IO exists, and it never reads a
//! clock, takes a lock, or does I/O.

#![deny(clippy::unwrap_used)]
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests may read a clock"))]

mod error;
mod heartbeat;
pub mod open;
mod packet;
pub mod payload;
pub mod request;
pub mod session;

pub use error::{BadRequest, HandshakeError};
pub use heartbeat::{Beat, Heartbeat};
pub use packet::{CLOSE, Message, NOOP, PING, Packet, PacketError};
