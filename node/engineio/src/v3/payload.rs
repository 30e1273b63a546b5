//! The body of a poll as text: `<length>:<packet>` again and again, lengths in units of UTF-16.

use std::fmt::Write as _;
use std::iter::FusedIterator;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytestring::ByteString;

use super::packet::{BASE64_MESSAGE, base64_bytes, decode_text};
use crate::packet::{Packet, PacketError};

/// Digits that a length may have, which is more than any body needs.
pub(super) const DIGITS_MAX: usize = 20;

/// Reads a payload. It ends after the first bad packet or length, and the packets before that one count. Of lengths,
/// decimal digits are read alone, where `decodePayload` reads every number of JavaScript; a packet of length 0 is passed
/// over, as there. An empty body is an error.
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
        while let Some(rest) = self.rest.take() {
            let (packet, others) = match split(&rest) {
                Ok(parts) => parts,
                Err(error) => return Some(Err(error)),
            };
            let others = (!others.is_empty()).then(|| rest.slice_ref(others));
            if packet.is_empty() {
                self.rest = others;
                continue;
            }
            let packet = decode_text(rest.slice_ref(packet));
            self.rest = others.filter(|_| packet.is_ok());
            return Some(packet);
        }
        None
    }
}

impl FusedIterator for Payload {}

/// The first packet, and what follows it.
fn split(payload: &str) -> Result<(&str, &str), PacketError> {
    let head = payload.bytes().take(DIGITS_MAX + 1);
    let colon = head.clone().position(|byte| byte == b':');
    let colon =
        colon.ok_or(if payload.is_empty() { PacketError::Empty } else { PacketError::InvalidLength })?;
    let units = length(head.take(colon).map(|byte| byte.wrapping_sub(b'0')))?;
    split_at_units(&payload[colon + 1..], units).ok_or(PacketError::InvalidLength)
}

/// A length from its decimal digits.
pub(super) fn length(digits: impl ExactSizeIterator<Item = u8>) -> Result<usize, PacketError> {
    if digits.len() == 0 {
        return Err(PacketError::InvalidLength);
    }
    let mut length = 0_usize;
    for digit in digits {
        let longer = length.checked_mul(10).filter(|_| digit <= 9);
        length =
            longer.and_then(|longer| longer.checked_add(digit.into())).ok_or(PacketError::InvalidLength)?;
    }
    Ok(length)
}

/// Splits text after so many units of UTF-16, unless it is shorter or a surrogate pair stands there.
fn split_at_units(text: &str, units: usize) -> Option<(&str, &str)> {
    if text.as_bytes().get(..units)?.is_ascii() {
        return Some(text.split_at(units));
    }
    let mut left = units;
    for (at, letter) in text.char_indices() {
        if left == 0 {
            return Some(text.split_at(at));
        }
        left = left.checked_sub(letter.len_utf16())?;
    }
    (left == 0).then_some((text, ""))
}

/// Units of UTF-16 in a text: its `length` in JavaScript.
pub fn utf16_units(text: &str) -> usize {
    let is_start = |byte: u8| byte & 0xc0 != 0x80;
    // What takes four bytes takes a pair of surrogates.
    text.bytes().map(|byte| usize::from(is_start(byte)) + usize::from(byte >= 0xf0)).sum()
}

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
        self.push_length(utf16_units(packet), packet.len());
        self.body.push_str(packet);
    }

    /// Appends a binary message as `b4<base64>`.
    pub fn push_binary(&mut self, data: &[u8]) {
        let bytes = base64_bytes(data.len());
        self.push_length(bytes, bytes);
        self.body.push_str(BASE64_MESSAGE);
        STANDARD.encode_string(data, &mut self.body);
    }

    fn push_length(&mut self, units: usize, bytes: usize) {
        self.body.reserve(DIGITS_MAX + 1 + bytes);
        // Writing to a string cannot fail.
        let _ = write!(self.body, "{units}:");
    }

    /// The body.
    pub fn finish(self) -> String {
        self.body
    }
}
