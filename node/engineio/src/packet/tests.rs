//! Single packets, against the behaviour of engine.io-parser 5.2.3.

use proptest::prelude::*;

use super::*;

fn text(text: &'static str) -> ByteString {
    ByteString::from_static(text)
}

fn message(bytes: &'static [u8]) -> Result<Packet, PacketError> {
    Ok(Packet::Message(Message::Binary(Bytes::from_static(bytes))))
}

#[test]
fn each_type_character_is_its_packet() {
    let table = [
        ("0{\"sid\":\"a\"}", Packet::Open(text("{\"sid\":\"a\"}"))),
        ("1", Packet::Close),
        ("2", Packet::Ping(text(""))),
        ("2probe", Packet::Ping(text("probe"))),
        ("3", Packet::Pong(text(""))),
        ("3probe", Packet::Pong(text("probe"))),
        ("4", Packet::Message(Message::Text(text("")))),
        ("42[\"é\"]", Packet::Message(Message::Text(text("2[\"é\"]")))),
        ("5", Packet::Upgrade),
        ("6", Packet::Noop),
    ];
    for (encoded, packet) in table {
        assert_eq!(Packet::decode_text(text(encoded)), Ok(packet.clone()), "{encoded}");
        assert_eq!(packet.encode(), Frame::Text(text(encoded)), "{encoded}");
    }
}

#[test]
fn data_of_a_packet_that_carries_none_is_ignored() {
    assert_eq!(Packet::decode_text(text("1x")), Ok(Packet::Close));
    assert_eq!(Packet::decode_text(text("5x")), Ok(Packet::Upgrade));
    assert_eq!(Packet::decode_text(text("6x")), Ok(Packet::Noop));
}

#[test]
fn what_has_no_type_is_refused() {
    assert_eq!(Packet::decode_text(text("")), Err(PacketError::Empty));
    for (encoded, kind) in [("7", '7'), ("a4", 'a'), (" 4", ' '), ("é", 'é'), ("\u{1f600}4", '\u{1f600}')] {
        assert_eq!(Packet::decode_text(text(encoded)), Err(PacketError::UnknownType(kind)));
    }
}

#[test]
fn text_of_a_message_is_a_slice_of_the_frame() {
    let frame = ByteString::from("42[\"event\"]".to_owned());
    let Ok(Packet::Message(Message::Text(data))) = Packet::decode_text(frame.clone()) else { panic!() };
    assert_eq!(data.as_bytes().as_ptr(), frame.as_bytes()[1..].as_ptr());
}

#[test]
fn binary_frame_is_a_message_in_both_directions() {
    let packet = Packet::decode_binary(Bytes::from_static(&[4, 0]));
    assert_eq!(packet, Packet::Message(Message::Binary(Bytes::from_static(&[4, 0]))));
    assert_eq!(packet.encode(), Frame::Binary(Bytes::from_static(&[4, 0])));
}

/// The answers are those of `Buffer.from(text, "base64")` in Node 20.
#[test]
fn base64_reads_as_node_reads_it() {
    let table: [(&str, &[u8]); 16] = [
        ("b", b""),
        ("bAQID", &[1, 2, 3]),
        ("bAQI=", &[1, 2]),
        ("bAQI", &[1, 2]),
        ("bYQ==YQ==", b"a"),
        ("bYQ=YQ==", b"a"),
        ("bYWJj\nZGVm\n", b"abcdef"),
        ("bYW-_", &[0x61, 0x6f, 0xbf]),
        ("bYWJjZ", b"abc"),
        ("bYWJjZ!GVm", b"abcdef"),
        ("bYR==", b"a"),
        ("b=YWJj", b""),
        ("bYWJj=ZGVm", b"abc"),
        ("béYWJj", b"abc"),
        ("bYWJjZA= =", b"abcd"),
        ("bA", b""),
    ];
    for (encoded, bytes) in table {
        assert_eq!(Packet::decode_text(text(encoded)), message(bytes), "{encoded}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(frame in ".*", kind in "[0-7b]") {
        let _ = Packet::decode_text(frame.clone().into());
        let _ = Packet::decode_text((kind + &frame).into());
    }

    #[test]
    fn text_survives_the_round_trip(data in ".*") {
        let packet = Packet::Message(Message::Text(data.into()));
        let Frame::Text(frame) = packet.encode() else { panic!() };
        prop_assert_eq!(Packet::decode_text(frame), Ok(packet));
    }
}
