//! Packets, encoded once and shared by everybody they are for.

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;

use fanfare_socketio::Encoded;

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
    size: usize,
}

impl Packet {
    /// A packet ready to be queued.
    pub fn new(encoded: Encoded, compress: bool) -> Arc<Self> {
        let Encoded { text, attachments } = encoded;
        let size = PACKET_COST + text.len() + attachments.iter().map(Bytes::len).sum::<usize>();
        Arc::new(Self { text, attachments, compress, size })
    }

    /// Bytes of its messages.
    pub fn bytes(&self) -> u64 {
        (self.size - PACKET_COST) as u64
    }

    /// Bytes that this packet counts for in a queue.
    pub fn size(&self) -> usize {
        self.size
    }
}
