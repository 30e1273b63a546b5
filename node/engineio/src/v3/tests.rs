//! Protocol 3, against what the official codec makes of the same input. `node/tests/judge/protocol-3-vectors.mjs` writes
//! the table.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use bytestring::ByteString;
use proptest::collection::vec;
use proptest::prelude::*;
use serde::Deserialize;

use super::jsonp::{Callback, payload_in_form};
use super::{binary_payload, packet, payload};
use crate::packet::{Message, PONG, Packet, PacketError};

#[derive(Deserialize)]
struct Table {
    encoded: Vec<Encoded>,
    decoded: Vec<Decoded>,
    frames: Vec<Frame>,
    scripts: Vec<Script>,
    forms: Vec<Form>,
}

#[derive(Deserialize)]
struct Encoded {
    packets: Vec<Shown>,
    text: String,
    binary: String,
}

#[derive(Deserialize)]
struct Decoded {
    body: String,
    packets: Vec<Shown>,
    failed: bool,
}

#[derive(Deserialize)]
struct Frame {
    bytes: Vec<u8>,
    r#type: String,
}

#[derive(Deserialize)]
struct Script {
    j: String,
    payload: String,
    script: String,
}

#[derive(Deserialize)]
struct Form {
    form: String,
    payload: Option<String>,
}

/// A packet in the table.
#[derive(Deserialize)]
struct Shown {
    r#type: String,
    text: Option<String>,
    base64: Option<String>,
}

impl Shown {
    fn packet(&self) -> Packet {
        if let Some(base64) = &self.base64 {
            return binary(&STANDARD.decode(base64).expect("base64"));
        }
        named(&self.r#type, self.text.clone().expect("text").into())
    }
}

fn named(name: &str, text: ByteString) -> Packet {
    match name {
        "open" => Packet::Open(text),
        "close" => Packet::Close,
        "ping" => Packet::Ping(text),
        "pong" => Packet::Pong(text),
        "message" => Packet::Message(Message::Text(text)),
        "upgrade" => Packet::Upgrade,
        "noop" => Packet::Noop,
        other => panic!("{other}"),
    }
}

fn table() -> Table {
    serde_json::from_str(include_str!("tests/vectors.json")).expect("the table")
}

fn text(text: &str) -> Packet {
    Packet::Message(Message::Text(text.into()))
}

fn binary(bytes: &[u8]) -> Packet {
    Packet::Message(Message::Binary(Bytes::copy_from_slice(bytes)))
}

fn in_text(body: &str) -> Vec<Result<Packet, PacketError>> {
    payload::decode(body.into()).collect()
}

fn in_binary(body: &[u8]) -> Vec<Result<Packet, PacketError>> {
    binary_payload::decode(Bytes::copy_from_slice(body)).collect()
}

/// Both forms of a payload.
fn written<'a>(packets: impl Iterator<Item = &'a Packet>) -> (String, Vec<u8>) {
    let (mut text, mut bytes) = (payload::Writer::new(), binary_payload::Writer::new());
    for packet in packets {
        match packet {
            Packet::Message(Message::Binary(data)) => {
                text.push_binary(data);
                bytes.push_binary(data);
            }
            packet => {
                let crate::packet::Frame::Text(packet) = packet.encode() else { panic!("{packet:?}") };
                text.push_text(&packet);
                bytes.push_text(&packet);
            }
        }
    }
    (text.finish(), bytes.finish())
}

#[test]
fn payloads_are_what_the_official_encoder_writes_and_are_read_again() {
    for row in table().encoded {
        let packets: Vec<Packet> = row.packets.iter().map(Shown::packet).collect();
        let bytes = STANDARD.decode(&row.binary).expect("base64");
        assert_eq!(written(packets.iter()), (row.text.clone(), bytes.clone()));
        let packets: Vec<_> = packets.into_iter().map(Ok).collect();
        assert_eq!(in_text(&row.text), packets);
        assert_eq!(in_binary(&bytes), packets);
    }
}

#[test]
fn payloads_are_read_as_the_official_decoder_reads_them() {
    for row in table().decoded {
        let mut packets = in_text(&row.body);
        let failed = packets.pop_if(|last| last.is_err()).is_some();
        let expected: Vec<_> = row.packets.iter().map(|packet| Ok(packet.packet())).collect();
        assert_eq!((packets, failed), (expected, row.failed), "{}", row.body);
    }
}

#[test]
fn length_must_not_end_within_a_surrogate_pair() {
    assert_eq!(in_text("2:4\u{1f600}"), [Err(PacketError::InvalidLength)]);
}

#[test]
fn lengths_are_decimal_digits_alone_and_few() {
    for body in ["+2:4a", " 2:4a", "0x2:4a", "2e0:4a", "-1:", "000000000000000000002:4a"] {
        assert_eq!(in_text(body), [Err(PacketError::InvalidLength)], "{body}");
    }
    assert_eq!(in_text("18446744073709551616:4"), [Err(PacketError::InvalidLength)]);
}

