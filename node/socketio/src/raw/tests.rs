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

#[test]
fn text_beside_attachments_is_emitted_verbatim() {
    for json in [
        "1.00",
        "1e999",
        "\"\\ud800 half of a pair\"",
        "{ \"\\udfff\" : [ 1e2 ] }",
        "\"\\u00e9\\/\"",
        "[]",
        "{}",
    ] {
        let argument = raw(&format!("[{json},{{\"_placeholder\":true,\"num\":0}},{json}]"), &[&[7]]);
        let encoded = emitted(&argument);
        assert_eq!(encoded.text, format!("451-[\"e\",[{json},{{\"_placeholder\":true,\"num\":0}},{json}]]"));
        assert_eq!(encoded.attachments, [Bytes::from_static(&[7])]);
    }
}

#[test]
fn half_of_a_surrogate_pair_without_a_placeholder_is_emitted_beside_attachments() {
    let argument = raw("\"\\ud83d\"", &[&[7]]);
    assert!(!argument.is_plain(), "an escape may hide a placeholder");
    assert_eq!(emitted(&argument).text, "42[\"e\",\"\\ud83d\"]");
}

#[test]
fn depth_matters_only_on_the_way_to_an_attachment() {
    let placeholder = "{\"_placeholder\":true,\"num\":0}";
    let nested = |levels: usize, inner: &str| "[".repeat(levels) + inner + &"]".repeat(levels);
    let deep = nested(100_000, "");
    let argument = raw(&format!("[{deep},{placeholder}]"), &[&[7]]);
    assert_eq!(emitted(&argument).text, format!("451-[\"e\",[{deep},{placeholder}]]"));
    let argument = raw(&nested(126, placeholder), &[&[7]]);
    assert_eq!(emitted(&argument).text, format!("451-[\"e\",{}]", nested(126, placeholder)));
    for levels in [127, 100_000] {
        let refused = encode::event("/", None, "e", &raw(&nested(levels, placeholder), &[&[7]]));
        assert!(
            matches!(refused, Err(encode::EncodeError::Json(error)) if error.to_string().contains("127 levels"))
        );
    }
}

#[test]
fn placeholder_hides_what_is_in_it() {
    let argument = raw(
        "{\"x\":{\"_placeholder\":true,\"num\":1},\"_placeholder\":false,\"_placeholder\":true,\"num\":1,\"num\":0}",
        &[&[0], &[1]],
    );
    assert_eq!(emitted(&argument).attachments, [Bytes::from_static(&[0])]);
    assert_eq!(emitted(&argument).text, "451-[\"e\",{\"_placeholder\":true,\"num\":0}]");
}

#[test]
fn argument_is_emitted_as_the_tree_that_it_reads_as() {
    for json in [
        "[ {\"a\" : {\"_placeholder\":true,\"num\":1} , \"b\\u0020\":[true,null,-1.5,\"x\\n\"]}, {\"_placeholder\":true,\"num\":0} ]",
        "{\"_placeholder\":false,\"num\":{\"_placeholder\":true,\"num\":1e0}}",
        "{\"_placeholder\":\"true\",\"num\":0}",
        "{\"_placeholder\":[true],\"num\":0}",
    ] {
        let argument = raw(json, &[&[0], &[1]]);
        let value = argument.to_value().unwrap();
        let (as_it_is, as_tree) = (emitted(&argument), encode::event("/", None, "e", &value).unwrap());
        let read = |encoded: &encode::Encoded| {
            let array = &encoded.text[encoded.text.find('[').unwrap()..];
            Arguments::from_json_with(array, encoded.attachments.clone())
                .unwrap()
                .raw(1)
                .unwrap()
                .to_value()
                .unwrap()
        };
        assert_eq!(read(&as_it_is), value);
        assert_eq!(read(&as_tree), value);
    }
}
