//! The connection of a socket: what it tells, what can be waited for, and its end.

use bytes::Bytes;
use fanfare::{Ack, Conn, Data, DisconnectReason, EmitError, Io, Namespace, Options, Socket, TransportKind};
use futures_util::FutureExt;
use tokio::task::JoinHandle;

use super::{Journal, server};
use crate::client::{Client, Http, Polling};
use crate::support::{DEADLINE, eventually, nothing_stays, serve};

fn only_socket(namespace: &Namespace) -> Socket {
    let mut sockets = namespace.local_sockets();
    assert_eq!(sockets.len(), 1);
    sockets.remove(0)
}

// Compatibility: socket-conn
#[tokio::test]
async fn a_connection_tells_its_transport_its_client_and_its_secret_on_request_only() {
    let io = server();
    let other = io.of("/other");
    io.on("conn", async |socket: Socket, conn: Conn, ack: Ack| {
        assert_eq!(socket.conn(), conn);
        ack.send(format!("{conn:?}"))
    });
    let url = serve(&io).await;
    let mut client = Polling::connect(&url).await;
    client.send("0/other,").await;
    client.receive().await;
    let conn = only_socket(&io).conn();
    assert_eq!(conn, only_socket(&other).conn(), "one connection for all namespaces");
    assert_eq!((conn.transport(), conn.protocol(), conn.is_open()), (TransportKind::Polling, 4, true));
    assert_eq!(conn.secret_id(), client.sid);
    assert!(conn.remote_address().ip().is_loopback());
    assert_ne!(conn.secret_id(), only_socket(&io).id().as_str());
    client.send("21[\"conn\"]").await;
    let told = client.receive().await;
    assert!(told.contains("Polling") && !told.contains(&client.sid[..10]), "{told}");

    let mut websocket = Client::connect(&url).await;
    let is_websocket = |socket: &Socket| socket.conn().transport() == TransportKind::WebSocket;
    let found = io.local_sockets().into_iter().find(is_websocket).expect("the second client");
    assert_ne!(found.conn(), conn);
    websocket.send("1").await;
    drop(websocket);
    eventually("it has closed", || !found.conn().is_open()).await;
    io.close().await;
}

#[tokio::test]
async fn a_connection_of_an_old_client_tells_its_protocol() {
    let options = Options { reactors: 1, allow_eio3: true, ..Options::default() };
    let io = Io::builder().options(options).build();
    let url = serve(&io).await;
    let open = Http::connect(&url).await.get("/socket.io/?EIO=3&transport=polling").await;
    assert_eq!(open.status, 200, "{open:?}");
    eventually("it is in the main namespace", || io.local_sockets().len() == 1).await;
    assert_eq!(only_socket(&io).conn().protocol(), 3);
    io.close().await;
}

fn upgraded(conn: Conn) -> JoinHandle<bool> {
    tokio::spawn(async move { conn.upgraded().await })
}

/// What a task has found, in time.
async fn ended(task: JoinHandle<bool>) -> bool {
    tokio::time::timeout(DEADLINE, task).await.expect("it ends").expect("no panic")
}

// Compatibility: socket-conn-upgrade
#[tokio::test]
async fn an_upgrade_can_be_waited_for_and_so_can_an_end_without_one() {
    let io = server();
    let url = serve(&io).await;
    let client = Polling::connect(&url).await;
    let conn = only_socket(&io).conn();
    let (first, second) = (upgraded(conn.clone()), upgraded(conn.clone()));
    assert!(conn.upgraded().now_or_never().is_none(), "it polls");
    let mut probe = Client::probe(&url, &client.sid).await;
    probe.send_raw("2probe").await;
    assert_eq!(probe.raw().await.expect("an answer").to_text().expect("text"), "3probe");
    assert!(conn.upgraded().now_or_never().is_none(), "it still polls");
    probe.send_raw("5").await;
    assert!(ended(first).await && ended(second).await);
    assert_eq!(conn.transport(), TransportKind::WebSocket);
    assert_eq!(conn.upgraded().now_or_never(), Some(true), "it is on a WebSocket already");
    drop((client, probe));
    nothing_stays(&io).await;

    // One that ends while it polls, and one whose actor dies.
    let mut client = Polling::connect(&url).await;
    let waiting = upgraded(only_socket(&io).conn());
    assert_eq!(client.post("1").await.status, 200);
    assert!(!ended(waiting).await);
    drop(client);
    nothing_stays(&io).await;
    let _client = Polling::connect(&url).await;
    let socket = only_socket(&io);
    let waiting = upgraded(socket.conn());
    io.kill_connection(&socket);
    assert!(!ended(waiting).await);
    io.close().await;
}