#[test]
fn faults_of_binary_payloads_end_them_behind_the_packets_before() {
    let first = [0, 2, 255, b'4', b'a'];
    for (rest, fault) in [
        (&[0_u8][..], PacketError::InvalidLength),
        (&[0, 1], PacketError::InvalidLength),
        (&[0, 255], PacketError::InvalidLength),
        (&[0, 2, 255, b'4'], PacketError::InvalidLength),
        (&[0, 10, 255, b'4'], PacketError::InvalidLength),
        (&[0, 1, 8, 4, 4, 6, 7, 4, 4, 0, 7, 3, 7, 0, 9, 5, 5, 1, 6, 1, 6, 255], PacketError::InvalidLength),
        (&[0, 0, 255], PacketError::Empty),
        (&[1, 0, 255], PacketError::Empty),
        (&[0, 1, 255, b'7'], PacketError::UnknownType('7')),
        (&[1, 1, 255, 7], PacketError::UnknownType('\u{7}')),
        (&[0, 2, 255, b'4', 0xff], PacketError::NotText),
        (&[0, 3, 255, b'4', 0xed, 0xa0], PacketError::NotText),
    ] {
        let body = [&first, rest, &first].concat();
        let packets = in_binary(&[&first, rest].concat());
        assert_eq!(packets, [Ok(text("a")), Err(fault)], "{rest:?}");
        assert!(in_binary(&body).len() <= 3);
    }
    assert_eq!(in_binary(&[]), [], "an empty body is none");
}

#[test]
fn halves_of_surrogate_pairs_are_replaced() {
    let body = [0, 7, 255, b'4', 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80];
    assert_eq!(in_binary(&body), [Ok(text("\u{fffd}\u{fffd}"))]);
}

#[test]
fn first_byte_of_a_frame_is_its_type() {
    for Frame { bytes, r#type } in table().frames {
        let expected = match r#type.as_str() {
            "message" => binary(&bytes[1..]),
            other => named(other, "".into()),
        };
        assert_eq!(packet::decode_binary(bytes.clone().into()), Ok(expected), "{bytes:?}");
    }
    assert_eq!(packet::decode_binary(Bytes::new()), Err(PacketError::Empty));
    assert_eq!(packet::decode_binary(Bytes::from_static(b"4x")), Err(PacketError::UnknownType('4')));
}

#[test]
fn type_of_base64_stands_behind_the_b() {
    let decode = |text: &str| packet::decode_text(text.into());
    assert_eq!(decode("b4AQID"), Ok(binary(&[1, 2, 3])));
    assert_eq!(decode("b2AQID"), Ok(Packet::Ping("".into())));
    assert_eq!(decode("bAQID"), Err(PacketError::UnknownType('A')));
    assert_eq!(decode("bé"), Err(PacketError::UnknownType('é')));
    assert_eq!(decode("b"), Err(PacketError::Empty));
    assert_eq!(decode(PONG), Ok(Packet::Pong("".into())));
}

#[test]
fn binary_messages_have_a_type_in_both_forms() {
    assert_eq!(packet::binary_message(&[1, 2]), Bytes::from_static(&[4, 1, 2]));
    assert_eq!(packet::base64_message(&[1, 2]), "b4AQI=");
    assert_eq!(packet::base64_message(&[]), "b4");
}

#[test]
fn scripts_are_those_of_the_official_server() {
    for Script { j, payload, script } in table().scripts {
        assert_eq!(Callback::new(&j).script(&payload), script, "{j}");
    }
}

#[test]
fn forms_are_read_as_the_official_server_reads_them() {
    for Form { form, payload } in table().forms {
        assert_eq!(payload_in_form(&form), payload, "{form}");
    }
}

/// Escapes ends of lines and posts the result, as engine.io-client 3 and its browser do.
fn posted(payload: &str) -> String {
    let escaped = payload.replace(r"\n", "\\\n").replace('\n', r"\n");
    let encoded: String = escaped.bytes().map(|byte| format!("%{byte:02x}")).collect();
    format!("d={encoded}")
}

proptest! {
    #[test]
    fn packets_survive_the_round_trip(messages in vec((any::<bool>(), any::<String>()), 0..8)) {
        let packets: Vec<Packet> = messages
            .iter()
            .map(|(is_binary, data)| if *is_binary { binary(data.as_bytes()) } else { text(data) })
            .collect();
        let (body, bytes) = written(packets.iter());
        let packets: Vec<_> = packets.into_iter().map(Ok).collect();
        prop_assert_eq!(in_binary(&bytes), packets.clone());
        let expected = if packets.is_empty() { vec![Err(PacketError::Empty)] } else { packets };
        prop_assert_eq!(in_text(&body), expected);
    }

    #[test]
    fn units_are_those_of_utf_16(text in any::<String>()) {
        prop_assert_eq!(payload::utf16_units(&text), text.encode_utf16().count());
    }

    #[test]
    fn no_body_panics_or_goes_on_for_ever(body in "([0-9]{1,2}:[0-7b]\\PC{0,3}|\\PC)*", bytes in any::<Vec<u8>>()) {
        prop_assert!(in_text(&body).len() <= 1 + body.len() / 2);
        prop_assert!(in_binary(&bytes).len() <= 1 + bytes.len() / 3);
        let sizes = bytes.iter().flat_map(|byte| [byte % 2, byte % 5, 255, b'0' + byte % 8]).collect::<Vec<_>>();
        prop_assert!(in_binary(&sizes).len() <= 1 + sizes.len() / 3);
    }

    #[test]
    fn payloads_survive_a_form(payload in "[\\\\n\n:4a é\u{1f600}]*") {
        // What a client cannot say: a backslash before an end of a line.
        prop_assume!(!payload.contains("\\\n"));
        prop_assert_eq!(payload_in_form(&posted(&payload)), Some(payload));
    }

    #[test]
    fn scripts_hold_their_payload_and_one_line(payload in any::<String>(), j in any::<String>()) {
        let script = Callback::new(&j).script(&payload);
        let ends = ['\n', '\r', '\u{2028}', '\u{2029}'];
        prop_assert!(!script.contains(ends));
        let literal = script.split_once('(').and_then(|(_, rest)| rest.strip_suffix(");")).expect("a call");
        prop_assert_eq!(serde_json::from_str::<String>(literal).expect("a string"), payload);
    }
}
