//! Messages that no official client sends.

use super::*;

/// An event of the main namespace whose arguments are these bytes of msgpack.
fn event(arguments: &[u8]) -> Bytes {
    let mut message = bytes("83a47479706502a36e7370a12fa464617461").to_vec();
    message.extend_from_slice(arguments);
    message.into()
}

/// The JSON text of the argument after the name `e`.
#[track_caller]
fn argument(hex: &str) -> String {
    match read(event(&bytes(&format!("92a165{hex}")))).unwrap() {
        Packet::Event { arguments, .. } => arguments.raw(0).unwrap().as_json().to_string(),
        other => panic!("not an event: {other:?}"),
    }
}

/// A packet from pairs of JSON, with the codec of this module for the values.
fn packet(fields: &[(&str, &str)]) -> Result<Packet, DecodeError> {
    let mut out = rmp::encode::ByteBuf::new();
    rmp::encode::write_map_len(&mut out, fields.len() as u32).unwrap();
    for (key, value) in fields {
        rmp::encode::write_str(&mut out, key).unwrap();
        match *value {
            "undefined" => out.as_mut_vec().extend_from_slice(&[0xd4, 0, 0]),
            "bytes" => out.as_mut_vec().extend_from_slice(&[0xc4, 0]),
            value => write::json(&mut out, value, &[]).unwrap(),
        }
    }
    read(out.into_vec().into())
}

#[test]
fn what_the_official_parser_refuses_is_refused() {
    let nsp = ("nsp", "\"/\"");
    for fields in [
        &[nsp][..],
        &[nsp, ("type", "5"), ("data", "[\"e\"]")],
        &[nsp, ("type", "-1"), ("data", "[\"e\"]")],
        &[nsp, ("type", "1.5"), ("data", "[\"e\"]")],
        &[nsp, ("type", "\"2\""), ("data", "[\"e\"]")],
        &[("type", "2"), ("data", "[\"e\"]")],
        &[("nsp", "1"), ("type", "2"), ("data", "[\"e\"]")],
        &[nsp, ("type", "2")],
        &[nsp, ("type", "2"), ("data", "undefined")],
        &[nsp, ("type", "2"), ("data", "{}")],
        &[nsp, ("type", "2"), ("data", "\"e\"")],
        &[nsp, ("type", "3"), ("data", "null")],
        &[nsp, ("type", "0"), ("data", "null")],
        &[nsp, ("type", "0"), ("data", "[]")],
        &[nsp, ("type", "0"), ("data", "\"x\"")],
        &[nsp, ("type", "0"), ("data", "bytes")],
        &[nsp, ("type", "1"), ("data", "{}")],
        &[nsp, ("type", "1"), ("data", "null")],
        &[nsp, ("type", "4")],
        &[nsp, ("type", "4"), ("data", "1")],
        &[nsp, ("type", "2"), ("data", "[\"e\"]"), ("id", "null")],
        &[nsp, ("type", "2"), ("data", "[\"e\"]"), ("id", "\"1\"")],
        &[nsp, ("type", "2"), ("data", "[\"e\"]"), ("id", "1.5")],
    ] {
        assert!(packet(fields).is_err(), "{fields:?}");
    }
}

#[test]
fn what_the_official_parser_accepts_is_accepted() {
    let nsp = ("nsp", "\"/\"");
    for fields in [
        &[nsp, ("type", "0")][..],
        &[nsp, ("type", "0"), ("data", "undefined")],
        &[nsp, ("type", "0"), ("data", "{\"a\":1}"), ("options", "{\"compress\":true}")],
        &[nsp, ("type", "1")],
        &[nsp, ("type", "1"), ("data", "undefined")],
        &[nsp, ("type", "2"), ("data", "[\"e\"]"), ("id", "undefined")],
        &[nsp, ("type", "2"), ("data", "[1]"), ("id", "9007199254740992")],
        &[nsp, ("type", "3"), ("data", "[]"), ("id", "1")],
        &[nsp, ("type", "4"), ("data", "\"no\"")],
        &[nsp, ("data", "[\"e\"]"), ("x", "bytes"), ("type", "4"), ("type", "2")],
    ] {
        assert!(packet(fields).is_ok(), "{fields:?}: {:?}", packet(fields));
    }
}

#[test]
fn what_the_default_parser_refuses_is_refused() {
    let long = format!("\"/{}\"", "x".repeat(1024));
    for fields in [
        [("nsp", "\"/\""), ("type", "2"), ("data", "[\"disconnect\"]"), ("x", "1")],
        [("nsp", "\"/\""), ("type", "2"), ("data", "[]"), ("x", "1")],
        [("nsp", "\"/\""), ("type", "2"), ("data", "[{}]"), ("x", "1")],
        [("nsp", "\"/\""), ("type", "2"), ("data", "[\"e\"]"), ("id", "-1")],
        [("nsp", "\"\""), ("type", "2"), ("data", "[\"e\"]"), ("x", "1")],
        [("nsp", "\"admin\""), ("type", "2"), ("data", "[\"e\"]"), ("x", "1")],
        [("nsp", "\"/a,b\""), ("type", "2"), ("data", "[\"e\"]"), ("x", "1")],
        [("nsp", &long), ("type", "2"), ("data", "[\"e\"]"), ("x", "1")],
    ] {
        assert!(packet(&fields).is_err(), "{fields:?}");
    }
}

