//! Packets, encoded once and shared by everybody they are for.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use bytestring::ByteString;

use super::transcoder::Transcoder;
use fanfare_socketio::{Encoded, Message};

/// Cost of a queued packet in bytes, beside its content, which it may share with thousands of others.
pub(super) const PACKET_COST: usize = 32;

/// One encoded packet, shared by everybody it is for.
#[derive(Debug)]
pub struct Packet {
    /// The Engine.IO text message.
    pub text: ByteString,
    /// The Engine.IO binary messages that follow it, with nothing in between.
    pub attachments: Vec<Bytes>,
    /// Whether a polling answer that carries it may be compressed.
    pub compress: bool,
    /// The messages of the packet in the format of the server's parser, if that is not the default.
    transcoded: OnceLock<Box<[Message]>>,
    size: usize,
}

impl Packet {
    /// A packet ready to be queued.
    pub fn new(encoded: Encoded, compress: bool) -> Arc<Self> {
        let Encoded { text, attachments } = encoded;
        let size = PACKET_COST + text.len() + attachments.iter().map(Bytes::len).sum::<usize>();
        Arc::new(Self { text, attachments, compress, transcoded: OnceLock::new(), size })
    }

    /// Writes the packet in the format of the server's parser, unless that has happened. False if there is no such form.
    pub(super) fn transcode(&self, transcoder: &Transcoder) -> bool {
        let write =
            || transcoder.write(Encoded { text: self.text.clone(), attachments: self.attachments.clone() });
        !self.transcoded.get_or_init(write).is_empty()
    }

    /// The messages that are sent instead of text and attachments, if the format is not the default. Text begins with the type
    /// of the Engine.IO message.
    pub fn transcoded(&self) -> Option<&[Message]> {
        self.transcoded.get().map(|messages| &**messages)
    }

    /// Bytes of its messages.
    pub fn bytes(&self) -> u64 {
        let length = |message: &Message| match message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
        };
        match self.transcoded() {
            None => (self.size - PACKET_COST) as u64,
            Some(messages) => messages.iter().map(length).sum::<usize>() as u64,
        }
    }

    /// Bytes that this packet counts for in a queue, those of the default format in any case.
    pub fn size(&self) -> usize {
        self.size
    }
}
