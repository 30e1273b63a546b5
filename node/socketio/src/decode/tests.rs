//! Packets that the official server accepts and refuses, row by row, and packets made at random.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::value::Value;
use super::super::{MAX_ATTACHMENTS, encode};
use super::*;

fn decode(text: &str) -> Result<Option<Packet>, DecodeError> {
    Decoder::new(MAX_ATTACHMENTS).text(text.into())
}

#[track_caller]
fn accepted(text: &str) -> Packet {
    decode(text).unwrap().unwrap_or_else(|| panic!("{text} awaits attachments"))
}

/// Name, id and JSON arguments of an event.
#[track_caller]
fn an_event(text: &str) -> (Option<String>, Option<u64>, Vec<String>) {
    match accepted(text) {
        Packet::Event { id, name, arguments, .. } => (name.map(String::from), id, texts(&arguments)),
        other => panic!("{text} is no event but {other:?}"),
    }
}

fn texts(arguments: &Arguments) -> Vec<String> {
    arguments.iter().map(|argument| argument.as_json().to_string()).collect()
}

fn named(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[track_caller]
fn invalid_payload(text: &str) {
    assert!(matches!(decode(text), Err(DecodeError::InvalidPayload(_))), "{text}: {:?}", decode(text));
}

#[test]
fn event_without_a_name_in_its_payload_is_refused() {
    for text in ["2[]", "2[null]", "2{}", "2abc[...]", "2[[\"e\"]]", "2[{}]", "2[true]", "2\"e\"", "2null"] {
        invalid_payload(text);
    }
}

#[test]
fn event_without_payload_is_accepted_and_has_no_name() {
    assert_eq!(an_event("2"), (None, None, vec![]));
    assert_eq!(an_event("212"), (None, Some(12), vec![]));
    assert_eq!(an_event("2/admin,"), (None, None, vec![]));
}

#[test]
fn number_is_a_name() {
    assert_eq!(an_event("2[1,2]"), (named("1"), None, vec!["2".into()]));
    assert_eq!(an_event("2[-1.5e3]"), (named("-1.5e3"), None, vec![]));
}

#[test]
fn reserved_names_are_refused() {
    for name in ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"] {
        let refused = DecodeError::ReservedName(name.into());
        assert_eq!(decode(&format!("2[\"{name}\"]")).unwrap_err(), refused);
        assert_eq!(decode(&format!("251-[\"{name}\"]").replacen("25", "5", 1)).unwrap_err(), refused);
    }
    assert_eq!(decode("2[\"\\u0063onnect\"]").unwrap_err(), DecodeError::ReservedName("connect".into()));
}

#[test]
fn error_is_not_reserved() {
    assert_eq!(an_event("2[\"error\",1]"), (named("error"), None, vec!["1".into()]));
    assert_eq!(an_event("2[\"\"]"), (named(""), None, vec![]));
}

#[test]
fn ids_lose_their_leading_zeros() {
    assert_eq!(an_event("2007[\"e\"]"), (named("e"), Some(7), vec![]));
}

#[test]
fn id_is_never_rounded() {
    assert_eq!(an_event("29007199254740993[\"e\"]").1, Some(9_007_199_254_740_993));
    assert_eq!(decode("2123456789012345678901[\"e\"]").unwrap_err(), DecodeError::IllegalAckId);
}

#[test]
fn space_before_the_payload_is_the_id_0() {
    assert_eq!(an_event("2 [\"e\"]"), (named("e"), Some(0), vec![]));
}

#[test]
fn white_space_in_and_after_the_payload_is_that_of_json() {
    let packet = an_event("2[ \"e\" ,\t[1, 2]\r\n, {} ] \n");
    assert_eq!(packet, (named("e"), None, vec!["[1, 2]".into(), "{}".into()]));
}

#[test]
fn trailing_garbage_is_refused() {
    for text in ["2[\"e\"]x", "2[\"e\"][]", "2[\"e\"],", "3[]x", "0{}x", "2[\"e\",]", "2[\"e\"", "2[\"e"] {
        invalid_payload(text);
    }
}

#[test]
fn what_only_javascript_or_rust_would_accept_is_refused() {
    for text in
        ["2['e']", "2[\"e\",undefined]", "2[\"e\",01]", "2[\"e\",NaN]", "2[\"e\",+1]", "2[\"e\",\"\u{1}\"]"]
    {
        invalid_payload(text);
    }
}