#[test]
fn values_of_other_encoders_are_read() {
    for (hex, json) in [
        ("ca3f000000", "0.5"),
        ("cb3ff0000000000000", "1"),
        ("ca7f800000", "null"),
        ("cfffffffffffffffff", "18446744073709551615"),
        ("d38000000000000000", "-9223372036854775808"),
        ("d0ff", "-1"),
        ("d900", "\"\""),
        ("d903e282ac", "\"€\""),
        ("a1ff", "\"\u{fffd}\""),
        ("dc000101", "[1]"),
        ("dd0000000101", "[1]"),
        ("de0001a16101", "{\"a\":1}"),
        ("df00000001a16101", "{\"a\":1}"),
        ("820102ff03", "{\"1\":2,\"-1\":3}"),
        ("8101d40000", "{}"),
        ("8301d400000201a16102", "{\"2\":1,\"a\":2}"),
        ("d400ff", "null"),
        ("d6ff39457980", "[-1,{\"_placeholder\":true,\"num\":0}]"),
        ("d60001020304", "{\"_placeholder\":true,\"num\":0}"),
        ("c70000", "{\"_placeholder\":true,\"num\":0}"),
        ("d77f0000000000000000", "[127,{\"_placeholder\":true,\"num\":0}]"),
    ] {
        assert_eq!(argument(hex), json, "{hex}");
    }
}

#[test]
fn object_that_looks_like_a_placeholder_takes_no_bytes() {
    let forged = "82ac5f706c616365686f6c646572c3a36e756d";
    assert_eq!(argument(&format!("{forged}05")), "{\"_placeholder\":true,\"num\":5}");
    let refused = read(event(&bytes(&format!("93a165c40109{forged}05"))));
    assert_eq!(refused.unwrap_err(), DecodeError::InvalidPlaceholder);
}

#[test]
fn bytes_that_follow_and_bytes_that_are_missing_are_refused() {
    let whole = event(&bytes("92a16581a161c40101"));
    assert!(read(whole.clone()).is_ok());
    for end in 0..whole.len() {
        assert!(read(whole.slice(..end)).is_err(), "{end}");
    }
    let more = [&whole[..], &[0xc0]].concat();
    assert!(read(more.into()).is_err());
}

#[test]
fn announced_lengths_reserve_nothing() {
    for hex in [
        "ddffffffff",
        "dfffffffff",
        "dcffff",
        "deffff",
        "dbffffffff",
        "c6ffffffff",
        "c9ffffffff00",
        "9f",
        "8f",
        "bf",
        "c8ffff00",
        "d8",
        "d7",
        "cf",
        "cb",
        "c1",
    ] {
        assert!(read(event(&bytes(&format!("92a165{hex}")))).is_err(), "{hex}");
        assert!(read(bytes(hex)).is_err(), "{hex}");
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| {
        let mut argument = vec![0x92, 0xa1, b'e'];
        argument.extend(vec![0x91; levels]);
        argument.push(0xc0);
        event(&argument)
    };
    let Packet::Event { arguments, .. } = read(nested(127)).unwrap() else { panic!() };
    assert!(arguments.raw(0).unwrap().to_value().is_ok());
    for levels in [128, 1_000_000] {
        assert!(matches!(read(nested(levels)), Err(DecodeError::Malformed(_))), "{levels}");
    }
}

#[test]
fn text_and_too_many_attachments_are_refused() {
    let refused = MsgpackParser.decoder(10).decode(Message::Text("2[\"e\"]".into()));
    assert!(matches!(refused, Err(DecodeError::Malformed(_))));
    let eleven = event(&[&[0x9c, 0xa1, b'e'][..], &[0xc4, 0].repeat(11)].concat());
    assert_eq!(read(eleven).unwrap_err(), DecodeError::TooManyAttachments(10));
    let bytes_in_auth = packet(&[("nsp", "\"/\""), ("type", "0"), ("data", "{}"), ("x", "bytes")]);
    assert!(bytes_in_auth.is_ok(), "those of an unknown field are forgotten");
}

#[test]
fn small_attachment_does_not_keep_its_message() {
    let message = event(&bytes("92a165c40101"));
    let Packet::Event { arguments, .. } = read(message.clone()).unwrap() else { panic!() };
    let attachment: Bytes = arguments.deserialize().unwrap();
    assert!(!message.as_ptr_range().contains(&attachment.as_ptr()));
}

/// No value becomes longer than this, so that the bound of a message bounds its JSON.
#[test]
fn json_of_a_message_is_at_most_six_times_as_long() {
    const COUNT: usize = 10_000;
    let number = [&[0xcb][..], &(-1.234_567_890_123_456_7e-300_f64).to_be_bytes()].concat();
    let date = [&[0xd7, 0][..], &(-8_640_000_000_000_000_i64).to_be_bytes()].concat();
    let values = [vec![0xc2], vec![0xa1, 1], vec![0xa0], vec![0x80], vec![0x81, 0xa0, 0xc2], number, date];
    let mut values = Vec::from(values.map(|value| value.repeat(COUNT)));
    // Keys are counted beside values, and a text has its length once.
    let text = [&[0xdb][..], &(COUNT as u32).to_be_bytes(), &[1; COUNT]].concat();
    values.push(text.repeat(COUNT / 1000));
    for (value, count) in values.into_iter().zip([COUNT; 7].into_iter().chain([COUNT / 1000])) {
        let array = [&[0x92, 0xa1, b'e', 0xdd][..], &(count as u32).to_be_bytes(), &value].concat();
        let message = event(&array);
        let length = message.len();
        let Packet::Event { arguments, .. } = read(message).unwrap() else { panic!() };
        let json = arguments.raw(0).unwrap().as_json().len();
        assert!(json <= 6 * length, "{json} of {length}: {value:02x?}", value = &value[..10]);
    }
}
