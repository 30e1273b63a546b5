//! The decoder of a connection: that of the default format, which is called directly, or that of the server's parser.

use fanfare_engineio::Message;
use fanfare_socketio::{self as socketio, DecodeError, PacketDecoder};

use super::sessions::Hub;

/// Turns messages into packets.
pub(super) enum Decoder {
    Default(socketio::Decoder),
    Parser(Box<dyn PacketDecoder>),
}

impl Decoder {
    pub(super) fn new(hub: &Hub) -> Self {
        let attachments_max = hub.node.options.max_attachments;
        match &hub.transcoder {
            None => Decoder::Default(socketio::Decoder::new(attachments_max)),
            Some(transcoder) => Decoder::Parser(transcoder.parser().decoder(attachments_max)),
        }
    }

    /// Takes a message. `None`: further ones must follow.
    pub(super) fn decode(&mut self, message: Message) -> Result<Option<socketio::Packet>, DecodeError> {
        match (self, message) {
            (Decoder::Default(decoder), Message::Text(text)) => decoder.text(text),
            (Decoder::Default(decoder), Message::Binary(bytes)) => decoder.binary(bytes),
            (Decoder::Parser(decoder), Message::Text(text)) => decoder.decode(socketio::Message::Text(text)),
            (Decoder::Parser(decoder), Message::Binary(bytes)) => {
                decoder.decode(socketio::Message::Binary(bytes))
            }
        }
    }

    /// Bytes kept of a packet that is not complete.
    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Decoder::Default(decoder) => decoder.held_bytes(),
            Decoder::Parser(decoder) => decoder.held_bytes(),
        }
    }
}
