//! Supervision: whatever dies is cleaned up or replaced (handlers, sockets, connections, room shards).

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use fanfare::{Ack, Data, DisconnectReason, EmitError, Io, Namespace, Options, Socket};
use futures_util::future::join_all;
use tracing_subscriber::fmt::MakeWriter;

use crate::client::{Client, Polling};
use crate::support::{DEADLINE, eventually, nothing_stays, serve};

fn server() -> Io {
    Io::builder().options(Options { reactors: 3, close_timeout_ms: 100, ..Options::default() }).build()
}

// What is logged, by all servers of this process.

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    /// The log of this process from the first call on.
    fn of_process() -> &'static Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        LOG.get_or_init(|| {
            let log = Log::default();
            let filter = tracing_subscriber::EnvFilter::new("fanfare=warn");
            let to =
                tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(log.clone());
            to.try_init().expect("nobody else logs");
            log
        })
    }

    /// The lines that hold all of these.
    fn lines_with(&self, parts: &[&str]) -> usize {
        let log = self.0.lock().unwrap();
        let log = String::from_utf8_lossy(&log);
        log.lines().filter(|line| parts.iter().all(|part| line.contains(part))).count()
    }
}

// Handlers

#[tokio::test]
async fn a_handler_that_panics_is_logged_and_counted_and_its_socket_goes_on() {
    let log = Log::of_process();
    let io = server();
    io.on("panic-before-await", async |_: Ack| {
        if io_is_cursed() {
            panic!("a handler's own fault, before its first await");
        }
    });
    io.on("panic-after-await", async |_: Ack| {
        tokio::task::yield_now().await;
        if io_is_cursed() {
            panic!("a handler's own fault, after an await");
        }
    });
    io.on("panic-after-answer", async |ack: Ack| -> Result<(), EmitError> {
        ack.send("answered")?;
        if io_is_cursed() {
            panic!("a handler's own fault, after its answer");
        }
        Ok(())
    });
    io.on("echo", async |Data(n): Data<u32>, ack: Ack| ack.send(n));
    let url = serve(&io).await;
    let (mut client, id) = Client::connect_as(&url, "").await;
    let socket = io.local_sockets().remove(0);
    socket.join("room").await.expect("an idle server");
    for n in 0..50 {
        // An answer without arguments, where the handler gave none.
        for (event, answer) in [
            ("panic-before-await", "[]"),
            ("panic-after-await", "[]"),
            ("panic-after-answer", "[\"answered\"]"),
        ] {
            client.send(&format!("2{n}[\"{event}\"]")).await;
            assert_eq!(client.receive().await.text, format!("3{n}{answer}"));
            client.send(&format!("2[\"{event}\"]")).await;
        }
        client.send(&format!("2{n}[\"echo\",{n}]")).await;
        assert_eq!(client.receive().await.text, format!("3{n}[{n}]"));
    }
    eventually("each panic is counted", || io.metrics().handler_panics.get() == 300).await;
    for event in ["panic-before-await", "panic-after-await", "panic-after-answer"] {
        assert_eq!(log.lines_with(&["ERROR", "handler panicked", &id, event]), 100);
    }
    io.to("room").emit("still", "here").expect("an emit");
    assert_eq!(client.receive().await.text, "2[\"still\",\"here\"]");
    assert_eq!(
        (
            io.metrics().deaths.of(fanfare::Actor::Socket).get(),
            io.metrics().deaths.of(fanfare::Actor::Connection).get()
        ),
        (0, 0)
    );
    eventually("no handler counts as running", || socket.is_connected()).await;
    assert_eq!(io.observe().await.sockets[0].events_in_flight, 0);
    drop(client);
    nothing_stays(&io).await;
    io.close().await;
}

/// True, but the compiler does not know.
fn io_is_cursed() -> bool {
    Instant::now().elapsed() < Duration::MAX
}

