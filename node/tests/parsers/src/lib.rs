//! Entry points of the pure parsers: bytes of anybody in, and no panic, no endless loop, nothing that contradicts itself.
//!
//! Fuzzers call them (`make fuzz`), and so do the tests here, with the kept inputs of `node/fuzz/corpus` and a bounded number
//! of mutations of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use bytestring::ByteString;
use fanfare::proxy_protocol::{HEADER_BYTES_MAX, Progress, parse};
use fanfare_engineio::request::Query;
use fanfare_engineio::v3::{binary_payload, jsonp, packet, payload as text_payload};
use fanfare_engineio::{Message, Packet, payload};
use fanfare_proto::{BusMeters, Identity, Incoming};
use fanfare_socketio::{Arguments, Decoder, Encoded, MsgpackParser, Parser, Value, encode};

/// Entry point of one parser.
pub type Target = fn(&[u8]);

/// All entry points, by the name of their fuzz target and of their folder in the corpus.
pub const TARGETS: [(&str, Target); 10] = [
    ("engineio_packet", engineio_packet),
    ("engineio_payload", engineio_payload),
    ("engineio_query", engineio_query),
    ("engineio_3_payload", engineio_3_payload),
    ("engineio_3_form", engineio_3_form),
    ("socketio_decoder", socketio_decoder),
    ("socketio_arguments", socketio_arguments),
    ("socketio_msgpack", socketio_msgpack),
    ("cluster_envelope", cluster_envelope),
    ("proxy_protocol", proxy_protocol),
];

/// Attachments that a packet may have here.
const ATTACHMENTS_MAX: usize = 4;
/// Bytes that an envelope may have here.
const ENVELOPE_BYTES_MAX: usize = 64 * 1024;

/// Reads one Engine.IO packet, as text and as a binary frame.
pub fn engineio_packet(data: &[u8]) {
    drop(Packet::decode_binary(Bytes::copy_from_slice(data)));
    if let Some(text) = text(data) {
        drop(Packet::decode_text(text));
    }
}

/// Reads the body of a POST. It holds at most one packet more than separators.
pub fn engineio_payload(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let separators = text.matches(payload::SEPARATOR).count();
    assert!(payload::decode(text).count() <= separators + 1);
}

/// Reads the query of a request.
pub fn engineio_query(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        drop(Query::parse(text).check_version(true));
    }
}

/// Reads the body of a POST of protocol 3 in both forms, and a single frame. What was read can be written and read again.
pub fn engineio_3_payload(data: &[u8]) {
    drop(packet::decode_binary(Bytes::copy_from_slice(data)));
    let packets: Vec<_> = binary_payload::decode(Bytes::copy_from_slice(data)).collect();
    assert!(packets.len() <= 1 + data.len() / 3);
    write_payload_again(packets.into_iter().flatten());
    let Some(text) = text(data) else { return };
    let packets: Vec<_> = text_payload::decode(text).collect();
    assert!(packets.len() <= 1 + data.len() / 3);
    write_payload_again(packets.into_iter().flatten());
}

fn write_payload_again(packets: impl Iterator<Item = Packet>) {
    let (mut text, mut bytes) = (text_payload::Writer::new(), binary_payload::Writer::new());
    let mut messages = Vec::new();
    for packet in packets {
        match &packet {
            Packet::Message(Message::Text(message)) => {
                text.push_text(&format!("4{message}"));
                bytes.push_text(&format!("4{message}"));
            }
            Packet::Message(Message::Binary(message)) => {
                text.push_binary(message);
                bytes.push_binary(message);
            }
            _ => continue,
        }
        messages.push(Ok(packet));
    }
    let read: Vec<_> = binary_payload::decode(bytes.finish().into()).collect();
    assert_eq!(read, messages);
    if !messages.is_empty() {
        let read: Vec<_> = text_payload::decode(text.finish().into()).collect();
        assert_eq!(read, messages);
    }
}

/// Reads a form with a payload, and writes the payload into a script for a function that the form names too.
pub fn engineio_3_form(data: &[u8]) {
    let Ok(form) = std::str::from_utf8(data) else { return };
    if let Some(payload) = jsonp::payload_in_form(form) {
        assert!(payload.len() <= 3 * form.len());
        let script = jsonp::Callback::new(form).script(&payload);
        assert!(!script.contains(['\n', '\r', '\u{2028}', '\u{2029}']));
    }
}

