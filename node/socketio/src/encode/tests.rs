//! Packets, against the texts that `socket.io-parser` 4.2.7 writes for them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serializer;
use serde_json::json;

use super::super::value::Value;
use super::*;

fn bytes(bytes: &'static [u8]) -> Bytes {
    Bytes::from_static(bytes)
}

/// The text of an event without attachments.
#[track_caller]
fn text(arguments: &(impl Serialize + ?Sized)) -> String {
    let encoded = event("/", None, "e", arguments).unwrap();
    assert_eq!(encoded.attachments, Vec::<Bytes>::new());
    encoded.text.into()
}

#[test]
fn events_read_as_those_of_the_official_encoder() {
    let encoded = event("/", None, "hello", &(1, "a")).unwrap();
    assert_eq!(encoded.text, "42[\"hello\",1,\"a\"]");
    let arguments = (None::<u8>, true, json!({"b": 1, "a": [1.5]}));
    let encoded = event("/admin", Some(12), "say \"hi\"\n\u{2028}é\u{1}\u{7f}/", &arguments).unwrap();
    assert_eq!(
        encoded.text,
        "42/admin,12[\"say \\\"hi\\\"\\n\u{2028}é\\u0001\u{7f}/\",null,true,{\"a\":[1.5],\"b\":1}]"
    );
}

#[test]
fn acks_read_as_those_of_the_official_encoder() {
    assert_eq!(ack("/admin", 0, &()).unwrap().text, "43/admin,0[]");
    assert_eq!(ack("/", 7, &("x", vec![1, 2])).unwrap().text, "437[\"x\",[1,2]]");
    assert_eq!(ack("/", u64::MAX, &"x").unwrap().text, "4318446744073709551615[\"x\"]");
}

#[test]
fn bytes_become_attachments_in_depth_first_order() {
    let tree = Value::Object(vec![
        ("x".into(), Value::Object(vec![("y".into(), Value::Binary(bytes(&[3])))])),
        ("z".into(), Value::Array(vec![Value::Binary(bytes(&[]))])),
    ]);
    let encoded = event("/", Some(3), "e", &(bytes(&[1, 2]), tree)).unwrap();
    assert_eq!(
        encoded.text,
        "453-3[\"e\",{\"_placeholder\":true,\"num\":0},{\"x\":{\"y\":{\"_placeholder\":true,\"num\":1}},\
         \"z\":[{\"_placeholder\":true,\"num\":2}]}]"
    );
    assert_eq!(encoded.attachments, [bytes(&[1, 2]), bytes(&[3]), bytes(&[])]);

    let encoded = ack("/n", 3, &serde_bytes::Bytes::new(&[255])).unwrap();
    assert_eq!(encoded.text, "461-/n,3[{\"_placeholder\":true,\"num\":0}]");
    assert_eq!(encoded.attachments, [bytes(&[255])]);
}

#[test]
fn connect_and_disconnect_read_as_those_of_the_official_encoder() {
    let data = RawValue::from_string("{\"code\":1}".into()).unwrap();
    let table = [
        (connect("/", "abc"), "40{\"sid\":\"abc\"}"),
        (connect("/admin", "abc"), "40/admin,{\"sid\":\"abc\"}"),
        (
            connect_error("/admin", "Invalid \"namespace\"", None),
            "44/admin,{\"message\":\"Invalid \\\"namespace\\\"\"}",
        ),
        (connect_error("/", "no", Some(&data)), "44{\"message\":\"no\",\"data\":{\"code\":1}}"),
        (disconnect("/"), "41"),
        (disconnect("/admin"), "41/admin,"),
    ];
    for (encoded, text) in table {
        assert_eq!(encoded.text, text);
        assert!(encoded.attachments.is_empty());
    }
}

#[test]
fn tuple_is_several_arguments() {
    #[derive(Serialize)]
    struct Move(u8, u8);
    #[derive(Serialize)]
    struct Wrapper<T>(T);
    assert_eq!(text(&(1,)), "42[\"e\",1]");
    assert_eq!(text(&(1, (2, 3), [4, 5])), "42[\"e\",1,[2,3],[4,5]]");
    assert_eq!(text(&[1, 2, 3]), "42[\"e\",1,2,3]");
    assert_eq!(text(&Move(1, 2)), "42[\"e\",1,2]");
    assert_eq!(text(&Wrapper((1, 2))), "42[\"e\",1,2]");
    assert_eq!(text(&&Box::new(Cow::Borrowed(&(1, 2)))), "42[\"e\",1,2]");
    assert_eq!(text(&((), None::<u8>)), "42[\"e\",null,null]");
}

#[test]
fn unit_is_no_argument() {
    #[derive(Serialize)]
    struct Unit;
    assert_eq!(text(&()), "42[\"e\"]");
    assert_eq!(text(&[0u8; 0]), "42[\"e\"]");
    assert_eq!(text(&Unit), "42[\"e\"]");
}

