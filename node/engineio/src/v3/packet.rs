//! One packet of protocol 3. Text is as in protocol 4; binary data has a type before it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use bytestring::ByteString;

use crate::packet::{Message, Packet, PacketError, decode_base64};

/// The byte that opens a binary frame with a message.
pub const BINARY_MESSAGE: u8 = 4;
/// The characters that open a binary message in base64.
pub const BASE64_MESSAGE: &str = "b4";

/// Reads one WebSocket text frame or one element of a payload: `b4<base64>` is a binary message.
pub fn decode_text(text: ByteString) -> Result<Packet, PacketError> {
    let Some(typed) = text.strip_prefix('b') else { return Packet::decode_text(text) };
    match typed.as_bytes().first() {
        Some(b'4') => Ok(Packet::Message(Message::Binary(decode_base64(&typed.as_bytes()[1..])))),
        Some(kind @ b'0'..=b'6') => Ok(without_data(kind - b'0')),
        Some(_) => Err(typed.chars().next().map_or(PacketError::Empty, PacketError::UnknownType)),
        None => Err(PacketError::Empty),
    }
}

/// Reads one WebSocket binary frame or one binary element of a payload: its first byte is the type.
pub fn decode_binary(bytes: Bytes) -> Result<Packet, PacketError> {
    match bytes.first() {
        Some(&BINARY_MESSAGE) => Ok(Packet::Message(Message::Binary(bytes.slice(1..)))),
        Some(&kind @ 0..=6) => Ok(without_data(kind)),
        Some(&kind) => Err(PacketError::UnknownType(kind.into())),
        None => Err(PacketError::Empty),
    }
}

/// Binary data of any packet but a message means nothing to engine.io either.
fn without_data(kind: u8) -> Packet {
    match kind {
        0 => Packet::Open(ByteString::new()),
        1 => Packet::Close,
        2 => Packet::Ping(ByteString::new()),
        3 => Packet::Pong(ByteString::new()),
        5 => Packet::Upgrade,
        _ => Packet::Noop,
    }
}

/// Writes a message as a binary frame.
pub fn binary_message(data: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(1 + data.len());
    frame.push(BINARY_MESSAGE);
    frame.extend_from_slice(data);
    frame.into()
}

/// Writes a binary message as text, for a client that asked for `b64`.
pub fn base64_message(data: &[u8]) -> String {
    let mut text = String::with_capacity(base64_bytes(data.len()));
    text.push_str(BASE64_MESSAGE);
    STANDARD.encode_string(data, &mut text);
    text
}

/// Number of bytes that [`base64_message`] makes of so many.
pub(super) fn base64_bytes(data_bytes: usize) -> usize {
    BASE64_MESSAGE.len() + data_bytes.div_ceil(3) * 4
}
