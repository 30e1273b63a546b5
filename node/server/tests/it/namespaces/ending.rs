//! The end of namespaces: closed by the program, or empty for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use fanfare::{ClientLimits, ConnectError, DisconnectReason, Io, Limit, NamespaceAttempt, Options, Socket};
use tokio::sync::Semaphore;

use super::{INVALID, children, names, server};
use crate::client::Client;
use crate::support::{eventually, nothing_stays, serve};

/// A server on which children end a moment after their last client.
fn short_lived(limits: ClientLimits) -> Io {
    let options = Options { reactors: 2, child_namespace_idle_ms: 20, limits, ..Options::default() };
    Io::builder().options(options).build()
}

// Compatibility: namespace-close
#[tokio::test]
async fn a_namespace_that_is_closed_disconnects_its_clients_and_lets_nobody_in() {
    let io = server();
    let namespace = io.of("/x");
    let (ended, reasons) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counts, checks) = (ended.clone(), reasons.clone());
    namespace.on_disconnect(async move |reason: DisconnectReason| {
        counts.fetch_add(1, SeqCst);
        checks.fetch_add(usize::from(reason == DisconnectReason::ServerNamespaceDisconnect), SeqCst);
    });
    let url = serve(&io).await;
    let mut clients = Client::connect_many(&url, 4).await;
    for client in &mut clients {
        client.join("/x", "").await.expect("it is declared");
    }
    assert!(io.close_namespace("x"));
    assert!(namespace.is_closed() && !io.close_namespace("/x") && !namespace.close());
    for client in &mut clients {
        assert_eq!(client.receive().await.text, "1/x,");
        assert_eq!(client.join("/x", "").await, Err(INVALID.into()));
    }
    eventually("the handlers have run", || ended.load(SeqCst) == 4).await;
    assert_eq!(reasons.load(SeqCst), 4);
    // What the program has kept does nothing.
    namespace.emit("e", ()).expect("to nobody");
    namespace.to("r").emit("e", ()).expect("to nobody");
    namespace.on("e", async || {});
    assert_eq!(namespace.fetch_sockets().await.expect("nobody").value.len(), 0);
    assert!(namespace.local_sockets().is_empty() && io.find_namespace("/x").is_none());
    assert!(!io.close_namespace("/") && !io.of("/").close(), "the main namespace stays");
    eventually("its actors have ended", || names(&io).is_empty()).await;
    assert!(io.observe().await.namespaces.iter().all(|seen| seen.namespace != "/x"));
    // Declared again it is another one, without the handlers.
    assert!(!io.of("/x").is_closed());
    clients[0].join("/x", "").await.expect("it is there again");
    Io::close(&io).await;
}

#[tokio::test]
async fn a_client_that_waits_for_a_middleware_while_the_namespace_is_closed_is_refused() {
    let io = server();
    let gate = Arc::new(Semaphore::new(0));
    let waits = gate.clone();
    let parent = io.of_pattern("/{x}").unwrap();
    parent.middleware(async move || {
        waits.acquire().await.expect("it is open").forget();
        Ok::<_, ConnectError>(())
    });
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.send("0/x,").await;
    eventually("it is made", || !parent.children().is_empty()).await;
    eventually("it waits", || gate.available_permits() == 0).await;
    assert!(io.close_namespace("/x"));
    gate.add_permits(1);
    assert_eq!(client.receive().await.text, format!("4/x,{INVALID}"));
    eventually("it has ended", || parent.children().is_empty()).await;
    // The next one makes a new one.
    gate.add_permits(1);
    client.join("/x", "").await.expect("another one");
    assert_eq!(children(&parent), ["/x"]);
    Io::close(&io).await;
}

// Compatibility: option-cleanup-children
#[tokio::test]
async fn a_child_ends_a_while_after_its_last_client_and_not_before() {
    let io = short_lived(ClientLimits::default());
    let parent = io.of_pattern("/{x}").unwrap();
    let url = serve(&io).await;
    let mut clients = Client::connect_many(&url, 2).await;
    for client in &mut clients {
        client.join("/x", "").await.expect("it is made");
    }
    clients[0].join("/y", "").await.expect("it is made");
    let x = io.find_namespace("/x").expect("it lives");
    clients[0].send("1/x,").await;
    clients[0].send("1/y,").await;
    eventually("the empty one has ended", || children(&parent) == ["/x"]).await;
    assert!(!x.is_closed());
    assert_eq!(io.metrics().child_namespaces.get(), 1);
    clients.clear();
    eventually("both have ended", || children(&parent).is_empty()).await;
    assert!(x.is_closed());
    x.emit("e", ()).expect("to nobody");
    nothing_stays(&io).await;
    assert_eq!((io.metrics().child_namespaces.get(), names(&io).len()), (0, 0));
    // It can be made again.
    let mut client = Client::connect(&url).await;
    client.join("/x", "").await.expect("it is made");
    assert!(x.is_closed() && !io.find_namespace("/x").expect("it lives").is_closed());
    Io::close(&io).await;
}

