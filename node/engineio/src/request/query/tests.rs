//! Queries, against the behaviour of Node's `URLSearchParams`.

use proptest::prelude::*;

use super::*;

#[test]
fn query_of_a_client_is_read() {
    let query = Query::parse("EIO=4&transport=polling&t=PxK2&sid=lv_VI97HAXpY6yYWAAAC");
    assert_eq!(query.eio.as_deref(), Some("4"));
    assert_eq!(query.transport.as_deref(), Some("polling"));
    assert_eq!(query.sid.as_deref(), Some("lv_VI97HAXpY6yYWAAAC"));
    assert!(!query.b64);
}

#[test]
fn values_and_names_are_decoded() {
    let table = [
        ("sid=a%20b", "a b"),
        ("sid=a+b", "a b"),
        ("s%69d=x", "x"),
        ("sid=%C3%A9", "é"),
        ("sid=%c3%a9", "é"),
        ("sid=é", "é"),
        ("sid=a=b", "a=b"),
        ("sid=%", "%"),
        ("sid=%4", "%4"),
        ("sid=%zz", "%zz"),
        ("sid=%%34", "%4"),
        ("sid=%+1", "% 1"),
        ("sid=%ff", "\u{fffd}"),
        ("&&sid=x&&", "x"),
        ("sid=first&sid=last", "last"),
    ];
    for (raw, sid) in table {
        assert_eq!(Query::parse(raw).sid.as_deref(), Some(sid), "{raw}");
    }
}

#[test]
fn empty_value_is_a_missing_one() {
    for raw in ["", "sid", "sid=", "sid=a&sid=", "=", "&", "SID=a"] {
        assert_eq!(Query::parse(raw), Query::default(), "{raw}");
    }
}

#[test]
fn b64_is_any_value() {
    for (raw, b64) in [("b64=1", true), ("b64=0", true), ("b64=", false), ("b64", false)] {
        assert_eq!(Query::parse(raw).b64, b64, "{raw}");
    }
}

#[test]
fn other_versions_than_4_count_as_3_which_must_be_allowed() {
    assert_eq!(Query::parse("EIO=4").check_version(false), Ok(Protocol::V4));
    assert_eq!(Query::parse("EIO=4").check_version(true), Ok(Protocol::V4));
    for raw in ["", "EIO=3", "EIO=5", "EIO=04", "EIO=4.0", "EIO=+4"] {
        let query = Query::parse(raw);
        assert_eq!(query.check_version(false), Err(HandshakeError::UnsupportedProtocolVersion), "{raw}");
        assert_eq!(query.check_version(true), Ok(Protocol::V3), "{raw}");
    }
}

#[test]
fn only_the_digits_of_a_callback_are_kept() {
    assert_eq!(Query::parse("EIO=3").jsonp, None);
    for (raw, script) in [
        ("j=12", "___eio[12](\"\");"),
        ("j=1%5D%281%29", "___eio[11](\"\");"),
        ("j=", "___eio[](\"\");"),
        ("j=%2bx", "___eio[](\"\");"),
        ("j=123456789012345678901234567890", "___eio[12345678901234567890](\"\");"),
    ] {
        assert_eq!(Query::parse(raw).jsonp.map(|callback| callback.script("")).as_deref(), Some(script));
    }
}

proptest! {
    #[test]
    fn no_query_panics(raw in ".*", other in "[a-zA-Z0-9%+&=é]*") {
        let _ = Query::parse(&raw);
        let _ = Query::parse(&other);
        let _ = Query::parse(&format!("sid={other}"));
    }
}