#[test]
fn acks_may_lack_an_id_or_a_payload() {
    let table = [
        ("3999[\"x\"]", Some(999), vec!["\"x\""]),
        ("31", Some(1), vec![]),
        ("3", None, vec![]),
        ("3[1]", None, vec!["1"]),
        ("3/admin,0[]", Some(0), vec![]),
    ];
    for (text, expected_id, expected) in table {
        let Packet::Ack { id, arguments, .. } = accepted(text) else { panic!("{text}") };
        assert_eq!(
            (id, texts(&arguments)),
            (expected_id, expected.iter().map(ToString::to_string).collect())
        );
    }
    for text in ["31{}", "31null", "31\"x\"", "31true"] {
        invalid_payload(text);
    }
}

#[test]
fn disconnect_has_no_payload() {
    assert!(matches!(accepted("1"), Packet::Disconnect { namespace } if namespace == "/"));
    assert!(matches!(accepted("1/nsp,"), Packet::Disconnect { namespace } if namespace == "/nsp"));
    for text in ["1{}", "1[]", "1null", "1x", "1/nsp,{}"] {
        invalid_payload(text);
    }
}

#[test]
fn payload_of_a_connect_is_an_object_or_absent() {
    let table = [
        ("0", "/", None),
        ("0{}", "/", Some("{}")),
        ("0/admin,{\"token\":\"é\"} ", "/admin", Some("{\"token\":\"é\"}")),
        ("0/custom", "/custom", None),
        ("0/slow?a=b,", "/slow?a=b", None),
    ];
    for (text, expected_namespace, expected) in table {
        let Packet::Connect { namespace, auth } = accepted(text) else { panic!("{text}") };
        assert_eq!((&*namespace, auth.as_deref()), (expected_namespace, expected));
    }
    for text in ["0[1]", "0\"s\"", "0null", "0true", "0{", "0{\"a\"}"] {
        invalid_payload(text);
    }
}

/// The server closes the connection of a client that sends one, but the packet is none the less valid.
#[test]
fn connect_error_is_an_object_or_a_string() {
    for text in ["4", "4{\"message\":\"x\"}", "4\"x\"", "4/admin,{}"] {
        assert!(matches!(accepted(text), Packet::ConnectError { .. }), "{text}");
    }
    for text in ["4[]", "4null", "4x"] {
        invalid_payload(text);
    }
}

#[test]
fn unknown_types_are_refused() {
    assert_eq!(decode("9").unwrap_err(), DecodeError::UnknownType('9'));
    assert_eq!(decode("abc").unwrap_err(), DecodeError::UnknownType('a'));
    assert_eq!(decode("").unwrap_err(), DecodeError::Empty);
}

#[test]
fn count_of_attachments_is_checked() {
    assert_eq!(decode("50-[\"e\"]").unwrap_err(), DecodeError::IllegalAttachmentCount);
    assert_eq!(decode("511-[\"e\"]").unwrap_err(), DecodeError::TooManyAttachments(10));
    assert!(decode("510-[\"e\"]").unwrap().is_none());
}

#[test]
fn attachments_complete_the_packet() {
    let mut decoder = Decoder::new(2);
    let header = "52-/admin,7[\"e\",{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":0}]";
    assert!(decoder.is_idle());
    assert!(decoder.text(header.into()).unwrap().is_none());
    assert!(!decoder.is_idle());
    assert!(decoder.binary(Bytes::from_static(&[1])).unwrap().is_none());
    let packet = decoder.binary(Bytes::from_static(&[2, 2])).unwrap().unwrap();
    assert!(decoder.is_idle());
    assert_eq!(packet.namespace(), "/admin");
    let Packet::Event { id, name, arguments, .. } = packet else { panic!() };
    assert_eq!((id, name.as_deref()), (Some(7), Some("e")));
    let read: (Bytes, Bytes) = arguments.deserialize().unwrap();
    assert_eq!(read, (Bytes::from_static(&[2, 2]), Bytes::from_static(&[1])));
}

#[test]
fn ack_can_have_attachments() {
    let mut decoder = Decoder::new(MAX_ATTACHMENTS);
    assert!(decoder.text("61-3[{\"_placeholder\":true,\"num\":0}]".into()).unwrap().is_none());
    let packet = decoder.binary(Bytes::from_static(&[9])).unwrap().unwrap();
    let Packet::Ack { id: Some(3), arguments, .. } = packet else { panic!("{packet:?}") };
    assert_eq!(arguments.deserialize::<Bytes>().unwrap(), Bytes::from_static(&[9]));
}

#[test]
fn attachments_need_no_placeholder_and_no_payload() {
    for text in ["51-", "51-[\"e\"]", "61-", "61-[]"] {
        let mut decoder = Decoder::new(MAX_ATTACHMENTS);
        assert!(decoder.text(text.into()).unwrap().is_none(), "{text}");
        assert!(decoder.binary(Bytes::new()).unwrap().is_some(), "{text}");
    }
}

