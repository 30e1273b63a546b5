//! Events of rooms, read by the program.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fanfare::{Io, Options, Room, RoomEvent, RoomEvents, Socket};
use tokio::time::timeout;

use super::server;
use crate::client::Client;
use crate::support::{DEADLINE, eventually, serve};

/// The next event as text: what happened, the room, the socket.
async fn next(events: &mut RoomEvents) -> String {
    match timeout(DEADLINE, events.next()).await.expect("an event comes").expect("the stream goes on") {
        RoomEvent::Created { room } => format!("created {room}"),
        RoomEvent::Deleted { room } => format!("deleted {room}"),
        RoomEvent::Joined { room, socket } => format!("joined {room} {socket}"),
        RoomEvent::Left { room, socket } => format!("left {room} {socket}"),
        other => format!("{other:?}"),
    }
}

async fn expect(events: &mut RoomEvents, lines: &[&str]) {
    for line in lines {
        assert_eq!(next(events).await, *line);
    }
}

// Compatibility: room-events
#[tokio::test]
async fn a_reader_is_told_of_rooms_and_members_in_their_order() {
    let io = server();
    io.on("join", async |socket: Socket| socket.join(["r", "s"]).await);
    io.on("leave", async |socket: Socket| socket.leave("s").await);
    let url = serve(&io).await;
    let (mut events, mut of_others) = (io.room_events(), io.of("/other").room_events());
    let (mut a, id) = Client::connect_as(&url, "").await;
    expect(&mut events, &[&format!("created {id}"), &format!("joined {id} {id}")]).await;
    a.send("2[\"join\"]").await;
    let joined = format!("joined r {id}");
    expect(&mut events, &["created r", &joined, "created s", &format!("joined s {id}")]).await;
    a.send("2[\"leave\"]").await;
    expect(&mut events, &[&format!("left s {id}"), "deleted s"]).await;
    // From another thread, of a client on another reactor.
    let (b, other) = Client::connect_as(&url, "").await;
    expect(&mut events, &[&format!("created {other}"), &format!("joined {other} {other}")]).await;
    let socket = io.local_sockets().into_iter().find(|socket| socket.id().as_str() == other);
    socket.expect("it is here").join("r").await.expect("joined");
    expect(&mut events, &[&format!("joined r {other}")]).await;
    drop(a);
    let left = [format!("left {id} {id}"), format!("deleted {id}"), format!("left r {id}")];
    expect(&mut events, &left.each_ref().map(String::as_str)).await;
    io.disconnect_sockets(false).await.expect("disconnected");
    let left = [format!("left {other} {other}"), format!("deleted {other}"), format!("left r {other}")];
    expect(&mut events, &left.each_ref().map(String::as_str)).await;
    expect(&mut events, &["deleted r"]).await;
    drop(b);
    assert!(of_others.next_now().is_none(), "rooms of another namespace are not its own");
    Io::close(&io).await;
}

/// Reading without waiting.
trait NextNow {
    fn next_now(&mut self) -> Option<Option<RoomEvent>>;
}

impl NextNow for RoomEvents {
    fn next_now(&mut self) -> Option<Option<RoomEvent>> {
        futures_util::FutureExt::now_or_never(self.next())
    }
}

