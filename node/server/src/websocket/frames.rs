//! Frames that this server sends: unmasked, whole messages (RFC 6455, section 5.2), and the way of waiting items into a
//! buffer, from any byte on. Only headers are made here; large payloads stay where they are.

use std::ops::ControlFlow::{self, Break, Continue};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::AttachmentForm;
use crate::outbox::{Item, Packet};
use fanfare_socketio::Message;

/// Opcode of a text message, with the bit of a final frame.
const TEXT: u8 = 0x81;
/// Opcode of a binary message, with the bit of a final frame.
const BINARY: u8 = 0x82;
/// Bytes of binary data encoded as base64 at a time; a multiple of three.
const BASE64_STEP: usize = 12 * 1024;

/// An encoded text message.
pub fn text(message: &str) -> Bytes {
    frame(TEXT, message.as_bytes())
}

/// An encoded binary message.
#[cfg(feature = "fault-injection")]
pub fn binary(message: &[u8]) -> Bytes {
    frame(BINARY, message)
}

fn frame(opcode: u8, payload: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(frame_len(payload.len()));
    push_header(opcode, payload.len(), &mut frame);
    frame.extend(payload);
    frame.into()
}

/// Bytes of an item on the wire, with attachments in this form.
pub(super) fn encoded_len(item: &Item, form: AttachmentForm) -> usize {
    match item {
        Item::Frame(frame) | Item::Answer(frame) => frame.len(),
        Item::Packet(packet) if let Some(messages) = packet.transcoded() => {
            messages.iter().map(|message| frame_len(message_len(message, form))).sum()
        }
        Item::Packet(packet) => {
            let attachments = packet.attachments.iter().map(|data| attachment_len(data, form));
            frame_len(packet.text.len()) + attachments.map(frame_len).sum::<usize>()
        }
    }
}

fn message_len(message: &Message, form: AttachmentForm) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(data) => attachment_len(data, form),
    }
}

fn frame_len(payload: usize) -> usize {
    header_len(payload) + payload
}

fn header_len(payload: usize) -> usize {
    match payload {
        0..126 => 2,
        126..65_536 => 4,
        _ => 10,
    }
}

/// Bytes of an attachment, without the header of its frame.
fn attachment_len(data: &[u8], form: AttachmentForm) -> usize {
    form.prefix().len() + if form.is_base64() { base64_len(data) } else { data.len() }
}

fn base64_len(data: &[u8]) -> usize {
    data.len().div_ceil(3) * 4
}

fn push_header(opcode: u8, payload: usize, out: &mut Vec<u8>) {
    match (u8::try_from(payload), u16::try_from(payload)) {
        (Ok(length @ 0..126), _) => out.extend([opcode, length]),
        (_, Ok(length)) => {
            let [high, low] = length.to_be_bytes();
            out.extend([opcode, 126, high, low]);
        }
        _ => {
            out.extend([opcode, 127]);
            out.extend((payload as u64).to_be_bytes());
        }
    }
}

/// Gathers items for one write: small ones are copied into a buffer, a large payload behind them is written from where it
/// is.
pub(super) struct Gather<'a> {
    buffer: &'a mut Vec<u8>,
    /// Bytes to leave out: the network has them.
    skip: usize,
    /// Size from which a payload is not copied.
    large: usize,
    /// The payload to be written behind the buffer.
    pub behind: &'a [u8],
}

impl<'a> Gather<'a> {
    /// Gathers into an empty buffer, without the first `skip` bytes.
    pub fn new(buffer: &'a mut Vec<u8>, skip: usize, large: usize) -> Self {
        buffer.clear();
        Self { buffer, skip, large, behind: &[] }
    }

    /// The buffer, to be written before what is `behind` it.
    pub fn buffer(&self) -> &[u8] {
        self.buffer
    }

    /// Adds an item. Breaks if nothing can be added behind it.
    pub fn item(&mut self, item: &'a Item, form: AttachmentForm) -> ControlFlow<()> {
        match item {
            Item::Frame(frame) | Item::Answer(frame) => self.bytes(frame),
            Item::Packet(packet) => self.packet(packet, form),
        }
    }

    fn packet(&mut self, packet: &'a Packet, form: AttachmentForm) -> ControlFlow<()> {
        if let Some(messages) = packet.transcoded() {
            return messages.iter().try_for_each(|message| match message {
                Message::Text(text) => self.text(text),
                Message::Binary(data) => self.binary(data, form),
            });
        }
        self.text(&packet.text)?;
        packet.attachments.iter().try_for_each(|data| self.binary(data, form))
    }

    fn text(&mut self, text: &'a str) -> ControlFlow<()> {
        self.header(TEXT, text.len());
        self.bytes(text.as_bytes())
    }

    fn binary(&mut self, data: &'a [u8], form: AttachmentForm) -> ControlFlow<()> {
        let is_base64 = form.is_base64();
        self.header(if is_base64 { TEXT } else { BINARY }, attachment_len(data, form));
        self.prefix(form.prefix());
        if is_base64 { self.base64(data) } else { self.bytes(data) }
    }

    fn header(&mut self, opcode: u8, payload: usize) {
        let length = header_len(payload);
        if self.skip >= length {
            self.skip -= length;
            return;
        }
        let start = self.buffer.len();
        push_header(opcode, payload, self.buffer);
        self.buffer.drain(start..start + std::mem::take(&mut self.skip));
    }

    fn prefix(&mut self, prefix: &[u8]) {
        let taken = self.skip.min(prefix.len());
        self.skip -= taken;
        self.buffer.extend_from_slice(&prefix[taken..]);
    }

    fn bytes(&mut self, bytes: &'a [u8]) -> ControlFlow<()> {
        let Some(rest) = bytes.get(self.skip..) else {
            self.skip -= bytes.len();
            return Continue(());
        };
        self.skip = 0;
        if rest.len() >= self.large {
            self.behind = rest;
            return Break(());
        }
        self.buffer.extend_from_slice(rest);
        Continue(())
    }

    /// Encodes as much as goes at a time.
    fn base64(&mut self, data: &[u8]) -> ControlFlow<()> {
        if self.skip >= base64_len(data) {
            self.skip -= base64_len(data);
            return Continue(());
        }
        // Four characters for three bytes: characters are left out after their whole group was encoded.
        let rest = &data[self.skip / 4 * 3..];
        let step = &rest[..rest.len().min(BASE64_STEP)];
        let mut text = STANDARD.encode(step).into_bytes();
        text.drain(..std::mem::take(&mut self.skip) % 4);
        self.buffer.append(&mut text);
        if step.len() < rest.len() { Break(()) } else { Continue(()) }
    }
}

#[cfg(test)]
mod tests;