#[tokio::test]
async fn the_child_of_a_client_that_is_refused_ends_too() {
    let io = short_lived(ClientLimits::default());
    let parent = io.of_matching(async |_: NamespaceAttempt| true);
    parent.middleware(async || Err::<(), _>("no"));
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    for n in 0..20 {
        client.join(&format!("/{n}"), "").await.expect_err("nobody gets in");
    }
    eventually("all have ended", || parent.children().is_empty() && names(&io).is_empty()).await;
    Io::close(&io).await;
}

#[tokio::test]
async fn a_child_that_the_program_has_named_stays() {
    let io = short_lived(ClientLimits::default());
    let parent = io.of_pattern("/{x}").unwrap();
    io.of("/before");
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    for name in ["/before", "/after", "/other"] {
        client.join(name, "").await.expect("it exists");
    }
    io.of("/after");
    drop(client);
    eventually("the other one has ended", || children(&parent) == ["/after", "/before"]).await;
    assert_eq!(io.metrics().child_namespaces.get(), 0);
    Io::close(&io).await;
}

// Compatibility: option-cleanup-children
#[tokio::test]
async fn children_stay_if_they_are_told_to() {
    let options = Options {
        reactors: 2,
        child_namespace_idle_ms: 0,
        cleanup_empty_child_namespaces: false,
        ..Options::default()
    };
    let io = Io::builder().options(options).build();
    let parent = io.of_pattern("/{x}").unwrap();
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.join("/x", "").await.expect("it is made");
    drop(client);
    nothing_stays(&io).await;
    assert_eq!(children(&parent), ["/x"]);
    assert!(io.close_namespace("/x"));
    eventually("it has ended", || children(&parent).is_empty()).await;
    Io::close(&io).await;
}

#[tokio::test]
async fn clients_make_no_more_namespaces_than_they_may_and_are_told() {
    let limits = ClientLimits { child_namespaces_max: 3, ..ClientLimits::default() };
    let io = short_lived(limits);
    io.of_pattern("/{x}").unwrap();
    // Those that the program declares do not count.
    io.of("/mine");
    let url = serve(&io).await;
    let (mut client, mut other) = (Client::connect(&url).await, Client::connect(&url).await);
    for name in ["/a", "/b", "/c", "/mine"] {
        client.join(name, "").await.expect("there is room");
    }
    let refusal = other.join("/d", "").await.expect_err("there is none");
    assert_eq!(refusal, r#"{"message":"too many namespaces on this server"}"#);
    assert_eq!(io.metrics().limits.of(Limit::ChildNamespaces).get(), 1);
    other.join("/a", "").await.expect("it exists");
    client.send("1/b,").await;
    eventually("it has ended", || io.metrics().child_namespaces.get() == 2).await;
    other.join("/d", "").await.expect("there is room again");
    Io::close(&io).await;
}

#[tokio::test]
async fn clients_choose_no_names_that_are_too_long() {
    let limits = ClientLimits { child_namespace_name_bytes_max: 10, ..ClientLimits::default() };
    let io = short_lived(limits);
    io.of_pattern("/{x}").unwrap();
    io.of("/declared-by-the-program");
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.join("/123456789", "").await.expect("ten bytes");
    let refusal = client.join("/1234567890", "").await.expect_err("eleven bytes");
    assert_eq!(refusal, r#"{"message":"the name of the namespace is too long"}"#);
    assert_eq!(io.metrics().limits.of(Limit::NamespaceNames).get(), 1);
    client.join("/declared-by-the-program", "").await.expect("it is declared");
    Io::close(&io).await;
}

/// Sockets that the program has kept do nothing either, whatever it asks them for.
#[tokio::test]
async fn sockets_of_a_namespace_that_has_ended_do_nothing() {
    let io = short_lived(ClientLimits::default());
    let parent = io.of_pattern("/{x}").unwrap();
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.join("/x", "").await.expect("it is made");
    let socket: Socket = parent.children()[0].local_sockets().remove(0);
    client.send("1/x,").await;
    eventually("it has ended", || parent.children().is_empty() && names(&io).is_empty()).await;
    socket.emit("e", ()).expect_err("it is disconnected");
    socket.to("r").emit("e", ()).expect("to nobody");
    socket.join("r").await.expect("nothing");
    socket.leave("r").await.expect("nothing");
    socket.disconnect();
    Io::close(&io).await;
}

/// However many it has left in a moment, and those that it is in are not among them.
#[tokio::test]
async fn a_connection_remembers_so_many_namespaces_that_it_left() {
    const REMEMBERED: usize = 64;
    let io = short_lived(ClientLimits::default());
    io.of_pattern("/{x}").unwrap();
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.join("/inside", "").await.expect("it is made");
    for n in 0..3 * REMEMBERED {
        client.join(&format!("/{n}"), "").await.expect("it is made");
        client.send(&format!("1/{n},")).await;
    }
    let seen = io.observe().await;
    assert!(seen.connections[0].namespaces <= REMEMBERED + 3, "{}", seen.connections[0].namespaces);
    // A packet that was on its way to the last one is no fault.
    client.send(&format!(r#"2/{},["late"]"#, 3 * REMEMBERED - 1)).await;
    client.send(r#"2/inside,["e"]"#).await;
    client.send("2[\"e\"]").await;
    eventually("it is read", || io.metrics().events.get() == 2).await;
    assert_eq!((io.metrics().late_packets.get(), io.metrics().protocol_errors.get()), (1, 0));
    Io::close(&io).await;
}
