//! Values from JSON and back.

use super::*;

fn read(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

#[test]
fn json_survives_in_the_order_of_its_text() {
    for json in
        ["null", "true", "-1", "18446744073709551615", "1.5", "\"é\\n\"", "[1,[],{}]", "{\"b\":1,\"a\":[2]}"]
    {
        assert_eq!(serde_json::to_string(&read(json)).unwrap(), json);
    }
}

#[test]
fn last_of_two_equal_keys_counts() {
    let object = read("{\"a\":1,\"b\":\"x\",\"a\":2}");
    assert_eq!(object.get("a"), Some(&Value::Number(2.into())));
    assert_eq!(object.get("b").and_then(Value::as_str), Some("x"));
    assert_eq!(object.get("c"), None);
    assert_eq!(Value::Null.get("a"), None);
    assert_eq!(Value::Null.as_str(), None);
}

#[test]
fn bytes_of_another_format_are_binary() {
    use serde::Deserialize;
    use serde::de::IntoDeserializer;
    use serde::de::value::{BytesDeserializer, Error, F64Deserializer};
    let read = Value::deserialize(BytesDeserializer::<Error>::new(&[1]));
    assert_eq!(read, Ok(Value::Binary(Bytes::from_static(&[1]))));
    let infinite: F64Deserializer<Error> = f64::INFINITY.into_deserializer();
    assert_eq!(Value::deserialize(infinite), Ok(Value::Null));
}
