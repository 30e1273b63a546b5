//! Handlers of a parent one by one, and its operators.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};

use fanfare::{Ack, Bytes, EmitError, ParentNamespace, Socket};

use super::server;
use crate::client::Client;
use crate::support::{DEADLINE, eventually, serve};

/// Events of a namespace that a client asks for, and the answers.
async fn answers(client: &mut Client, name: &str, events: &[&str]) -> Vec<String> {
    let mut answers = Vec::new();
    for event in events {
        client.send(&format!(r#"2{name},1["{event}"]"#)).await;
        answers.push(client.receive().await.text);
    }
    answers
}

#[tokio::test]
async fn handlers_of_a_parent_are_listed_and_removed_from_all_children_but_not_those_of_a_child() {
    let io = server();
    let parent = io.of_pattern("/{n}").expect("a pattern");
    let says = |text: &'static str| async move |ack: Ack| ack.send(text);
    // Unhandled events are answered by nobody: this one answers last.
    parent.on("a", says("parent")).on("a", says("again")).on("b", says("b"));
    let any = Arc::new(AtomicUsize::new(0));
    let (counts, also) = (any.clone(), any.clone());
    parent.on_any(async move || {
        counts.fetch_add(1, SeqCst);
    });
    assert_eq!(parent.event_names(), ["a", "b"]);
    assert_eq!((parent.listeners("a").len(), parent.listeners("c").len()), (2, 0));
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    for name in ["/1", "/2"] {
        client.join(name, "").await.expect("it is made");
    }
    let own = io.find_namespace("/1").expect("it lives");
    let of_child = own.on("a", says("child")).id();
    own.on_any(async move || {
        also.fetch_add(100, SeqCst);
    });
    assert_eq!(answers(&mut client, "/1", &["a", "b"]).await, [r#"3/1,1["parent"]"#, r#"3/1,1["b"]"#]);
    assert_eq!(any.swap(0, SeqCst), 202);
    assert!(!parent.remove_handler(of_child), "the parent has not declared it");
    parent.off("a");
    parent.off_any();
    assert_eq!(answers(&mut client, "/1", &["a", "b"]).await, [r#"3/1,1["child"]"#, r#"3/1,1["b"]"#]);
    assert_eq!(any.load(SeqCst), 200);
    client.send(r#"2/2,1["a"]"#).await;
    assert_eq!(answers(&mut client, "/2", &["b"]).await, [r#"3/2,1["b"]"#]);
    client.join("/3", "").await.expect("it is made");
    client.send(r#"2/3,1["a"]"#).await;
    assert_eq!(answers(&mut client, "/3", &["b"]).await, [r#"3/3,1["b"]"#]);
    assert_eq!((parent.event_names(), parent.listeners_any().len()), (vec!["b".to_owned()], 0));
    assert_eq!((own.event_names().len(), own.listeners_any().len()), (2, 1));
    assert!(parent.remove_handler(parent.listeners("b")[0]) && parent.event_names().is_empty());
    assert_eq!(own.event_names(), ["a"]);
    io.close().await;
}

#[tokio::test]
async fn a_handler_for_the_first_client_runs_once_in_all_children_and_is_kept_nowhere() {
    let io = server();
    let parent = io.of_pattern("/{n}").expect("a pattern");
    let held = Arc::new(());
    let holds = held.clone();
    let id = parent
        .once_connect(async move |socket: Socket| {
            let _holds = &holds;
            socket.emit("first", ())
        })
        .id();
    parent.on_connect(async |socket: Socket| socket.emit("in", ()));
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.join("/1", "").await.expect("it is made");
    assert_eq!(client.receive().await.text, r#"2/1,["first"]"#);
    assert_eq!(client.receive().await.text, r#"2/1,["in"]"#);
    for name in ["/2", "/3"] {
        client.join(name, "").await.expect("it is made");
        assert_eq!(client.receive().await.text, format!(r#"2{name},["in"]"#));
    }
    eventually("it is let go of", || Arc::strong_count(&held) == 1).await;
    assert!(!parent.remove_handler(id));
    io.close().await;
}

#[tokio::test]
async fn an_emit_of_a_parent_that_promises_no_bytes_fails_if_there_are_some() {
    let io = server();
    let parent = io.of_pattern("/{n}").expect("a pattern");
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.join("/1", "").await.expect("it is made");
    let bytes = Bytes::from_static(&[1]);
    assert!(matches!(parent.binary(false).emit("no", &bytes), Err(EmitError::UnexpectedBytes)));
    let refused = parent.local().binary(false).binary(true).binary(false).send(&bytes);
    assert!(matches!(refused, Err(EmitError::UnexpectedBytes)));
    parent.binary(false).binary(true).emit("yes", &bytes).expect("it is sent");
    parent.binary(false).emit("text", "x").expect("it is sent");
    let said = client.receive_many(2).await;
    assert_eq!(said[0].text, r#"51-/1,["yes",{"_placeholder":true,"num":0}]"#);
    assert_eq!(said[1].text, r#"2/1,["text","x"]"#);
    io.close().await;
}

/// Comes back to the parent when it is let go of.
struct ComesBack(ParentNamespace);

impl Drop for ComesBack {
    fn drop(&mut self) {
        self.0.children();
    }
}

#[test]
fn what_a_removed_handler_held_may_come_back_to_the_parent() {
    let io = server();
    let parent = io.of_pattern("/{n}").expect("a pattern");
    io.of("/declared").on("own", async || {});
    let held = ComesBack(parent.clone());
    let id = parent
        .on("e", async move || {
            let _held = &held;
        })
        .id();
    let (done, is_done) = mpsc::channel();
    let removes = parent.clone();
    std::thread::spawn(move || done.send(removes.remove_handler(id)));
    assert_eq!(is_done.recv_timeout(DEADLINE), Ok(true), "no lock is held meanwhile");
}