/// Reads a stream of messages. A byte before each says of what kind it is (odd = binary) and, halved, how long. Whatever
/// packet comes out can be written, if its arguments can, and read again.
pub fn socketio_decoder(data: &[u8]) {
    let mut decoder = Decoder::new(ATTACHMENTS_MAX);
    let mut rest = data;
    while let Some((head, body)) = rest.split_first() {
        // Text is longer than a byte can say: the last message takes everything.
        let length = if *head > 250 { body.len() } else { usize::from(head / 2).min(body.len()) };
        let (message, next) = body.split_at(length);
        rest = next;
        let decoded = match (head % 2, text(message)) {
            (0, Some(text)) => decoder.text(text),
            _ => decoder.binary(Bytes::copy_from_slice(message)),
        };
        match decoded {
            Ok(Some(packet)) => write_again(packet),
            Ok(None) => {}
            Err(_) => return,
        }
    }
}

fn write_again(packet: fanfare_socketio::Packet) {
    let fanfare_socketio::Packet::Event { namespace, id, name: Some(name), arguments } = packet else {
        return;
    };
    drop(arguments.deserialize::<Value>());
    // Some of what is read cannot be written: names that are reserved, depths that only reading allows.
    let Ok(encoded) = encode::event(&namespace, id, &name, &arguments) else { return };
    let mut decoder = Decoder::new(usize::MAX);
    // The first character is the Engine.IO type of a message.
    let text = ByteString::from(&encoded.text[1..]);
    let mut again = decoder.text(text).expect("what was written can be read");
    for attachment in encoded.attachments {
        again = decoder.binary(attachment).expect("its attachments too");
    }
    assert!(again.is_some(), "and nothing is missing");
}

/// Reads arguments as other nodes send them, and as values.
pub fn socketio_arguments(data: &[u8]) {
    let Some(text) = text(data) else { return };
    for attachments in [vec![], vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")]] {
        let Ok(arguments) = Arguments::from_json_with(&text, attachments) else { continue };
        drop(arguments.deserialize::<Value>());
        drop(arguments.deserialize::<(Value, Option<String>, Vec<u32>)>());
        assert_eq!(arguments.iter().count(), arguments.len());
    }
}

/// Reads a packet of msgpack, and writes text as msgpack. What was read can be written, if its arguments can, and read again as
/// the same.
pub fn socketio_msgpack(data: &[u8]) {
    if let Some(text) = text(data) {
        let attachments = vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")];
        drop(MsgpackParser.encode(&Encoded { text, attachments }));
    }
    let read = |message| MsgpackParser.decoder(ATTACHMENTS_MAX).decode(message);
    let Ok(Some(packet)) = read(fanfare_socketio::Message::Binary(Bytes::copy_from_slice(data))) else {
        return;
    };
    let fanfare_socketio::Packet::Event { namespace, id, name: Some(name), arguments } = packet else {
        return;
    };
    let Ok(encoded) = encode::event(&namespace, id, &name, &arguments) else { return };
    let mut messages = MsgpackParser.encode(&encoded).expect("what was read can be written");
    let again = messages.pop().map(read).expect("one message");
    let Ok(Some(fanfare_socketio::Packet::Event { arguments: again, .. })) = again else {
        panic!("what was written can be read: {again:?}");
    };
    assert_eq!(format!("{again:?}"), format!("{arguments:?}"));
}

/// Takes frames of other nodes, each after two bytes with its length, and releases what came of them.
pub fn cluster_envelope(data: &[u8]) {
    let identity = Identity::new("fuzzed");
    let mut incoming = Incoming::new(&identity, ENVELOPE_BYTES_MAX, Arc::new(BusMeters::default()));
    let now = Instant::now();
    incoming.subscribed("path", now);
    let mut rest = data;
    while let [high, low, body @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(body.len());
        let (frame, next) = body.split_at(length);
        rest = next;
        drop(incoming.take("path", Bytes::copy_from_slice(frame), now));
        incoming.release(&mut VecDeque::new(), now);
    }
}

/// Reads the header of the PROXY protocol. It asks for no more than its bound, and for more than there is.
pub fn proxy_protocol(data: &[u8]) {
    if let Ok(Progress::NeedsBytes(needed)) = parse(data) {
        assert!(data.len() < needed && needed <= HEADER_BYTES_MAX);
    }
}

fn text(data: &[u8]) -> Option<ByteString> {
    ByteString::try_from(Bytes::copy_from_slice(data)).ok()
}
