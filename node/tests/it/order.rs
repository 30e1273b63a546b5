//! ORDER-1, ORDER-2, ONCE-1, SELF-1, JOIN-1 and LEAVE-1, under load and with every message counted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use bytes::Bytes;
use fanfare::{
    Ack, AckError, Arguments, Auth, ConnectError, Data, EmitError, EventName, Io, Options, Socket, SocketId,
};
use futures_util::future::join_all;
use serde_json::json;

use crate::client::{Client, Packet, Polling};
use crate::support::{DEADLINE, dawdle, eventually, nothing_stays, serve};

/// More reactors than the machine may have cores, and queues that hold whatever a test emits at once.
fn server() -> Io {
    Io::builder()
        .options(Options { reactors: 3, mailbox_messages_max: 1 << 20, ..Options::default() })
        .build()
}

fn assert_no_emit_failed(io: &Io) {
    let metrics = io.metrics();
    let failed = [&metrics.overloads, &metrics.handler_errors, &metrics.handler_panics, &metrics.undelivered];
    assert_eq!(failed.map(|counter| counter.get()), [0; 4]);
}

// ORDER-1

/// What a handler did with the event of that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Did {
    Start(u32),
    Await(u32),
    End(u32),
}

type Journals = Arc<Mutex<HashMap<SocketId, Vec<Did>>>>;

const EVENTS: u32 = 400;

/// A server whose handlers keep a journal for each client, and await differently long.
fn journaling_server() -> (Io, Journals) {
    let io = server();
    let journals = Journals::default();
    for event in ["text", "binary", "asked"] {
        let journals = journals.clone();
        let handler = async move |socket: Socket, Data((n, data)): Data<(u32, Option<Bytes>)>, ack: Ack| {
            let note = |did| journals.lock().unwrap().entry(socket.id()).or_default().push(did);
            note(Did::Start(n));
            assert!(data.is_none_or(|data| data == n.to_string()), "an attachment of another event");
            note(Did::Await(n));
            dawdle(n).await;
            note(Did::End(n));
            ack.send(n)
        };
        io.on(event, handler);
    }
    // Runs before the handlers of the event itself, for each event.
    let any = Arc::new(Mutex::new(HashMap::<SocketId, u32>::new()));
    io.on_any(async move |socket: Socket, EventName(name): EventName, args: Arguments| {
        if name != "done" {
            let n = args.raw(0).and_then(|n| n.as_json().parse::<u32>().ok());
            let expected =
                std::mem::replace(any.lock().unwrap().entry(socket.id()).or_default(), n.unwrap_or(0) + 1);
            assert_eq!(n, Some(expected));
        }
    });
    io.on("done", async |ack: Ack| ack.send(()));
    (io, journals)
}

fn assert_in_order(io: &Io, journals: &Journals, clients: usize) {
    assert_no_emit_failed(io);
    let journals = journals.lock().unwrap();
    assert_eq!(journals.len(), clients);
    for journal in journals.values() {
        let begun: Vec<Did> = journal.iter().copied().filter(|did| !matches!(did, Did::End(_))).collect();
        let expected: Vec<Did> = (0..EVENTS).flat_map(|n| [Did::Start(n), Did::Await(n)]).collect();
        assert!(begun == expected, "events were handled out of order: {begun:?}");
        // Nothing comes between the start of a handler and its first await, not even the rest of another one.
        let starts = journal.iter().enumerate().filter(|(_, did)| matches!(did, Did::Start(_)));
        starts.for_each(|(at, _)| {
            assert!(matches!(journal[at + 1], Did::Await(_)), "a handler was interrupted")
        });
        assert_eq!(journal.len(), 3 * EVENTS as usize);
    }
}

