//! Disconnects that the program asks for: what is so at once, and when its handlers hear of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use fanfare::{Ack, DisconnectReason, EmitError, Io, MemoryHub, Namespace, Options, Socket};

use crate::client::Client;
use crate::support::{DEADLINE, eventually, nothing_stays, serve};

fn options() -> Options {
    Options { reactors: 1, close_timeout_ms: 100, ..Options::default() }
}

fn server() -> Io {
    Io::builder().options(options()).build()
}

/// Way in which a handler disconnects its socket.
type Way = fn(&Namespace, &Socket);

type Journal = Arc<Mutex<Vec<String>>>;

/// Notes the disconnect handlers that run, with the reason and the number of the socket's rooms.
fn keep_journal(of: &Namespace) -> Journal {
    let journal = Journal::default();
    let note = journal.clone();
    of.on_disconnecting(async move |socket: Socket, reason: DisconnectReason| {
        note.lock().unwrap().push(format!("disconnecting, {reason}, {} rooms", socket.rooms().len()));
    });
    let note = journal.clone();
    of.on_disconnect(async move |socket: Socket, reason: DisconnectReason| {
        note.lock().unwrap().push(format!("disconnect, {reason}, {} rooms", socket.rooms().len()));
    });
    journal
}

async fn assert_told(journal: &Journal, expected: &[&str]) {
    eventually("all handlers are told", || journal.lock().unwrap().len() >= expected.len()).await;
    assert_eq!(*journal.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_lock_held_while_a_socket_is_disconnected_may_be_taken_by_its_handlers() {
    let io = server();
    io.on("hello", async |ack: Ack| ack.send(()));
    let nsp = io.of("/locked");
    let ways: [(&str, Way); 5] = [
        ("socket", |_, socket| socket.disconnect()),
        ("connection", |_, socket| socket.disconnect_all()),
        ("room", |nsp, socket| drop(nsp.to(socket.id()).disconnect_sockets(false))),
        ("room with connection", |nsp, socket| drop(nsp.to(socket.id()).disconnect_sockets(true))),
        ("everybody", |nsp, _| drop(nsp.disconnect_sockets(false))),
    ];
    let lock = Arc::new(Mutex::new(0));
    for (way, disconnect) in ways {
        let lock = lock.clone();
        nsp.on(way, async move |socket: Socket, nsp: Namespace| {
            let mut held = lock.lock().unwrap();
            disconnect(&nsp, &socket);
            *held += 1;
        });
    }
    let shared = lock.clone();
    nsp.on_disconnecting(async move || *shared.lock().unwrap() += 10);
    let shared = lock.clone();
    nsp.on_disconnect(async move || *shared.lock().unwrap() += 100);
    let url = serve(&io).await;
    for (n, (way, _)) in ways.into_iter().enumerate() {
        let mut client = Client::connect(&url).await;
        client.join("/locked", "").await.expect("an open namespace");
        client.send(&format!("2/locked,[\"{way}\"]")).await;
        assert_eq!(client.receive().await.text, "1/locked,", "disconnected by {way}");
        let all = 111 * (n + 1);
        eventually("the handlers had their turn", || lock.try_lock().is_ok_and(|sum| *sum == all)).await;
        // The reactor is not stuck.
        Client::connect(&url).await.ask("hello").await;
    }
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn a_socket_is_gone_for_everybody_when_disconnect_returns_and_its_handlers_come_later() {
    let io = server();
    let journal = keep_journal(&io);
    let other = io.of("/other");
    other.on("hello", async |ack: Ack| ack.send(()));
    let noted = journal.clone();
    let is_checked = Arc::new(AtomicBool::new(false));
    let checked = is_checked.clone();
    io.on("go", async move |socket: Socket, nsp: Namespace| -> Result<(), EmitError> {
        socket.join(["a", "b"]).await?;
        socket.emit("before", ())?;
        socket.disconnect();
        assert!(!socket.is_connected());
        assert!(socket.rooms().is_empty() && nsp.local_rooms().is_empty());
        assert!(nsp.local_socket(socket.id()).is_none() && nsp.local_sockets().is_empty());
        assert!(matches!(socket.emit("after", ()), Err(EmitError::Disconnected)));
        nsp.to("a").emit("after", ())?;
        nsp.emit("after", ())?;
        socket.join("c").await?;
        socket.disconnect();
        assert!(nsp.local_rooms().is_empty() && noted.lock().unwrap().is_empty());
        // What is declared now is not too late.
        let own = noted.clone();
        socket.on_disconnect(async move || own.lock().unwrap().push("its own".to_owned()));
        checked.store(true, Ordering::Relaxed);
        Ok(())
    });
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.join("/other", "").await.expect("an open namespace");
    // The second event is behind the disconnect.
    client.feed("2[\"go\"]").await;
    client.feed("2[\"go\"]").await;
    client.flush().await;
    assert_eq!(client.receive().await.text, "2[\"before\"]");
    assert_eq!(client.receive().await.text, "1");
    let reason = "server namespace disconnect";
    let told = [
        format!("disconnecting, {reason}, 3 rooms"),
        format!("disconnect, {reason}, 0 rooms"),
        "its own".into(),
    ];
    assert_told(&journal, &told.each_ref().map(|line| &**line)).await;
    assert!(is_checked.load(Ordering::Relaxed), "{:?}", io.metrics().handler_panics.get());
    eventually("the second event is counted", || io.metrics().late_packets.get() == 1).await;
    // Nothing came behind the DISCONNECT, and the other namespace goes on.
    client.send("2/other,1[\"hello\"]").await;
    assert_eq!(client.receive().await.text, "3/other,1[]");
    // It may come back.
    client.join("/", "").await.expect("the main namespace");
    drop(client);
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn a_socket_disconnected_anywhere_in_its_life_ends_once() {
    let io = server();
    let journal = keep_journal(&io);
    // Before it was admitted there is nothing to disconnect.
    io.middleware(async |socket: Socket| -> Result<(), String> {
        socket.disconnect();
        Ok(())
    });
    io.on_connect(async |socket: Socket| {
        if socket.auth().contains("unwanted") {
            socket.disconnect();
        }
    });
    io.on_disconnecting(async |socket: Socket| socket.disconnect());
    io.on_disconnect(async |socket: Socket| socket.disconnect_all());
    let url = serve(&io).await;

    let (mut unwanted, _) = Client::connect_as(&url, "{\"unwanted\":true}").await;
    assert_eq!(unwanted.receive().await.text, "1");
    // Closed by its disconnect handler.
    assert!(unwanted.closed().await.is_empty());
    let reason = "server namespace disconnect";
    let [first, second] = ["disconnecting, ", "disconnect, "].map(|phase| format!("{phase}{reason}, "));
    assert_told(&journal, &[&format!("{first}1 rooms"), &format!("{second}0 rooms")]).await;

    let mut leaving = Client::connect(&url).await;
    leaving.send("1").await;
    assert!(leaving.closed().await.is_empty());
    let reason = "client namespace disconnect";
    assert_eq!(journal.lock().unwrap().len(), 4);
    assert_eq!(journal.lock().unwrap()[2], format!("disconnecting, {reason}, 1 rooms"));
    nothing_stays(&io).await;
    assert_eq!(journal.lock().unwrap().len(), 4);
    assert_eq!(io.metrics().handler_panics.get(), 0);
    io.close().await;
}

#[tokio::test]
async fn a_socket_that_dies_before_its_handlers_were_told_tells_them_all_the_same() {
    let io = server();
    let journal = keep_journal(&io);
    let server = io.clone();
    io.on("die", async move |socket: Socket| {
        server.kill_socket(&socket);
        socket.disconnect();
    });
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.send("2[\"die\"]").await;
    assert_eq!(client.receive().await.text, "1");
    let reason = "server namespace disconnect";
    let told = [format!("disconnecting, {reason}, 1 rooms"), format!("disconnect, {reason}, 0 rooms")];
    assert_told(&journal, &told.each_ref().map(|line| &**line)).await;
    assert_eq!(io.metrics().deaths.of(fanfare::Actor::Socket).get(), 1);
    drop(client);
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn a_server_that_closes_waits_for_the_handlers_of_disconnected_sockets() {
    for _ in 0..10 {
        let io = server();
        let journal = keep_journal(&io);
        io.on("go", async |socket: Socket| {
            socket.disconnect();
            // The reactor is kept busy while the server closes.
            std::thread::sleep(Duration::from_millis(20));
        });
        let url = serve(&io).await;
        let mut client = Client::connect(&url).await;
        client.send("2[\"go\"]").await;
        eventually("it is disconnected", || io.local_sockets().is_empty()).await;
        io.close().await;
        assert_eq!(journal.lock().unwrap().len(), 2);
        assert_eq!(io.metrics().handlers.get(), 0);
    }
}

/// A server whose only reactor does nothing until it is told to go on, and a socket there.
struct Blocked {
    io: Io,
    journal: Journal,
    client: Client,
    socket: Socket,
    go_on: mpsc::Sender<()>,
}

impl Blocked {
    async fn start(options: Options) -> Self {
        let io = Io::builder().options(options).build();
        let journal = keep_journal(&io);
        let (go_on, told) = mpsc::channel::<()>();
        let told = Mutex::new(told);
        io.on("block", async move || {
            told.lock().unwrap().recv_timeout(DEADLINE).expect("somebody tells");
        });
        let url = serve(&io).await;
        let mut client = Client::connect(&url).await;
        let socket = io.local_sockets().remove(0);
        client.send("2[\"block\"]").await;
        eventually("the reactor is blocked", || io.metrics().events.get() == 1).await;
        Self { io, journal, client, socket, go_on }
    }

    async fn go_on(mut self) -> Vec<String> {
        self.go_on.send(()).expect("the handler waits");
        let mut texts = Vec::new();
        while texts.last().is_none_or(|last| last != "1") {
            texts.push(self.client.receive().await.text);
        }
        let reason = "server namespace disconnect";
        let told = [format!("disconnecting, {reason}, 1 rooms"), format!("disconnect, {reason}, 0 rooms")];
        assert_told(&self.journal, &told.each_ref().map(|line| &**line)).await;
        drop(self.client);
        nothing_stays(&self.io).await;
        self.io.close().await;
        texts
    }
}

#[tokio::test]
async fn disconnect_on_another_thread_is_in_order_with_its_emits_and_true_at_once() {
    let blocked = Blocked::start(options()).await;
    blocked.socket.emit("before", 1).expect("an emit");
    blocked.io.emit("before", 2).expect("an emit");
    blocked.socket.disconnect();
    assert!(!blocked.socket.is_connected());
    assert!(matches!(blocked.socket.emit("after", 1), Err(EmitError::Disconnected)));
    blocked.io.emit("after", 2).expect("an emit to others");
    assert_eq!(blocked.go_on().await, ["2[\"before\",1]", "2[\"before\",2]", "1"]);
}

#[tokio::test]
async fn a_disconnect_that_its_reactor_has_no_room_for_happens_all_the_same() {
    let blocked = Blocked::start(Options { mailbox_messages_max: 8, ..options() }).await;
    while blocked.socket.emit("m", ()).is_ok() {}
    blocked.socket.disconnect();
    assert!(!blocked.socket.is_connected());
    blocked.go_on().await;
}

#[tokio::test]
async fn a_disconnect_that_dies_with_a_room_shard_happens_all_the_same() {
    let blocked = Blocked::start(options()).await;
    blocked.io.kill_room_shards("/");
    blocked.socket.disconnect();
    let io = blocked.io.clone();
    blocked.go_on().await;
    assert_eq!(io.metrics().shard_losses.get(), 1, "the shard lived on for it");
}

#[tokio::test]
async fn a_disconnect_asked_by_another_node_runs_handlers_once() {
    let hub = MemoryHub::new(3);
    let node = || Io::builder().options(options()).bus(hub.bus()).build();
    let (io, other) = (node(), node());
    let journal = keep_journal(&io);
    let url = serve(&io).await;
    serve(&other).await;
    let mut client = Client::connect(&url).await;
    eventually("they know each other", || other.metrics().nodes.get() == 1).await;
    other.disconnect_sockets(false).await.expect("a bus");
    assert_eq!(client.receive().await.text, "1");
    let reason = "server namespace disconnect";
    let told = [format!("disconnecting, {reason}, 1 rooms"), format!("disconnect, {reason}, 0 rooms")];
    assert_told(&journal, &told.each_ref().map(|line| &**line)).await;
    io.close().await;
    other.close().await;
}
