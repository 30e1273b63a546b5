//! A parser of your own: packets travel as CBOR. Clients need the same parser; `socket.io-client` takes it as `parser`.
//!
//! ```sh
//! cargo run -p fanfare --example own_parser
//! ```

use fanfare::parser::{
    ByteString, DecodeError, Encoded, Message, Packet, PacketDecoder, PacketParts, PacketType, Parser,
    ParserError,
};
use fanfare::{Ack, Arguments, Io, Value};
use serde::{Deserialize, Serialize};

/// Each packet is one binary message.
#[derive(Debug)]
pub struct Cbor;

/// A packet as it travels: a map with these keys. Bytes stay where they are in `data`: CBOR has them.
#[derive(Serialize, Deserialize)]
struct Fields {
    #[serde(rename = "type")]
    kind: PacketType,
    nsp: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

impl Parser for Cbor {
    fn encode(&self, packet: &Encoded) -> Result<Vec<Message>, ParserError> {
        let parts = PacketParts::of(packet)?;
        let data = parts.value()?;
        let fields = Fields { kind: parts.kind, nsp: parts.namespace.to_string(), id: parts.id, data };
        let mut bytes = Vec::new();
        ciborium::into_writer(&fields, &mut bytes)?;
        Ok(vec![Message::Binary(bytes.into())])
    }

    fn decoder(&self, max_attachments: usize) -> Box<dyn PacketDecoder> {
        Box::new(Decoder { max_attachments })
    }
}

/// Has nothing to remember between messages.
struct Decoder {
    max_attachments: usize,
}

impl PacketDecoder for Decoder {
    fn decode(&mut self, message: Message) -> Result<Option<Packet>, DecodeError> {
        let Message::Binary(bytes) = message else {
            return Err(DecodeError::malformed("CBOR is binary"));
        };
        let fields: Fields = ciborium::from_reader(&*bytes).map_err(DecodeError::malformed)?;
        let mut parts = PacketParts::new(fields.kind, ByteString::from(fields.nsp), fields.id);
        if let Some(data) = fields.data {
            parts = parts.with_value(data)?;
        }
        parts.into_packet(self.max_attachments).map(Some)
    }
}

/// Declares what the server does. Nothing of it knows of the parser.
pub fn install(io: &Io) {
    io.on("echo", |arguments: Arguments, ack: Ack| ack.send(arguments));
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let io = Io::builder().parser(Cbor).build();
    install(&io);
    let server = io.listen("127.0.0.1:3000").await?;
    println!("clients with the same parser can connect to http://{}", server.address());
    server.closed().await;
    Ok(())
}
