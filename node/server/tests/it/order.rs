//! ORDER-1 and ORDER-2, with SELF-1 and ONCE-1 in what each client expects: under load, every message counted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread;

use bytes::Bytes;
use fanfare::{Ack, Arguments, Auth, Data, EmitError, EventName, Io, Options, Socket, SocketId};
use futures_util::future::join_all;
use serde_json::json;

use crate::client::{Client, Packet, Polling};
use crate::support::{dawdle, eventually, serve, sized};

/// More reactors than the machine may have cores, and queues that hold whatever a test emits at once.
pub fn server() -> Io {
    Io::builder()
        .options(Options { reactors: 3, mailbox_messages_max: 1 << 20, ..Options::default() })
        .build()
}

pub fn assert_no_emit_failed(io: &Io) {
    let metrics = io.metrics();
    let failed = [&metrics.overloads, &metrics.handler_errors, &metrics.handler_panics, &metrics.undelivered];
    assert_eq!(failed.map(|counter| counter.get()), [0; 4]);
}

// ORDER-1

/// Action of a handler for the event of that number.
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

// Compatibility: order-events
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

/// Everybody hears of everybody: what it costs grows with the square.
fn crowd() -> usize {
    sized(120, 210)
}

const GOES: u32 = 3;
/// Emits of one `go`, an acknowledgement among them.
const STEPS: u32 = 10;

/// Membership in two overlapping rooms.
fn in_a(client: usize) -> bool {
    client.is_multiple_of(5)
}

fn in_b(client: usize) -> bool {
    client.is_multiple_of(10) || client % 7 == 3
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
        8 => receiver == (sender + 1) % crowd(),
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
    let peer = ids.lock().unwrap()[(sender + 1) % crowd()].expect("everybody is here");
    io.to(peer).emit("m", text(8))?;
    socket.to("b").except("a").emit("m", text(9))
}

/// Step that a packet reports, checked against the bytes that came along.
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

// Compatibility: order-connection, emit-broadcast
#[tokio::test]
async fn emits_of_one_handler_reach_every_socket_in_order_once_and_never_their_sender() {
    let io = server();
    let ids: Ids = Arc::new(Mutex::new(vec![None; crowd()]));
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
        join_all((0..crowd()).map(async |n| Client::connect_as(&url, &json!({ "n": n }).to_string()).await));
    let (clients, sids): (Vec<Client>, Vec<String>) = clients.await.into_iter().unzip();
    let known = io.local_sockets().into_iter().map(|socket| (socket.id().to_string(), socket.id()));
    let known: HashMap<String, SocketId> = known.collect();
    *ids.lock().unwrap() = sids.iter().map(|sid| known.get(sid).copied()).collect();
    let places = (0..crowd()).filter(|n| in_a(*n)).count() + (0..crowd()).filter(|n| in_b(*n)).count();
    everybody_is_in(&io, places).await;

    let judged = clients.into_iter().enumerate().map(async |(receiver, mut client)| {
        for n in 0..GOES {
            client.feed(&format!("2{n}[\"go\",{receiver},{n}]")).await;
        }
        client.flush().await;
        let expected = |sender: usize| (0..STEPS).filter(move |step| is_for(*step, sender, receiver));
        let total: usize = (0..crowd()).map(|sender| expected(sender).count() * GOES as usize).sum();
        let mut seen: HashMap<(usize, u32), Vec<u32>> = HashMap::new();
        for packet in client.receive_many(total).await {
            let (sender, n, step) = step_of(&packet);
            seen.entry((sender, n)).or_default().push(step);
        }
        for sender in 0..crowd() {
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
pub async fn everybody_is_in(io: &Io, places: usize) {
    let taken = || io.local_sockets().iter().map(|socket| socket.rooms().len() - 1).sum::<usize>();
    eventually("everybody is in their rooms", || taken() == places).await;
}

/// Whatever was emitted before reaches everybody before this fence: nothing may.
pub async fn nothing_more_comes(io: &Io, clients: Vec<Client>) {
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
