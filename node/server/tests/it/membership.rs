//! JOIN-1, ONCE-1 and LEAVE-1: membership in a room, from when until when. Under load, every message counted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use fanfare::{Ack, AckError, Auth, ConnectError, Data, EmitError, Io, Options, Socket};
use futures_util::future::join_all;
use serde_json::json;

use crate::client::Client;
use crate::order::{assert_no_emit_failed, everybody_is_in, nothing_more_comes, server};
use crate::support::{DEADLINE, dawdle, eventually, nothing_stays, serve};

// JOIN-1

#[tokio::test]
async fn a_room_joined_or_left_on_any_thread_is_so_for_the_emits_that_follow() {
    const ROUNDS: u32 = 50;
    const CLIENTS: usize = 45;
    let io = server();
    // The same on the reactor of another client.
    let server = io.clone();
    io.on("join-another", async move |Data(id): Data<String>| -> Result<(), EmitError> {
        let another = server.local_sockets().into_iter().find(|socket| socket.id().as_str() == id);
        join_and_leave(&server, &another.expect("it is here"), "handler", ROUNDS)
    });
    let url = serve(&io).await;
    let clients = join_all((0..CLIENTS).map(|_| Client::connect_as(&url, ""))).await;
    let (mut clients, ids): (Vec<Client>, Vec<String>) = clients.into_iter().unzip();
    for (n, client) in clients.iter_mut().enumerate() {
        client.send(&format!("2[\"join-another\",\"{}\"]", ids[(n + 1) % CLIENTS])).await;
    }
    let sockets = io.local_sockets();
    let threads: Vec<_> = (0..3)
        .map(|thread| {
            let (io, sockets) = (io.clone(), sockets.clone());
            thread::spawn(move || {
                for socket in sockets.iter().skip(thread).step_by(3) {
                    join_and_leave(&io, socket, "thread", ROUNDS).expect("an emit");
                }
            })
        })
        .collect();
    let judged = clients.into_iter().map(async |mut client: Client| {
        let mut next = HashMap::from([("handler".to_owned(), 0), ("thread".to_owned(), 0)]);
        for packet in client.receive_many(2 * ROUNDS as usize).await {
            let told = packet.arguments();
            assert_eq!(told[0], "in", "an emit to a room that was left before: {:?}", packet.text);
            let expected = next.get_mut(told[1].as_str().expect("text")).expect("who");
            assert_eq!(told[2], *expected);
            *expected += 1;
        }
        client
    });
    let clients = join_all(judged).await;
    for thread in threads {
        thread.join().expect("every emit succeeds");
    }
    nothing_more_comes(&io, clients).await;
    assert_no_emit_failed(&io);
    eventually("rooms without members vanish", || io.local_rooms().is_empty()).await;
    io.close().await;
}

fn join_and_leave(io: &Io, socket: &Socket, who: &str, rounds: u32) -> Result<(), EmitError> {
    for round in 0..rounds {
        let room = format!("{who}-{}-{round}", socket.id());
        socket.join(&room).result()?;
        io.to(&room).emit("in", (who, round))?;
        socket.leave(&room).result()?;
        io.to(&room).emit("out", (who, round))?;
    }
    Ok(())
}

// ONCE-1

