//! The body of a poll as bytes (`application/octet-stream`): a byte that says whether text (0) or binary data (1) comes,
//! the digits of its length as one byte each, the byte 255, and the packet.

use std::iter::FusedIterator;

use bytes::Bytes;
use bytestring::ByteString;

use super::packet::{BINARY_MESSAGE, decode_binary, decode_text};
use super::payload::{DIGITS_MAX, length};
use crate::packet::{Packet, PacketError};

const TEXT: u8 = 0;
const BINARY: u8 = 1;
const END_OF_LENGTH: u8 = 255;

/// Reads a payload. It ends after the first bad packet or length, and the packets before that one count. An empty body
/// holds no packet and no error. Lengths must be true, where `decodePayloadAsBinary` takes what there is.
pub fn decode(body: Bytes) -> Payload {
    Payload { rest: body }
}

/// The packets of a payload, in order.
#[derive(Debug, Clone)]
pub struct Payload {
    /// The unread remainder; empty after the last packet or an error.
    rest: Bytes,
}

impl Iterator for Payload {
    type Item = Result<Packet, PacketError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut rest = std::mem::take(&mut self.rest);
        let kind = *rest.first()?;
        let packet = take_element(&mut rest).and_then(|data| match kind {
            TEXT => decode_text(text(data)?),
            _ => decode_binary(data),
        });
        if packet.is_ok() {
            self.rest = rest;
        }
        Some(packet)
    }
}

impl FusedIterator for Payload {}

/// Takes the first element off the payload, and returns it without its head.
fn take_element(payload: &mut Bytes) -> Result<Bytes, PacketError> {
    let head = payload.iter().copied().skip(1).take(DIGITS_MAX + 1);
    let digits = head.clone().position(|byte| byte == END_OF_LENGTH).ok_or(PacketError::InvalidLength)?;
    let length = length(head.take(digits))?;
    let element = payload.split_off(1 + digits + 1);
    *payload = element;
    if length > payload.len() {
        return Err(PacketError::InvalidLength);
    }
    Ok(payload.split_to(length))
}

/// Text of an element. Halves of surrogate pairs, which engine.io-parser 1 writes, are replaced as in the official one.
fn text(bytes: Bytes) -> Result<ByteString, PacketError> {
    let text = ByteString::try_from(bytes.clone());
    text.or_else(|_| ByteString::try_from(without_surrogates(&bytes))).map_err(|_| PacketError::NotText)
}

fn without_surrogates(bytes: &[u8]) -> Vec<u8> {
    let mut replaced = bytes.to_vec();
    for at in 0..bytes.len().saturating_sub(2) {
        // The first byte of any text of three bytes, and of nothing else.
        if matches!(bytes[at..at + 3], [0xed, 0xa0..=0xbf, 0x80..=0xbf]) {
            replaced[at..at + 3].copy_from_slice("\u{fffd}".as_bytes());
        }
    }
    replaced
}

/// Builds a payload. The official server chooses this form if it holds a binary message and the client did not ask for
/// `b64`.
#[derive(Debug, Clone, Default)]
pub struct Writer {
    body: Vec<u8>,
}

impl Writer {
    /// A payload without packets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a packet that is already encoded, such as `42["event"]`.
    pub fn push_text(&mut self, packet: &str) {
        self.push_head(TEXT, packet.len());
        self.body.extend_from_slice(packet.as_bytes());
    }

    /// Appends a binary message.
    pub fn push_binary(&mut self, data: &[u8]) {
        self.push_head(BINARY, 1 + data.len());
        self.body.push(BINARY_MESSAGE);
        self.body.extend_from_slice(data);
    }

    fn push_head(&mut self, kind: u8, length: usize) {
        self.body.reserve(1 + DIGITS_MAX + 1 + length);
        self.body.push(kind);
        self.body.extend(length.to_string().bytes().map(|digit| digit - b'0'));
        self.body.push(END_OF_LENGTH);
    }

    /// The body.
    pub fn finish(self) -> Vec<u8> {
        self.body
    }
}