#[test]
fn text_in_the_place_of_an_attachment_is_refused() {
    let mut decoder = Decoder::new(MAX_ATTACHMENTS);
    assert!(decoder.text("51-[\"e\",{\"_placeholder\":true,\"num\":0}]".into()).unwrap().is_none());
    assert_eq!(decoder.text("2[\"e\"]".into()).unwrap_err(), DecodeError::TextInsteadOfAttachment);
}

#[test]
fn attachment_without_a_packet_is_refused() {
    let mut decoder = Decoder::new(MAX_ATTACHMENTS);
    assert_eq!(decoder.binary(Bytes::new()).unwrap_err(), DecodeError::UnexpectedAttachment);
    assert!(decoder.text("51-[\"e\"]".into()).unwrap().is_none());
    assert!(decoder.binary(Bytes::new()).unwrap().is_some());
    assert_eq!(decoder.binary(Bytes::new()).unwrap_err(), DecodeError::UnexpectedAttachment);
}

#[test]
fn placeholder_must_stand_for_an_attachment() {
    for num in ["1", "-1", "0.5", "\"0\"", "null", "1e99", "[0]"] {
        let text = format!("51-[\"e\",{{\"a\":[{{\"_placeholder\":true,\"num\":{num}}}]}}]");
        assert_eq!(decode(&text).unwrap_err(), DecodeError::InvalidPlaceholder, "{num}");
    }
    assert_eq!(decode("51-[\"e\",{\"_placeholder\":true}]").unwrap_err(), DecodeError::InvalidPlaceholder);
}

#[test]
fn placeholder_may_be_used_twice() {
    let mut decoder = Decoder::new(MAX_ATTACHMENTS);
    let placeholder = "{\"_placeholder\":true,\"num\":0}";
    decoder.text(format!("51-[\"e\",{placeholder},{placeholder}]").into()).unwrap();
    let Some(Packet::Event { arguments, .. }) = decoder.binary(Bytes::from_static(&[1])).unwrap() else {
        panic!()
    };
    let again = encode::event("/", None, "e", &arguments).unwrap();
    assert_eq!(again.text, "452-[\"e\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]");
    assert_eq!(again.attachments, [Bytes::from_static(&[1]), Bytes::from_static(&[1])]);
}

#[test]
fn depth_is_not_limited() {
    let depth = 500_000;
    let deep = "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(an_event(&format!("2[\"e\",{deep}]")).2, [deep.as_str()]);
    assert!(decode(&format!("51-[\"e\",{deep}]")).unwrap().is_none());
    let objects = "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
    assert!(matches!(accepted(&format!("0{objects}")), Packet::Connect { .. }));
    invalid_payload(&format!("2[\"e\",{}", "[".repeat(depth)));
}

#[test]
fn name_and_arguments_are_slices_of_the_message() {
    let message = ByteString::from("2/admin,[\"name\",{\"a\":1}]".to_owned());
    let within = |part: &ByteString| message.as_bytes().as_ptr_range().contains(&part.as_bytes().as_ptr());
    let packet = Decoder::new(0).text(message.clone()).unwrap();
    let Some(Packet::Event { namespace, name: Some(name), arguments, .. }) = packet else { panic!() };
    assert!(within(&namespace) && within(&name) && within(arguments.raw(0).unwrap().as_json()));
}

#[test]
fn small_attachment_does_not_pin_the_buffer_that_it_came_in() {
    let buffer = Bytes::from(vec![7; 10_000]);
    for (length, copied) in [(10, true), (4095, true), (4096, false)] {
        let slice = buffer.slice(..length);
        let kept = keep(slice.clone());
        assert_eq!(kept, slice);
        assert_eq!(kept.as_ptr() != slice.as_ptr(), copied, "{length}");
    }
}

#[test]
fn lone_surrogate_in_a_name_is_refused_and_in_an_argument_is_kept() {
    invalid_payload("2[\"\\ud800\"]");
    assert_eq!(an_event("2[\"e\",\"\\ud800\"]").2, ["\"\\ud800\""]);
}

#[test]
fn escapes_in_a_name_are_resolved() {
    assert_eq!(an_event("2[\"a\\n\\u00e9\\ud83d\\ude00\\/\"]").0, named("a\né\u{1f600}/"));
}

#[test]
fn errors_say_whose_fault_it_is() {
    assert_eq!(decode("9").unwrap_err().to_string(), "the client sent the unknown packet type '9'");
    assert_eq!(
        decode("2{}").unwrap_err().to_string(),
        "the client sent an invalid payload: not a JSON array"
    );
}

#[test]
fn idle_decoder_is_small() {
    assert!(size_of::<Decoder>() <= 16);
}