// Compatibility: emit-to
#[tokio::test]
async fn a_broadcast_reaches_a_socket_once_however_many_of_its_rooms_match() {
    const CLIENTS: usize = 63;
    const EMITS: usize = 200;
    // Client `n` is in room `r` if bit `r` of `n + 1` is set: every combination of six rooms.
    let is_in = |n: usize, room: usize| (n + 1) >> room & 1 == 1;
    let rooms_of = |bits: usize| (0..6).filter(move |room| bits >> room & 1 == 1);
    let io = server();
    io.on_connect(async move |socket: Socket, Auth(auth): Auth<serde_json::Value>| {
        let n = auth["n"].as_u64().unwrap_or_default() as usize;
        let rooms: Vec<_> = (0..6).filter(|room| is_in(n, *room)).map(|room| format!("r{room}")).collect();
        socket.join(rooms).await
    });
    let url = serve(&io).await;
    let clients =
        join_all((0..CLIENTS).map(async |n| Client::connect_as(&url, &json!({ "n": n }).to_string()).await));
    let (clients, ids): (Vec<Client>, Vec<String>) = clients.await.into_iter().unzip();
    everybody_is_in(&io, 32 * 6).await;
    // Rooms named twice, rooms of single sockets, rooms that do not exist and exceptions, too.
    let target = |k: usize| (k * 37 % 63 + 1, if k.is_multiple_of(3) { k * 11 % 64 } else { 0 }, k % CLIENTS);
    for k in 0..EMITS {
        let (rooms, except, single) = target(k);
        let mut emit = io.to(ids[single].as_str()).to("nobody");
        for room in rooms_of(rooms).chain(rooms_of(rooms)) {
            emit = emit.to(format!("r{room}"));
        }
        for room in rooms_of(except) {
            emit = emit.except(format!("r{room}"));
        }
        emit.emit("m", k).expect("an emit");
    }
    io.emit("fence", ()).expect("an emit");
    let judged = clients.into_iter().enumerate().map(async |(n, mut client)| {
        let expected = (0..EMITS).filter(|k| {
            let (rooms, except, single) = target(*k);
            ((n + 1) & rooms != 0 || n == single) && (n + 1) & except == 0
        });
        for k in expected {
            assert_eq!(client.receive().await.text, format!("2[\"m\",{k}]"), "client {n}");
        }
        assert_eq!(client.receive().await.text, "2[\"fence\"]", "client {n}");
    });
    join_all(judged).await;
    assert_no_emit_failed(&io);
    io.close().await;
}

// LEAVE-1

// Compatibility: socket-join-after-disconnect
#[tokio::test]
async fn who_is_disconnected_is_in_no_room_and_rooms_without_members_vanish() {
    const CLIENTS: usize = 120;
    let io = server();
    io.on_connect(async |socket: Socket| {
        socket.join(["lobby".to_owned(), format!("of-{}", socket.id())]).await
    });
    io.on_disconnecting(async |socket: Socket| assert_eq!(socket.rooms().len(), 3));
    io.on_disconnect(async |socket: Socket| assert_eq!(socket.rooms().len(), 0));
    io.on("hello", async |ack: Ack| ack.send(()));
    let url = serve(&io).await;
    let mut leaving = Client::connect_many(&url, CLIENTS).await;
    join_all(leaving.iter_mut().map(|client| client.ask("hello"))).await;
    let sockets = io.local_sockets();
    let mut staying = Client::connect_many(&url, 6).await;
    join_all(staying.iter_mut().map(|client| client.ask("hello"))).await;
    assert_eq!(io.local_rooms().len(), 1 + CLIENTS + 6);

    // Everybody is written to while they go, each in another way.
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = thread::spawn({
        let (io, is_over) = (io.clone(), is_over.clone());
        move || {
            while !is_over.load(Ordering::Relaxed) {
                io.to("lobby").emit("noise", ()).expect("an emit");
                thread::yield_now();
            }
        }
    });
    let by_server = sockets.iter().take(CLIENTS / 4);
    by_server.for_each(Socket::disconnect);
    let by_server = sockets.iter().skip(CLIENTS / 4).take(CLIENTS / 4);
    by_server.for_each(Socket::disconnect_all);
    for (n, mut client) in leaving.into_iter().enumerate() {
        match n % 3 {
            0 => client.send("1").await,
            1 => client.send_raw("1").await,
            _ => drop(client),
        }
    }
    eventually("only those who stay are left", || io.local_sockets().len() == 6).await;
    assert_eq!(io.local_rooms().len(), 1 + 6, "{:?}", io.local_rooms());
    is_over.store(true, Ordering::Relaxed);
    writer.join().expect("every emit succeeds");

    // No socket is reached by the name of one that left.
    everything_was_handed_out(&io, &mut staying).await;
    let delivered = io.metrics().deliveries.get();
    for socket in &sockets {
        assert!(!socket.is_connected());
        assert!(socket.rooms().is_empty(), "{:?}", socket.rooms());
        io.to(socket.id()).to(format!("of-{}", socket.id())).emit("ghost", ()).expect("an emit to nobody");
        socket.join("ghosts").await.expect("to join does nothing");
        assert!(socket.rooms().is_empty());
    }
    everything_was_handed_out(&io, &mut staying).await;
    assert_eq!(io.metrics().deliveries.get(), delivered + staying.len() as u64);
    assert!(!io.local_rooms().iter().any(|room| room.as_str() == "ghosts"));
    assert_eq!(io.metrics().handler_panics.get(), 0);
    drop(staying);
    nothing_stays(&io).await;
    io.close().await;
}

