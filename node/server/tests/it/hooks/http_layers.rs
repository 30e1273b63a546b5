//! Layers of tower around our own listener: every request goes through them, and nothing of it changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use fanfare::{HttpNext, Io, IoBuilder, Options};
use parking_lot::Mutex;
use tower::layer::layer_fn;
use tower::{ServiceBuilder, ServiceExt};

use super::{POLLING, User, handshake, handshake_of_websocket, options, says_who};
use crate::client::{Client, Http, Polling};
use crate::contract::contract_server_of;
use crate::support::{eventually, judge, nothing_stays, serve};

/// Lets in whoever says a name, and marks every answer.
async fn authenticate(mut request: Request, next: Next) -> Response {
    let ConnectInfo(peer) =
        *request.extensions().get::<ConnectInfo<std::net::SocketAddr>>().expect("the peer");
    assert!(peer.ip().is_loopback());
    match request.headers().get("x-user").and_then(|name| name.to_str().ok()).map(str::to_owned) {
        Some(name) if name == "nobody" => return (StatusCode::UNAUTHORIZED, "not you").into_response(),
        Some(name) => drop(request.extensions_mut().insert(User(name))),
        None => {}
    }
    let mut response = next.run(request).await;
    response.headers_mut().insert("x-marked", HeaderValue::from_static("1"));
    response
}

fn node() -> IoBuilder {
    Io::builder().options(options()).http_layer(from_fn(authenticate)).fallback(|request| {
        let user = request.extensions.get::<User>().map_or_else(String::new, |user| user.0.clone());
        axum::http::Response::new(Bytes::from(format!("hello {user}")))
    })
}

// Compatibility: engine-use
#[tokio::test]
async fn every_request_of_the_listener_goes_through_them() {
    let io = node().build();
    says_who(&io);
    let url = serve(&io).await;
    let marked = |answer: &crate::client::Answer| answer.headers.iter().any(|header| header == "x-marked: 1");
    let mut elsewhere = Http::connect(&url).await;
    for (path, more, status) in [
        ("/elsewhere", "x-user: Ada\r\n", 200),
        (POLLING, "", 200),
        ("/socket.io/?EIO=4&transport=polling&sid=unknown", "", 400),
    ] {
        let answer = elsewhere.get_with(path, more).await;
        assert_eq!((answer.status, marked(&answer)), (status, true), "{path}");
        if path == "/elsewhere" {
            assert_eq!(answer.body, "hello Ada");
        }
    }
    let websocket = handshake_of_websocket(&url, "").await;
    assert_eq!((websocket.status, marked(&websocket)), (101, true));
    // They may answer by themselves.
    for refused in [
        handshake(&url, "x-user: nobody\r\n").await,
        handshake_of_websocket(&url, "x-user: nobody\r\n").await,
    ] {
        assert_eq!((refused.status, refused.body.as_str()), (401, "not you"));
    }
    // What they leave handlers find.
    let stream = tokio::net::TcpStream::connect(&url["http://".len()..]).await.expect("a server");
    let mut client = Client::over_with(stream, "", &[("x-user", "Ada")]).await;
    client.enter().await;
    client.send(r#"21["who"]"#).await;
    assert_eq!(client.receive().await.text, r#"31["Ada"]"#);
    drop((client, elsewhere));
    io.close().await;
}

#[tokio::test]
async fn the_one_added_first_is_the_outermost() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let named = |name: &'static str| {
        let order = order.clone();
        from_fn(move |request: Request, next: Next| {
            order.lock().push(name);
            next.run(request)
        })
    };
    let both = ServiceBuilder::new().layer(named("second")).layer(named("third"));
    let io = Io::builder().options(options()).http_layer(named("first")).http_layer(both).build();
    let url = serve(&io).await;
    handshake(&url, "").await;
    assert_eq!(*order.lock(), ["first", "second", "third"]);
    io.close().await;
}

