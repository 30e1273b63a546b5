//! Parents by predicate.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use fanfare::{Io, NamespaceAttempt, Options, Socket};
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::{INVALID, server};
use crate::client::Client;
use crate::support::{eventually, nothing_stays, serve};

#[derive(Deserialize)]
struct Login {
    token: Option<String>,
}

// Compatibility: namespace-predicate
#[tokio::test]
async fn a_predicate_sees_the_name_the_payload_and_the_request() {
    let io = server();
    let parent = io.of_matching(async |attempt: NamespaceAttempt| {
        let login: Login = attempt.auth()?;
        tokio::task::yield_now().await;
        let is_known = login.token.as_deref() == Some("secret");
        let came_over = attempt.handshake().query_value("transport");
        Ok::<_, serde_json::Error>(
            is_known && attempt.name().starts_with("/p-") && came_over.as_deref() == Some("websocket"),
        )
    });
    parent.on_connect(async |socket: Socket| socket.emit("in", socket.namespace().name()));
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    for (name, auth) in [("/p-1", ""), ("/p-1", r#"{"token":"x"}"#), ("/q-1", r#"{"token":"secret"}"#)] {
        assert_eq!(client.join(name, auth).await, Err(INVALID.into()), "{name} {auth}");
    }
    assert!(parent.children().is_empty());
    client.join("/p-1", r#"{"token":"secret"}"#).await.expect("all is well");
    assert_eq!(client.receive().await.text, r#"2/p-1,["in","/p-1"]"#);
    // It exists now: those who come later are for middlewares to judge.
    let mut other = Client::connect(&url).await;
    other.join("/p-1", "").await.expect("it exists");
    drop((client, other));
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn a_predicate_that_fails_panics_or_hangs_refuses_and_the_next_parent_is_asked() {
    let options = Options { reactors: 2, connect_timeout_ms: 300, ..Options::default() };
    let io = Io::builder().options(options).build();
    io.of_matching(async |attempt: NamespaceAttempt| match attempt.name() {
        "/fails" => Err("no database"),
        "/panics" | "/panics-and-fits" => panic!("a predicate"),
        "/hangs" => std::future::pending().await,
        _ => Ok(false),
    });
    io.of_regex("-and-fits$").unwrap();
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    for name in ["/fails", "/panics", "/hangs", "/other"] {
        assert_eq!(client.join(name, "").await, Err(INVALID.into()), "{name}");
    }
    client.join("/panics-and-fits", "").await.expect("the next parent makes it");
    assert_eq!((io.metrics().handler_errors.get(), io.metrics().handler_panics.get()), (1, 2));
    drop(client);
    nothing_stays(&io).await;
    io.close().await;
}

/// One socket, one answer, as while middlewares decide.
#[tokio::test]
async fn a_second_connect_joins_the_first_while_the_program_is_asked() {
    let io = server();
    let gate = Arc::new(Semaphore::new(0));
    let (asks, passes) = (gate.clone(), gate.clone());
    io.of_matching(async move |_: NamespaceAttempt| asks.acquire().await.is_ok());
    let url = serve(&io).await;
    let (mut client, mut gone) = (Client::connect(&url).await, Client::connect(&url).await);
    client.send("0/x,").await;
    client.send("0/x,").await;
    gone.send("0/y,").await;
    eventually("it is asked", || io.metrics().packets_received.of(fanfare::PacketType::Connect).get() == 5)
        .await;
    drop(gone);
    eventually("it has gone", || io.metrics().connections.get() == 1).await;
    passes.add_permits(10);
    assert!(client.receive().await.text.starts_with("0/x,"));
    client.send("2/x,[\"e\"]").await;
    client.send("1/x,").await;
    // Nothing else was answered.
    client.send("0/x,").await;
    assert!(client.receive().await.text.starts_with("0/x,"));
    drop(client);
    nothing_stays(&io).await;
    io.close().await;
}

/// Hands over what was found: a client that was being decided on while another one made the namespace enters that one.
#[tokio::test]
async fn clients_that_are_decided_on_together_enter_one_namespace() {
    let io = server();
    let parent = io.of_matching(async |_: NamespaceAttempt| {
        tokio::time::sleep(Duration::from_millis(20)).await;
        true
    });
    let url = serve(&io).await;
    let mut clients = Client::connect_many(&url, 6).await;
    for client in &mut clients {
        client.send("0/x,").await;
    }
    for client in &mut clients {
        assert!(client.receive().await.text.starts_with("0/x,"));
    }
    let children = parent.children();
    assert_eq!(children.len(), 1);
    assert_eq!(children[0].local_sockets().len(), 6);
    io.close().await;
}

/// The client chooses the names, so nothing else would bound them.
#[tokio::test]
async fn the_program_is_asked_about_so_many_namespaces_of_one_client_at_a_time() {
    const NAMES: usize = 300;
    const ASKED_MAX: usize = 64;
    let io = server();
    let gate = Arc::new(Semaphore::new(0));
    let (asked, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (waits, counts, top) = (gate.clone(), asked.clone(), most.clone());
    io.of_matching(async move |attempt: NamespaceAttempt| {
        let now = counts.fetch_add(1, SeqCst) + 1;
        top.fetch_max(now, SeqCst);
        let passes = waits.acquire().await.is_ok();
        counts.fetch_sub(1, SeqCst);
        passes && attempt.name().ends_with('7')
    });
    let url = serve(&io).await;
    let (mut client, mut other) = (Client::connect(&url).await, Client::connect(&url).await);
    for n in 0..NAMES {
        client.feed(&format!("0/{n},")).await;
    }
    client.flush().await;
    eventually("it is asked", || asked.load(SeqCst) >= ASKED_MAX).await;
    // Other clients are served meanwhile.
    other.send("0/other,").await;
    eventually("it is asked for the other one too", || asked.load(SeqCst) > ASKED_MAX).await;
    gate.add_permits(NAMES + 1);
    let answers = client.receive_many(NAMES).await;
    let entered = answers.iter().filter(|packet| packet.text.starts_with("0/")).count();
    assert_eq!((entered, answers.len()), (NAMES / 10, NAMES));
    assert!(other.receive().await.text.starts_with("4/other,"));
    assert!(most.load(SeqCst) <= ASKED_MAX + 1, "{most:?} at a time");
    drop((client, other));
    nothing_stays(&io).await;
    io.close().await;
}