#[tokio::test]
async fn connect_and_disconnect_handlers_that_panic_end_nothing_but_themselves() {
    let io = server();
    io.on_connect(async |_: Socket| assert!(!io_is_cursed(), "a connect handler's own fault"));
    io.on_disconnecting(async |_: Socket| assert!(!io_is_cursed(), "a disconnecting handler's own fault"));
    io.on_disconnect(async |_: Socket| assert!(!io_is_cursed(), "a disconnect handler's own fault"));
    io.on("hello", async |socket: Socket, ack: Ack| -> Result<(), EmitError> {
        socket.join("room").await?;
        ack.send(())
    });
    let url = serve(&io).await;
    let mut clients = Client::connect_many(&url, 20).await;
    join_all(clients.iter_mut().map(|client| client.ask("hello"))).await;
    assert_eq!(io.metrics().handler_panics.get(), 20);
    drop(clients);
    nothing_stays(&io).await;
    assert_eq!(io.metrics().handler_panics.get(), 60);
    assert_eq!(
        (
            io.metrics().deaths.of(fanfare::Actor::Socket).get(),
            io.metrics().deaths.of(fanfare::Actor::Connection).get()
        ),
        (0, 0)
    );
    io.close().await;
}

#[tokio::test]
async fn a_middleware_that_panics_refuses_and_says_nothing_of_it() {
    let log = Log::of_process();
    let io = server();
    let strict = io.of("/strict");
    strict.middleware(async |socket: Socket| -> Result<(), String> {
        socket.join("joined").await.map_err(|error| error.to_string())?;
        if socket.auth().contains("later") {
            tokio::task::yield_now().await;
        }
        assert!(!io_is_cursed(), "a middleware's secret: the password is 1234");
        Ok(())
    });
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    for auth in ["{}", "{\"later\":true}"] {
        let refused = client.join("/strict", auth).await.expect_err("a refusal");
        assert_eq!(refused, "{\"message\":\"internal server error\"}");
    }
    assert_eq!((io.metrics().handler_panics.get(), io.metrics().rejections.get()), (2, 2));
    assert!(log.lines_with(&["ERROR", "handler panicked", "\"middleware\""]) >= 2);
    assert!(strict.local_rooms().is_empty() && strict.local_sockets().is_empty());
    drop(client);
    nothing_stays(&io).await;
    io.close().await;
}

// Sockets and connections

type Endings = Arc<Mutex<Vec<(String, DisconnectReason, usize)>>>;

/// Notes for each disconnect handler that ran: what it was, the reason, and the rooms of the socket.
fn note_endings(io: &Namespace) -> Endings {
    let endings = Endings::default();
    let note = endings.clone();
    io.on_disconnecting(async move |socket: Socket, reason: DisconnectReason| {
        note.lock().unwrap().push(("disconnecting".to_owned(), reason, socket.rooms().len()));
    });
    let note = endings.clone();
    io.on_disconnect(async move |socket: Socket, reason: DisconnectReason| {
        note.lock().unwrap().push(("disconnect".to_owned(), reason, socket.rooms().len()));
    });
    endings
}

fn assert_ended_by_the_server(endings: &Endings, sockets: usize) {
    let mut endings = endings.lock().unwrap();
    endings.sort_by_key(|(phase, ..)| phase.clone());
    let expected = |phase: &str, rooms| (phase.to_owned(), DisconnectReason::ForcedServerClose, rooms);
    assert_eq!(endings[..sockets], vec![expected("disconnect", 0); sockets]);
    assert_eq!(endings[sockets..], vec![expected("disconnecting", 3); sockets]);
}

