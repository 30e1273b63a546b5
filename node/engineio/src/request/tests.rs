//! The decisions of engine.io 6.6.12 `verify`, and where we differ.

use super::*;
use crate::error::Forbidden;

const OPTIONS: Options = Options { polling: true, websocket: true, allow_upgrades: true };

#[derive(Clone, Copy)]
struct Request {
    method: Method,
    upgrade: bool,
    query: &'static str,
}

const fn get(query: &'static str) -> Request {
    Request { method: Method::Get, upgrade: false, query }
}

const fn post(query: &'static str) -> Request {
    Request { method: Method::Post, upgrade: false, query }
}

const fn put(query: &'static str) -> Request {
    Request { method: Method::Other, upgrade: false, query }
}

const fn upgrade(query: &'static str) -> Request {
    Request { method: Method::Get, upgrade: true, query }
}

/// There are three sessions: `p` and `old` are on polling, `w` on WebSocket; `old` is of protocol 3.
fn session(sid: &str) -> Option<SessionView> {
    let (transport, protocol) = match sid {
        "p" => (TransportKind::Polling, Protocol::V4),
        "w" => (TransportKind::WebSocket, Protocol::V4),
        "old" => (TransportKind::Polling, Protocol::V3),
        _ => return None,
    };
    Some(SessionView { transport, protocol })
}

fn decide(request: Request, options: &Options, origin: Option<&[u8]>) -> Result<Admission, HandshakeError> {
    let query = &Query::parse(request.query);
    let head = Head { method: request.method, is_websocket_upgrade: request.upgrade, origin, query };
    admit(&head, options, session)
}

fn bad(why: BadRequest) -> Result<Admission, HandshakeError> {
    Err(HandshakeError::BadRequest(why))
}

#[track_caller]
fn check(request: Request, expected: Result<Admission, HandshakeError>) {
    assert_eq!(decide(request, &OPTIONS, None), expected, "{}", request.query);
}

#[test]
fn request_without_a_session_is_a_handshake() {
    check(get("EIO=4&transport=polling"), Ok(Admission::Handshake(TransportKind::Polling)));
    check(get("EIO=4&transport=polling&sid="), Ok(Admission::Handshake(TransportKind::Polling)));
    check(upgrade("EIO=4&transport=websocket"), Ok(Admission::Handshake(TransportKind::WebSocket)));
}

#[test]
fn version_of_a_handshake_is_left_for_after_the_application() {
    check(get("transport=polling"), Ok(Admission::Handshake(TransportKind::Polling)));
    check(get("EIO=3&transport=polling"), Ok(Admission::Handshake(TransportKind::Polling)));
}

#[test]
fn request_with_a_session_goes_to_it() {
    check(get("EIO=4&transport=polling&sid=p"), Ok(Admission::Poll("p".into())));
    check(post("EIO=4&transport=polling&sid=p"), Ok(Admission::Post("p".into())));
    check(put("EIO=4&transport=polling&sid=p"), Ok(Admission::MethodNotSupported));
    check(upgrade("EIO=4&transport=websocket&sid=p"), Ok(Admission::Upgrade("p".into())));
}

#[test]
fn second_websocket_of_a_session_is_opened_so_that_it_can_be_closed() {
    check(upgrade("EIO=4&transport=websocket&sid=w"), Ok(Admission::Upgrade("w".into())));
}

#[test]
fn transport_that_is_not_offered_is_unknown() {
    for query in ["", "EIO=4", "EIO=4&transport=", "EIO=4&transport=Polling", "EIO=4&transport=webtransport"]
    {
        check(get(query), Err(HandshakeError::TransportUnknown));
        check(upgrade(query), Err(HandshakeError::TransportUnknown));
    }
    let polling = Options { websocket: false, ..OPTIONS };
    let refused = decide(upgrade("EIO=4&transport=websocket"), &polling, None);
    assert_eq!(refused, Err(HandshakeError::TransportUnknown));
    let websocket = Options { polling: false, ..OPTIONS };
    assert_eq!(
        decide(get("EIO=4&transport=polling"), &websocket, None),
        Err(HandshakeError::TransportUnknown)
    );
}

#[test]
fn origin_with_control_characters_is_refused() {
    for origin in [&b"http://a\0"[..], b"\n", b"abcdef\x7f", b"a\r"] {
        let refused = decide(get("EIO=4&transport=polling&sid=x"), &OPTIONS, Some(origin));
        assert_eq!(refused, bad(BadRequest::InvalidOrigin), "{origin:?}");
    }
    for origin in [&b""[..], b"http://a", b"a\tb", b"\xff"] {
        let admitted = decide(get("EIO=4&transport=polling"), &OPTIONS, Some(origin));
        assert_eq!(admitted, Ok(Admission::Handshake(TransportKind::Polling)), "{origin:?}");
    }
}

#[test]
fn unknown_session_is_refused_on_every_method() {
    for query in
        ["EIO=4&transport=polling&sid=x", "EIO=3&transport=polling&sid=x", "transport=websocket&sid=x"]
    {
        for request in [get(query), post(query), put(query), upgrade(query)] {
            check(request, Err(HandshakeError::SessionUnknown));
        }
    }
}