#[tokio::test]
async fn what_waits_for_a_poll_is_written_to_the_websocket_in_the_moment_of_the_upgrade() {
    // No timer comes to help.
    let options = Options {
        connect_timeout_ms: 600_000,
        ping_interval_ms: 600_000,
        upgrade_timeout_ms: 600_000,
        ..Options::default()
    };
    let io = Io::builder().options(options).build();
    io.on("echo", async |socket: Socket, Data(n): Data<u32>| socket.emit("echo", n));
    let url = serve(&io).await;
    for n in 0..20 {
        let mut client = Polling::connect(&url).await;
        let mut upgraded = Client::probe(&url, &client.sid).await;
        client.send(&format!("2[\"echo\",{n}]")).await;
        // A client need not probe first. One that does is looked at every 100 ms.
        upgraded.send_raw("5").await;
        assert_eq!(upgraded.receive().await.text, format!("2[\"echo\",{n}]"));
    }
    io.close().await;
}

// Compatibility: socket-conn-packets
#[tokio::test]
async fn what_waits_for_a_client_is_told_and_its_end_can_be_waited_for() {
    const PIECE: usize = 1 << 20;
    const PIECES: usize = 16;
    let options = Options {
        reactors: 1,
        outbox_bytes_max: 64 * PIECE,
        slow_consumer_grace_ms: 600_000,
        unread_timeout_ms: 600_000,
        ..Options::default()
    };
    let io = Io::builder().options(options).build();
    let url = serve(&io).await;
    let mut client = Client::open_narrow(&url).await;
    client.join("/", "").await.expect("an open namespace");
    let socket = only_socket(&io);
    let conn = socket.conn();
    assert!(conn.drained().await, "nothing waits");
    assert_eq!((conn.bytes_waiting(), conn.packets_waiting()), (0, 0));
    let piece = Bytes::from(vec![7; PIECE]);
    for _ in 0..PIECES {
        socket.emit("piece", &piece).expect("room");
    }
    eventually("they wait", || conn.bytes_waiting() > PIECE && conn.packets_waiting() > 1).await;
    let drained = tokio::spawn({
        let conn = conn.clone();
        async move { conn.drained().await }
    });
    assert!(conn.drained().now_or_never().is_none());
    client.receive_many(PIECES).await;
    assert!(ended(drained).await);
    assert_eq!((conn.bytes_waiting(), conn.packets_waiting()), (0, 0));

    // A client that goes while something waits.
    for _ in 0..PIECES {
        socket.emit("piece", &piece).expect("room");
    }
    eventually("they wait", || conn.bytes_waiting() > PIECE).await;
    let drained = tokio::spawn(async move { conn.drained().await });
    drop(client);
    assert!(!ended(drained).await);
    nothing_stays(&io).await;

    // A client that polls has taken what it fetched when it comes again.
    let mut client = Polling::connect(&url).await;
    let conn = only_socket(&io).conn();
    io.emit("event", 1).expect("room");
    eventually("it waits", || conn.packets_waiting() == 1).await;
    let drained = tokio::spawn(async move { conn.drained().await });
    assert_eq!(client.receive().await, "2[\"event\",1]");
    let again = tokio::spawn(async move { client.poll().await });
    assert!(ended(drained).await);
    io.close().await;
    drop(again);
}

// Compatibility: socket-conn
#[tokio::test]
async fn a_connection_that_is_closed_sends_what_waits_and_no_disconnect() {
    let (io, journal) = (server(), Journal::default());
    let other = io.of("/other");
    for namespace in [&*io, &other] {
        let note = journal.clone();
        namespace.on_disconnect(async move |reason: DisconnectReason| note.note(reason.as_str()));
        let note = journal.clone();
        namespace.on_socket_error(async move || note.note("an error"));
    }
    let url = serve(&io).await;
    for n in 0..20 {
        let mut client = Client::connect(&url).await;
        client.join("/other", "").await.expect("an open namespace");
        let socket = only_socket(&io);
        socket.emit("last", n).expect("room");
        socket.conn().close();
        let (last, code) = client.farewell().await;
        assert_eq!(last, [format!("2[\"last\",{n}]")]);
        assert_eq!(code, None);
        eventually("both have left", || journal.len() == 2).await;
        assert_eq!(journal.take(), ["forced close"; 2]);
        assert!(matches!(socket.emit("late", ()), Err(EmitError::Disconnected)));
        assert!(!socket.conn().is_open());
    }
    let mut client = Polling::connect(&url).await;
    let socket = only_socket(&io);
    socket.emit("last", ()).expect("room");
    socket.conn().close();
    eventually("it is closed", || !socket.conn().is_open()).await;
    let rest = client.poll().await;
    assert_eq!((rest.status, rest.body.as_str()), (200, "42[\"last\"]\u{1e}6\u{1e}1"));
    drop(client);
    nothing_stays(&io).await;
    io.close().await;
}