#[tokio::test]
async fn the_client_of_a_socket_that_dies_is_disconnected_with_a_reason_and_nothing_stays() {
    const CLIENTS: usize = 30;
    let io = server();
    let endings = note_endings(&io);
    let other_endings = note_endings(&io.of("/other"));
    io.on_connect(async |socket: Socket| socket.join(["a", "b"]).await);
    io.of("/other").on_connect(async |socket: Socket| socket.join(["a", "b"]).await);
    io.on("hello", async |ack: Ack| ack.send(()));
    let url = serve(&io).await;
    let mut clients = Client::connect_many(&url, CLIENTS).await;
    join_all(clients.iter_mut().map(|client| client.ask("hello"))).await;
    for client in &mut clients {
        client.join("/other", "").await.expect("to be let in");
    }
    let sockets = io.local_sockets();
    let pending: Vec<_> =
        sockets.iter().map(|socket| socket.emit_with_ack::<()>("never-answered", ())).collect();
    for client in &mut clients {
        assert!(client.receive().await.text.contains("never-answered"));
    }
    sockets.iter().for_each(|socket| io.kill_socket(socket));
    // Not by a DISCONNECT packet, after which clients do not come back by themselves.
    for client in &mut clients {
        assert_eq!(client.closed().await, []);
    }
    for answer in join_all(pending).await {
        assert!(matches!(answer, Err(fanfare::AckError::Disconnected)), "{answer:?}");
    }
    eventually("the sockets are closed", || io.metrics().sockets.get() == 0).await;
    assert_eq!(
        (
            io.metrics().deaths.of(fanfare::Actor::Socket).get(),
            io.metrics().deaths.of(fanfare::Actor::Connection).get()
        ),
        (CLIENTS as u64, 0)
    );
    // Its socket elsewhere ends with the connection.
    assert_ended_by_the_server(&endings, CLIENTS);
    assert_ended_by_the_server(&other_endings, CLIENTS);
    assert!(sockets.iter().all(|socket| !socket.is_connected() && socket.rooms().is_empty()));
    assert!(io.local_rooms().is_empty() && io.local_sockets().is_empty());
    drop(clients);
    nothing_stays(&io).await;
    // A client that comes back is let in.
    Client::connect(&url).await;
    io.close().await;
}

#[tokio::test]
async fn a_connection_that_dies_takes_its_sockets_along_and_nothing_stays() {
    const CLIENTS: usize = 30;
    let io = server();
    let endings = note_endings(&io);
    io.on_connect(async |socket: Socket| socket.join(["a", "b"]).await);
    io.on("hello", async |ack: Ack| ack.send(()));
    let url = serve(&io).await;
    let mut clients = Client::connect_many(&url, CLIENTS).await;
    join_all(clients.iter_mut().map(|client| client.ask("hello"))).await;
    let mut polling = Polling::connect(&url).await;
    polling.send("20[\"hello\"]").await;
    assert_eq!(polling.receive().await, "30[]");
    let sockets = io.local_sockets();
    sockets.iter().for_each(|socket| io.kill_connection(socket));
    for client in &mut clients {
        assert_eq!(client.closed().await, []);
    }
    assert_eq!(polling.poll().await.status, 400, "the session is unknown");
    eventually("the sockets are closed", || io.metrics().sockets.get() == 0).await;
    assert_eq!(io.metrics().deaths.of(fanfare::Actor::Connection).get(), CLIENTS as u64 + 1);
    assert_ended_by_the_server(&endings, CLIENTS + 1);
    assert!(sockets.iter().all(|socket| !socket.is_connected() && socket.rooms().is_empty()));
    drop((clients, polling));
    nothing_stays(&io).await;
    assert!(io.is_healthy());
    io.close().await;
}

