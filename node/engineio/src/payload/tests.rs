//! Payloads, against the behaviour of engine.io-parser 5.2.3.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::packet::Message;
use super::*;

fn packets(body: &str) -> Vec<Result<Packet, PacketError>> {
    decode(ByteString::from(body)).collect()
}

fn text(text: &str) -> Packet {
    Packet::Message(Message::Text(text.into()))
}

fn binary(bytes: &[u8]) -> Packet {
    Packet::Message(Message::Binary(Bytes::copy_from_slice(bytes)))
}

#[test]
fn payload_is_what_the_official_encoder_writes() {
    let mut writer = Writer::new();
    assert!(writer.is_empty());
    writer.push_text("42[\"e\"]");
    writer.push_binary(&[1, 2, 3]);
    writer.push_binary(&[]);
    writer.push_text("2probe");
    writer.push_text("4");
    writer.push_text("6");
    assert!(!writer.is_empty());
    let length = writer.len();
    let body = writer.finish();
    assert_eq!(body, "42[\"e\"]\x1ebAQID\x1eb\x1e2probe\x1e4\x1e6");
    assert_eq!(body.len(), length);
}

#[test]
fn packets_come_in_order() {
    let expected = [text("2[\"é\"]"), binary(&[1, 2]), binary(&[3]), text("2[\"echo\",1]"), Packet::Close];
    let body = "42[\"é\"]\x1ebAQI=\x1ebAw==\x1e42[\"echo\",1]\x1e1";
    assert_eq!(packets(body), expected.map(Ok));
}

#[test]
fn packets_before_the_first_bad_one_count_and_those_after_it_do_not() {
    assert_eq!(packets("4a\x1e7\x1e4b"), [Ok(text("a")), Err(PacketError::UnknownType('7'))]);
    assert_eq!(packets("4a\x1e\x1e4b"), [Ok(text("a")), Err(PacketError::Empty)]);
}

#[test]
fn trailing_separator_is_an_empty_packet() {
    assert_eq!(packets("4a\x1e"), [Ok(text("a")), Err(PacketError::Empty)]);
}

#[test]
fn empty_body_is_an_empty_packet() {
    assert_eq!(packets(""), [Err(PacketError::Empty)]);
}

proptest! {
    #[test]
    fn packets_survive_the_round_trip(messages in vec((any::<bool>(), "[^\u{1e}]{0,8}"), 1..8)) {
        let mut writer = Writer::new();
        let mut expected = Vec::new();
        for (is_binary, data) in &messages {
            if *is_binary {
                writer.push_binary(data.as_bytes());
                expected.push(Ok(binary(data.as_bytes())));
            } else {
                writer.push_text(&format!("4{data}"));
                expected.push(Ok(text(data)));
            }
        }
        prop_assert_eq!(packets(&writer.finish()), expected);
    }

    #[test]
    fn no_body_panics_or_goes_on_for_ever(body in "[0-7b\u{1e}é=A-D\\PC]*") {
        let separators = body.matches(SEPARATOR).count();
        prop_assert!(packets(&body).len() <= separators + 1);
    }
}
