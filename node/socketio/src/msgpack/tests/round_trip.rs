//! Any packet survives the way through msgpack.

use proptest::prelude::*;
use serde_json::Number;

use super::*;
use crate::value::Value;

fn value() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        (-200i64..70_000).prop_map(Number::from),
        any::<f64>().prop_filter_map("a number of JSON", Number::from_f64),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number.prop_map(Value::Number),
        any::<String>().prop_map(Value::String),
        "[a-z\"\\\\\u{1}€]{0,40}".prop_map(Value::String),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Value::Binary(bytes.into())),
    ];
    leaf.prop_recursive(5, 60, 20, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..20).prop_map(Value::Array),
            proptest::collection::btree_map("[a-z\"_\\\\é]{0,12}", inner, 0..20)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Integral doubles and integers are the same number to JavaScript, and to msgpack.
fn normalised(value: Value) -> Value {
    match value {
        Value::Number(number) => {
            let double = number.as_f64().unwrap_or_default();
            let is_integral = double.fract() == 0.0 && double.abs() <= 9_007_199_254_740_992.0;
            match number.is_f64() && is_integral {
                true => Value::Number((double as i64).into()),
                false => Value::Number(number),
            }
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(normalised).collect()),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(key, value)| (key, normalised(value))).collect())
        }
        other => other,
    }
}

proptest! {
    #[test]
    fn arguments_survive(arguments in proptest::collection::vec(value(), 0..4), id in any::<Option<u64>>()) {
        let Ok(encoded) = encode::event("/chat", id, "event", &Several(&arguments)) else {
            return Ok(()); // more than ten attachments
        };
        let packet = read(written(&encoded)).unwrap();
        let Packet::Event { namespace, id: read_id, name, arguments: read } = packet else { panic!() };
        prop_assert_eq!((&*namespace, read_id, name.as_deref()), ("/chat", id, Some("event")));
        let read: Vec<Value> = read.iter().map(|argument| argument.to_value().unwrap()).map(normalised).collect();
        let arguments: Vec<Value> = arguments.into_iter().map(normalised).collect();
        prop_assert_eq!(read, arguments);
    }

    /// What was read once and written again is read as the same.
    #[test]
    fn any_bytes_are_refused_or_stay_what_they_are(message in proptest::collection::vec(any::<u8>(), 0..60)) {
        let message = [&bytes("83a47479706502a36e7370a12fa46461746193a165")[..], &message].concat();
        if let Ok(Packet::Event { arguments, .. }) = read(message.into()) {
            let encoded = encode::event("/", None, "e", &arguments).unwrap();
            let Packet::Event { arguments: again, .. } = read(written(&encoded)).unwrap() else { panic!() };
            prop_assert_eq!(format!("{again:?}"), format!("{arguments:?}"));
        }
    }
}

/// A slice as several arguments.
struct Several<'a>(&'a [Value]);

impl serde::Serialize for Several<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeTuple;
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|argument| tuple.serialize_element(argument))?;
        tuple.end()
    }
}