#[test]
fn anything_else_is_one_argument() {
    #[derive(Serialize)]
    struct Named {
        a: u8,
    }
    #[derive(Serialize)]
    struct Wrapper(Vec<u8>);
    #[derive(Serialize)]
    enum Shape {
        Point,
        Circle(u8),
        Rectangle(u8, u8),
        Polygon { sides: u8 },
    }
    let raw = RawValue::from_string("[1, 2]".into()).unwrap();
    let map = BTreeMap::from([("a", 1)]);
    assert_eq!(text("text"), "42[\"e\",\"text\"]");
    assert_eq!(text(&'c'), "42[\"e\",\"c\"]");
    assert_eq!(text(&true), "42[\"e\",true]");
    assert_eq!(text(&u128::MAX), "42[\"e\",340282366920938463463374607431768211455]");
    assert_eq!(text(&1.5f32), "42[\"e\",1.5]");
    assert_eq!(text(&f64::NAN), "42[\"e\",null]");
    assert_eq!(text(&vec![1, 2]), "42[\"e\",[1,2]]");
    assert_eq!(text(&[1, 2][..]), "42[\"e\",[1,2]]");
    assert_eq!(text(&Wrapper(vec![1])), "42[\"e\",[1]]");
    assert_eq!(text(&map), "42[\"e\",{\"a\":1}]");
    assert_eq!(text(&Named { a: 1 }), "42[\"e\",{\"a\":1}]");
    assert_eq!(text(&Shape::Point), "42[\"e\",\"Point\"]");
    assert_eq!(text(&Shape::Circle(1)), "42[\"e\",{\"Circle\":1}]");
    assert_eq!(text(&Shape::Rectangle(1, 2)), "42[\"e\",{\"Rectangle\":[1,2]}]");
    assert_eq!(text(&Shape::Polygon { sides: 3 }), "42[\"e\",{\"Polygon\":{\"sides\":3}}]");
    assert_eq!(text(&Some((1, 2))), "42[\"e\",[1,2]]");
    assert_eq!(text(&None::<()>), "42[\"e\",null]");
    assert_eq!(text(&raw), "42[\"e\",[1, 2]]");
    assert_eq!(text(&format_args!("{}", 1)), "42[\"e\",\"1\"]");
    assert_eq!(text(&Value::Null), "42[\"e\",null]");
}

/// `serde_json::Value` says of its null that it is a unit. The two cannot be told apart.
#[test]
fn null_of_serde_json_is_no_argument() {
    assert_eq!(text(&json!(null)), "42[\"e\"]");
    assert_eq!(text(&(json!(null),)), "42[\"e\",null]");
}

#[test]
fn reserved_names_are_refused() {
    for name in ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"] {
        let refused = event("/", None, name, &());
        assert!(matches!(refused, Err(EncodeError::ReservedName(reserved)) if reserved == name));
    }
    assert!(event("/", None, "error", &()).is_ok());
}

#[test]
fn eleventh_attachment_is_refused() {
    let ten = vec![bytes(&[1]); 10];
    assert!(event("/", None, "e", &ten).unwrap().text.starts_with("4510-[\"e\",["));
    let eleven = vec![bytes(&[1]); 11];
    let refused = event("/", None, "e", &eleven).unwrap_err();
    assert!(matches!(refused, EncodeError::TooManyAttachments(11)));
    assert_eq!(refused.to_string(), "11 attachments in one packet, but clients accept at most 10");
}

#[test]
fn value_that_does_not_serialise_is_an_error_with_its_own_message() {
    struct Faulty;
    impl Serialize for Faulty {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("out of order"))
        }
    }
    for refused in [event("/", None, "e", &Faulty), ack("/", 1, &(1, Faulty))] {
        assert_eq!(refused.unwrap_err().to_string(), "the arguments cannot be written as JSON: out of order");
    }
    assert!(matches!(event("/", None, "e", &BTreeMap::from([((), 1)])), Err(EncodeError::Json(_))));
}

#[test]
fn an_event_is_turned_into_one_that_is_answered() {
    for namespace in ["/", "/a[1]-2"] {
        for arguments in [serde_json::json!(1), serde_json::json!("x-y")] {
            let plain = event(namespace, None, "e[", &arguments).unwrap();
            assert_eq!(
                with_ack(&plain, namespace, 17),
                event(namespace, Some(17), "e[", &arguments).unwrap()
            );
        }
        let bytes = (Bytes::from_static(b"a"), Bytes::from_static(b"b"));
        let plain = event(namespace, None, "e", &bytes).unwrap();
        assert_eq!(with_ack(&plain, namespace, 0), event(namespace, Some(0), "e", &bytes).unwrap());
    }
}

#[test]
fn an_event_gets_one_more_argument() {
    for namespace in ["/", "/a-1"] {
        let plain = event(namespace, None, "e]", &()).unwrap();
        assert_eq!(with_text(&plain, "AAAAAAAB"), event(namespace, None, "e]", "AAAAAAAB").unwrap());
        let plain = event(namespace, None, "e", &(json!([["]"]]), "x]")).unwrap();
        assert_eq!(
            with_text(&plain, "\"-"),
            event(namespace, None, "e", &(json!([["]"]]), "x]", "\"-")).unwrap()
        );
        let plain = event(namespace, None, "e", &(Bytes::from_static(b"a"), 1)).unwrap();
        assert_eq!(
            with_text(&plain, "t"),
            event(namespace, None, "e", &(Bytes::from_static(b"a"), 1, "t")).unwrap()
        );
    }
    let foreign = Encoded { text: "42[\"e\"] \n".into(), attachments: Vec::new() };
    assert_eq!(with_text(&foreign, "t").text, "42[\"e\",\"t\"]");
}

#[test]
fn arguments_alone_are_an_array() {
    assert_eq!(array(&()).unwrap().text, "[]");
    assert_eq!(array(&(1, "a")).unwrap().text, "[1,\"a\"]");
    let encoded = array(&Bytes::from_static(b"x")).unwrap();
    assert_eq!((&*encoded.text, encoded.attachments.len()), (r#"[{"_placeholder":true,"num":0}]"#, 1));
}