#[test]
fn plain_request_on_another_transport_is_a_mismatch() {
    check(get("EIO=4&transport=polling&sid=w"), bad(BadRequest::TransportMismatch));
    check(post("EIO=4&transport=polling&sid=w"), bad(BadRequest::TransportMismatch));
    check(get("EIO=4&transport=websocket&sid=p"), bad(BadRequest::TransportMismatch));
    check(get("EIO=3&transport=websocket&sid=p"), bad(BadRequest::TransportMismatch));
}

#[test]
fn other_version_on_a_session_is_a_mismatch() {
    for query in ["EIO=3&transport=polling&sid=p", "transport=polling&sid=p"] {
        check(get(query), bad(BadRequest::ProtocolMismatch));
        check(post(query), bad(BadRequest::ProtocolMismatch));
        check(put(query), bad(BadRequest::ProtocolMismatch));
    }
    check(upgrade("EIO=3&transport=websocket&sid=p"), bad(BadRequest::ProtocolMismatch));
    check(upgrade("transport=websocket&sid=w"), bad(BadRequest::ProtocolMismatch));
    check(get("EIO=4&transport=polling&sid=old"), bad(BadRequest::ProtocolMismatch));
    check(upgrade("EIO=4&transport=websocket&sid=old"), bad(BadRequest::ProtocolMismatch));
}

#[test]
fn missing_version_counts_as_3_on_a_session_too() {
    check(get("EIO=3&transport=polling&sid=old"), Ok(Admission::Poll("old".into())));
    check(post("transport=polling&sid=old"), Ok(Admission::Post("old".into())));
    check(upgrade("EIO=3&transport=websocket&sid=old"), Ok(Admission::Upgrade("old".into())));
}

#[test]
fn handshake_is_a_get() {
    check(post("EIO=4&transport=polling"), Err(HandshakeError::BadHandshakeMethod));
    check(put("EIO=4&transport=polling"), Err(HandshakeError::BadHandshakeMethod));
    check(post("EIO=4&transport=websocket"), Err(HandshakeError::BadHandshakeMethod));
}

#[test]
fn websocket_needs_an_upgrade_request() {
    check(get("EIO=4&transport=websocket"), bad(BadRequest::TransportHandshake));
    check(get("EIO=4&transport=websocket&sid=w"), bad(BadRequest::TransportHandshake));
}

/// The official server answers 101 and closes the WebSocket.
#[test]
fn polling_needs_a_plain_request() {
    check(upgrade("EIO=4&transport=polling"), bad(BadRequest::TransportHandshake));
    check(upgrade("EIO=4&transport=polling&sid=p"), bad(BadRequest::TransportHandshake));
}

/// The official server only leaves `websocket` out of the list in its open packet.
#[test]
fn upgrade_that_was_not_offered_is_refused() {
    let options = Options { allow_upgrades: false, ..OPTIONS };
    let refused = decide(upgrade("EIO=4&transport=websocket&sid=p"), &options, None);
    assert_eq!(refused, bad(BadRequest::TransportMismatch));
    let admitted = decide(upgrade("EIO=4&transport=websocket"), &options, None);
    assert_eq!(admitted, Ok(Admission::Handshake(TransportKind::WebSocket)));
}

fn because(message: &str) -> HandshakeError {
    HandshakeError::Forbidden(Forbidden { message: message.to_owned(), ..Forbidden::default() })
}

#[test]
fn refusals_read_as_those_of_the_official_server() {
    let table = [
        (HandshakeError::TransportUnknown, 400, r#"{"code":0,"message":"Transport unknown"}"#),
        (HandshakeError::SessionUnknown, 400, r#"{"code":1,"message":"Session ID unknown"}"#),
        (HandshakeError::BadHandshakeMethod, 400, r#"{"code":2,"message":"Bad handshake method"}"#),
        (HandshakeError::BadRequest(BadRequest::InvalidOrigin), 400, r#"{"code":3,"message":"Bad request"}"#),
        (HandshakeError::Forbidden(Forbidden::default()), 403, r#"{"code":4,"message":"Forbidden"}"#),
        (because("say \"please\""), 403, r#"{"code":4,"message":"say \"please\""}"#),
        (
            HandshakeError::UnsupportedProtocolVersion,
            400,
            r#"{"code":5,"message":"Unsupported protocol version"}"#,
        ),
    ];
    for (refusal, status, body) in table {
        assert_eq!((refusal.status(false), refusal.status(true)), (status, 400));
        assert_eq!(refusal.body(), body);
    }
}

#[test]
fn an_application_refuses_with_a_code_and_a_status_of_its_own() {
    let message = "log in first".to_owned();
    let refusal = HandshakeError::Forbidden(Forbidden { code: 1001, message, status: Some(401) });
    assert_eq!((refusal.status(false), refusal.status(true)), (401, 401));
    assert_eq!(refusal.body(), r#"{"code":1001,"message":"log in first"}"#);
}

#[test]
fn a_node_that_takes_no_more_says_so_in_the_form_of_the_official_server() {
    let busy = HandshakeError::Busy { message: "too many connections", retry_after_s: 5 };
    assert_eq!((busy.status(false), busy.status(true)), (503, 503));
    assert_eq!(busy.body(), r#"{"code":4,"message":"too many connections"}"#);
}

#[test]
fn methods_come_from_http() {
    assert_eq!(Method::from(&http::Method::GET), Method::Get);
    assert_eq!(Method::from(&http::Method::POST), Method::Post);
    assert_eq!(Method::from(&http::Method::PUT), Method::Other);
}