/// Waits until everything emitted before was handed out: then everybody has got this fence.
async fn everything_was_handed_out(io: &Io, clients: &mut [Client]) {
    io.emit("fence", ()).expect("an emit");
    let reading =
        clients.iter_mut().map(async |client| while client.receive().await.text != "2[\"fence\"]" {});
    join_all(reading).await;
}

// Compatibility: emit-after-disconnect
#[tokio::test]
async fn an_emit_to_a_socket_that_has_gone_says_so_on_any_thread() {
    let io = server();
    let url = serve(&io).await;
    let client = Client::connect(&url).await;
    let gone = io.local_sockets().remove(0);
    drop(client);
    eventually("the socket is disconnected", || !gone.is_connected() && gone.rooms().is_empty()).await;
    assert!(matches!(gone.emit("ghost", ()), Err(EmitError::Disconnected)));
    let answer: Result<(), AckError> = gone.emit_with_ack("ghost", ()).await;
    assert!(matches!(answer, Err(AckError::Emit(EmitError::Disconnected) | AckError::Disconnected)));
    io.close().await;
}

#[tokio::test]
async fn a_room_joined_on_another_thread_while_the_socket_closes_is_left_too() {
    const CLIENTS: usize = 120;
    let io = server();
    // Leaving so many rooms takes long enough to be met in the middle of it.
    let many: Arc<Vec<String>> = Arc::new((0..300).map(|n| format!("room-{n}")).collect());
    io.on_connect(async move |socket: Socket| socket.join(&*many).await);
    io.on("hello", async |ack: Ack| ack.send(()));
    let url = serve(&io).await;
    let mut clients = Client::connect_many(&url, CLIENTS).await;
    join_all(clients.iter_mut().map(|client| client.ask("hello"))).await;
    let sockets = io.local_sockets();
    let joiners: Vec<_> = (0..2)
        .map(|thread| {
            let (io, sockets) = (io.clone(), sockets.clone());
            thread::spawn(move || {
                for socket in sockets.iter().skip(thread).step_by(2) {
                    socket.disconnect();
                    let mut rooms = 0..;
                    while io.local_socket(socket.id()).is_some() {
                        let room = format!("late-{}", rooms.next().unwrap_or(0));
                        socket.join(room).result().expect("a queue with room");
                    }
                }
            })
        })
        .collect();
    for joiner in joiners {
        joiner.join().expect("joining succeeds");
    }
    eventually("rooms without members vanish", || io.local_rooms().is_empty()).await;
    for socket in &sockets {
        let rooms = socket.rooms();
        assert!(rooms.is_empty(), "a disconnected socket is in {} rooms: {:?}…", rooms.len(), rooms[0]);
    }
    drop(clients);
    nothing_stays(&io).await;
    io.close().await;
}

