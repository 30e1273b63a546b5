//! Socket.IO packets (protocol 5) without I/O: the codec of `socket.io-parser`, and the values that it carries.
//!
//! ```
//! use fanfare_socketio::{Decoder, Packet, encode};
//!
//! let mut decoder = Decoder::new(10); // attachments that a packet may have
//! let packet = decoder.text(r#"27["add",1,2]"#.into())?.expect("it has no attachments to wait for");
//! let Packet::Event { namespace, id: Some(id), arguments, .. } = packet else { panic!("not an event") };
//! let (a, b): (u32, u32) = arguments.deserialize()?;
//! let answer = encode::ack(&namespace, id, &(a + b))?;
//! assert_eq!(answer.text, "437[3]");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! * [`Decoder`] turns messages into a [`Packet`], and says by [`DecodeError`] why a message is not one.
//! * [`Arguments`] are kept as text until somebody wants them as values: of their own types, or as [`Value`] or [`Raw`].
//! * [`encode`] writes packets, and takes bytes out of the arguments as attachments.
//! * [`Parser`] is the seam for another wire format: [`MsgpackParser`] is one, and a user may bring another.
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
mod json;
mod msgpack;
mod packet;
mod parser;
mod parts;
mod placeholder;
mod raw;
mod value;

pub use answer::FromAnswer;
pub use arguments::{ArgumentError, Arguments};
pub use decode::{DecodeError, Decoder};
pub use encode::{EncodeError, Encoded};
pub use foreign::is_event_of;
pub use msgpack::MsgpackParser;
#[cfg(test)]
pub use packet::MAX_ATTACHMENTS;
pub use packet::Packet;
pub use parser::{DefaultParser, Message, PacketDecoder, Parser, ParserError};
pub use parts::{PacketParts, PacketType};
pub use raw::Raw;
pub use value::Value;