#[tokio::test]
async fn a_connection_that_dies_while_a_poll_waits_or_middlewares_decide_leaves_nothing() {
    let io = server();
    io.of("/slow").middleware(async |_: Socket| -> Result<(), String> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(())
    });
    let url = serve(&io).await;
    let mut clients = join_all((0..20).map(|_| Polling::connect(&url))).await;
    let sockets = io.local_sockets();
    for client in &mut clients {
        client.send("0/slow,").await;
    }
    let killing = async {
        for socket in &sockets {
            io.kill_connection(socket);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let polling = join_all(clients.iter_mut().map(async |client| while client.poll().await.status == 200 {}));
    futures_util::future::join(killing, polling).await;
    assert_eq!(io.metrics().deaths.of(fanfare::Actor::Connection).get(), 20);
    drop(clients);
    nothing_stays(&io).await;
    io.close().await;
}

// Room shards

/// Emits numbered messages to a room until it is told to stop. Tells which numbers were sent and how many were
/// refused.
fn keep_emitting(io: &Io, is_over: &Arc<AtomicBool>) -> thread::JoinHandle<(Vec<u64>, u64)> {
    let (io, is_over) = (io.clone(), is_over.clone());
    thread::spawn(move || {
        let (mut sent, mut refused) = (Vec::new(), 0);
        for n in 0.. {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            match io.to("stage").emit("m", n) {
                Ok(()) => sent.push(n),
                Err(EmitError::Overloaded) => refused += 1,
                Err(other) => panic!("{other}"),
            }
            thread::sleep(Duration::from_micros(300));
        }
        (sent, refused)
    })
}

#[tokio::test]
async fn a_room_shard_that_dies_under_load_is_rebuilt_and_no_message_is_lost_uncounted() {
    const CLIENTS: usize = 60;
    const KILLS: u64 = 4;
    let io = server();
    io.on_connect(async |socket: Socket| {
        socket.join(["stage".to_owned(), format!("of-{}", socket.id())]).await
    });
    io.on("hello", async |ack: Ack| ack.send(()));
    let url = serve(&io).await;
    let mut clients = Client::connect_many(&url, CLIENTS).await;
    join_all(clients.iter_mut().map(|client| client.ask("hello"))).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let emitting = keep_emitting(&io, &is_over);
    let reading = tokio::spawn(join_all(clients.into_iter().map(async |mut client: Client| {
        let mut received = Vec::new();
        loop {
            let packet = client.receive().await;
            if packet.text == "2[\"last\"]" {
                return (client, received);
            }
            received.push(packet.arguments()[1].as_u64().expect("a number"));
        }
    })));
    for kill in 1..=KILLS {
        let delivered = io.metrics().deliveries.get();
        eventually("messages flow", || io.metrics().deliveries.get() > delivered + 100).await;
        io.kill_room_shards("/");
        eventually("each shard is restarted", || {
            io.metrics().restarts.of(fanfare::Actor::RoomShard).get() == 3 * kill
        })
        .await;
    }
    let refused_too = everybody_is_back(&io, CLIENTS).await;
    is_over.store(true, Ordering::Relaxed);
    let (sent, refused) = emitting.join().expect("no emit fails in another way");
    io.emit("last", ()).expect("an emit");
    let metrics = io.metrics();
    assert_eq!(metrics.overloads.get(), refused + refused_too);
    let mut clients = Vec::new();
    for (client, received) in reading.await.expect("everybody receives again") {
        assert!(received.is_sorted_by(|a, b| a < b), "out of order or doubled");
        let sent: HashSet<u64> = sent.iter().copied().collect();
        let got: HashSet<u64> = received.into_iter().collect();
        assert!(got.is_subset(&sent), "a message that was refused has arrived");
        let lost = sent.difference(&got).count() as u64;
        assert!(lost <= metrics.shard_losses.get(), "{lost} lost, {} counted", metrics.shard_losses.get());
        clients.push(client);
    }
    membership_works(&io, &mut clients).await;
    assert!(io.is_healthy());
    assert_eq!(
        (
            metrics.deaths.of(fanfare::Actor::Socket).get(),
            metrics.deaths.of(fanfare::Actor::Connection).get()
        ),
        (0, 0)
    );
    drop(clients);
    nothing_stays(&io).await;
    io.close().await;
}

/// Waits until every room shard holds what it held before. Tells how many emits were refused until then.
async fn everybody_is_back(io: &Io, clients: usize) -> u64 {
    let (start, mut refusals) = (Instant::now(), 0);
    loop {
        let seen = io.observe().await.namespaces;
        let shards = || seen.iter().filter_map(|namespace| namespace.shard.as_ref());
        let members: usize = shards().map(|shard| shard.members).sum();
        let refused = matches!(io.to("nobody-is-in-here").emit("m", ()), Err(EmitError::Overloaded));
        if shards().count() == 3 && members == clients && !refused {
            return refusals;
        }
        refusals += u64::from(refused);
        assert!(start.elapsed() < DEADLINE, "the shards are not rebuilt: {seen:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Rooms, their own rooms, leaving and the end of rooms are as if nothing had happened.
async fn membership_works(io: &Io, clients: &mut [Client]) {
    let sockets = io.local_sockets();
    for socket in &sockets {
        io.to(format!("of-{}", socket.id())).emit("room", ()).expect("an emit");
        io.to(socket.id()).emit("own-room", ()).expect("an emit");
        socket.leave("stage").await.expect("an idle server");
    }
    io.to("stage").emit("ghost", ()).expect("an emit");
    io.emit("fence", ()).expect("an emit");
    for client in clients {
        for expected in ["2[\"room\"]", "2[\"own-room\"]", "2[\"fence\"]"] {
            assert_eq!(client.receive().await.text, expected);
        }
    }
    assert!(!io.local_rooms().iter().any(|room| room.as_str() == "stage"));
    assert_eq!(io.local_rooms().len(), sockets.len());
}

#[tokio::test]
async fn emits_of_handlers_while_their_shard_is_rebuilt_say_so() {
    let io = server();
    let is_over = Arc::new(AtomicBool::new(false));
    let told = is_over.clone();
    io.on("emit-on", async move |namespace: Namespace, ack: Ack| {
        let (mut emits, mut refusals) = (0, 0);
        while !told.load(Ordering::Relaxed) {
            emits += 1;
            refusals += u64::from(matches!(namespace.emit("m", ()), Err(EmitError::Overloaded)));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        ack.send((emits, refusals))
    });
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.send("20[\"emit-on\"]").await;
    assert_eq!(client.receive().await.text, "2[\"m\"]");
    // The first restart is immediate; before the others emits have nowhere to go for a moment.
    let metrics = io.metrics();
    let dying = || {
        io.kill_room_shards("/");
        metrics.restarts.of(fanfare::Actor::RoomShard).get() >= 4
    };
    eventually("the shard is restarted", dying).await;
    is_over.store(true, Ordering::Relaxed);
    let mut received = 1;
    let answer = loop {
        let packet = client.receive().await;
        if packet.text.starts_with("30[") {
            break packet.arguments();
        }
        received += 1;
    };
    let [emitted, refused] = [0, 1].map(|at| answer[at].as_u64().expect("a number"));
    assert_eq!(metrics.overloads.get(), refused);
    assert!(refused > 0, "nobody emitted while there was no shard");
    assert_eq!(received + refused, emitted, "an emit was neither delivered nor refused");
    drop(client);
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
#[ignore = "waits for half a minute: make torture"]
async fn a_node_whose_shards_die_again_and_again_says_that_it_is_not_healthy() {
    /// The waiting time doubles with each restart.
    const PATIENCE: Duration = Duration::from_secs(90);
    let io = Io::builder().options(Options { reactors: 1, ..Options::default() }).build();
    let url = serve(&io).await;
    let client = Client::connect(&url).await;
    let start = Instant::now();
    while io.is_healthy() {
        assert!(
            start.elapsed() < PATIENCE,
            "{} restarts are not enough",
            io.metrics().restarts.of(fanfare::Actor::RoomShard).get()
        );
        io.kill_room_shards("/");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(io.metrics().restarts.of(fanfare::Actor::RoomShard).get() >= 5, "it gives up too soon");
    assert!(matches!(io.emit("m", ()), Err(EmitError::Overloaded)));
    drop(client);
    eventually("its clients can leave all the same", || io.metrics().sockets.get() == 0).await;
    io.close().await;
}
