//! Hooks for headers and for refusals: called where the official server calls them, with the request.

use std::sync::Arc;

use fanfare::Io;
use fanfare::http::{HeaderMap, HeaderValue};
use parking_lot::Mutex;

use super::{POLLING, UPGRADE, WAYS, Way, handshake, handshake_of_websocket, open, options};
use crate::client::{Answer, Client, Http, Polling};
use crate::support::serve;

fn mark(headers: &mut HeaderMap, name: &'static str) {
    headers.append(name, HeaderValue::from_static("1"));
}

/// Whether the first answer, and any answer, was marked.
fn marks(answer: &Answer) -> (bool, bool) {
    let has = |mark: &str| answer.headers.iter().filter(|header| header.starts_with(mark)).count() == 1;
    (has("x-initial: 1"), has("x-any: 1"))
}

// Compatibility: engine-headers
// Compatibility: engine-connection
#[tokio::test]
async fn headers_of_the_first_answer_and_of_every_answer_can_be_set() {
    for way in WAYS {
        let io = Io::builder().options(options()).build();
        io.on_initial_headers(|headers, request| {
            assert!(!request.uri.query().unwrap_or_default().contains("sid="));
            mark(headers, "x-initial");
        });
        io.on_headers(|headers, _| mark(headers, "x-any"));
        let url = open(&io, way).await;
        assert_eq!(marks(&handshake(&url, "").await), (true, true), "{way:?}");
        let websocket = handshake_of_websocket(&url, "").await;
        assert_eq!((websocket.status, marks(&websocket)), (101, (true, true)), "{way:?}");
        let mut client = Polling::open(&url).await;
        let posted = client.post("40").await;
        assert_eq!((posted.status, marks(&posted)), (200, (false, true)), "{way:?}");
        let polled = client.poll().await;
        assert_eq!((polled.status, marks(&polled)), (200, (false, true)), "{way:?}");
        let upgrade = format!("/socket.io/?EIO=4&transport=websocket&sid={}", client.sid);
        let upgraded = Http::connect(&url).await.get_with(&upgrade, UPGRADE).await;
        assert_eq!((upgraded.status, marks(&upgraded)), (101, (false, true)), "{way:?}");
        // As with the official server, what is refused gets none.
        let refused = Http::connect(&url).await.get(&format!("{POLLING}&sid=unknown")).await;
        assert_eq!((refused.status, marks(&refused)), (400, (false, false)), "{way:?}");
        // The WebSocket works.
        Client::connect(&url).await;
        io.close().await;
    }
}

#[tokio::test]
async fn a_hook_that_panics_costs_no_answer() {
    let io = Io::builder().options(options()).build();
    io.on_headers(|_, _| panic!("a fault of the program"));
    io.on_headers(|headers, _| mark(headers, "x-any"));
    io.on_connection_error(|_| panic!("a fault of the program"));
    let url = serve(&io).await;
    assert_eq!(marks(&handshake(&url, "").await), (false, true));
    assert_eq!(Http::connect(&url).await.get(&format!("{POLLING}&sid=unknown")).await.status, 400);
    assert_eq!(io.metrics().handler_panics.get(), 2);
    io.close().await;
}

// Compatibility: engine-connection-error
#[tokio::test]
async fn every_refusal_is_told_with_the_request_and_what_its_client_was_told() {
    for way in WAYS {
        let told = Arc::new(Mutex::new(Vec::new()));
        let io = Io::builder().options(options()).allow_request(async |request| {
            match request.headers.contains_key("x-refuse") {
                true => Err("no"),
                false => Ok(()),
            }
        });
        let io = io.build();
        let heard = told.clone();
        io.on_connection_error(move |error| {
            let query = error.request.uri.query().unwrap_or_default().to_owned();
            heard.lock().push((query, error.code, error.message.to_owned(), error.context.to_owned()));
        });
        let url = open(&io, way).await;
        handshake(&url, "").await;
        let refusals = [
            ("EIO=4&transport=carrier-pigeon", "", (0, "Transport unknown"), ""),
            ("EIO=4&transport=polling&sid=unknown", "", (1, "Session ID unknown"), ""),
            ("EIO=4&transport=websocket", "", (3, "Bad request"), "does not fit its transport"),
            ("EIO=4&transport=polling", "x-refuse: 1\r\n", (4, "no"), "the application refused"),
            ("EIO=3&transport=polling", "", (5, "Unsupported protocol version"), ""),
            ("EIO=4&transport=websocket&sid=unknown", UPGRADE, (1, "Session ID unknown"), ""),
        ];
        for (query, more, (code, message), context) in refusals {
            let answer = Http::connect(&url).await.get_with(&format!("/socket.io/?{query}"), more).await;
            assert_eq!(answer.body, format!(r#"{{"code":{code},"message":"{message}"}}"#), "{way:?}");
            let (told_query, told_code, told_message, told_context) = told.lock().pop().expect("it is told");
            assert_eq!((told_query.as_str(), told_code, told_message.as_str()), (query, code, message));
            assert!(told_context.contains(context), "{told_context}");
            assert!(told.lock().is_empty());
        }
        io.close().await;
    }
}

// Compatibility: engine-clients-count
#[tokio::test]
async fn clients_are_counted_in_whichever_namespaces_they_are() {
    let io = Io::builder().options(options()).build();
    io.of("/other");
    let url = open(&io, Way::Listener).await;
    assert_eq!(io.clients_count(), 0);
    let mut client = Client::connect(&url).await;
    client.join("/other", "").await.expect("it lets everybody in");
    let polling = Polling::open(&url).await;
    assert_eq!(io.clients_count(), 2);
    drop((client, polling));
    io.close().await;
}
