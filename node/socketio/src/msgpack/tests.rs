//! The msgpack parser, against the packets of the official one, and on what nobody should send.

mod hostile;
mod round_trip;

use bytestring::ByteString;
use serde::Deserialize;

use super::*;
use crate::decode;
use crate::encode;

/// Packets written by `node/tests/judge/msgpack-vectors.mjs`, which explains the columns.
const VECTORS: &str = include_str!("vectors.json");

#[derive(Deserialize)]
struct Vector {
    plain: bool,
    node: String,
    browser: Option<String>,
    default: ByteString,
    attachments: Vec<String>,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(VECTORS).unwrap()
}

fn bytes(hex: &str) -> Bytes {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn read(message: Bytes) -> Result<Packet, DecodeError> {
    let mut decoder = MsgpackParser.decoder(10);
    assert_eq!(decoder.held_bytes(), 0);
    decoder.decode(Message::Binary(message)).map(|packet| packet.expect("every message is a packet"))
}

fn written(packet: &Encoded) -> Bytes {
    match MsgpackParser.encode(packet).unwrap().as_slice() {
        [Message::Binary(message)] => message.clone(),
        other => panic!("not one binary message: {other:?}"),
    }
}

/// Everything that a handler can see of a packet.
fn seen(packet: &Packet) -> String {
    let values = match packet {
        Packet::Event { arguments, .. } | Packet::Ack { arguments, .. } => {
            arguments.iter().map(|argument| argument.to_value().unwrap()).collect()
        }
        _ => Vec::new(),
    };
    format!("{packet:?} {values:?}")
}

#[test]
fn official_packets_read_as_those_of_the_default_parser() {
    for vector in vectors() {
        let mut default = decode::Decoder::new(10);
        let mut expected = default.text(vector.default.clone()).unwrap();
        for attachment in &vector.attachments {
            expected = default.binary(bytes(attachment)).unwrap();
        }
        let expected = seen(&expected.unwrap());
        assert_eq!(seen(&read(bytes(&vector.node)).unwrap()), expected);
        if let Some(browser) = &vector.browser {
            assert_eq!(seen(&read(bytes(browser)).unwrap()), expected, "of a browser");
        }
    }
}

#[test]
fn packets_are_written_as_the_official_parser_writes_them() {
    for vector in vectors().into_iter().filter(|vector| vector.plain) {
        let attachments = vector.attachments.iter().map(|hex| bytes(hex)).collect();
        let packet = Encoded { text: format!("4{}", vector.default).into(), attachments };
        assert_eq!(written(&packet), bytes(&vector.node), "{}", vector.default);
    }
}

#[test]
fn every_packet_of_the_encoder_can_be_written() {
    let event = encode::event("/n", None, "e", &(1, Bytes::from_static(b"x"))).unwrap();
    for packet in [
        encode::with_ack(&event, "/n", u64::MAX),
        event,
        encode::ack("/", 3, &()).unwrap(),
        encode::connect("/n", "abc"),
        encode::connect_error("/n", "no", None),
        encode::disconnect("/n"),
    ] {
        assert!(read(written(&packet)).is_ok(), "{packet:?}");
    }
}

#[test]
fn long_strings_and_bytes_have_their_markers() {
    let long = "x".repeat(65_536);
    let packet = encode::event("/", None, "e", &(long.as_str(), Bytes::from(vec![7; 65_536]))).unwrap();
    let message = written(&packet);
    let contains = |part: &[u8]| message.windows(part.len()).any(|window| window == part);
    assert!(contains(&[0xdb, 0, 1, 0, 0, b'x', b'x']));
    assert!(contains(&[0xc6, 0, 1, 0, 0, 7, 7]));
    let Packet::Event { arguments, .. } = read(message).unwrap() else { panic!() };
    assert_eq!(arguments.deserialize::<(String, Bytes)>().unwrap().0, long);
}

#[test]
fn integral_numbers_are_integers_and_others_keep_their_bits() {
    for (json, hex) in [
        ("1.0", "01"),
        ("1e3", "cd03e8"),
        ("-2.0", "fe"),
        ("9007199254740992.0", "cf0020000000000000"),
        ("18446744073709551615", "cfffffffffffffffff"),
        ("-9223372036854775808", "d38000000000000000"),
        ("36893488147419103232", "cb4400000000000000"),
        ("0.5", "cb3fe0000000000000"),
        ("-0", "cb8000000000000000"),
        ("-0.0", "cb8000000000000000"),
    ] {
        let packet = Encoded { text: format!("42[\"e\",{json}]").into(), attachments: Vec::new() };
        let message = written(&packet);
        let end = message.len() - bytes("a36e7370a12f").len();
        assert_eq!(message.slice(end - hex.len() / 2..end), bytes(hex), "{json}");
    }
}

#[test]
fn surrogate_without_its_other_half_is_the_replacement_character() {
    let packet = Encoded { text: r#"42["e","a\ud800b"]"#.into(), attachments: Vec::new() };
    let Packet::Event { arguments, .. } = read(written(&packet)).unwrap() else { panic!() };
    assert_ne!(arguments.deserialize::<String>().unwrap().find('\u{fffd}'), None);
}

#[test]
fn placeholder_is_replaced_whatever_else_it_holds() {
    let text = r#"451-["e",{"_placeholder":true,"x":[[],{}],"num":0},[1],{"_placeholder":true,"num":9}]"#;
    let packet = Encoded { text: text.into(), attachments: vec![Bytes::from_static(b"\x01")] };
    let hex = "83a47479706502a46461746194a165c4010191\
               0182ac5f706c616365686f6c646572c3a36e756d09a36e7370a12f";
    assert_eq!(written(&packet), bytes(hex));
}

#[test]
fn text_that_is_not_a_packet_is_an_error() {
    for text in
        ["", "4", "2[]", "49", "42[", "42[}", "42{1:2}", "42{\"a\"}", "42[1]]", "42[x]", "42[\"a]", "42[1]2"]
    {
        let packet = Encoded { text: text.into(), attachments: vec![Bytes::from_static(b"\x01")] };
        assert!(MsgpackParser.encode(&packet).is_err(), "{text}");
    }
}
