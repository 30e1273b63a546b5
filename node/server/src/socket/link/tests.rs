use http::{HeaderMap, HeaderValue};

use super::*;

#[test]
fn a_handshake_keeps_its_headers_in_as_many_bytes_as_they_take() {
    let mut headers = HeaderMap::new();
    headers.append("cookie", HeaderValue::from_static("a=1"));
    headers.append("cookie", "x".repeat(9_000).parse().expect("a value"));
    headers.append("x-name", HeaderValue::from_bytes("Zoë".as_bytes()).expect("a value"));
    let head = head_text(&headers);
    assert_eq!(head.capacity(), head.len());
    let handshake =
        Handshake::new(([127, 0, 0, 1], 80).into(), false, &"/".parse().expect("a URI"), &headers);
    assert_eq!(handshake.header("Cookie"), Some("a=1"));
    assert_eq!(handshake.header("x-name"), Some("Zoë"));
    assert_eq!(handshake.headers().count(), 3);
}

#[test]
fn what_is_not_text_takes_no_more_room_than_it_took() {
    let mut headers = HeaderMap::new();
    headers.append("x", HeaderValue::from_bytes(&[0xff; 1_000]).expect("a value"));
    headers.append("y", HeaderValue::from_bytes(b"a\xc3(b").expect("a value"));
    assert_eq!(head_text(&headers), format!("x: {}\ny: a?(b\n", "?".repeat(1_000)));
    assert_eq!(head_text(&headers).len(), 1_000 + 4 + 4 + 4);
}
