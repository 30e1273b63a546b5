//! One Engine.IO packet: a WebSocket frame, or one element of a polling payload.
//!
//! Decoding slices what it is given and never copies text.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD_PAD_INDIFFERENT};
use bytes::Bytes;
use bytestring::ByteString;

/// The packet that ends a session.
pub const CLOSE: &str = "1";
/// The packet of a heartbeat.
pub const PING: &str = "2";
/// The answer to a ping.
pub const PONG: &str = "3";
/// The packet that says nothing, so that a poll can be answered.
pub const NOOP: &str = "6";

/// The type character that opens a text message packet.
#[cfg(test)]
pub const MESSAGE: char = '4';

/// Content of a message packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The text after the type character.
    Text(ByteString),
    /// The bytes of a binary frame, which has no type character in protocol 4.
    Binary(Bytes),
}

/// An Engine.IO packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// `0`: the handshake, sent by the server only.
    Open(ByteString),
    /// `1`: the session ends.
    Close,
    /// `2`: sent as heartbeat by the server, in protocol 3 by the client, which sends `2probe` during an upgrade.
    Ping(ByteString),
    /// `3`: the answer to a ping, with the data of the ping.
    Pong(ByteString),
    /// `4`, a binary frame, or `b` and base64.
    Message(Message),
    /// `5`: the client has paused polling and moves to the WebSocket.
    Upgrade,
    /// `6`: nothing; it ends a pending poll.
    Noop,
}

/// A packet as one WebSocket frame.
#[cfg(test)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A text frame.
    Text(ByteString),
    /// A binary frame.
    Binary(Bytes),
}

/// Reason why the text of a client is not a packet. The official server closes the session with `parse error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PacketError {
    /// Nothing between two separators, or an empty text frame.
    #[error("the client sent an empty packet")]
    Empty,
    /// The first character is not a packet type.
    #[error("the client sent the unknown packet type {0:?}")]
    UnknownType(char),
    /// Protocol 3: before a packet stands something else than its length.
    #[error("the client sent a payload with a length that is not true")]
    InvalidLength,
    /// Protocol 3: text in a binary payload is not UTF-8.
    #[error("the client sent text that is not UTF-8")]
    NotText,
}

impl Packet {
    /// Bytes of its content.
    #[allow(clippy::len_without_is_empty, reason = "most packets without content are not empty")]
    pub fn len(&self) -> usize {
        match self {
            Self::Message(Message::Binary(data)) => data.len(),
            Self::Message(Message::Text(text)) => text.len(),
            Self::Open(data) | Self::Ping(data) | Self::Pong(data) => data.len(),
            Self::Close | Self::Upgrade | Self::Noop => 0,
        }
    }

    /// Reads one WebSocket text frame or one payload element. `b<base64>` is a binary message on both
    /// transports (engine.io-parser `decodePacket`).
    pub fn decode_text(text: ByteString) -> Result<Packet, PacketError> {
        let data = || text.slice_ref(&text[1..]);
        match text.as_bytes().first() {
            Some(b'0') => Ok(Packet::Open(data())),
            Some(b'1') => Ok(Packet::Close),
            Some(b'2') => Ok(Packet::Ping(data())),
            Some(b'3') => Ok(Packet::Pong(data())),
            Some(b'4') => Ok(Packet::Message(Message::Text(data()))),
            Some(b'5') => Ok(Packet::Upgrade),
            Some(b'6') => Ok(Packet::Noop),
            Some(b'b') => Ok(Packet::Message(Message::Binary(decode_base64(&text.as_bytes()[1..])))),
            Some(_) => Err(text.chars().next().map_or(PacketError::Empty, PacketError::UnknownType)),
            None => Err(PacketError::Empty),
        }
    }

    /// Reads one WebSocket binary frame: in protocol 4 all of it is a message.
    pub fn decode_binary(bytes: Bytes) -> Packet {
        Packet::Message(Message::Binary(bytes))
    }

    /// Writes the packet as one WebSocket frame: what a client does, and the round trips of the tests.
    #[cfg(test)]
    pub fn encode(&self) -> Frame {
        Frame::Text(match self {
            Packet::Open(data) => prefixed('0', data),
            Packet::Close => ByteString::from_static("1"),
            Packet::Ping(data) => prefixed('2', data),
            Packet::Pong(data) => prefixed('3', data),
            Packet::Message(Message::Text(text)) => prefixed(MESSAGE, text),
            Packet::Message(Message::Binary(bytes)) => return Frame::Binary(bytes.clone()),
            Packet::Upgrade => ByteString::from_static("5"),
            Packet::Noop => ByteString::from_static("6"),
        })
    }
}

#[cfg(test)]
fn prefixed(kind: char, data: &str) -> ByteString {
    let mut text = String::with_capacity(1 + data.len());
    text.push(kind);
    text.push_str(data);
    text.into()
}

/// Reads base64 as `Buffer.from(text, "base64")` does, which refuses nothing: both alphabets, characters
/// outside them skipped, `=` ends the data. Android clients break lines inside it.
pub(crate) fn decode_base64(text: &[u8]) -> Bytes {
    if let Ok(bytes) = STANDARD_PAD_INDIFFERENT.decode(text) {
        return bytes.into();
    }
    const FORGIVING: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone),
    );
    let mut symbols: Vec<u8> = text.iter().take_while(|&&byte| byte != b'=').filter_map(symbol).collect();
    if symbols.len() % 4 == 1 {
        // One symbol is six bits, less than a byte.
        symbols.pop();
    }
    FORGIVING.decode(symbols).unwrap_or_default().into()
}

fn symbol(byte: &u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => Some(*byte),
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
