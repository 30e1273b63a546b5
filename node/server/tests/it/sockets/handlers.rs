//! Handlers one by one: running once, removal, order, and the lists of them.

use fanfare::{Ack, EventName, Options, Socket};

use super::{Journal, server};
use crate::client::Client;
use crate::cluster::Nodes;
use crate::support::{DEADLINE, nothing_stays, serve};

// Compatibility: socket-once
#[tokio::test]
async fn a_handler_declared_once_runs_for_one_event() {
    let (io, journal) = (server(), Journal::default());
    let note = journal.clone();
    io.on_connect(async move |socket: Socket| {
        let (once, always) = (note.clone(), note.clone());
        socket.once("event", async move |socket: Socket| {
            // It is gone when it runs.
            once.note(format!("once, {} left", socket.listeners("event").len()));
        });
        socket.on("event", async move || always.note("always"));
    });
    io.on("done", async |ack: Ack| ack.send(()));
    let note = journal.clone();
    io.once_connect(async move || note.note("connected"));
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.send("2[\"event\"]").await;
    client.send("2[\"event\"]").await;
    client.ask("done").await;
    assert_eq!(journal.take(), ["connected", "once, 1 left", "always", "always"]);
    // Once for each socket, but for the namespace once at all.
    let mut other = Client::connect(&url).await;
    other.send("2[\"event\"]").await;
    other.ask("done").await;
    assert_eq!(journal.take(), ["once, 1 left", "always"]);
    io.close().await;
}

// Compatibility: socket-off, socket-on-any, socket-on-any-outgoing
#[tokio::test]
async fn single_handlers_are_removed_by_their_ids_and_others_stay() {
    let (io, journal) = (server(), Journal::default());
    let noting = |what: &'static str| {
        let journal = journal.clone();
        async move || journal.note(what)
    };
    io.on("done", async |ack: Ack| ack.send(()));
    let first = io.on("event", noting("first")).id();
    io.on("event", noting("second")).on_any(noting("any"));
    let middleware = io.event_middleware(noting("middleware")).id();
    let connect = io.on_connect(noting("connect")).id();
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    let socket = io.local_sockets().remove(0);
    let own = socket.on("event", noting("own"));
    let own_any = socket.on_any(noting("own any"));
    let before = socket.prepend_any(noting("before"));
    let own_middleware = socket.middleware(noting("own middleware"));
    client.send("2[\"event\"]").await;
    client.ask("done").await;
    let all = ["any", "first", "second", "before", "own any", "own"];
    let middlewares = ["middleware", "own middleware"];
    let rest = ["any", "before", "own any"];
    let expected: Vec<&str> =
        ["connect"].into_iter().chain(middlewares).chain(all).chain(middlewares).chain(rest).collect();
    assert_eq!(journal.take(), expected);

    assert_eq!((socket.listeners("event"), io.listeners("event").len()), (vec![own], 2));
    assert_eq!((socket.listeners_any(), io.listeners_any().len()), (vec![before, own_any], 1));
    assert_eq!(
        (socket.event_names(), io.event_names()),
        (vec!["event".to_owned()], vec!["done".to_owned(), "event".to_owned()])
    );
    assert!(!socket.remove_handler(first), "it is the namespace's");
    assert!(!io.remove_handler(own), "it is the socket's");
    for id in [first, middleware, connect] {
        assert!(io.remove_handler(id) && !io.remove_handler(id), "{id:?}");
    }
    for id in [own, own_any, own_middleware] {
        assert!(socket.remove_handler(id) && !socket.remove_handler(id), "{id:?}");
    }
    assert!(socket.event_names().is_empty());
    client.send("2[\"event\"]").await;
    client.ask("done").await;
    assert_eq!(journal.take(), ["any", "second", "before", "any", "before"]);

    io.off("event");
    io.off_any();
    socket.off_any();
    Client::connect(&url).await;
    client.send("2[\"event\"]").await;
    client.ask("done").await;
    assert!(journal.take().is_empty());
    io.close().await;
}

// Compatibility: socket-disconnecting
#[tokio::test]
async fn a_disconnecting_handler_tells_those_who_stay_in_its_rooms_on_all_nodes() {
    let options = Options { reactors: 2, ..Options::default() };
    let nodes = Nodes::start_with(2, options, |io| {
        io.on_connect(async |socket: Socket| socket.join(["a", "b"]).await);
        io.on_disconnecting(async |socket: Socket| {
            let rooms = socket.rooms();
            // It is told nothing itself, and each of the others once.
            assert!(socket.emit("left", ()).is_err());
            socket.to(rooms).emit("left", socket.id())
        });
        io.on("done", async |ack: Ack| ack.send(()));
    })
    .await;
    let mut clients = nodes.clients().await;
    let (mut here, _) = Client::connect_as(&nodes.urls[0], "").await;
    for (client, _) in &mut clients {
        // Its connect handler has joined, everywhere.
        client.ask("done").await;
    }
    here.ask("done").await;
    let everywhere = async || nodes.nodes[0].to("a").count().await.expect("a bus").into_value() == 3;
    let start = std::time::Instant::now();
    while !everywhere().await {
        assert!(start.elapsed() < DEADLINE, "all have joined");
    }
    let (client, id) = clients.remove(0);
    drop(client);
    let left = format!("2[\"left\",\"{id}\"]");
    assert_eq!(here.receive().await.text, left);
    assert_eq!(clients[0].0.receive().await.text, left);
    assert!(here.ask("done").await.is_empty());
    assert!(clients[0].0.ask("done").await.is_empty());
    nodes.close().await;
}

// Compatibility: socket-off
#[tokio::test]
async fn off_removes_the_handlers_of_one_event_of_a_socket() {
    let (io, journal) = (server(), Journal::default());
    io.on("done", async |ack: Ack| ack.send(()));
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    let socket = io.local_sockets().remove(0);
    for event in ["a", "a", "b"] {
        let note = journal.clone();
        socket.on(event, async move |EventName(name): EventName| note.note(name));
    }
    socket.off("a");
    client.send("2[\"a\"]").await;
    client.send("2[\"b\"]").await;
    client.ask("done").await;
    assert_eq!(journal.take(), ["b"]);
    assert_eq!(socket.listeners("a"), []);
    let note = journal.clone();
    socket.on_disconnect(async move || note.note("disconnect"));
    let note = journal.clone();
    socket.on_any(async move || note.note("any"));
    socket.off_all();
    client.send("2[\"b\"]").await;
    // The handler of any event stays, and sees what `ask` sends too.
    client.ask("done").await;
    assert_eq!(journal.take(), ["any", "any"]);
    drop(client);
    nothing_stays(&io).await;
    assert!(journal.take().is_empty());
    let late = socket.on("a", async || {});
    assert!(!socket.remove_handler(late), "a closed socket keeps no handlers");
    io.close().await;
}
