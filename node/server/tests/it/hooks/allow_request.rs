//! `allow_request`: the program decides, in its own time, and nobody else waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use fanfare::http::StatusCode;
use fanfare::{HandshakeRefusal, HandshakeRequest, Io, Options};
use tokio::sync::Semaphore;

use super::{User, WAYS, handshake, handshake_of_websocket, open, options, says_who};
use crate::client::{Client, Http, Polling};
use crate::support::{eventually, nothing_stays};

/// A database that takes its time.
async fn find_user(token: &str) -> Option<User> {
    tokio::time::sleep(Duration::from_millis(5)).await;
    (token != "wrong").then(|| User(token.to_owned()))
}

async fn by_token(request: &mut HandshakeRequest) -> Result<(), HandshakeRefusal> {
    let token = request.headers.get("x-token").and_then(|token| token.to_str().ok()).unwrap_or("nobody");
    let Some(user) = find_user(token).await else {
        return Err(HandshakeRefusal::new("log in first").status(StatusCode::UNAUTHORIZED).code(1001));
    };
    request.extensions.insert(user);
    request.headers.remove("x-token");
    Ok(())
}

// Compatibility: option-allow-request
#[tokio::test]
async fn it_may_ask_a_database_and_leaves_a_user_or_refuses_with_words_of_its_own() {
    for way in WAYS {
        let io = Io::builder().options(options()).allow_request(by_token).build();
        says_who(&io);
        let url = open(&io, way).await;
        for refused in [
            handshake(&url, "x-token: wrong\r\n").await,
            handshake_of_websocket(&url, "x-token: wrong\r\n").await,
        ] {
            assert_eq!(refused.status, 401, "{way:?}");
            assert_eq!(refused.body, r#"{"code":1001,"message":"log in first"}"#);
        }
        assert_eq!(io.metrics().refusals.of(fanfare::Refused::Forbidden).get(), 2);
        let stream = tokio::net::TcpStream::connect(&url["http://".len()..]).await.expect("a server");
        let mut ada = Client::over_with(stream, "", &[("x-token", "Ada")]).await;
        ada.enter().await;
        ada.send(r#"21["who"]"#).await;
        assert_eq!(ada.receive().await.text, r#"31["Ada"]"#, "{way:?}");
        let mut polling = Polling::connect(&url).await;
        polling.send(r#"21["who"]"#).await;
        assert_eq!(polling.receive().await, r#"31["nobody"]"#, "{way:?}");
        // The secret is not kept.
        let found = io.local_sockets();
        assert!(found.iter().all(|socket| socket.handshake().header("x-token").is_none()));
        drop((ada, polling));
        io.close().await;
    }
}

// Compatibility: option-allow-request
#[tokio::test]
async fn it_is_asked_for_handshakes_only() {
    for way in WAYS {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let io = Io::builder().allow_request(async move |_| {
            count.fetch_add(1, Relaxed);
            Ok::<_, &str>(())
        });
        let io = io.options(options()).build();
        let url = open(&io, way).await;
        let mut client = Polling::connect(&url).await;
        client.send(r#"20["nothing"]"#).await;
        let mut probe = Client::probe(&url, &client.sid).await;
        probe.send_raw("2probe").await;
        assert_eq!(probe.raw().await.expect("a pong").to_text().ok(), Some("3probe"));
        assert_eq!(asked.load(Relaxed), 1, "{way:?}");
        drop((client, probe));
        io.close().await;
    }
}

#[tokio::test]
async fn one_that_does_not_decide_is_given_up_and_one_that_panics_refuses() {
    for way in WAYS {
        let io = Io::builder().options(Options { connect_timeout_ms: 300, ..options() });
        let io = io.allow_request(async |request| match request.headers.contains_key("x-panic") {
            true => panic!("a fault of the program"),
            false => std::future::pending::<Result<(), String>>().await,
        });
        let io = io.build();
        let url = open(&io, way).await;
        for answer in [handshake(&url, "").await, handshake_of_websocket(&url, "").await] {
            assert_eq!(answer.status, 503, "{way:?}");
            assert_eq!(answer.body, r#"{"code":4,"message":"handshake timed out"}"#);
        }
        for (answer, status) in [
            (handshake(&url, "x-panic: 1\r\n").await, 403),
            (handshake_of_websocket(&url, "x-panic: 1\r\n").await, 400),
        ] {
            assert_eq!(answer.status, status, "{way:?}");
            assert_eq!(answer.body, r#"{"code":4,"message":"Forbidden"}"#);
        }
        assert_eq!(io.metrics().handler_panics.get(), 2);
        assert_eq!(io.clients_count(), 0);
        io.close().await;
    }
}

#[tokio::test]
async fn nobody_else_waits_while_it_decides() {
    for way in WAYS {
        let gate = Arc::new(Semaphore::new(0));
        let opened = gate.clone();
        let io = Io::builder().allow_request(async move |request| {
            if request.headers.contains_key("x-slow") {
                drop(opened.acquire().await);
            }
            Ok::<_, &str>(())
        });
        // One thread for everybody.
        let io = io.options(Options { reactors: 1, ..Options::default() }).build();
        says_who(&io);
        let url = open(&io, way).await;
        let mut slow = Http::connect(&url).await;
        slow.write(crate::client::head("GET", super::POLLING, "x-slow: 1\r\n").as_bytes()).await;
        let mut client = Client::connect(&url).await;
        client.send(r#"21["who"]"#).await;
        assert_eq!(client.receive().await.text, "31[null]", "{way:?}");
        gate.add_permits(1);
        assert_eq!(slow.answer().await.expect("an answer").status, 200);
        drop((client, slow));
        io.close().await;
    }
}

struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[tokio::test]
async fn it_is_dropped_when_its_client_hangs_up() {
    for way in WAYS {
        let (begun, gone) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (begins, goes) = (begun.clone(), gone.clone());
        let io = Io::builder().allow_request(async move |_| {
            let _gone = Gone(goes.clone());
            begins.store(true, Relaxed);
            std::future::pending::<Result<(), String>>().await
        });
        let mut limited = options();
        limited.limits.connections_max = 1;
        let io = io.options(limited).build();
        let url = open(&io, way).await;
        let mut http = Http::connect(&url).await;
        http.write(crate::client::head("GET", super::POLLING, "").as_bytes()).await;
        eventually("it is asked", || begun.load(Relaxed)).await;
        // Its place is taken meanwhile.
        assert_eq!(handshake(&url, "").await.body, r#"{"code":4,"message":"too many connections"}"#);
        drop(http);
        eventually("it is dropped", || gone.load(Relaxed)).await;
        nothing_stays(&io).await;
        io.close().await;
    }
}
