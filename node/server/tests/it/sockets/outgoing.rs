//! Handlers that are told of what is sent to a socket.

use std::sync::Arc;

use bytes::Bytes;
use fanfare::{Ack, Arguments, Data, EventName, Io, Options, Socket, Value};
use tokio::sync::Semaphore;

use super::{Journal, server};
use crate::client::Client;
use crate::cluster::Nodes;
use crate::support::{eventually, serve};

fn listen(socket: &Socket, journal: &Journal) -> fanfare::HandlerId {
    let journal = journal.clone();
    socket.on_any_outgoing(async move |EventName(name): EventName, arguments: Arguments| {
        journal.note(format!("{name} {arguments:?}"));
    })
}

// Compatibility: socket-on-any-outgoing
// Compatibility: socket-conn-packets
#[tokio::test]
async fn a_socket_is_told_of_each_event_sent_to_it_and_others_are_not() {
    let (io, journal) = (server(), Journal::default());
    let note = journal.clone();
    io.on_connect(async move |socket: Socket| {
        if socket.auth().contains("listen") {
            listen(&socket, &note);
            socket.emit("welcome", 1)?;
        }
        socket.join("room").await
    });
    io.on("asked", async |ack: Ack| ack.send("an answer is not an event"));
    let url = serve(&io).await;
    let (mut client, _) = Client::connect_as(&url, "{\"listen\":true}").await;
    // One more on each reactor.
    let mut others = Client::connect_many(&url, 3).await;
    let id = client.receive().await;
    assert_eq!(id.text, "2[\"welcome\",1]");
    let socket = io.local_sockets().into_iter().find(|socket| socket.auth() != "{}").expect("it is there");

    io.emit("all", ("two", 3)).expect("room");
    io.to("room").to(socket.id()).emit("both", ()).expect("room");
    io.to("elsewhere").emit("nobody", ()).expect("room");
    io.except("room").emit("nobody", ()).expect("room");
    others[0].send("21[\"asked\"]").await;
    client.send("21[\"asked\"]").await;
    socket.emit("bytes", (Bytes::from_static(b"raw"), "text")).expect("a socket");
    let asked = socket.emit_with_ack::<Value>("question", ());
    let together = io.to(socket.id()).emit_with_ack::<Value>("together", ());
    drop((asked, together));
    eventually("everything is told", || journal.len() >= 6).await;
    let mut told = journal.take();
    // Emits of this thread are told in order, and once each.
    let expected = [
        "welcome [\"1\"]",
        "all [\"\\\"two\\\"\", \"3\"]",
        "both []",
        "bytes [\"{\\\"_placeholder\\\":true,\\\"num\\\":0}\", \"\\\"text\\\"\"]",
        "question []",
        "together []",
    ];
    assert_eq!(told, expected);

    // Another handler, before the first; then none.
    let note = journal.clone();
    let before = socket.prepend_any_outgoing(async move || note.note("before"));
    assert_eq!(socket.listeners_any_outgoing().first(), Some(&before));
    io.emit("again", ()).expect("room");
    eventually("both are told", || journal.len() == 2).await;
    told = journal.take();
    assert_eq!(told, ["before", "again []"]);
    socket.off_any_outgoing();
    assert_eq!(socket.listeners_any_outgoing(), []);
    io.emit("untold", ()).expect("room");
    while client.receive().await.text != "2[\"untold\"]" {}
    assert_eq!(journal.len(), 0);
    // A third one, by its id, and again from another thread than the socket's.
    let third = listen(&socket, &journal);
    eventually("it is told", || {
        io.emit("told", ()).expect("room");
        journal.len() > 0
    })
    .await;
    assert!(socket.remove_handler(third));
    assert_eq!(io.metrics().outgoing_untold.get(), 0);
    io.close().await;
}

#[tokio::test]
async fn emits_of_other_nodes_are_told_too_and_also_after_a_room_shard_has_died() {
    let journal = Journal::default();
    let options = Options { reactors: 2, ..Options::default() };
    let note = journal.clone();
    let nodes = Nodes::start_with(2, options, |io| {
        let note = note.clone();
        io.on_connect(async move |socket: Socket| {
            listen(&socket, &note);
        });
    })
    .await;
    let mut client = Client::connect(&nodes.urls[0]).await;
    let id = nodes.nodes[0].local_sockets()[0].id();
    nodes.nodes[1].emit("from afar", 1).expect("a bus");
    nodes.nodes[1].to(id).emit("to it", 2).expect("a bus");
    client.receive_many(2).await;
    eventually("both are told", || journal.len() == 2).await;
    let mut told = journal.take();
    told.sort();
    assert_eq!(told, ["from afar [\"1\"]", "to it [\"2\"]"]);

    nodes.nodes[0].kill_room_shards("/");
    eventually("the shard is back", || nodes.nodes[0].emit("after", ()).is_ok_and(|()| journal.len() > 0))
        .await;
    assert!(journal.take().iter().all(|line| line == "after []"));
    for io in nodes.nodes {
        io.close().await;
    }
}

#[tokio::test]
async fn handlers_that_do_not_finish_are_not_told_without_end() {
    const MAX: usize = 3;
    let io = Io::builder()
        .options(Options { reactors: 1, events_in_flight_max: MAX, ..Options::default() })
        .build();
    let (permits, journal) = (Arc::new(Semaphore::new(0)), Journal::default());
    let (wait, note) = (permits.clone(), journal.clone());
    io.on_connect(async move |socket: Socket| {
        let (wait, note) = (wait.clone(), note.clone());
        socket.on_any_outgoing(async move |Data(n): Data<u32>| {
            wait.acquire().await.expect("it stays open").forget();
            note.note(n.to_string());
        });
    });
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    for n in 0..10 {
        io.emit("event", n).expect("room");
    }
    client.receive_many(10).await;
    eventually("the others are counted", || io.metrics().outgoing_untold.get() == 7).await;
    permits.add_permits(10);
    eventually("the first ones end", || journal.len() == MAX).await;
    let mut told = journal.take();
    told.sort();
    assert_eq!(told, ["0", "1", "2"]);
    io.close().await;
}
