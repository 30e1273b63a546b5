//! The format of `socket.io-msgpack-parser`: a packet is one binary message, a map of `type`, `data`, `nsp` and `id`.
//!
//! A handler sees what it sees with the default parser, so values that only msgpack has become what `JSON.stringify` makes
//! of them: `undefined` is left out of an object and is `null` in an array, a `Date` is its ISO text. The parts of the
//! format that `notepack.io` 2.2 has and msgpack has not:
//!
//! * `undefined` is `d4 00 xx`, a `Date` is `d7 00` and 64 bits of signed milliseconds;
//! * bytes are `bin` or an extension of type 0, of any length. Sent are `bin` only, which both builds of it read;
//! * an extension of another type is an array of its type and its bytes;
//! * integral numbers are written as integers up to 2^53, and read as integers in any notation.

mod date;
mod decode;
mod read;
mod write;

use bytes::Bytes;
use rmp::encode::ByteBuf;

use super::decode::DecodeError;
use super::encode::Encoded;
use super::packet::Packet;
use super::parser::{Message, PacketDecoder, Parser, ParserError};
use super::parts::PacketParts;

/// Bytes of a packet beside its data and its namespace: the four keys, the type, and an id.
const FIELDS_BYTES: usize = 40;

/// The parser that understands clients with `socket.io-msgpack-parser` 3.
///
/// Stricter than that package in four points, as the default parser is: names of events that Socket.IO keeps for itself, names
/// that are neither text nor numbers, negative ids, and more attachments than allowed are refused. Data are nested
/// up to 127 levels deep.
#[derive(Debug, Clone, Copy, Default)]
pub struct MsgpackParser;

impl Parser for MsgpackParser {
    fn encode(&self, packet: &Encoded) -> Result<Vec<Message>, ParserError> {
        let parts = PacketParts::of(packet)?;
        Ok(vec![Message::Binary(encode(&parts)?)])
    }

    fn decoder(&self, max_attachments: usize) -> Box<dyn PacketDecoder> {
        Box::new(Decoder { attachments_max: max_attachments })
    }
}

/// Has nothing to remember: every message is a packet.
struct Decoder {
    attachments_max: usize,
}

impl PacketDecoder for Decoder {
    fn decode(&mut self, message: Message) -> Result<Option<Packet>, DecodeError> {
        match message {
            Message::Binary(message) => decode::packet(&message, self.attachments_max).map(Some),
            Message::Text(_) => Err(DecodeError::Malformed("msgpack is binary, and this is text".into())),
        }
    }
}

/// The packet in the order of keys of the official server.
fn encode(parts: &PacketParts) -> Result<Bytes, ParserError> {
    let data_bytes = parts.data.as_ref().map_or(0, |data| data.len());
    let attachment_bytes: usize = parts.attachments.iter().map(Bytes::len).sum();
    let size = FIELDS_BYTES + parts.namespace.len() + data_bytes + attachment_bytes;
    let mut out = ByteBuf::with_capacity(size);
    let members = 2 + u32::from(parts.data.is_some()) + u32::from(parts.id.is_some());
    rmp::encode::write_map_len(&mut out, members)?;
    rmp::encode::write_str(&mut out, "type")?;
    rmp::encode::write_uint(&mut out, parts.kind as u64)?;
    if let Some(data) = &parts.data {
        rmp::encode::write_str(&mut out, "data")?;
        write::json(&mut out, data, &parts.attachments)?;
    }
    if let Some(id) = parts.id {
        rmp::encode::write_str(&mut out, "id")?;
        rmp::encode::write_uint(&mut out, id)?;
    }
    rmp::encode::write_str(&mut out, "nsp")?;
    write::text(&mut out, &parts.namespace)?;
    Ok(out.into_vec().into())
}

#[cfg(test)]
mod tests;