#[tokio::test]
async fn events_are_handled_in_the_order_of_their_arrival_each_up_to_its_first_await() {
    const CLIENTS: usize = 24;
    let (io, journals) = journaling_server();
    let url = serve(&io).await;
    let clients = Client::connect_many(&url, CLIENTS).await;
    join_all(clients.into_iter().map(async |mut client: Client| {
        for n in 0..EVENTS {
            match n % 3 {
                0 => client.feed(&format!("2[\"text\",{n},null]")).await,
                1 => client.feed(&format!("2{n}[\"asked\",{n},null]")).await,
                _ => {
                    client.feed(&format!("51-[\"binary\",{n},{{\"_placeholder\":true,\"num\":0}}]")).await;
                    client.feed_binary(Bytes::from(n.to_string())).await;
                }
            }
        }
        client.flush().await;
        let mut answers: Vec<u64> = Vec::new();
        while answers.len() < (0..EVENTS).filter(|n| n % 3 == 1).count() {
            answers.push(client.receive().await.arguments()[0].as_u64().expect("a number"));
        }
        answers.sort_unstable();
        assert!(
            answers.iter().copied().eq((1..u64::from(EVENTS)).step_by(3)),
            "an answer is missing or doubled"
        );
    }))
    .await;
    eventually("every handler ends", || all_ended(&journals, CLIENTS)).await;
    assert_in_order(&io, &journals, CLIENTS);
    io.close().await;
}

#[tokio::test]
async fn events_of_polling_clients_are_handled_in_order_too() {
    const CLIENTS: usize = 12;
    let (io, journals) = journaling_server();
    let url = serve(&io).await;
    let clients = join_all((0..CLIENTS).map(|_| Polling::connect(&url))).await;
    join_all(clients.into_iter().map(async |mut client: Polling| {
        let mut batch = Vec::new();
        for n in 0..EVENTS {
            match n % 3 {
                2 => {
                    batch.push(format!("451-[\"binary\",{n},{{\"_placeholder\":true,\"num\":0}}]"));
                    batch.push(format!("b{}", base64(&n.to_string())));
                }
                _ => batch.push(format!("42[\"text\",{n},null]")),
            }
            if n % 7 == 0 || n + 1 == EVENTS {
                let answer = client.post(&batch.join("\u{1e}")).await;
                assert_eq!(answer.status, 200);
                batch.clear();
            }
        }
        client
    }))
    .await;
    eventually("every handler ends", || all_ended(&journals, CLIENTS)).await;
    assert_in_order(&io, &journals, CLIENTS);
    io.close().await;
}

