//! Socket.IO packets (protocol 5): the codec of `socket.io-parser`, and the values that it carries.
//!
//! Pure: text and bytes in, packets out. It does not know what a transport is, and it never reads a clock,
//! takes a lock, or does I/O. What it knows of Engine.IO is one character: an encoded packet begins with the
//! type of a message, so that no transport has to copy it to put that in front.

#![deny(clippy::unwrap_used)]
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests may read a clock"))]

mod answer;
mod arguments;
mod decode;
pub mod encode;
mod foreign;
mod packet;
mod placeholder;
mod raw;
mod value;

pub use answer::FromAnswer;
pub use arguments::{ArgumentError, Arguments};
pub use decode::Decoder;
pub use encode::{EncodeError, Encoded};
pub use foreign::is_event_of;
#[cfg(test)]
pub use packet::MAX_ATTACHMENTS;
pub use packet::Packet;
pub use raw::Raw;
pub use value::Value;
