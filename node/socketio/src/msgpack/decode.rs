//! The packet in a message, with the checks of `socket.io-msgpack-parser`.

use bytes::Bytes;
use bytestring::ByteString;

use super::read::{Read, Reader};
use crate::decode::DecodeError;
use crate::packet::Packet;
use crate::parts::{PacketParts, PacketType};

/// Fields seen so far. Of two with the same key the last counts.
#[derive(Default)]
struct Fields {
    kind: Option<PacketType>,
    namespace: Option<ByteString>,
    id: Option<u64>,
    data: Option<ByteString>,
    attachments: Vec<Bytes>,
}

/// Reads a message, which must be one packet and nothing after it. Fields that a packet does not have are ignored:
/// the client sends `options`.
pub(super) fn packet(message: &Bytes, attachments_max: usize) -> Result<Packet, DecodeError> {
    let mut reader = Reader::new(message, attachments_max);
    let mut fields = Fields::default();
    for _ in 0..reader.map()? {
        let key = text(&mut reader)?.ok_or_else(|| malformed("the name of a field must be a string"))?;
        field(&mut reader, &mut fields, &key)?;
    }
    if !reader.is_at_end() {
        return Err(malformed("bytes follow after it"));
    }
    let kind = fields.kind.ok_or_else(|| malformed("it has no type"))?;
    let namespace = fields.namespace.ok_or_else(|| malformed("it names no namespace"))?;
    let mut parts = PacketParts::new(kind, namespace, fields.id);
    parts.data = fields.data;
    parts.attachments = fields.attachments;
    if parts.data.is_none() && !matches!(kind, PacketType::Connect | PacketType::Disconnect) {
        return Err(DecodeError::InvalidPayload("only a CONNECT and a DISCONNECT may have none"));
    }
    parts.into_packet(attachments_max)
}

fn field(reader: &mut Reader<'_>, fields: &mut Fields, key: &str) -> Result<(), DecodeError> {
    let (read, json, attachments) = value(reader)?;
    match key {
        "type" => {
            let number = json.parse().ok().and_then(PacketType::from_number);
            fields.kind = Some(number.ok_or_else(|| malformed("its type is not an integer from 0 to 4"))?);
        }
        "nsp" => {
            let namespace = serde_json::from_str(&json);
            fields.namespace = Some(namespace.map_err(|_| malformed("its namespace is not a string"))?);
        }
        "id" if read == Read::Undefined => fields.id = None,
        "id" => fields.id = Some(json.parse().map_err(|_| DecodeError::IllegalAckId)?),
        "data" => {
            fields.data = (read == Read::Value).then_some(json);
            fields.attachments = attachments;
        }
        _ => {}
    }
    Ok(())
}

/// Reads one value, and takes its text and its attachments.
fn value(reader: &mut Reader<'_>) -> Result<(Read, ByteString, Vec<Bytes>), DecodeError> {
    let read = reader.value()?;
    let json = ByteString::try_from(std::mem::take(&mut reader.json)).map_err(DecodeError::malformed)?;
    Ok((read, json, std::mem::take(&mut reader.attachments)))
}

/// Reads a string; anything else is `None`.
fn text(reader: &mut Reader<'_>) -> Result<Option<String>, DecodeError> {
    let (_, json, _) = value(reader)?;
    Ok(serde_json::from_str(&json).ok())
}

fn malformed(reason: &'static str) -> DecodeError {
    DecodeError::Malformed(reason.into())
}