/// Any value, with at most 3 byte strings in it.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| Value::Number(number.into())),
        any::<i32>().prop_map(|eighths| Value::Number(
            serde_json::Number::from_f64(f64::from(eighths) / 8.0).unwrap()
        )),
        ".*".prop_map(Value::String),
    ];
    let leaf = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec((".*", inner), 0..4).prop_map(Value::Object),
        ]
    });
    prop_oneof![4 => leaf, 1 => vec(any::<u8>(), 0..20).prop_map(|bytes| Value::Binary(bytes.into()))]
}

/// Decodes what the server encoded, as a client would.
fn round_trip(encoded: &encode::Encoded) -> Packet {
    let mut decoder = Decoder::new(MAX_ATTACHMENTS);
    let mut packet = decoder.text(encoded.text.slice_ref(&encoded.text[1..])).unwrap();
    for attachment in &encoded.attachments {
        assert!(packet.is_none());
        packet = decoder.binary(attachment.clone()).unwrap();
    }
    packet.unwrap()
}

proptest! {
    #[test]
    fn events_survive_the_round_trip(
        name in ".*",
        namespace in "/[^,]{0,10}",
        ack in any::<Option<u64>>(),
        a in value(),
        b in vec(value(), 0..4),
    ) {
        prop_assume!(!is_reserved(&name));
        let b = Value::Array(b);
        let encoded = encode::event(&namespace, ack, &name, &(&a, &b)).unwrap();
        let packet = round_trip(&encoded);
        prop_assert_eq!(packet.namespace(), &namespace);
        let Packet::Event { id, name: Some(read_name), arguments, .. } = packet else { panic!() };
        prop_assert_eq!((id, &*read_name), (ack, &*name));
        prop_assert_eq!(&arguments.deserialize::<(Value, Value)>().unwrap(), &(a, b));
        // Emitted again, the packet is the same.
        prop_assert_eq!(encode::event(&namespace, ack, &name, &arguments).unwrap(), encoded);
    }

    #[test]
    fn acks_survive_the_round_trip(id in any::<u64>(), value in value()) {
        let packet = round_trip(&encode::ack("/", id, &value).unwrap());
        let Packet::Ack { id: Some(read), arguments, .. } = packet else { panic!() };
        prop_assert_eq!(read, id);
        prop_assert_eq!(arguments.deserialize::<Value>().unwrap(), value);
    }

    #[test]
    fn no_message_panics(text in ".*", kind in "[0-9]", alike in "[0-9\\[\\]{}\",:/ \\\\eé-]*") {
        for text in [text.clone(), kind.clone() + &text, kind + &alike] {
            read_everything(&text);
        }
    }

    #[test]
    fn no_mutated_packet_panics(
        packet in 0..VALID.len(),
        at in any::<prop::sample::Index>(),
        with in "\\PC{0,3}",
    ) {
        let chars: Vec<char> = VALID[packet].chars().collect();
        let at = at.index(chars.len());
        for removed in 0..3 {
            let tail = chars.get(at + removed..).unwrap_or_default();
            let head = chars[..at].iter().copied();
            read_everything(&head.chain(with.chars()).chain(tail.iter().copied()).collect::<String>());
        }
    }
}

const VALID: [&str; 6] = [
    "0/é,{\"token\":\"\u{1f600}\"}",
    "2/admin,12[\"event\",{\"a\":[1,2.5e3,null]},\"\\u00e9\"]",
    "352[\"é\",true,false]",
    "52-/n,7[\"e\",{\"_placeholder\":true,\"num\":1},[{\"num\":0,\"_placeholder\":true}]]",
    "61-[{\"_placehold\\u0065r\":true,\"num\":0,\"a\":{\"num\":\"\\\"\"}}]",
    "4{\"message\":\"é\"}",
];

/// Decodes, and does with the packet what can be done.
fn read_everything(text: &str) {
    let mut decoder = Decoder::new(MAX_ATTACHMENTS);
    let mut packet = decoder.text(text.into());
    while !decoder.is_idle() {
        packet = decoder.binary(Bytes::from_static(b"\xff\x00"));
    }
    let Ok(Some(Packet::Event { arguments, .. } | Packet::Ack { arguments, .. })) = packet else { return };
    let _ = arguments.deserialize::<(Value, Option<Value>, Option<String>)>();
    let _ = arguments.deserialize::<serde_json::Value>();
    // Placeholders were checked, so that whatever serialises again does so completely.
    if let Ok(encoded) = encode::ack("/", 1, &arguments) {
        assert!(
            matches!(round_trip(&encoded), Packet::Ack { arguments: read, .. } if read.len() == arguments.len())
        );
    }
}
