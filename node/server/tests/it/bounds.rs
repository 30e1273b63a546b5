//! Bounded everywhere: what does not fit is refused and counted, and what waits is settled.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use fanfare::{Ack, AckError, Data, EmitError, Io, Options, Socket};
use futures_util::future::{join, join_all};
use tokio::sync::Semaphore;

use crate::client::{Client, Polling};
use crate::support::{DEADLINE, eventually, nothing_stays, serve};

// Emits to a reactor that is busy

/// A handler `block` that keeps its reactor from doing anything until it is told to go on.
fn blockable(io: &Io) -> mpsc::Sender<()> {
    let (go_on, told) = mpsc::channel::<()>();
    let told = Mutex::new(told);
    io.on("block", async move |ack: Ack| {
        told.lock().unwrap().recv_timeout(DEADLINE).expect("somebody tells");
        ack.send(())
    });
    go_on
}

/// A server with two reactors and short queues, and clients on both. The reactor of the first socket is blocked.
struct Blocked {
    io: Io,
    clients: Vec<Client>,
    /// In the order of the clients.
    sockets: Vec<Socket>,
    go_on: mpsc::Sender<()>,
}

const QUEUE: usize = 64;

impl Blocked {
    async fn start(clients: usize) -> Self {
        let options = Options { reactors: 2, mailbox_messages_max: QUEUE, ..Options::default() };
        let io = Io::builder().options(options).build();
        let go_on = blockable(&io);
        let url = serve(&io).await;
        let connected = join_all((0..clients).map(|_| Client::connect_as(&url, ""))).await;
        let (mut clients, ids): (Vec<Client>, Vec<String>) = connected.into_iter().unzip();
        let known = io.local_sockets();
        let find = |id: &String| known.iter().find(|socket| socket.id().as_str() == id).cloned();
        let sockets: Vec<Socket> = ids.iter().map(|id| find(id).expect("it is connected")).collect();
        clients[0].send("20[\"block\"]").await;
        eventually("the reactor is blocked", || io.metrics().events.get() == 1).await;
        Self { io, clients, sockets, go_on }
    }

    fn is_blocked(&self, n: usize) -> bool {
        self.sockets[n].id().reactor() == self.sockets[0].id().reactor()
    }

    /// Emits to the socket of the blocked reactor until that takes no more.
    fn flood(&self) {
        while self.sockets[0].emit("m", ()).is_ok() {}
    }

    /// Lets the reactor go on, and waits until it has.
    async fn go_on(&mut self) {
        self.go_on.send(()).expect("the handler waits");
        while self.clients[0].receive().await.text != "30[]" {}
    }
}

#[tokio::test]
async fn an_emit_that_a_busy_reactor_has_no_room_for_is_refused_and_delivered_to_nobody() {
    const REFUSALS: usize = 300;
    let blocked = Blocked::start(8).await;
    let Blocked { io, sockets, .. } = &blocked;
    let is_blocked: Vec<bool> = (0..8).map(|n| blocked.is_blocked(n)).collect();
    assert!(is_blocked.contains(&false), "the clients are dealt out to both reactors");
    let (mut sent, mut refused) = (Vec::new(), 0);
    for n in 0.. {
        match io.emit("m", n) {
            Ok(()) => sent.push(n),
            Err(EmitError::Overloaded) => refused += 1,
            Err(other) => panic!("{other}"),
        }
        if refused == REFUSALS {
            break;
        }
    }
    assert!(sent.len() >= QUEUE, "{} emits fit", sent.len());
    // The same for one socket, and for rooms; the other reactor takes emits as ever, once it has done what it was given.
    let delivered = (sent.len() * is_blocked.iter().filter(|is_blocked| !**is_blocked).count()) as u64;
    eventually("the other reactor goes on", || io.metrics().deliveries.get() == delivered).await;
    let mut direct = 0;
    for (socket, is_blocked) in sockets.iter().zip(&is_blocked) {
        let emits = [
            socket.emit("direct", ()).is_err(),
            io.to(socket.id()).emit("direct", ()).is_err(),
            matches!(socket.emit_with_ack::<()>("direct", ()).await_now(), Some(Err(AckError::Emit(_)))),
        ];
        assert_eq!(emits, [*is_blocked; 3]);
        direct += emits.iter().filter(|refused| **refused).count();
    }
    assert_eq!(io.metrics().overloads.get(), (refused + direct) as u64);

    blocked.go_on.send(()).expect("the handler waits");
    let Blocked { io, clients, .. } = blocked;
    let judged = clients.into_iter().zip(is_blocked).map(async |(mut client, is_blocked)| {
        let (mut received, mut direct) = (Vec::new(), 0);
        while received.len() < sent.len() || direct < if is_blocked { 0 } else { 3 } {
            let packet = client.receive().await;
            match packet.arguments().as_slice() {
                [event, n] if event == "m" => received.push(n.as_u64().expect("a number")),
                [event] if event == "direct" => direct += 1,
                _ => assert_eq!(packet.text, "30[]"),
            }
        }
        assert_eq!(received, sent);
        (client, is_blocked)
    });
    let mut clients = join_all(judged).await;
    // It works again, and nothing that was refused comes late.
    let fence = || io.emit("fence", ()).is_ok();
    eventually("there is room again", fence).await;
    for (client, _) in &mut clients {
        let packet = client.receive().await;
        assert!(packet.text == "2[\"fence\"]" || packet.text == "30[]", "{packet:?}");
    }
    drop(clients);
    nothing_stays(&io).await;
    io.close().await;
}