/// The last order of a socket to a room must not be lost when the socket goes: its place in the shard is somebody
/// else's soon.
#[tokio::test]
async fn a_room_left_on_another_thread_while_the_socket_closes_is_not_inherited() {
    let io = Io::builder().options(Options { reactors: 1, ..Options::default() }).build();
    let (meanwhile, left) = std::sync::mpsc::channel::<()>();
    let left = Mutex::new(left);
    io.on("go", async move |socket: Socket| {
        // The reactor waits here until the other thread has given its order, and does not handle it before.
        left.lock().unwrap().recv_timeout(DEADLINE).expect("the other thread");
        socket.disconnect();
    });
    let url = serve(&io).await;
    let mut first = Client::connect(&url).await;
    let socket = io.local_sockets().remove(0);
    socket.join("secret").await.expect("an idle server");
    // Handled after the join.
    io.emit("fence", ()).expect("an emit");
    assert_eq!(first.receive().await.text, "2[\"fence\"]");
    first.send("2[\"go\"]").await;
    eventually("the handler runs", || io.metrics().events.get() == 1).await;
    let leaving = socket.leave("secret");
    meanwhile.send(()).expect("the handler");
    let _ = leaving.await;
    assert_eq!(first.receive().await.text, "1");

    let mut second = Client::connect(&url).await;
    io.to("secret").emit("secret", ()).expect("an emit");
    io.emit("fence", ()).expect("an emit");
    assert_eq!(second.receive().await.text, "2[\"fence\"]", "it is in no room but its own");
    eventually("rooms without members vanish", || io.local_rooms().is_empty()).await;
    io.close().await;
}

#[tokio::test]
async fn who_is_rejected_leaves_no_room_behind() {
    const CLIENTS: usize = 90;
    let io = server();
    let seen = Arc::new(Mutex::new(Vec::<Socket>::new()));
    let keep = seen.clone();
    let rejecting = async move |socket: Socket| -> Result<(), ConnectError> {
        keep.lock().unwrap().push(socket.clone());
        socket.join(["joined-at-once", "joined-too"]).await.map_err(|error| error.to_string())?;
        let turn = keep.lock().unwrap().len() as u32;
        dawdle(turn).await;
        socket.join("joined-late").await.map_err(|error| error.to_string())?;
        Err(ConnectError::new("no"))
    };
    io.of("/strict").middleware(rejecting);
    let url = serve(&io).await;
    let mut clients = Client::connect_many(&url, CLIENTS).await;
    let refused = join_all(clients.iter_mut().map(|client| client.join("/strict", ""))).await;
    assert!(refused.iter().all(|answer| answer == &Err("{\"message\":\"no\"}".to_owned())), "{refused:?}");
    let in_no_room = || seen.lock().unwrap().iter().all(|socket| socket.rooms().is_empty());
    eventually("those who were rejected say that they are in no room", in_no_room).await;
    assert_eq!(io.of("/strict").local_rooms(), []);
    assert!(io.of("/strict").local_sockets().is_empty());
    let rejected = std::mem::take(&mut *seen.lock().unwrap());
    for socket in &rejected {
        socket.join("ghosts").await.expect("to join does nothing");
        assert!(socket.rooms().is_empty());
    }
    assert_eq!(io.of("/strict").local_rooms(), []);
    nothing_more_comes(&io, clients).await;
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn a_socket_that_leaves_all_rooms_keeps_its_own() {
    let io = Io::builder().options(Options { reactors: 2, ..Options::default() }).build();
    io.on("rooms", async |socket: Socket, ack: Ack| -> Result<(), EmitError> {
        socket.join(["a", "b"]).await?;
        socket.leave_all().await?;
        ack.send(socket.rooms())
    });
    let url = serve(&io).await;
    let (mut client, id) = Client::connect_as(&url, "").await;
    client.send(r#"27["rooms"]"#).await;
    assert_eq!(client.receive().await.text, format!(r#"37[["{id}"]]"#));
    io.to(&*id).emit("hello", ()).expect("it is sent");
    assert_eq!(client.receive().await.text, r#"2["hello"]"#);
    drop(client);
    io.close().await;
}