fn all_ended(journals: &Journals, clients: usize) -> bool {
    let journals = journals.lock().unwrap();
    journals.len() == clients && journals.values().all(|journal| journal.len() == 3 * EVENTS as usize)
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

// ORDER-2, with ONCE-1 and SELF-1 in what each client expects

const CROWD: usize = 210;
const GOES: u32 = 3;
/// Emits of one `go`, an acknowledgement among them.
const STEPS: u32 = 10;

/// Who is in which of two overlapping rooms.
fn in_a(client: usize) -> bool {
    client % 5 == 0
}

fn in_b(client: usize) -> bool {
    client % 5 == 0 && client % 2 == 0 || client % 7 == 3
}

/// Whether `receiver` gets the given step of a `go` that `sender` sent.
fn is_for(step: u32, sender: usize, receiver: usize) -> bool {
    let own = sender == receiver;
    match step {
        0 => in_a(receiver) && !own,
        1 => in_b(receiver) && !own,
        2 | 3 => own,
        4 => true,
        5 => (in_a(receiver) || in_b(receiver)) && !own,
        6 => !own,
        7 => in_a(receiver),
        8 => receiver == (sender + 1) % CROWD,
        9 => in_b(receiver) && !in_a(receiver) && !own,
        _ => unreachable!(),
    }
}

type Ids = Arc<Mutex<Vec<Option<SocketId>>>>;

async fn go(io: &Io, ids: &Ids, socket: &Socket, sender: usize, n: u32, ack: Ack) -> Result<(), EmitError> {
    let text = |step: u32| (sender, n, step);
    let binary = |step: u32| (sender, n, step, Bytes::from(format!("{sender}/{n}/{step}")));
    socket.to("a").emit("m", text(0))?;
    socket.to("b").emit("m", binary(1))?;
    socket.emit("m", text(2))?;
    ack.send(binary(3))?;
    io.emit("m", binary(4))?;
    dawdle(n + sender as u32).await;
    socket.to("a").to("b").emit("m", text(5))?;
    socket.broadcast().emit("m", text(6))?;
    io.within("a").emit("m", binary(7))?;
    let peer = ids.lock().unwrap()[(sender + 1) % CROWD].expect("everybody is here");
    io.to(peer).emit("m", text(8))?;
    socket.to("b").except("a").emit("m", text(9))
}

/// What it tells, checked against the bytes that came along.
fn step_of(packet: &Packet) -> (usize, u32, u32) {
    let mut arguments = packet.arguments();
    arguments.retain(|argument| argument != "m");
    let number = |at: usize| arguments[at].as_u64().expect("a number");
    let told = (number(0) as usize, number(1) as u32, number(2) as u32);
    match packet.attachments.as_slice() {
        [] => assert_eq!(arguments.len(), 3),
        [bytes] => assert_eq!(*bytes, format!("{}/{}/{}", told.0, told.1, told.2)),
        more => panic!("too many attachments: {more:?}"),
    }
    told
}

#[tokio::test]
async fn emits_of_one_handler_reach_every_socket_in_order_once_and_never_their_sender() {
    let io = server();
    let ids: Ids = Arc::new(Mutex::new(vec![None; CROWD]));
    let (server, everybody) = (io.clone(), ids.clone());
    io.on_connect(async |socket: Socket, Auth(auth): Auth<serde_json::Value>| -> Result<(), EmitError> {
        let client = auth["n"].as_u64().unwrap_or_default() as usize;
        for (room, is_in) in [("a", in_a(client)), ("b", in_b(client))] {
            if is_in {
                socket.join(room).await?;
            }
        }
        Ok(())
    });
    io.on("go", async move |socket: Socket, Data((sender, n)): Data<(usize, u32)>, ack: Ack| {
        go(&server, &everybody, &socket, sender, n, ack).await
    });
    let url = serve(&io).await;
    let clients =
        join_all((0..CROWD).map(async |n| Client::connect_as(&url, &json!({ "n": n }).to_string()).await));
    let (clients, sids): (Vec<Client>, Vec<String>) = clients.await.into_iter().unzip();
    let known = io.local_sockets().into_iter().map(|socket| (socket.id().to_string(), socket.id()));
    let known: HashMap<String, SocketId> = known.collect();
    *ids.lock().unwrap() = sids.iter().map(|sid| known.get(sid).copied()).collect();
    let places = (0..CROWD).filter(|n| in_a(*n)).count() + (0..CROWD).filter(|n| in_b(*n)).count();
    everybody_is_in(&io, places).await;

    let judged = clients.into_iter().enumerate().map(async |(receiver, mut client)| {
        for n in 0..GOES {
            client.feed(&format!("2{n}[\"go\",{receiver},{n}]")).await;
        }
        client.flush().await;
        let expected = |sender: usize| (0..STEPS).filter(move |step| is_for(*step, sender, receiver));
        let total: usize = (0..CROWD).map(|sender| expected(sender).count() * GOES as usize).sum();
        let mut seen: HashMap<(usize, u32), Vec<u32>> = HashMap::new();
        for packet in client.receive_many(total).await {
            let (sender, n, step) = step_of(&packet);
            seen.entry((sender, n)).or_default().push(step);
        }
        for sender in 0..CROWD {
            for n in 0..GOES {
                let steps = seen.remove(&(sender, n)).unwrap_or_default();
                assert!(steps.iter().copied().eq(expected(sender)), "{receiver} got {steps:?} of {sender}");
            }
        }
        client
    });
    let clients = join_all(judged).await;
    nothing_more_comes(&io, clients).await;
    assert_no_emit_failed(&io);
    io.close().await;
}

/// Waits until the connect handlers have put everybody into their rooms, so many places in all.
async fn everybody_is_in(io: &Io, places: usize) {
    let taken = || io.local_sockets().iter().map(|socket| socket.rooms().len() - 1).sum::<usize>();
    eventually("everybody is in their rooms", || taken() == places).await;
}

/// Whatever was emitted before reaches everybody before this fence: nothing may.
async fn nothing_more_comes(io: &Io, clients: Vec<Client>) {
    io.emit("fence", ()).expect("an emit");
    let judged = clients.into_iter().map(async |mut client: Client| {
        assert_eq!(client.receive().await.text, "2[\"fence\"]");
    });
    join_all(judged).await;
}

// The same from threads that are no reactors

#[tokio::test]
async fn emits_of_any_thread_reach_every_socket_in_order() {
    const THREADS: u32 = 4;
    const ROUNDS: u32 = 60;
    const CLIENTS: usize = 60;
    let io = server();
    let url = serve(&io).await;
    let clients = Client::connect_many(&url, CLIENTS).await;
    let sockets = io.local_sockets();
    for (n, socket) in sockets.iter().enumerate() {
        let rooms = if n % 2 == 0 { vec!["even", "all"] } else { vec!["all"] };
        socket.join(rooms).await.expect("an idle server");
    }
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (io, sockets) = (io.clone(), sockets.clone());
            thread::spawn(move || emit_rounds(&io, &sockets, thread, ROUNDS))
        })
        .collect();
    let judged = clients.into_iter().map(async |mut client: Client| {
        let mut next: HashMap<(u64, &str), u64> = HashMap::new();
        let mut last: HashMap<u64, (u64, u64)> = HashMap::new();
        // Of each round: two broadcasts, one direct emit, and one for half of the clients.
        let mut ended = 0;
        while ended < THREADS {
            let packet = client.receive().await;
            let told = packet.arguments();
            let number = |at: usize| told[at].as_u64().expect("a number");
            let (thread, round, step) = (number(1), number(2), number(3));
            let earlier = last.insert(thread, (round, step));
            assert!(earlier < Some((round, step)), "{:?} came after {earlier:?}", packet.text);
            let kind = ["direct", "even", "binary", "all", "end"][step as usize];
            let expected = next.entry((thread, kind)).or_default();
            assert_eq!(*expected, round, "{kind} of thread {thread} was lost or doubled");
            *expected += 1;
            ended += u32::from(step == 4 && round == u64::from(ROUNDS) - 1);
        }
        let is_even = next.contains_key(&(0, "even"));
        for thread in 0..u64::from(THREADS) {
            for kind in ["direct", "binary", "all", "end"].into_iter().chain(is_even.then_some("even")) {
                assert_eq!(next[&(thread, kind)], u64::from(ROUNDS), "{kind} of thread {thread}");
            }
        }
        (client, is_even)
    });
    let (clients, is_even): (Vec<_>, Vec<_>) = join_all(judged).await.into_iter().unzip();
    assert_eq!(is_even.iter().filter(|is_even| **is_even).count(), CLIENTS / 2);
    for thread in threads {
        thread.join().expect("every emit succeeds");
    }
    nothing_more_comes(&io, clients).await;
    assert_no_emit_failed(&io);
    io.close().await;
}

fn emit_rounds(io: &Io, sockets: &[Socket], thread: u32, rounds: u32) {
    for round in 0..rounds {
        let told = |step: u32| (thread, round, step);
        for socket in sockets {
            socket.emit("m", told(0)).expect("an emit");
        }
        io.to("even").emit("m", told(1)).expect("an emit");
        io.emit("m", (thread, round, 2, Bytes::from_static(b"bytes"))).expect("an emit");
        io.to("even").to("all").emit("m", told(3)).expect("an emit");
        for socket in sockets {
            io.to(socket.id()).emit("m", told(4)).expect("an emit");
        }
    }
}

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

    // Nobody is reached by the name of one who left.
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
    for socket in seen.lock().unwrap().iter() {
        socket.join("ghosts").await.expect("to join does nothing");
        assert!(socket.rooms().is_empty());
    }
    assert_eq!(io.of("/strict").local_rooms(), []);
    nothing_more_comes(&io, clients).await;
    nothing_stays(&io).await;
    io.close().await;
}
