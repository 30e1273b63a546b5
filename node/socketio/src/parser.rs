//! The seam for the wire format of Socket.IO packets: the default format, msgpack, or one of a user.
//!
//! A server has one parser, and its clients must have the same: Socket.IO has no way to negotiate it. In the program and
//! between the nodes of a cluster a packet is [`Encoded`], JSON text and attachments, with every parser. A parser turns it
//! into the messages of its wire once, however many clients receive it, and reads the messages of clients into a [`Packet`],
//! whose arguments are JSON text and attachments again. Handlers never notice which parser is in use.

use std::error::Error;
use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;

use super::decode::{DecodeError, Decoder};
use super::encode::Encoded;
use super::packet::Packet;

/// Reason why a packet cannot be written in the format of a parser.
pub type ParserError = Box<dyn Error + Send + Sync>;

/// One message of the engine: a text or a binary frame of a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text, without the type of the Engine.IO packet.
    Text(ByteString),
    /// Bytes.
    Binary(Bytes),
}

/// A wire format of packets. [`PacketParts`](super::PacketParts) has the fields of a packet in both directions, so that an
/// implementation is a few lines around the encoder of its format.
///
/// ```
/// use bytestring::ByteString;
/// use fanfare_socketio::{DecodeError, Encoded, Message, Packet, PacketDecoder, PacketParts, Parser, ParserError};
///
/// /// Everything is one text message: a JSON array of the type, the namespace, the id and the data.
/// #[derive(Debug)]
/// struct ArrayParser;
///
/// impl Parser for ArrayParser {
///     fn encode(&self, packet: &Encoded) -> Result<Vec<Message>, ParserError> {
///         let PacketParts { kind, namespace, id, data, .. } = PacketParts::of(packet)?;
///         let data = data.as_deref().unwrap_or("null");
///         let id = id.map_or("null".to_owned(), |id| id.to_string());
///         let namespace = serde_json::to_string(&*namespace)?;
///         Ok(vec![Message::Text(format!("[{},{namespace},{id},{data}]", kind as u8).into())])
///     }
///
///     fn decoder(&self, _max_attachments: usize) -> Box<dyn PacketDecoder> {
///         Box::new(ArrayParser)
///     }
/// }
///
/// impl PacketDecoder for ArrayParser {
///     fn decode(&mut self, message: Message) -> Result<Option<Packet>, DecodeError> {
///         let Message::Text(text) = message else { return Err(DecodeError::UnexpectedAttachment) };
///         let (kind, namespace, id, data) = serde_json::from_str(&text).map_err(DecodeError::malformed)?;
///         PacketParts::new(kind, namespace, id).with_value(data)?.into_packet(0).map(Some)
///     }
/// }
///
/// let encoded = fanfare_socketio::encode::event("/chat", Some(7), "say", &("hello", 1))?;
/// let messages = ArrayParser.encode(&encoded)?;
/// assert_eq!(messages, [Message::Text(r#"[2,"/chat",7,["say","hello",1]]"#.into())]);
/// let packet = ArrayParser.decoder(0).decode(messages[0].clone())?.expect("complete");
/// let Packet::Event { arguments, .. } = packet else { panic!("not an event") };
/// assert_eq!(arguments.deserialize::<(String, u8)>()?, ("hello".to_owned(), 1));
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub trait Parser: fmt::Debug + Send + Sync + 'static {
    /// Writes a packet as messages, which are sent in this order with no other message of the connection in between.
    ///
    /// # Errors
    ///
    /// The format cannot carry the packet. It is then sent to nobody, logged and counted.
    fn encode(&self, packet: &Encoded) -> Result<Vec<Message>, ParserError>;

    /// A decoder for one connection, which must refuse packets with more attachments than `max_attachments`.
    fn decoder(&self, max_attachments: usize) -> Box<dyn PacketDecoder>;
}

/// Reads the messages of one connection. After an error the connection is closed.
pub trait PacketDecoder: Send {
    /// Takes a message. `None`: the packet has further messages.
    ///
    /// # Errors
    ///
    /// The client did not send a packet.
    fn decode(&mut self, message: Message) -> Result<Option<Packet>, DecodeError>;

    /// Bytes that are kept of a packet whose messages have not all come.
    fn held_bytes(&self) -> usize {
        0
    }
}

/// The format of `socket.io-parser`: text, and after it one binary message for each attachment.
#[derive(Debug, Clone, Copy, Default)]
pub struct DefaultParser;

impl Parser for DefaultParser {
    fn encode(&self, packet: &Encoded) -> Result<Vec<Message>, ParserError> {
        let text = packet.text.get(1..).ok_or("the text of the packet is empty")?;
        let attachments = packet.attachments.iter().cloned().map(Message::Binary);
        Ok(std::iter::once(Message::Text(packet.text.slice_ref(text))).chain(attachments).collect())
    }

    fn decoder(&self, max_attachments: usize) -> Box<dyn PacketDecoder> {
        Box::new(Decoder::new(max_attachments))
    }
}

impl PacketDecoder for Decoder {
    fn decode(&mut self, message: Message) -> Result<Option<Packet>, DecodeError> {
        match message {
            Message::Text(text) => self.text(text),
            Message::Binary(bytes) => self.binary(bytes),
        }
    }

    fn held_bytes(&self) -> usize {
        Decoder::held_bytes(self)
    }
}

#[cfg(test)]
mod tests;