#[tokio::test]
async fn rooms_that_a_middleware_joins_are_told_when_the_client_is_let_in() {
    let io = server();
    io.middleware(async |socket: Socket| {
        socket.join("early").await.map_err(|error| error.to_string())?;
        if socket.auth().contains("friend") { Ok(()) } else { Err("no".to_owned()) }
    });
    let url = serve(&io).await;
    let mut events = io.room_events();
    let mut client = Client::open(&url).await;
    client.join("/", r#"{"i":"stranger"}"#).await.expect_err("it is refused");
    let id = client.join("/", r#"{"i":"friend"}"#).await.expect("it is let in");
    let lines = ["created early", &format!("joined early {id}"), &format!("created {id}")];
    expect(&mut events, &lines).await;
    Io::close(&io).await;
}

#[tokio::test]
async fn the_stream_of_a_namespace_ends_with_it_and_keeps_nothing_of_it() {
    let options = Options { reactors: 2, child_namespace_idle_ms: 0, ..Options::default() };
    let io = Io::builder().options(options).build();
    let parent = io.of_pattern("/{x}").expect("a pattern");
    let (streams, mut made) = tokio::sync::mpsc::unbounded_channel();
    io.on_new_namespace(move |namespace| drop(streams.send(namespace.room_events())));
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    let id = client.join("/child", "").await.expect("it is made");
    let mut events = made.recv().await.expect("a new namespace");
    expect(&mut events, &[&format!("created {id}"), &format!("joined {id} {id}")]).await;
    client.send("1/child,").await;
    expect(&mut events, &[&format!("left {id} {id}"), &format!("deleted {id}")]).await;
    assert_eq!(timeout(DEADLINE, events.next()).await.expect("it ends"), None);
    eventually("it has ended", || parent.children().is_empty()).await;
    // One that the program closes, with somebody in it; who listens later hears nothing.
    let namespace = io.of("/named");
    let mut events = made.recv().await.expect("a new namespace");
    client.join("/named", "").await.expect("it is there");
    assert!(namespace.close());
    let mut told = 0;
    while timeout(DEADLINE, events.next()).await.expect("it ends").is_some() {
        told += 1;
    }
    assert_eq!((told, namespace.room_events().next().await), (4, None));
    Io::close(&io).await;
}

#[tokio::test]
async fn a_reader_that_does_not_read_costs_so_many_events_and_learns_of_the_rest() {
    let options = Options { reactors: 2, room_events_max: 10, ..Options::default() };
    let io = Io::builder().options(options).build();
    let rooms: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    io.on_connect(async move |socket: Socket| socket.join(rooms.clone()).await);
    let url = serve(&io).await;
    let (mut events, dropped) = (io.room_events(), io.room_events());
    let client = Client::connect(&url).await;
    eventually("all are told or counted", || io.metrics().room_events_missed.get() == 2 * 192).await;
    drop(dropped);
    for _ in 0..10 {
        assert!(!next(&mut events).await.starts_with("Missed"));
    }
    assert_eq!(next(&mut events).await, "Missed(192)");
    drop(client);
    eventually("it has left, and one reader was told", || {
        io.metrics().room_events_missed.get() == 2 * 192 + 192
    })
    .await;
    Io::close(&io).await;
}

// Compatibility: room-events
#[tokio::test]
async fn the_events_are_the_state_when_clients_of_all_reactors_come_join_and_go() {
    let io = Io::builder().options(Options { reactors: 3, ..Options::default() }).build();
    io.on("join", async |socket: Socket, room: fanfare::Data<String>| socket.join(room.0).await);
    io.on("leave", async |socket: Socket, room: fanfare::Data<String>| socket.leave(room.0).await);
    let url = serve(&io).await;
    let mut events = io.room_events();
    let mut clients = Client::connect_many(&url, 24).await;
    let anothers = io.local_sockets()[0].id().to_string();
    for round in 0..20 {
        for (n, client) in clients.iter_mut().enumerate() {
            let room = if n % 5 == 0 { anothers.clone() } else { ((n + round) % 3).to_string() };
            let event = if (n + round) % 4 < 2 { "join" } else { "leave" };
            client.send(&format!("2[\"{event}\",\"{room}\"]")).await;
        }
    }
    clients.truncate(12);
    for client in &mut clients {
        // Its answer comes after everything before.
        client.send("2[\"join\",\"end\"]").await;
    }
    eventually("those that stay are in the last room, the others have gone", || {
        let sockets = io.local_sockets();
        sockets.len() == 12 && sockets.iter().all(|socket| socket.rooms().contains(&Room::from("end")))
    })
    .await;
    let mut state: BTreeMap<Room, BTreeSet<String>> = BTreeMap::new();
    while let Ok(Some(event)) = timeout(Duration::ZERO, events.next()).await {
        let is_legal = match &event {
            RoomEvent::Created { room } => state.insert(room.clone(), BTreeSet::new()).is_none(),
            RoomEvent::Deleted { room } => state.remove(room).is_some_and(|members| members.is_empty()),
            RoomEvent::Joined { room, socket } => {
                state.get_mut(room).is_some_and(|members| members.insert(socket.to_string()))
            }
            RoomEvent::Left { room, socket } => {
                state.get_mut(room).is_some_and(|members| members.remove(socket.as_str()))
            }
            _ => false,
        };
        assert!(is_legal, "{event:?} in {state:?}");
    }
    let mut rooms: BTreeMap<Room, BTreeSet<String>> = BTreeMap::new();
    for socket in io.local_sockets() {
        for room in socket.rooms() {
            rooms.entry(room).or_default().insert(socket.id().to_string());
        }
    }
    assert_eq!(state, rooms);
    Io::close(&io).await;
}
