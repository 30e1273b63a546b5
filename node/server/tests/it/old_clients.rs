//! Clients of Socket.IO 1 and 2, which speak Engine.IO 3.

mod together;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fanfare::{ClientLimits, Io, Options};
use serde::{Serialize, Serializer};

use crate::client::{Client, Http};
use crate::contract::contract_server;
use crate::judges::{MODES, options};
use crate::support::{judge, serve};

const HANDSHAKE: &str = "/socket.io/?EIO=3&transport=polling";

/// Pings are due often, and no busy machine is too late with them.
fn for_old_clients() -> Options {
    Options { allow_eio3: true, ping_interval_ms: 300, ping_timeout_ms: 20_000, ..options() }
}

async fn judged(client: &str) {
    let io = contract_server(for_old_clients());
    let url = serve(&io).await;
    for mode in MODES {
        judge("old-clients.mjs", &[&url, mode, "--client", client]).await;
    }
    io.close().await;
}

// Compatibility: option-allow-eio3
#[tokio::test]
async fn clients_of_socket_io_2_5_are_at_home() {
    judged("socket.io-client-2").await;
}

// Compatibility: option-allow-eio3
#[tokio::test]
async fn clients_of_socket_io_2_0_are_at_home() {
    judged("socket.io-client-2.0").await;
}

// Compatibility: option-allow-eio3
#[tokio::test]
async fn clients_of_socket_io_1_7_are_at_home() {
    judged("socket.io-client-1").await;
}

/// Opens a session over polling, with headers in its handshake: its path.
async fn session(http: &mut Http, headers: &str) -> String {
    let opened = http.get_with(HANDSHAKE, headers).await;
    assert_eq!(opened.status, 200, "{opened:?}");
    let (_, open) = opened.body.split_once(":0").expect("an open packet behind its length");
    let open: serde_json::Value = serde_json::from_str(open).expect("JSON");
    format!("{HANDSHAKE}&sid={}", open["sid"].as_str().expect("a session id"))
}

// Compatibility: option-allow-eio3
#[tokio::test]
async fn old_clients_are_told_so_unless_they_are_allowed() {
    let io = Io::builder().build();
    let answer = Http::connect(&serve(&io).await).await.get(HANDSHAKE).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body, r#"{"code":5,"message":"Unsupported protocol version"}"#);
    io.close().await;
}

#[tokio::test]
async fn a_session_bound_to_its_address_is_not_found_from_another() {
    const WEBSOCKET: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for is_bound in [true, false] {
        let limits = ClientLimits { trusted_proxies: vec!["127.0.0.1".into()], ..ClientLimits::default() };
        let options =
            Options { allow_eio3: true, bind_eio3_to_address: is_bound, limits, ..Options::default() };
        let io = Io::builder().options(options).build();
        let url = serve(&io).await;
        let mut http = Http::connect(&url).await;
        let (own, foreign) = ("x-forwarded-for: 192.0.2.1\r\n", "x-forwarded-for: 192.0.2.2\r\n");
        let session = session(&mut http, own).await;

        let polled = http.get_with(&session, foreign).await;
        let upgraded = session.replace("polling", "websocket");
        let upgraded = Http::connect(&url).await.get_with(&upgraded, &format!("{foreign}{WEBSOCKET}")).await;
        if is_bound {
            for refused in [polled, upgraded] {
                assert_eq!(refused.status, 400);
                assert_eq!(refused.body, r#"{"code":1,"message":"Session ID unknown"}"#);
            }
            // What was meant for its client waits for it.
            let polled = http.get_with(&session, own).await;
            assert_eq!((polled.status, polled.body.as_str()), (200, "2:40"));
        } else {
            assert_eq!((polled.status, polled.body.as_str(), upgraded.status), (200, "2:40", 101));
        }
        io.close().await;
    }
}

/// A value that counts how often it was encoded.
#[derive(Clone, Default)]
struct Counted(Arc<AtomicUsize>);

impl Serialize for Counted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0.fetch_add(1, Ordering::Relaxed) as u64)
    }
}

#[tokio::test]
async fn a_broadcast_is_encoded_once_for_clients_of_every_age() {
    let io = Io::builder().options(Options { allow_eio3: true, ..options() }).build();
    let url = serve(&io).await;
    let mut http = Http::connect(&url).await;
    let old = session(&mut http, "").await;
    assert_eq!(http.get(&old).await.body, "2:40");
    let mut new = Client::connect(&url).await;

    let counted = Counted::default();
    io.emit("note", ("\u{20ac}", &counted)).expect("room for one");
    assert_eq!(new.receive().await.text, "2[\"note\",\"\u{20ac}\",0]");
    let polled = http.get(&old).await;
    // Text that is not ASCII travels as bytes, which clients of Socket.IO 1 read too.
    assert!(polled.headers.contains(&"content-type: application/octet-stream".to_owned()), "{polled:?}");
    let event = "42[\"note\",\"\u{20ac}\",0]".as_bytes();
    assert_eq!(polled.bytes, [&[0, 1, 8, 255], event].concat());
    assert_eq!(counted.0.load(Ordering::Relaxed), 1);
    io.close().await;
}
