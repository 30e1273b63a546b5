//! Dialect of a client: the version of its protocol, and whether it takes binary frames.

use bytes::Bytes;
use bytestring::ByteString;

use super::message::PollAnswer;
use crate::outbox::Packet as Outgoing;
use crate::websocket::AttachmentForm;
use fanfare_engineio::request::{Protocol, Query};
use fanfare_engineio::{Packet, PacketError, payload, v3};
use fanfare_socketio::Message;

/// Dialect of one client, as its handshake told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Version of the protocol.
    pub protocol: Protocol,
    /// The client asked for binary data as base64 text.
    pub base64: bool,
}

impl Dialect {
    /// The dialect that a handshake asks for. Scripts cannot hold binary data.
    pub fn new(protocol: Protocol, query: &Query) -> Self {
        let dialect = Self { protocol, base64: query.b64 };
        Self { base64: query.b64 || dialect.callback(query).is_some(), ..dialect }
    }

    /// The function that a page waits to be called, if it polls by scripts.
    pub fn callback(self, query: &Query) -> Option<&v3::jsonp::Callback> {
        query.jsonp.as_ref().filter(|_| self.protocol == Protocol::V3)
    }

    /// Form of attachments over a WebSocket.
    pub(super) fn attachments(self) -> AttachmentForm {
        match (self.protocol, self.base64) {
            (Protocol::V4, false) => AttachmentForm::Binary,
            (Protocol::V4, true) => AttachmentForm::Base64,
            (Protocol::V3, false) => AttachmentForm::TypedBinary,
            (Protocol::V3, true) => AttachmentForm::TypedBase64,
        }
    }

    /// Reads a text frame.
    pub(super) fn decode_text(self, text: ByteString) -> Result<Packet, PacketError> {
        match self.protocol {
            Protocol::V4 => Packet::decode_text(text),
            Protocol::V3 => v3::packet::decode_text(text),
        }
    }

    /// Reads a binary frame.
    pub(super) fn decode_binary(self, data: Bytes) -> Result<Packet, PacketError> {
        match self.protocol {
            Protocol::V4 => Ok(Packet::decode_binary(data)),
            Protocol::V3 => v3::packet::decode_binary(data),
        }
    }

    /// The answer to a poll that has packets of the session itself in it.
    pub fn own_packets(self, packets: impl IntoIterator<Item = ByteString>) -> PollAnswer {
        let mut answer = AnswerWriter::new(self);
        packets.into_iter().for_each(|packet| answer.push_control(packet));
        answer.finish()
    }
}

/// Builds the answer to a poll.
pub(super) struct AnswerWriter {
    body: Body,
    compress: bool,
}

enum Body {
    V4(payload::Writer),
    /// Only the last packet tells whether the body is text or bytes.
    V3 {
        elements: Vec<Element>,
        base64: bool,
    },
}

enum Element {
    Text(ByteString),
    Binary(Bytes),
}

impl Element {
    /// Whether it must travel in a body of bytes. Socket.IO 1 reads text that is not ASCII from no other body: in one of text
    /// it expects UTF-8 twice, where Socket.IO 2 expects it once, and nobody can tell them apart.
    fn wants_bytes(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_ascii(),
            Self::Binary(_) => true,
        }
    }
}

impl AnswerWriter {
    pub fn new(dialect: Dialect) -> Self {
        let body = match dialect.protocol {
            Protocol::V4 => Body::V4(payload::Writer::new()),
            Protocol::V3 => Body::V3 { elements: Vec::new(), base64: dialect.base64 },
        };
        Self { body, compress: false }
    }

    /// Appends a packet of the session itself.
    pub fn push_control(&mut self, packet: ByteString) {
        self.push_text(&packet);
    }

    /// Appends a packet, in the format of the server's parser.
    pub fn push(&mut self, packet: &Outgoing) {
        self.compress |= packet.compress;
        let Some(messages) = packet.transcoded() else {
            self.push_text(&packet.text);
            return packet.attachments.iter().for_each(|attachment| self.push_binary(attachment));
        };
        messages.iter().for_each(|message| match message {
            Message::Text(text) => self.push_text(text),
            Message::Binary(data) => self.push_binary(data),
        });
    }

    fn push_text(&mut self, text: &ByteString) {
        match &mut self.body {
            Body::V4(body) => body.push_text(text),
            Body::V3 { elements, .. } => elements.push(Element::Text(text.clone())),
        }
    }

    fn push_binary(&mut self, data: &Bytes) {
        match &mut self.body {
            Body::V4(body) => body.push_binary(data),
            Body::V3 { elements, .. } => elements.push(Element::Binary(data.clone())),
        }
    }

    /// The answer.
    pub fn finish(self) -> PollAnswer {
        let compress = self.compress;
        match self.body {
            Body::V4(body) => PollAnswer { body: body.finish().into(), is_binary: false, compress },
            Body::V3 { elements, base64 } => {
                let is_binary = !base64 && elements.iter().any(Element::wants_bytes);
                let body = if is_binary { bytes_of_3(&elements).into() } else { text_of_3(&elements).into() };
                PollAnswer { body, is_binary, compress }
            }
        }
    }
}

fn text_of_3(elements: &[Element]) -> String {
    let mut body = v3::payload::Writer::new();
    for element in elements {
        match element {
            Element::Text(text) => body.push_text(text),
            Element::Binary(data) => body.push_binary(data),
        }
    }
    body.finish()
}

fn bytes_of_3(elements: &[Element]) -> Vec<u8> {
    let mut body = v3::binary_payload::Writer::new();
    for element in elements {
        match element {
            Element::Text(text) => body.push_text(text),
            Element::Binary(data) => body.push_binary(data),
        }
    }
    body.finish()
}