// Compatibility: engine-use
#[tokio::test]
async fn one_that_fails_is_told_and_its_request_refused_as_by_the_official_server() {
    let failing = layer_fn(|next: HttpNext| {
        tower::service_fn(move |request: Request| {
            let next = next.clone();
            async move {
                match request.headers().contains_key("x-fail") {
                    true => Err(std::io::Error::other("a fault of the program")),
                    false => Ok(next.oneshot(request).await.unwrap_or_else(|never| match never {})),
                }
            }
        })
    });
    let told = Arc::new(Mutex::new(Vec::new()));
    let io = Io::builder().options(options()).http_layer(failing).build();
    let heard = told.clone();
    io.on_connection_error(move |error| heard.lock().push((error.code, error.context.to_owned())));
    let url = serve(&io).await;
    let bad_request = r#"{"code":3,"message":"Bad request"}"#;
    for answer in
        [handshake(&url, "x-fail: 1\r\n").await, handshake_of_websocket(&url, "x-fail: 1\r\n").await]
    {
        assert_eq!((answer.status, answer.body.as_str()), (400, bad_request));
        let (code, context) = told.lock().pop().expect("it is told");
        assert_eq!(code, 3);
        assert!(context.contains("a layer of the application failed"), "{context}");
    }
    assert_eq!(Http::connect(&url).await.get_with("/elsewhere", "x-fail: 1\r\n").await.status, 500);
    assert_eq!(handshake(&url, "").await.status, 200);
    io.close().await;
}

/// Layers run where they like: the server within is reached from another task and another thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_within_may_be_polled_by_any_task_of_any_runtime() {
    let runtime = tokio::runtime::Handle::current();
    let elsewhere = layer_fn(move |next: HttpNext| {
        let runtime = runtime.clone();
        tower::service_fn(move |request: Request| {
            let (next, runtime) = (next.clone(), runtime.clone());
            async move {
                // In a task of the reactor's runtime that is none of the reactor, or on a thread that is none either.
                let is_far = request.headers().contains_key("x-far");
                let answer = next.oneshot(request);
                match is_far {
                    true => runtime.spawn(answer).await.expect("an answer"),
                    false => tokio::spawn(answer).await.expect("an answer"),
                }
            }
        })
    });
    let io = Io::builder().options(options()).http_layer(elsewhere).build();
    says_who(&io);
    let url = serve(&io).await;
    for far in [&[][..], &[("x-far", "1")]] {
        let stream = tokio::net::TcpStream::connect(&url["http://".len()..]).await.expect("a server");
        let mut client = Client::over_with(stream, "", far).await;
        client.enter().await;
        client.send(r#"21["who"]"#).await;
        assert_eq!(client.receive().await.text, "31[null]");
    }
    let mut polling = Polling::connect(&url).await;
    polling.send(r#"21["who"]"#).await;
    assert_eq!(polling.receive().await, "31[null]");
    assert_eq!(polling.post("1").await.status, 200);
    drop(polling);
    nothing_stays(&io).await;
    io.close().await;
}

/// The stream is plain TCP, on the reactor of its session: nothing of HTTP is left around it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn official_clients_notice_nothing_of_them() {
    // Clients that the judges cut off in the middle of an upgrade are gone when they miss a ping.
    let options = Options { ping_interval_ms: 2_000, ..crate::judges::options() };
    let io = contract_server_of(Io::builder().options(options).http_layer(from_fn(authenticate)));
    let url = serve(&io).await;
    judge("cheatsheet.mjs", &[&url, "upgrade", "--threads"]).await;
    judge("upgrade.mjs", &[&url]).await;
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn a_client_that_hangs_up_takes_its_poll_with_it() {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    let count = from_fn(move |request: Request, next: Next| {
        counted.fetch_add(1, Relaxed);
        next.run(request)
    });
    let io = node().http_layer(count).build();
    let url = serve(&io).await;
    let polling = Polling::connect(&url).await;
    let before = requests.load(Relaxed);
    let mut poll = Http::connect(&url).await;
    poll.write(crate::client::head("GET", &polling.path(), "").as_bytes()).await;
    // A request that comes together with the end of its connection is none.
    eventually("the poll has come", || requests.load(Relaxed) > before).await;
    drop(poll);
    eventually("the session ends", || io.clients_count() == 0).await;
    drop(polling);
    nothing_stays(&io).await;
    io.close().await;
}
