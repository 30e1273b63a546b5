//! Which objects are placeholders, and which of them are valid.

use super::*;

#[test]
fn index_is_an_integer_in_range() {
    let table = [
        (0.0, Some(0)),
        (-0.0, Some(0)),
        (1.0, Some(1)),
        (2.0, None),
        (0.5, None),
        (-1.0, None),
        (f64::NAN, None),
        (f64::INFINITY, None),
    ];
    for (num, expected) in table {
        assert_eq!(index(num, 2), expected, "{num}");
    }
}

#[test]
fn valid_placeholders_are_found_valid() {
    for json in [
        "{\"_placeholder\":true,\"num\":0}",
        "{\"num\":1,\"_placeholder\":true}",
        "[[{\"a\":{ \"_placeholder\" : true , \"num\" : 1.0 } } ] ]",
        "{\"_placeholder\":true,\"num\":10e-1}",
        "{\"_placeholder\":true,\"num\":5,\"num\":0}",
        "{\"_placeholder\":true,\"num\":0,\"more\":[{\"num\":7}]}",
    ] {
        assert!(all_valid(json, 2), "{json}");
    }
}

#[test]
fn invalid_placeholders_are_found() {
    for json in [
        "{\"_placeholder\":true}",
        "{\"_placeholder\":true,\"num\":2}",
        "{\"_placeholder\":true,\"num\":-1}",
        "{\"_placeholder\":true,\"num\":0.5}",
        "{\"_placeholder\":true,\"num\":\"0\"}",
        "{\"_placeholder\":true,\"num\":0,\"num\":null}",
        "{\"_placeholder\":true,\"num\":[0]}",
        "{\"_placeholder\":true,\"num\":{\"num\":0}}",
        "{\"_placeholder\":false,\"_placeholder\":true}",
        "{\"\\u005fplaceholder\":true}",
        "{\"_placeholder\":true,\"n\\u0075m\":9}",
        "[0,{\"a\":[{\"_placeholder\":true,\"num\":9}]}]",
        "{\"a\\\\\":\"\\\"}\",\"_placeholder\":true}",
    ] {
        assert!(!all_valid(json, 2), "{json}");
    }
}

#[test]
fn other_objects_are_none() {
    for json in [
        "{}",
        "[]",
        "1",
        "\"x\"",
        "{\"num\":9}",
        "{\"_placeholder\":false}",
        "{\"_placeholder\":\"true\"}",
        "{\"_placeholder\":1}",
        "{\"_placeholder\":[true]}",
        "{\"_placeholder\":{\"a\":true}}",
        "{\"_placeholder\":true,\"_placeholder\":null}",
        "[\"_placeholder\",true]",
        "{\"a\":\"_placeholder\",\"b\":true}",
    ] {
        assert!(all_valid(json, 1), "{json}");
    }
}

/// Only valid JSON is passed, but nothing else may panic.
#[test]
fn broken_text_does_not_panic() {
    for json in ["", "\"", "\"\\", "\"\\é", "}", "]]", "{\"_placeholder\":", "é", "{\"num\":é}"] {
        all_valid(json, 1);
    }
}