/// Polls a future once, for a result that is ready at once.
trait AwaitNow: Future + Sized {
    fn await_now(self) -> Option<Self::Output> {
        futures_util::FutureExt::now_or_never(self)
    }
}

impl<F: Future> AwaitNow for F {}

#[tokio::test]
async fn a_join_that_was_refused_has_not_happened_and_can_be_tried_again() {
    let mut blocked = Blocked::start(2).await;
    let socket = blocked.sockets[0].clone();
    blocked.flood();
    assert!(matches!(socket.join("room").result(), Err(EmitError::Overloaded)));
    assert_eq!(socket.rooms().len(), 1, "it is not in the room");
    blocked.go_on().await;
    let io = &blocked.io;
    eventually("there is room again", || socket.join("room").result().is_ok()).await;
    eventually("there is room again", || io.to("room").emit("in", ()).is_ok()).await;
    io.emit("fence", ()).expect("an emit");
    // After what the queue held.
    let mut told = blocked.clients[0].receive().await.text;
    while told.contains("\"m\"") {
        told = blocked.clients[0].receive().await.text;
    }
    assert_eq!(told, "2[\"in\"]", "a join that succeeded, and yet it is not in the room");
    io.close().await;
}

#[tokio::test]
async fn a_leave_that_was_refused_has_not_happened_and_can_be_tried_again() {
    let mut blocked = Blocked::start(2).await;
    let socket = blocked.sockets[0].clone();
    blocked.go_on().await;
    socket.join("room").await.expect("an idle server");
    blocked.clients[0].send("20[\"block\"]").await;
    let io = blocked.io.clone();
    eventually("the reactor is blocked", || io.metrics().events.get() == 2).await;
    blocked.flood();
    assert!(matches!(socket.leave("room").result(), Err(EmitError::Overloaded)));
    assert_eq!(socket.rooms().len(), 2, "it is in the room still");
    blocked.go_on().await;
    eventually("there is room again", || socket.leave("room").result().is_ok()).await;
    eventually("there is room again", || io.to("room").emit("ghost", ()).is_ok()).await;
    eventually("there is room again", || io.emit("fence", ()).is_ok()).await;
    let mut last = String::new();
    while !last.contains("fence") {
        assert!(!last.contains("ghost"), "a leave that succeeded, and yet it is in the room");
        last = blocked.clients[0].receive().await.text;
    }
    eventually("rooms without members vanish", || io.local_rooms().is_empty()).await;
    io.close().await;
}

// Acknowledgements that nobody sends

/// Acknowledgements that all sockets wait for.
async fn acks_pending(io: &Io) -> usize {
    io.observe().await.sockets.iter().map(|socket| socket.acks_pending).sum()
}

