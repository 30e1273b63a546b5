//! Options of the engine: limits by transport, first packets, ids of sessions, the path; and what a handshake tells.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::SystemTime;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use fanfare::{Ack, EncryptedConnection, HandshakeRequest, Io, Options, Socket};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

use super::{POLLING, UPGRADE, User, WAYS, WEBSOCKET, Way, handshake, handshake_of_websocket, open, options};
use crate::client::{Client, Http, Polling};
use crate::mounted::{Host, serve_axum};
use crate::support::serve;

fn json(packet: &str) -> serde_json::Value {
    serde_json::from_str(packet.strip_prefix('0').expect("an open packet")).expect("JSON")
}

/// The messages that a WebSocket is sent first.
async fn first_messages(url: &str, count: usize) -> Vec<String> {
    let stream = tokio::net::TcpStream::connect(&url["http://".len()..]).await.expect("a server");
    let mut client = Client::over(stream, "").await;
    let mut messages = Vec::new();
    for _ in 0..count {
        let message = client.raw().await.expect("a message");
        messages.push(message.to_text().expect("text").to_owned());
    }
    messages
}

// Compatibility: option-max-payload, io-getters
#[tokio::test]
async fn each_transport_has_its_own_limit_and_tells_it() {
    for (polling_max, websocket_max) in [(None, Some(300)), (Some(300), None), (None, None)] {
        let io = Io::builder().options(Options {
            max_payload_bytes: 1_000,
            polling_max_payload_bytes: polling_max,
            websocket_max_payload_bytes: websocket_max,
            ..options()
        });
        let io = io.build();
        let url = serve(&io).await;
        let (polling_max, websocket_max) = (polling_max.unwrap_or(1_000), websocket_max.unwrap_or(1_000));
        assert_eq!(json(&handshake(&url, "").await.body)["maxPayload"], polling_max);
        assert_eq!(json(&first_messages(&url, 1).await[0])["maxPayload"], websocket_max);
        let event = |bytes: usize| format!(r#"2["e","{}"]"#, "x".repeat(bytes - r#"42["e",""]"#.len()));
        let mut polling = Polling::connect(&url).await;
        assert_eq!(polling.post(&format!("4{}", event(polling_max))).await.status, 200);
        assert_eq!(polling.post(&format!("4{}", event(polling_max + 1))).await.status, 413);
        let mut websocket = Client::connect(&url).await;
        websocket.send(&event(websocket_max)).await;
        websocket.send(&event(websocket_max + 1)).await;
        assert_eq!(websocket.farewell().await.1, Some(1009));
        // The one that is upgraded to has the limit of WebSockets.
        let mut upgraded = Client::probe(&url, &polling.sid).await;
        upgraded.send_raw("2probe").await;
        assert_eq!(upgraded.raw().await, Some(Message::text("3probe")));
        upgraded.send_raw("5").await;
        upgraded.send(&event(websocket_max)).await;
        upgraded.send(&event(websocket_max + 1)).await;
        assert_eq!(upgraded.farewell().await.1, Some(1009));
        drop((polling, websocket, upgraded));
        io.close().await;
    }
}

/// A client that waits for the end of the stream, as all clients should, is not held up by what it cannot be understood in.
#[tokio::test]
async fn a_client_that_breaks_the_protocol_hears_the_end_at_once() {
    for way in WAYS {
        let io = Io::builder()
            .options(Options { max_payload_bytes: 1_000, close_timeout_ms: 600_000, ..options() })
            .build();
        let mut client = Client::connect(&open(&io, way).await).await;
        client.send(&format!(r#"2["e","{}"]"#, "x".repeat(1_000))).await;
        assert_eq!(client.farewell().await.1, Some(1009), "{way:?}");
        drop(client);
        io.close().await;
    }
}

// Compatibility: option-initial-packet
#[tokio::test]
async fn an_initial_packet_follows_the_open_packet() {
    for way in WAYS {
        let io = Io::builder().options(Options { initial_packet: Some("hello".into()), ..options() }).build();
        let url = open(&io, way).await;
        // In the same answer, as with the official server.
        let polled = handshake(&url, "").await.body;
        let (open_packet, initial) = polled.split_once('\u{1e}').expect("two packets");
        json(open_packet);
        assert_eq!(initial, "4hello", "{way:?}");
        assert_eq!(first_messages(&url, 2).await[1], "4hello", "{way:?}");
        io.close().await;
    }
}

// Compatibility: engine-generate-id
#[tokio::test]
async fn the_program_may_choose_the_secret_of_a_session_within_rules() {
    for way in WAYS {
        let count = Arc::new(AtomicUsize::new(0));
        let io = Io::builder().options(options()).allow_request(async |request| {
            request.extensions.insert(User("Ada".into()));
            Ok::<_, &str>(())
        });
        let io = io.generate_id(move |request: &HandshakeRequest| {
            assert!(request.extensions.get::<User>().is_some(), "it sees what was left before");
            match request.headers.get("x-id").map(|id| id.as_bytes()) {
                None => Ok(format!("abcdefghi-{:05}", count.fetch_add(1, Relaxed))),
                Some(b"error") => Err("the generator is out of order"),
                Some(b"panic") => panic!("a fault of the program"),
                Some(id) => Ok(String::from_utf8_lossy(id).into_owned()),
            }
        });
        let io = io.build();
        let url = open(&io, way).await;
        let polling = Polling::connect(&url).await;
        assert_eq!((polling.sid.len(), &polling.sid[5..]), (20, "abcdefghi-00000"), "{way:?}");
        let websocket = json(&first_messages(&url, 1).await[0]);
        assert!(websocket["sid"].as_str().is_some_and(|sid| sid.ends_with("abcdefghi-00001")), "{way:?}");
        let refused = ["error", "panic", "short", "abcdefghi-00.00", "abcdefghi-000000"];
        for id in refused {
            let id = format!("x-id: {id}\r\n");
            for answer in [handshake(&url, &id).await, handshake_of_websocket(&url, &id).await] {
                assert_eq!(
                    (answer.status, answer.body.as_str()),
                    (400, r#"{"code":3,"message":"Bad request"}"#)
                );
            }
        }
        assert_eq!(io.metrics().refusals.get(), 2 * refused.len() as u64);
        assert_eq!(io.metrics().handler_panics.get(), 2);
        drop(polling);
        io.close().await;
    }
}

/// Whoever gets the id of another one polls in its name.
#[tokio::test]
async fn no_id_is_given_twice_at_a_time() {
    for way in WAYS {
        let io = Io::builder().options(Options { reactors: 1, ..Options::default() });
        let io = io.generate_id(|_| Ok::<_, String>("abcdefghijklmno".into())).build();
        let url = open(&io, way).await;
        let mut first = Polling::connect(&url).await;
        for answer in [handshake(&url, "").await, handshake_of_websocket(&url, "").await] {
            assert_eq!(answer.status, 400, "{way:?}");
        }
        // Many at the same moment: one gets it.
        first.post("1").await;
        crate::support::eventually("it has gone", || io.clients_count() == 0).await;
        let tries = futures_util::future::join_all((0..20).map(|_| handshake(&url, ""))).await;
        assert_eq!(tries.iter().filter(|answer| answer.status == 200).count(), 1, "{way:?}");
        assert_eq!(io.clients_count(), 1);
        io.close().await;
    }
}

// Compatibility: option-path-prefix
#[tokio::test]
async fn the_slash_behind_the_path_may_be_left_out_if_so_configured() {
    for add_trailing_slash in [true, false] {
        for way in [WAYS[0], WAYS[1]] {
            let io = Io::builder().options(Options { add_trailing_slash, ..options() }).build();
            let url = open(&io, way).await;
            let mut http = Http::connect(&url).await;
            let status = if add_trailing_slash { 404 } else { 200 };
            assert_eq!(http.get("/socket.io?EIO=4&transport=polling").await.status, status, "{way:?}");
            assert_eq!(http.get(POLLING).await.status, 200);
            assert_eq!(http.get("/socket.iot?EIO=4&transport=polling").await.status, 404);
            io.close().await;
        }
    }
}

fn tells_its_handshake(io: &Io) {
    io.on("handshake", async |socket: Socket, ack: Ack| {
        let handshake = socket.handshake();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock").as_millis();
        let is_recent = now.abs_diff(handshake.issued_ms().into()) < 600_000;
        ack.send((
            handshake.header("X-Name"),
            is_recent,
            handshake.address.ip().to_string(),
            handshake.is_cross_domain(),
            handshake.is_secure(),
            &*handshake.url,
            (handshake.query_value("a b"), socket.auth()),
        ))
    });
}

/// The answer to `handshake` of a client over WebSocket with more headers.
async fn told(url: &str, query: &str, headers: &[(&'static str, &'static str)]) -> serde_json::Value {
    let stream = tokio::net::TcpStream::connect(&url["http://".len()..]).await.expect("a server");
    let mut client = Client::over_with(stream, query, headers).await;
    client.raw().await.expect("an open packet");
    client.join("/", r#"{"token":1}"#).await.expect("it lets everybody in");
    client.send(r#"21["handshake"]"#).await;
    let answer = client.receive().await.text;
    serde_json::from_str(answer.strip_prefix("31").expect("an answer")).expect("JSON")
}

// Compatibility: socket-handshake
#[tokio::test]
async fn a_handshake_has_every_attribute_of_the_official_one() {
    for way in [WAYS[0], WAYS[1]] {
        let io = Io::builder().options(options()).build();
        tells_its_handshake(&io);
        let url = open(&io, way).await;
        let headers = [("x-name", "Ada"), ("origin", "https://app.example"), ("x-forwarded-proto", "https")];
        let url_told = format!("{WEBSOCKET}&a%20b=c+d");
        // What an untrusted peer says about encryption counts for nothing.
        let wanted =
            serde_json::json!(["Ada", true, "127.0.0.1", true, false, url_told, ["c d", r#"{"token":1}"#]]);
        assert_eq!(told(&url, "&a%20b=c+d", &headers).await, wanted, "{way:?}");
        let told = told(&url, "", &[]).await;
        assert_eq!((&told[3], &told[4]), (&false.into(), &false.into()));
        io.close().await;
    }
}

#[tokio::test]
async fn a_server_around_may_say_that_it_has_done_tls() {
    let io = Io::builder().options(options()).build();
    tells_its_handshake(&io);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let app = Router::new().layer(io.layer()).layer(from_fn(async |mut request: Request, next: Next| {
        request.extensions_mut().insert(EncryptedConnection);
        next.run(request).await
    }));
    tokio::spawn(serve_axum(app, listener));
    assert_eq!(told(&url, "", &[]).await[4], true);
    io.close().await;
}

// Compatibility: option-destroy-upgrade
#[tokio::test]
async fn a_websocket_for_another_path_is_answered_by_whoever_has_that_path() {
    for way in [Way::Listener, Way::Mounted(Host::Axum)] {
        let io = Io::builder().options(options()).build();
        let mut http = Http::connect(&open(&io, way).await).await;
        // On the same connection twice: it is an answer, and nobody is cut off.
        for _ in 0..2 {
            assert_eq!(http.get_with("/elsewhere", UPGRADE).await.status, 404, "{way:?}");
        }
        io.close().await;
    }
}
