//! The header before the payload of a packet: `<type>[<count>-][<namespace>,][<id>]`.
//!
//! Read as `decodeString` of `socket.io-parser` reads it, quirks of the ack id included.

use super::{DecodeError, NAMESPACE_BYTES_MAX};
use crate::parts::PacketType;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    pub(crate) kind: PacketType,
    /// Attachments that will follow; 0 for a packet that cannot have any.
    pub(crate) attachments: usize,
    pub(crate) namespace: &'a str,
    pub(crate) id: Option<u64>,
    /// The rest of the text: JSON, or empty.
    pub(crate) payload: &'a str,
}

impl<'a> Header<'a> {
    pub(crate) fn parse(text: &'a str, attachments_max: usize) -> Result<Self, DecodeError> {
        let mut chars = text.chars();
        let (kind, has_attachments) = match chars.next().ok_or(DecodeError::Empty)? {
            '0' => (PacketType::Connect, false),
            '1' => (PacketType::Disconnect, false),
            '2' => (PacketType::Event, false),
            '3' => (PacketType::Ack, false),
            '4' => (PacketType::ConnectError, false),
            '5' => (PacketType::Event, true),
            '6' => (PacketType::Ack, true),
            other => return Err(DecodeError::UnknownType(other)),
        };
        let rest = chars.as_str();
        let (attachments, rest) = if has_attachments { count(rest, attachments_max)? } else { (0, rest) };
        let (namespace, rest) = namespace(rest)?;
        let (id, payload) = id(rest)?;
        Ok(Header { kind, attachments, namespace, id, payload })
    }
}

/// `<count>-`, at least 1: a packet without attachments has a type of its own.
fn count(text: &str, attachments_max: usize) -> Result<(usize, &str), DecodeError> {
    let (digits, rest) = text.split_once('-').ok_or(DecodeError::IllegalAttachmentCount)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DecodeError::IllegalAttachmentCount);
    }
    match digits.parse() {
        Ok(0) => Err(DecodeError::IllegalAttachmentCount),
        Ok(count) if count <= attachments_max => Ok((count, rest)),
        _ => Err(DecodeError::TooManyAttachments(attachments_max)),
    }
}

/// `/<name>,`, where the comma may be missing at the end of the text. None at all is the main namespace.
fn namespace(text: &str) -> Result<(&str, &str), DecodeError> {
    if !text.starts_with('/') {
        return Ok(("/", text));
    }
    let (name, rest) = text.split_once(',').unwrap_or((text, ""));
    if name.len() > NAMESPACE_BYTES_MAX {
        return Err(DecodeError::NamespaceTooLong(name.len()));
    }
    Ok((name, rest))
}

/// Digits, and what JavaScript takes for digits: `Number(" ")` is 0, so white space belongs to the id, and
/// around the digits it counts for nothing.
///
/// Where the official decoder goes through floating point, to `NaN` or to a rounded id, this one refuses.
fn id(text: &str) -> Result<(Option<u64>, &str), DecodeError> {
    let end = text.find(|c: char| !c.is_ascii_digit() && !is_white_space(c)).unwrap_or(text.len());
    let (id, rest) = text.split_at(end);
    if id.is_empty() {
        return Ok((None, rest));
    }
    let digits = id.trim_matches(is_white_space);
    if digits.is_empty() {
        return Ok((Some(0), rest));
    }
    let id = digits.parse().map_err(|_| DecodeError::IllegalAckId)?;
    Ok((Some(id), rest))
}

/// White space in the grammar of ECMAScript (`StrWhiteSpaceChar`).
fn is_white_space(c: char) -> bool {
    c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}')
}

#[cfg(test)]
mod tests;
