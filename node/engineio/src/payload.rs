//! The body of a polling request or response: packets joined by the record separator 0x1e.

use std::iter::FusedIterator;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytestring::ByteString;

use super::packet::{Packet, PacketError};

/// Stands between two packets (Engine.IO protocol 4, "Packet encoding").
pub const SEPARATOR: char = '\x1e';

/// Reads a payload. It ends after the first bad packet, and the packets before that one count
/// (engine.io-parser `decodePayload`). A trailing separator is an empty packet and so an error; so is an
/// empty body.
pub fn decode(body: ByteString) -> Payload {
    Payload { rest: Some(body) }
}

/// The packets of a payload, in order.
#[derive(Debug, Clone)]
pub struct Payload {
    /// The unread remainder; `None` after the last packet or an error.
    rest: Option<ByteString>,
}

impl Iterator for Payload {
    type Item = Result<Packet, PacketError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let Some((first, others)) = rest.split_once(SEPARATOR) else {
            return Some(Packet::decode_text(rest));
        };
        let packet = Packet::decode_text(rest.slice_ref(first));
        if packet.is_ok() {
            self.rest = Some(rest.slice_ref(others));
        }
        Some(packet)
    }
}

impl FusedIterator for Payload {}

/// Builds a payload.
#[derive(Debug, Clone, Default)]
pub struct Writer {
    body: String,
}

impl Writer {
    /// A payload without packets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a packet that is already encoded, such as `42["event"]`.
    pub fn push_text(&mut self, packet: &str) {
        debug_assert!(!packet.is_empty() && !packet.contains(SEPARATOR), "not an encoded packet: {packet:?}");
        self.separate(packet.len());
        self.body.push_str(packet);
    }

    /// Appends a binary message as `b<base64>`: protocol 4 writes no `4` here.
    pub fn push_binary(&mut self, bytes: &[u8]) {
        self.separate(1 + bytes.len().div_ceil(3) * 4);
        self.body.push('b');
        STANDARD.encode_string(bytes, &mut self.body);
    }

    /// Whether nothing was pushed yet.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// Bytes written so far.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.body.len()
    }

    /// The body.
    pub fn finish(self) -> String {
        self.body
    }

    fn separate(&mut self, packet_bytes: usize) {
        self.body.reserve(1 + packet_bytes);
        if !self.body.is_empty() {
            self.body.push(SEPARATOR);
        }
    }
}

#[cfg(test)]
mod tests;
