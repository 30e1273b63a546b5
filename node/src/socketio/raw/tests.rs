//! An argument that goes out again as it came.

use super::super::arguments::Arguments;
use super::super::encode;
use super::*;

fn raw(json: &str, attachments: &[&'static [u8]]) -> Raw {
    let attachments = attachments.iter().map(|bytes| Bytes::from_static(bytes)).collect();
    Arguments::from_json_with(&format!("[{json}]"), attachments).unwrap().raw(0).unwrap()
}

fn emitted(raw: &Raw) -> encode::Encoded {
    encode::event("/", None, "e", raw).unwrap()
}

#[test]
fn argument_without_attachments_is_emitted_verbatim() {
    for json in ["1.00", "{\"b\" : 1e2, \"a\":\"\\u00e9\"}", "[]", "\"\\ud800\"", "null", "[1, 2]"] {
        assert_eq!(emitted(&raw(json, &[])).text, format!("42[\"e\",{json}]"));
    }
}

#[test]
fn depth_of_an_argument_does_not_matter_when_it_is_emitted() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    assert_eq!(emitted(&raw(&deep, &[])).text.len(), deep.len() + "42[\"e\",]".len());
}

#[test]
fn attachments_are_numbered_anew() {
    let argument = raw("{\"z\":{\"_placeholder\":true,\"num\":2},\"a\":1}", &[&[0], &[1], &[2]]);
    let encoded = emitted(&argument);
    assert_eq!(encoded.text, "451-[\"e\",{\"z\":{\"_placeholder\":true,\"num\":0},\"a\":1}]");
    assert_eq!(encoded.attachments, [Bytes::from_static(&[2])]);
}

#[test]
fn argument_without_a_placeholder_is_plain_even_beside_attachments() {
    assert!(raw("{\"a\":1}", &[&[0]]).is_plain());
    assert!(!raw("{\"\\u005fplaceholder\":true,\"num\":0}", &[&[0]]).is_plain());
}

#[test]
fn escaped_key_is_a_placeholder_too() {
    let argument = raw("{\"\\u005fplaceholder\":true,\"num\":0}", &[&[9]]);
    assert_eq!(argument.to_value().unwrap(), Value::Binary(Bytes::from_static(&[9])));
}

#[test]
fn bytes_of_the_tree_are_those_of_the_attachment() {
    let attachment = Bytes::from(vec![1, 2, 3]);
    let array = "[{\"_placeholder\":true,\"num\":0}]";
    let arguments = Arguments::from_json_with(array, vec![attachment.clone()]).unwrap();
    let Ok(Value::Binary(bytes)) = arguments.raw(0).unwrap().to_value() else { panic!() };
    assert_eq!(bytes.as_ptr(), attachment.as_ptr());
}
