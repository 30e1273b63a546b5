//! Arguments as values of a type, with and without attachments.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::super::encode;
use super::super::value::Value;
use super::*;

fn from(array: &str) -> Arguments {
    Arguments::from_json(array).unwrap()
}

fn with_bytes(array: &str) -> Arguments {
    Arguments::from_json_with(array, vec![Bytes::from_static(&[1, 2]), Bytes::from_static(&[3])]).unwrap()
}

#[track_caller]
fn read<T: DeserializeOwned>(array: &str) -> T {
    from(array).deserialize().unwrap()
}

#[track_caller]
fn refused<T: DeserializeOwned + fmt::Debug>(array: &str) -> String {
    from(array).deserialize::<T>().unwrap_err().to_string()
}

#[derive(Debug, PartialEq, Deserialize)]
struct Named {
    a: u8,
    #[serde(default)]
    b: Option<Bytes>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Wrapper<T>(T);

#[derive(Debug, PartialEq, Deserialize)]
struct Move(u8, u8);

#[derive(Debug, PartialEq, Deserialize)]
struct Unit;

#[derive(Debug, PartialEq, Deserialize)]
enum Shape {
    Point,
    Circle(u8),
    Rectangle(u8, u8),
    Polygon { sides: u8 },
}

#[test]
fn tuple_reads_the_arguments_in_order() {
    assert_eq!(read::<(u8, String, Vec<u8>)>("[1,\"a\",[2,3]]"), (1, "a".into(), vec![2, 3]));
    assert_eq!(read::<(u8,)>("[1]"), (1,));
    assert_eq!(read::<[u8; 3]>("[1,2,3]"), [1, 2, 3]);
    assert_eq!(read::<Move>("[1,2]"), Move(1, 2));
    assert_eq!(read::<Wrapper<(u8, u8)>>("[1,2]"), Wrapper((1, 2)));
    assert_eq!(read::<((u8, u8), u8)>("[[1,2],3]"), ((1, 2), 3));
    assert_eq!(read::<Box<(u8, u8)>>("[1,2]"), Box::new((1, 2)));
}

#[test]
fn unit_reads_nothing() {
    for array in ["[]", "[1,2]"] {
        read::<()>(array);
        assert_eq!(read::<Unit>(array), Unit);
        assert_eq!(read::<[u8; 0]>(array), [0; 0]);
    }
}

#[test]
fn anything_else_reads_the_first_argument() {
    assert_eq!(read::<u8>("[1,2]"), 1);
    assert_eq!(read::<String>("[\"a\\n\"]"), "a\n");
    assert_eq!(read::<Vec<u8>>("[[1,2],3]"), [1, 2]);
    assert_eq!(read::<Named>("[{\"a\":1}]"), Named { a: 1, b: None });
    assert_eq!(read::<Wrapper<Vec<u8>>>("[[1,2]]"), Wrapper(vec![1, 2]));
    assert_eq!(read::<HashMap<u8, bool>>("[{\"1\":true}]"), HashMap::from([(1, true)]));
    assert_eq!(read::<Shape>("[\"Point\"]"), Shape::Point);
    assert_eq!(read::<Shape>("[{\"Rectangle\":[1,2]}]"), Shape::Rectangle(1, 2));
    assert_eq!(read::<Option<(u8, u8)>>("[[1,2]]"), Some((1, 2)));
    assert_eq!(read::<serde_json::Value>("[{\"a\":[null]},1]"), json!({"a": [null]}));
    assert_eq!(read::<Value>("[[1]]"), Value::Array(vec![Value::Number(1.into())]));
    assert_eq!(read::<u128>("[340282366920938463463374607431768211455]"), u128::MAX);
    assert_eq!(read::<f64>("[1]"), 1.0);
    assert_eq!(read::<Box<RawValue>>("[{ \"a\" : 1 }, 2]").get(), "{ \"a\" : 1 }");
    assert_eq!(read::<(u8, Box<RawValue>)>("[1, [ ]]").1.get(), "[ ]");
    read::<serde::de::IgnoredAny>("[1]");
}

#[test]
fn missing_arguments_read_as_null() {
    assert_eq!(read::<(u8, Option<u8>, Option<u8>)>("[1]"), (1, None, None));
    assert_eq!(read::<Option<u8>>("[]"), None);
    assert_eq!(read::<Value>("[]"), Value::Null);
    assert_eq!(read::<serde_json::Value>("[]"), json!(null));
    read::<(u8, ())>("[1]");
}

#[test]
fn more_arguments_than_wanted_are_ignored() {
    assert_eq!(read::<(u8, u8)>("[1,2,3,\"x\"]"), (1, 2));
}

#[test]
fn error_names_the_argument_and_the_client() {
    assert_eq!(refused::<(u8, String)>("[1]"), "the client sent no argument 2");
    assert_eq!(refused::<u8>("[]"), "the client sent no argument 1");
    assert_eq!(
        refused::<(u8, u8)>("[1,\"x\"]"),
        "argument 2 of the client does not fit: invalid type: string \"x\", expected u8 at line 1 column 3"
    );
    assert!(refused::<Named>("[{}]").starts_with("argument 1 of the client does not fit: missing field `a`"));
    assert!(refused::<String>("[\"\\ud800\"]").starts_with("argument 1 of the client"));
}

#[test]
fn deep_nesting_is_an_error_and_not_an_overflow() {
    let depth = 500_000;
    let array = "[".repeat(depth) + &"]".repeat(depth);
    assert!(refused::<Value>(&array).contains("recursion limit exceeded"));
    assert!(refused::<serde_json::Value>(&array).contains("recursion limit exceeded"));
    let array = format!("[{{\"_placeholder\":true,\"num\":0,\"x\":{array}}}]");
    assert!(with_bytes(&array).deserialize::<Value>().unwrap_err().to_string().contains("recursion limit"));
    assert!(with_bytes(&array).deserialize::<Bytes>().unwrap_err().to_string().contains("recursion limit"));
}

const ZERO: &str = "{\"_placeholder\":true,\"num\":0}";
const ONE: &str = "{\"num\":1,\"_placeholder\":true}";

#[test]
fn placeholders_read_as_bytes() {
    let arguments = with_bytes(&format!("[{ZERO},{{\"a\":7,\"b\":{ONE}}},[{ZERO},{ONE}],\"x\"]"));
    let zero = Bytes::from_static(&[1, 2]);
    let one = Bytes::from_static(&[3]);
    let (a, b, c, d): (Bytes, Named, Vec<serde_bytes::ByteBuf>, String) = arguments.deserialize().unwrap();
    assert_eq!((a, b, d), (zero.clone(), Named { a: 7, b: Some(one.clone()) }, "x".into()));
    assert_eq!(c, [&zero[..], &one[..]]);
    let (a, _, c): (Value, Value, Value) = arguments.deserialize().unwrap();
    assert_eq!(a, Value::Binary(zero.clone()));
    assert_eq!(c, Value::Array(vec![Value::Binary(zero), Value::Binary(one)]));
}

#[test]
fn every_type_reads_from_a_packet_with_attachments() {
    let arguments = with_bytes(&format!(
        "[{{\"bytes\":{ZERO},\"unit\":null,\"shapes\":[\"Point\",{{\"Circle\":1}},{{\"Rectangle\":[1,2]}},\
         {{\"Polygon\":{{\"sides\":3}}}}],\"map\":{{\"-1\":true}},\"bools\":{{\"true\":1.5}},\"move\":[1,2],\
         \"wrapped\":\"c\",\"some\":1,\"none\":null,\"ignored\":[{ONE}]}}]"
    ));
    #[derive(Debug, PartialEq, Deserialize)]
    struct Everything {
        bytes: Bytes,
        unit: (),
        shapes: Vec<Shape>,
        map: HashMap<i64, bool>,
        bools: HashMap<bool, f32>,
        #[serde(rename = "move")]
        moved: Move,
        wrapped: Wrapper<char>,
        some: Option<u128>,
        none: Option<u8>,
    }
    let read: Everything = arguments.deserialize().unwrap();
    let expected = Everything {
        bytes: Bytes::from_static(&[1, 2]),
        unit: (),
        shapes: vec![Shape::Point, Shape::Circle(1), Shape::Rectangle(1, 2), Shape::Polygon { sides: 3 }],
        map: HashMap::from([(-1, true)]),
        bools: HashMap::from([(true, 1.5)]),
        moved: Move(1, 2),
        wrapped: Wrapper('c'),
        some: Some(1),
        none: None,
    };
    assert_eq!(read, expected);
}

#[test]
fn what_does_not_fit_beside_attachments_is_an_error() {
    let arguments = with_bytes(&format!("[{{\"a\":{ZERO}}}]"));
    let refused = |error: ArgumentError| {
        assert!(matches!(error, ArgumentError::Mismatch { position: 1, .. }), "{error}")
    };
    refused(arguments.deserialize::<Named>().unwrap_err());
    refused(arguments.deserialize::<Shape>().unwrap_err());
    refused(arguments.deserialize::<HashMap<u8, Bytes>>().unwrap_err());
    refused(arguments.deserialize::<HashMap<String, u8>>().unwrap_err());
    refused(arguments.deserialize::<u8>().unwrap_err());
    assert!(with_bytes("[1]").deserialize::<Bytes>().is_err());
}

#[test]
fn object_that_looks_like_a_placeholder_is_an_object_in_a_packet_without_attachments() {
    let arguments = from("[{\"_placeholder\":true,\"num\":9}]");
    assert!(arguments.deserialize::<Bytes>().is_err());
    let value: Value = arguments.deserialize().unwrap();
    assert_eq!(value.get("num"), Some(&Value::Number(9.into())));
}

#[test]
fn arguments_serialise_as_themselves() {
    let arguments = from("[ 1.0 , {\"b\":1, \"a\":2},[] ]");
    assert_eq!(
        encode::event("/", None, "e", &arguments).unwrap().text,
        "42[\"e\",1.0,{\"b\":1, \"a\":2},[]]"
    );
    assert_eq!(encode::ack("/", 1, &arguments).unwrap().text, "431[1.0,{\"b\":1, \"a\":2},[]]");
    assert_eq!(encode::event("/", None, "e", &Arguments::default()).unwrap().text, "42[\"e\"]");
}

#[test]
fn arguments_can_be_counted_and_taken_one_by_one() {
    let arguments = from("[1,\"a\",2,3,4,5]");
    assert_eq!(arguments.len(), 6);
    assert_eq!(arguments.raw(1).unwrap().as_json(), "\"a\"");
    assert_eq!(arguments.raw(5).unwrap().as_json(), "5");
    assert!(arguments.raw(6).is_none());
    assert!(from("[]").is_empty());
}

#[test]
fn only_an_array_with_valid_placeholders_makes_arguments() {
    for array in ["", "{}", "[", "[1]x", "1"] {
        assert!(Arguments::from_json(array).is_err(), "{array}");
    }
    let refused = Arguments::from_json_with(&format!("[{ONE}]"), vec![Bytes::new()]);
    assert_eq!(refused.unwrap_err(), DecodeError::InvalidPlaceholder);
}
