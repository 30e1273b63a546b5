//! The fields of a packet, as a parser of another format reads and writes them.

use bytes::Bytes;
use bytestring::ByteString;
use serde::de::{DeserializeSeed, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::decode::header::Header;
use super::decode::{self, DecodeError, NAMESPACE_BYTES_MAX};
use super::encode::{self, Encoded};
use super::packet::Packet;
use super::placeholder;
use super::value::{Reader, Value};

/// The type of a packet. An event or acknowledgement with attachments has no type of its own here.
///
/// Reads and writes as its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PacketType {
    /// CONNECT.
    Connect = 0,
    /// DISCONNECT.
    Disconnect = 1,
    /// EVENT.
    Event = 2,
    /// ACK.
    Ack = 3,
    /// CONNECT_ERROR.
    ConnectError = 4,
}

impl PacketType {
    /// The type with this number in the protocol.
    pub fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            0 => PacketType::Connect,
            1 => PacketType::Disconnect,
            2 => PacketType::Event,
            3 => PacketType::Ack,
            4 => PacketType::ConnectError,
            _ => return None,
        })
    }
}

impl Serialize for PacketType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*self as u8)
    }
}

impl<'de> Deserialize<'de> for PacketType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        PacketType::from_number(number).ok_or_else(|| D::Error::custom("the type of a packet is at most 4"))
    }
}

/// The fields of a packet. Data are JSON text, in which placeholders stand for the attachments.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PacketParts {
    /// The type.
    pub kind: PacketType,
    /// The namespace, with its slash.
    pub namespace: ByteString,
    /// The id of an event that is to be acknowledged, and of its acknowledgement.
    pub id: Option<u64>,
    /// JSON text: an array in an event (its name first) and an acknowledgement, an object elsewhere.
    pub data: Option<ByteString>,
    /// The bytes that the placeholders stand for.
    pub attachments: Vec<Bytes>,
}

impl PacketParts {
    /// The parts of a packet without data.
    pub fn new(kind: PacketType, namespace: ByteString, id: Option<u64>) -> Self {
        PacketParts { kind, namespace, id, data: None, attachments: Vec::new() }
    }

    /// The parts of a packet that the server sends. Nothing is copied.
    ///
    /// # Errors
    ///
    /// The text is not one that [`encode`] writes.
    pub fn of(packet: &Encoded) -> Result<Self, DecodeError> {
        let text = packet.text.strip_prefix('4').ok_or(DecodeError::Empty)?;
        let header = Header::parse(text, usize::MAX)?;
        let slice = |part: &str| match part {
            "/" => ByteString::from_static("/"),
            part => packet.text.slice_ref(part),
        };
        Ok(PacketParts {
            kind: header.kind,
            namespace: slice(header.namespace),
            id: header.id,
            data: (!header.payload.is_empty()).then(|| slice(header.payload)),
            attachments: packet.attachments.clone(),
        })
    }

    /// The data as a tree, with the bytes in their places and not copied.
    ///
    /// # Errors
    ///
    /// The text is nested more than 127 levels deep, or holds a number beyond a double.
    pub fn value(&self) -> Result<Option<Value>, serde_json::Error> {
        let reader = Reader { attachments: &self.attachments };
        let read = |data: &ByteString| reader.deserialize(&mut serde_json::Deserializer::from_str(data));
        self.data.as_ref().map(read).transpose()
    }

    /// These parts with data from a tree; its bytes become attachments.
    ///
    /// # Errors
    ///
    /// The tree holds a number that JSON cannot carry.
    pub fn with_value(mut self, data: Value) -> Result<Self, DecodeError> {
        let mut attachments = Vec::new();
        let text = encode::value(&data, &mut attachments).map_err(DecodeError::malformed)?;
        self.data = Some(text);
        self.attachments = attachments;
        Ok(self)
    }

    /// The packet, if a client may send it: the checks of the default parser hold with every parser.
    ///
    /// # Errors
    ///
    /// More than `max_attachments` attachments, a namespace that the protocol cannot name, data that do not belong into a packet
    /// of this type, or an event with a name that Socket.IO keeps for itself.
    pub fn into_packet(self, max_attachments: usize) -> Result<Packet, DecodeError> {
        let PacketParts { kind, namespace, id, data, attachments } = self;
        check_namespace(&namespace)?;
        if attachments.len() > max_attachments {
            return Err(DecodeError::TooManyAttachments(max_attachments));
        }
        let text = data.unwrap_or_default();
        let mut packet = decode::assemble(&text, kind, namespace, id, &text)?;
        if attachments.is_empty() {
            return Ok(packet);
        }
        let (Packet::Event { arguments, .. } | Packet::Ack { arguments, .. }) = &mut packet else {
            return Err(DecodeError::InvalidPayload("only an EVENT and an ACK carry bytes"));
        };
        if !placeholder::all_valid(&text, attachments.len()) {
            return Err(DecodeError::InvalidPlaceholder);
        }
        *arguments = std::mem::take(arguments).with_attachments(attachments);
        Ok(packet)
    }
}

/// Namespaces that the default format cannot name would be misread by other nodes.
fn check_namespace(namespace: &str) -> Result<(), DecodeError> {
    match namespace.len() {
        length if length > NAMESPACE_BYTES_MAX => Err(DecodeError::NamespaceTooLong(length)),
        _ if namespace.starts_with('/') && !namespace.contains(',') => Ok(()),
        _ => Err(DecodeError::Malformed("a namespace begins with a slash and holds no comma".into())),
    }
}

#[cfg(test)]
mod tests;
