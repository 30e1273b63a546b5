//! Packets of a POST on their way to the sockets.

use bytes::Bytes;
use bytestring::ByteString;
use tokio::sync::oneshot;

use super::message::Precedence;
use fanfare_engineio::request::Protocol;
use fanfare_engineio::{Packet, PacketError, payload, v3};

/// The packets of a POST that were not handled yet.
pub(super) struct Inbox {
    pub packets: Posted,
    /// Tells the POST that it can be answered, also by being dropped.
    pub done: oneshot::Sender<Precedence>,
}

/// The packets of a POST.
#[derive(Debug)]
pub enum Posted {
    /// Of protocol 4.
    V4(payload::Payload),
    /// Of protocol 3, as text; `None` if a form holds none.
    V3(Option<v3::payload::Payload>),
    /// Of protocol 3, as bytes.
    V3Binary(v3::binary_payload::Payload),
}

/// The body of a POST is not text.
#[derive(Clone, Copy, Debug)]
pub struct NotText;

impl Posted {
    /// Reads the body of a POST that is text, or a form with text in it.
    pub fn text(body: Bytes, protocol: Protocol, is_form: bool) -> Result<Self, NotText> {
        let body = ByteString::try_from(body).map_err(|_| NotText)?;
        Ok(match protocol {
            Protocol::V4 => Self::V4(payload::decode(body)),
            Protocol::V3 if is_form => {
                let payload = v3::jsonp::payload_in_form(&body);
                Self::V3(payload.map(|payload| v3::payload::decode(payload.into())))
            }
            Protocol::V3 => Self::V3(Some(v3::payload::decode(body))),
        })
    }

    /// Reads the body of a POST that is bytes, as protocol 3 has it.
    pub fn binary(body: Bytes) -> Self {
        Self::V3Binary(v3::binary_payload::decode(body))
    }
}

impl Iterator for Posted {
    type Item = Result<Packet, PacketError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::V4(packets) => packets.next(),
            Self::V3(packets) => packets.as_mut()?.next(),
            Self::V3Binary(packets) => packets.next(),
        }
    }
}
