//! Packets taken apart and put together.

use super::*;

#[test]
fn parts_of_every_packet_are_found() {
    let event = encode::event("/a", Some(9), "e", &(1, Bytes::from_static(b"x"))).unwrap();
    let parts = PacketParts::of(&event).unwrap();
    assert_eq!((parts.kind, &*parts.namespace, parts.id), (PacketType::Event, "/a", Some(9)));
    assert_eq!(parts.data.as_deref(), Some("[\"e\",1,{\"_placeholder\":true,\"num\":0}]"));
    assert_eq!(parts.attachments, ["x"]);
    let binary = Value::Binary(Bytes::from_static(b"x"));
    let tree = Value::Array(vec![Value::String("e".into()), Value::Number(1.into()), binary]);
    assert_eq!(parts.value().unwrap().unwrap(), tree);

    let parts = PacketParts::of(&encode::disconnect("/")).unwrap();
    assert_eq!(parts, PacketParts::new(PacketType::Disconnect, "/".into(), None));
    assert!(PacketParts::of(&Encoded { text: "2[]".into(), attachments: Vec::new() }).is_err());
}

#[test]
fn parts_with_a_tree_are_a_packet() {
    let tree = Value::Array(vec![Value::String("e".into()), Value::Binary(Bytes::from_static(b"x"))]);
    let parts = PacketParts::new(PacketType::Event, "/a".into(), Some(1)).with_value(tree).unwrap();
    let Ok(Packet::Event { namespace, id, name, arguments }) = parts.clone().into_packet(1) else { panic!() };
    assert_eq!((&*namespace, id, name.as_deref()), ("/a", Some(1), Some("e")));
    assert_eq!(arguments.deserialize::<Bytes>().unwrap(), "x");
    assert_eq!(parts.into_packet(0).unwrap_err(), DecodeError::TooManyAttachments(0));
}

#[test]
fn parts_that_no_client_may_send_are_refused() {
    let parts = |kind, data: &str| PacketParts {
        data: Some(data.into()),
        attachments: vec![Bytes::new()],
        ..PacketParts::new(kind, "/".into(), None)
    };
    let placeholder = "{\"_placeholder\":true,\"num\":1}";
    let refused = |parts: PacketParts| parts.into_packet(10).unwrap_err();
    assert_eq!(
        refused(parts(PacketType::Event, &format!("[\"e\",{placeholder}]"))),
        DecodeError::InvalidPlaceholder
    );
    assert!(matches!(refused(parts(PacketType::Connect, "{}")), DecodeError::InvalidPayload(_)));
    assert!(matches!(refused(parts(PacketType::Event, "[\"e\"")), DecodeError::InvalidPayload(_)));
    assert!(matches!(refused(parts(PacketType::Event, "[\"connect\"]")), DecodeError::ReservedName(_)));
}

#[test]
fn type_reads_and_writes_as_its_number() {
    for number in 0..=4 {
        let kind: PacketType = serde_json::from_str(&number.to_string()).unwrap();
        assert_eq!(serde_json::to_string(&kind).unwrap(), number.to_string());
    }
    assert!(serde_json::from_str::<PacketType>("5").is_err());
}