// Compatibility: ack-timeout, ack-disconnect
#[tokio::test]
async fn acknowledgements_are_settled_by_answer_timeout_and_disconnect_and_none_stays() {
    const CLIENTS: usize = 60;
    const EACH: usize = 12;
    let io = Io::builder().options(Options { reactors: 3, ..Options::default() }).build();
    let url = serve(&io).await;
    let mut clients = Client::connect_many(&url, CLIENTS).await;
    let sockets = io.local_sockets();
    let ask = |socket: &Socket, n: usize| match n % 4 {
        0 => socket.timeout(DEADLINE).emit_with_ack::<usize>("answered", n),
        1 => socket.timeout(Duration::from_millis(100)).emit_with_ack("late", n),
        2 => socket.emit_with_ack("never", n),
        _ => socket.emit_with_ack("dropped", n),
    };
    let asked: Vec<_> = sockets
        .iter()
        .flat_map(|socket| (0..EACH).map(|n| (n, ask(socket, n))).collect::<Vec<_>>())
        .collect();
    assert_eq!(acks_pending(&io).await, CLIENTS * EACH);
    let (dropped, asked): (Vec<_>, Vec<_>) = asked.into_iter().partition(|(n, _)| n % 4 == 3);
    drop(dropped);
    assert_eq!(acks_pending(&io).await, CLIENTS * EACH / 4 * 3, "what is dropped is forgotten");

    // Ids are unique; the first kind is answered at once, and twice; the second one after its time.
    let mut ids = HashSet::new();
    let mut late = Vec::new();
    for client in &mut clients {
        let mut own = Vec::new();
        for packet in client.receive_many(EACH).await {
            let id = packet.text[1..].split_once('[').expect("an event").0.to_owned();
            let told = packet.arguments();
            match told[0].as_str().expect("a name") {
                "answered" => {
                    client.feed(&format!("3{id}[{}]", told[1])).await;
                    client.feed(&format!("3{id}[{}]", told[1])).await;
                }
                "late" => own.push(id.clone()),
                _ => {}
            }
            assert!(ids.insert(id), "two acknowledgements have the same id");
        }
        client.flush().await;
        late.push(own);
    }
    let (timed, untimed): (Vec<_>, Vec<_>) = asked.into_iter().partition(|(n, _)| n % 4 < 2);
    let (numbers, timed): (Vec<_>, Vec<_>) = timed.into_iter().unzip();
    for (n, answer) in numbers.into_iter().zip(join_all(timed).await) {
        match answer {
            Ok(answer) => assert_eq!((answer, n % 4), (n, 0)),
            Err(AckError::Timeout) => assert_eq!(n % 4, 1, "it was answered"),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(acks_pending(&io).await, CLIENTS * EACH / 4, "timed-out acknowledgements are removed");
    for (client, late) in clients.iter_mut().zip(late) {
        for id in late {
            client.send(&format!("3{id}[\"too late\"]")).await;
        }
    }
    let unknown = (CLIENTS * EACH / 4 * 2) as u64;
    eventually("doubled and late answers are counted", || io.metrics().acks_unknown.get() == unknown).await;

    drop(clients);
    for (_, asked) in untimed {
        let answer = tokio::time::timeout(DEADLINE, asked).await.expect("a disconnect settles it");
        assert!(matches!(answer, Err(AckError::Disconnected)), "{answer:?}");
    }
    nothing_stays(&io).await;
    for socket in sockets {
        let answer = tokio::time::timeout(DEADLINE, socket.emit_with_ack::<()>("ghost", ())).await;
        assert!(matches!(answer, Ok(Err(AckError::Disconnected | AckError::Emit(EmitError::Disconnected)))));
    }
    io.close().await;
}

#[tokio::test]
async fn acknowledgements_asked_for_while_clients_go_are_all_settled() {
    const CLIENTS: usize = 150;
    let io = Io::builder()
        .options(Options { reactors: 2, mailbox_messages_max: 1 << 20, ..Options::default() })
        .build();
    let url = serve(&io).await;
    let clients = Client::connect_many(&url, CLIENTS).await;
    let sockets = io.local_sockets();
    let asked = Arc::new(AtomicUsize::new(0));
    let asking = std::thread::spawn({
        let asked = asked.clone();
        move || {
            let mut answers = Vec::new();
            while sockets.iter().any(Socket::is_connected) {
                for socket in sockets.iter().filter(|socket| socket.is_connected()) {
                    answers.push(socket.emit_with_ack::<()>("question", ()));
                    asked.fetch_add(1, Ordering::Relaxed);
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            answers
        }
    });
    for client in clients {
        let before = asked.load(Ordering::Relaxed);
        eventually("questions are asked", || asked.load(Ordering::Relaxed) > before || asking.is_finished())
            .await;
        drop(client);
    }
    eventually("everybody is gone", || asking.is_finished()).await;
    let answers = asking.join().expect("asking succeeds");
    let settled = tokio::time::timeout(DEADLINE, join_all(answers)).await.expect("nobody waits for ever");
    assert!(settled.iter().all(|answer| matches!(answer, Err(AckError::Disconnected | AckError::Emit(_)))));
    nothing_stays(&io).await;
    io.close().await;
}

// Handlers that do not finish

const IN_FLIGHT: usize = 8;

/// Handlers that finish as they are permitted to, and the numbers of the events that they were given.
fn patient_server() -> (Io, Arc<Semaphore>, Arc<Mutex<Vec<u32>>>) {
    let options = Options { reactors: 2, events_in_flight_max: IN_FLIGHT, ..Options::default() };
    let io = Io::builder().options(options).build();
    let (permits, given) = (Arc::new(Semaphore::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (permitted, noted) = (permits.clone(), given.clone());
    io.on("work", async move |Data(n): Data<u32>| {
        noted.lock().unwrap().push(n);
        permitted.acquire().await.expect("a semaphore").forget();
    });
    io.on("hello", async |ack: Ack| ack.send(()));
    (io, permits, given)
}

/// The socket of all that has most to do.
async fn in_flight(io: &Io) -> usize {
    io.observe().await.sockets.iter().map(|socket| socket.events_in_flight).max().unwrap_or_default()
}

#[tokio::test]
async fn a_websocket_client_whose_handlers_do_not_finish_is_read_no_further_until_they_do() {
    const EVENTS: u32 = 3000;
    let (io, permits, given) = patient_server();
    let url = serve(&io).await;
    let mut other = Client::connect(&url).await;
    let mut client = Client::connect(&url).await;
    let sending = tokio::spawn(async move {
        for n in 0..EVENTS {
            client.feed(&format!("2[\"work\",{n}]")).await;
        }
        client.flush().await;
        client
    });
    let handled = || given.lock().unwrap().len();
    eventually("it is busy", || handled() >= IN_FLIGHT).await;
    for round in 0..100 {
        other.ask("hello").await;
        let now = in_flight(&io).await;
        assert!(
            now <= IN_FLIGHT && handled() == IN_FLIGHT,
            "{now} in flight, {} handled, {round}",
            handled()
        );
    }
    // As many are read as finish.
    permits.add_permits(100);
    eventually("it goes on", || handled() == IN_FLIGHT + 100).await;
    assert!(in_flight(&io).await <= IN_FLIGHT);
    permits.add_permits(EVENTS as usize);
    eventually("everything is handled", || handled() == EVENTS as usize).await;
    assert!(given.lock().unwrap().iter().copied().eq(0..EVENTS));
    eventually("no handler counts as running", || permits.available_permits() == 100).await;
    drop((sending.await.expect("no panic"), other));
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn a_polling_client_whose_handlers_do_not_finish_is_read_no_further_until_they_do() {
    const POSTS: u32 = 60;
    const EACH: u32 = 4;
    let (io, permits, given) = patient_server();
    let url = serve(&io).await;
    let mut other = Client::connect(&url).await;
    let mut client = Polling::connect(&url).await;
    let sending = async {
        for post in 0..POSTS {
            let events = (0..EACH).map(|n| format!("42[\"work\",{}]", post * EACH + n));
            assert_eq!(client.post(&events.collect::<Vec<_>>().join("\u{1e}")).await.status, 200);
        }
    };
    let watching = async {
        let handled = || given.lock().unwrap().len();
        eventually("it is busy", || handled() >= IN_FLIGHT).await;
        for _ in 0..100 {
            other.ask("hello").await;
            let now = in_flight(&io).await;
            // A request is read as a whole.
            assert!(now <= IN_FLIGHT + EACH as usize, "{now} in flight");
        }
        let start = Instant::now();
        while handled() < (POSTS * EACH) as usize {
            permits.add_permits(1);
            assert!(start.elapsed() < DEADLINE, "only {} are handled", handled());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        permits.add_permits(IN_FLIGHT);
    };
    join(sending, watching).await;
    assert!(given.lock().unwrap().iter().copied().eq(0..POSTS * EACH));
    drop((client, other));
    io.close().await;
}
