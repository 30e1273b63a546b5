//! The writing of packets in the format of the server's parser, where that is not the default.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytestring::ByteString;
use tracing::error;

use crate::node::Node;
use fanfare_socketio::{Encoded, Message, Parser};

/// Writes packets with a parser, each once for all its receivers on the node.
#[derive(Debug)]
pub struct Transcoder {
    parser: Arc<dyn Parser>,
    node: Arc<Node>,
}

impl Transcoder {
    /// Writes with `parser`, and counts with `node`.
    pub fn new(parser: Arc<dyn Parser>, node: Arc<Node>) -> Self {
        Self { parser, node }
    }

    /// The parser.
    pub fn parser(&self) -> &dyn Parser {
        &*self.parser
    }

    /// The Engine.IO messages of a packet; text begins with its type. Empty if the parser cannot write it, which is logged and
    /// counted.
    pub(super) fn write(&self, packet: Encoded) -> Box<[Message]> {
        // The parser may be one of the program, and this runs in the shard of a room.
        let written = catch_unwind(AssertUnwindSafe(|| self.parser.encode(&packet)));
        let written = written.unwrap_or_else(|_| Err("the parser panicked".into()));
        written.map(|messages| messages.into_iter().map(typed).collect()).unwrap_or_else(|error| {
            self.node.metrics.packets_unwritable.increment();
            error!(%error, "the parser cannot write a packet: nobody receives it");
            Box::default()
        })
    }
}

fn typed(message: Message) -> Message {
    match message {
        Message::Text(text) => Message::Text(ByteString::from(format!("4{text}"))),
        binary => binary,
    }
}
