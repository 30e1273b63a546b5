//! Packets of a client: the decoder of `socket.io-parser`, and what it refuses.
//!
//! One pass over the text finds that it is valid JSON and where the arguments are; it does not recurse, so
//! that nesting cannot exhaust the stack. Nothing is parsed into values here.

pub(super) mod header;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use self::header::Header;
use super::arguments::{Arguments, Ranges};
use super::packet::{Packet, is_reserved};
use super::parts::PacketType;
use super::placeholder;

/// The longest name of a namespace, in bytes. The official server has no bound; ours keeps a client from
/// filling memory and logs with names.
pub(super) const NAMESPACE_BYTES_MAX: usize = 1024;

/// Size in bytes up to which a kept slice is copied, so that a few bytes do not keep the whole read buffer alive.
const COPY_BYTES_MAX: usize = 4096;

/// Reason why the message of a client is not a packet. The official server closes the connection with `forced close`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A message without text.
    #[error("the client sent an empty message")]
    Empty,
    /// The first character is not a packet type.
    #[error("the client sent the unknown packet type {0:?}")]
    UnknownType(char),
    /// The count of attachments is not a positive number, or its `-` is missing.
    #[error("the client sent an illegal count of attachments")]
    IllegalAttachmentCount,
    /// More attachments than allowed.
    #[error("the client announced more than {0} attachments")]
    TooManyAttachments(usize),
    /// A message that the parser of this server cannot read.
    #[error("the client sent a message that is not a packet: {0}")]
    Malformed(Cow<'static, str>),
    /// A namespace whose name is longer than 1 KiB.
    #[error("the client named a namespace of {0} bytes")]
    NamespaceTooLong(usize),
    /// An ack id that is not a number, or greater than 2^64 - 1.
    #[error("the client sent an illegal ack id")]
    IllegalAckId,
    /// The payload is not JSON, or not what a packet of this type carries.
    #[error("the client sent an invalid payload: {0}")]
    InvalidPayload(&'static str),
    /// The name of the event is one that Socket.IO keeps for itself.
    #[error("the client sent an event with the reserved name {0:?}")]
    ReservedName(String),
    /// A placeholder that stands for no attachment.
    #[error("the client sent a placeholder without an attachment")]
    InvalidPlaceholder,
    /// A text message while attachments are awaited.
    #[error("the client sent text in the place of an attachment")]
    TextInsteadOfAttachment,
    /// A binary message while none is awaited.
    #[error("the client sent an attachment that belongs to no packet")]
    UnexpectedAttachment,
}

impl DecodeError {
    /// An error for what a parser of another format finds wrong.
    pub fn malformed(reason: impl fmt::Display) -> Self {
        DecodeError::Malformed(reason.to_string().into())
    }
}

/// Decodes the messages of one connection. After an error the connection is to be closed.
#[derive(Debug)]
pub struct Decoder {
    attachments_max: usize,
    /// A packet whose attachments are not complete. Boxed, because most connections never have one.
    pending: Option<Box<Pending>>,
}

#[derive(Debug)]
struct Pending {
    packet: Packet,
    attachments: Vec<Bytes>,
    expected: usize,
    /// Bytes of the text and of the attachments that have come.
    bytes: usize,
}

impl Decoder {
    /// A decoder that refuses packets with more attachments than this.
    pub fn new(max_attachments: usize) -> Self {
        Decoder { attachments_max: max_attachments, pending: None }
    }

    /// Whether no attachment is awaited.
    #[cfg(test)]
    pub fn is_idle(&self) -> bool {
        self.pending.is_none()
    }

    /// Bytes kept of a packet whose attachments are not complete.
    pub fn held_bytes(&self) -> usize {
        self.pending.as_ref().map_or(0, |pending| pending.bytes)
    }

    /// Takes a text message, without the type of the Engine.IO packet. `None`: attachments must follow.
    pub fn text(&mut self, text: ByteString) -> Result<Option<Packet>, DecodeError> {
        if self.pending.take().is_some() {
            return Err(DecodeError::TextInsteadOfAttachment);
        }
        let text = if matches!(text.as_bytes().first(), Some(b'5' | b'6')) { keep_text(text) } else { text };
        let header = Header::parse(&text, self.attachments_max)?;
        let packet = packet(&text, &header)?;
        if header.attachments == 0 {
            return Ok(Some(packet));
        }
        if !placeholder::all_valid(header.payload, header.attachments) {
            return Err(DecodeError::InvalidPlaceholder);
        }
        let expected = header.attachments;
        let attachments = Vec::with_capacity(expected);
        self.pending = Some(Box::new(Pending { packet, attachments, expected, bytes: text.len() }));
        Ok(None)
    }

    /// Takes a binary message. `None`: more attachments must follow.
    pub fn binary(&mut self, bytes: Bytes) -> Result<Option<Packet>, DecodeError> {
        let mut pending = self.pending.take().ok_or(DecodeError::UnexpectedAttachment)?;
        pending.bytes += bytes.len();
        pending.attachments.push(keep(bytes));
        if pending.attachments.len() < pending.expected {
            self.pending = Some(pending);
            return Ok(None);
        }
        let Pending { mut packet, attachments, .. } = *pending;
        if let Packet::Event { arguments, .. } | Packet::Ack { arguments, .. } = &mut packet {
            *arguments = std::mem::take(arguments).with_attachments(attachments);
        }
        Ok(Some(packet))
    }
}

fn packet(text: &ByteString, header: &Header<'_>) -> Result<Packet, DecodeError> {
    let namespace = match header.namespace {
        "/" => ByteString::from_static("/"),
        name => text.slice_ref(name),
    };
    assemble(text, header.kind, namespace, header.id, header.payload)
}

/// The packet of these parts; `payload` is a part of `text`, and empty if there is none.
pub(super) fn assemble(
    text: &ByteString,
    kind: PacketType,
    namespace: ByteString,
    id: Option<u64>,
    payload: &str,
) -> Result<Packet, DecodeError> {
    Ok(match kind {
        PacketType::Connect => Packet::Connect { namespace, auth: auth(text, payload)? },
        PacketType::Disconnect if payload.is_empty() => Packet::Disconnect { namespace },
        PacketType::Disconnect => return Err(DecodeError::InvalidPayload("a DISCONNECT has none")),
        PacketType::Event => {
            let (name, arguments) = event(text, payload)?;
            Packet::Event { namespace, id, name, arguments }
        }
        PacketType::Ack if payload.is_empty() => {
            Packet::Ack { namespace, id, arguments: Arguments::default() }
        }
        PacketType::Ack => {
            let (_, ranges) = elements(text, payload, false)?;
            Packet::Ack { namespace, id, arguments: Arguments::new(text.clone(), ranges) }
        }
        PacketType::ConnectError => {
            check_connect_error(payload)?;
            Packet::ConnectError { namespace }
        }
    })
}

/// The payload of a CONNECT is an object, or nothing.
fn auth(text: &ByteString, payload: &str) -> Result<Option<ByteString>, DecodeError> {
    if payload.is_empty() {
        return Ok(None);
    }
    match json(payload) {
        Some(object) if object.starts_with('{') => Ok(Some(text.slice_ref(object))),
        _ => Err(DecodeError::InvalidPayload("a CONNECT carries a JSON object")),
    }
}

fn check_connect_error(payload: &str) -> Result<(), DecodeError> {
    match json(payload) {
        Some(data) if data.starts_with(['{', '"']) => Ok(()),
        None if payload.is_empty() => Ok(()),
        _ => Err(DecodeError::InvalidPayload("a CONNECT_ERROR carries a JSON object or string")),
    }
}

/// The payload without the white space around it, if it is JSON.
fn json(payload: &str) -> Option<&str> {
    serde_json::from_str::<&RawValue>(payload).ok().map(RawValue::get)
}

fn event(text: &ByteString, payload: &str) -> Result<(Option<ByteString>, Arguments), DecodeError> {
    if payload.is_empty() {
        return Ok((None, Arguments::default()));
    }
    let (name, ranges) = elements(text, payload, true)?;
    let name = event_name(text, name.ok_or(DecodeError::InvalidPayload("an EVENT must have a name"))?)?;
    Ok((Some(name), Arguments::new(text.clone(), ranges)))
}

/// The name of an event from its JSON text: a string, or a number as it stands.
fn event_name(text: &ByteString, json: &str) -> Result<ByteString, DecodeError> {
    let name = match json.as_bytes()[0] {
        b'"' if json.contains('\\') => serde_json::from_str::<String>(json)
            .map_err(|_| DecodeError::InvalidPayload("the name of the EVENT is not Unicode"))?
            .into(),
        b'"' => text.slice_ref(&json[1..json.len() - 1]),
        b'-' | b'0'..=b'9' => text.slice_ref(json),
        _ => return Err(DecodeError::InvalidPayload("the name of an EVENT must be a string or a number")),
    };
    if is_reserved(&name) {
        return Err(DecodeError::ReservedName(name.into()));
    }
    Ok(name)
}

/// Ranges of the elements of a JSON array within the text that holds it; a first element that is a name is returned
/// apart.
pub(super) fn elements<'a>(
    text: &str,
    array: &'a str,
    named: bool,
) -> Result<(Option<&'a str>, Ranges), DecodeError> {
    if u32::try_from(text.len()).is_err() {
        return Err(DecodeError::InvalidPayload("longer than 4 GiB"));
    }
    let mut json = serde_json::Deserializer::from_str(array);
    let elements = json.deserialize_seq(Elements { text, named });
    elements
        .and_then(|elements| json.end().map(|()| elements))
        .map_err(|_| DecodeError::InvalidPayload("not a JSON array"))
}

struct Elements<'t> {
    text: &'t str,
    named: bool,
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = (Option<&'de str>, Ranges);

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let name = if self.named { access.next_element::<&RawValue>()?.map(RawValue::get) } else { None };
        let mut ranges = Ranges::new();
        while let Some(element) = access.next_element::<&RawValue>()? {
            let start = element.get().as_ptr() as usize - self.text.as_ptr() as usize;
            ranges.push((start as u32, (start + element.get().len()) as u32));
        }
        Ok((name, ranges))
    }
}

pub(super) fn keep(bytes: Bytes) -> Bytes {
    if bytes.len() < COPY_BYTES_MAX { Bytes::copy_from_slice(&bytes) } else { bytes }
}

fn keep_text(text: ByteString) -> ByteString {
    if text.len() < COPY_BYTES_MAX { ByteString::from(&*text) } else { text }
}

#[cfg(test)]
mod tests;
