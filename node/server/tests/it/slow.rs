//! SLOW-1: a client that does not read costs at most its outbox, and nobody else waits for it.

use std::thread;
use std::time::{Duration, Instant};

use fanfare::{EmitError, Io, Options, Socket};
use futures_util::future::join_all;

use crate::client::{Client, Polling};
use crate::support::{DEADLINE, eventually, nothing_stays, serve};

const OUTBOX_BYTES_MAX: usize = 64 * 1024;
/// Nobody gets further over the bound, however long the grace is.
const WAITING_BYTES_MAX: usize = 4 * OUTBOX_BYTES_MAX;
/// A grace that does not end during a test.
const LONG: u64 = 600_000;
const READERS: usize = 250;
/// Of the stream that everybody gets: together more than an outbox holds, and less than the network does.
const MESSAGES: usize = 1500;

fn server(slow_consumer_grace_ms: u64) -> Io {
    let options = Options {
        reactors: 3,
        outbox_bytes_max: OUTBOX_BYTES_MAX,
        slow_consumer_grace_ms,
        polling_close_timeout_ms: 100,
        close_timeout_ms: 100,
        ..Options::default()
    };
    Io::builder().options(options).build()
}

/// The one socket that is there.
async fn only_socket(io: &Io) -> Socket {
    eventually("there is a socket", || io.local_sockets().len() == 1).await;
    io.local_sockets().remove(0)
}

/// Bytes that wait for the slow client: the client for which most wait.
async fn waiting_bytes(io: &Io) -> usize {
    io.observe().await.connections.iter().map(|connection| connection.outbox_bytes).max().unwrap_or_default()
}

/// Sends until the network takes no more for this client, and something waits in its outbox.
async fn fill_the_network(io: &Io, slow: &Socket) {
    let page = "x".repeat(16 * 1024);
    let (mut unchanged, start) = ((0, 0), Instant::now());
    while unchanged.1 < 25 {
        assert!(start.elapsed() < DEADLINE, "the network takes more and more");
        let waiting = waiting_bytes(io).await;
        if waiting == 0 {
            slow.emit("page", &page).expect("an emit");
        } else {
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
        unchanged =
            if waiting > 0 && waiting == unchanged.0 { (waiting, unchanged.1 + 1) } else { (waiting, 0) };
    }
}

/// Everybody reads a stream of broadcasts while `slow` does not.
async fn stream_past(io: &Io, url: &str, slow: &Socket) {
    let readers = Client::connect_many(url, READERS).await;
    let reading = tokio::spawn(join_all(readers.into_iter().map(async |mut reader: Client| {
        for n in 0..MESSAGES {
            let message = reader.receive().await.text;
            assert!(message.starts_with(&format!("2[\"news\",{n},")), "{n}: {message}");
        }
        reader
    })));
    let streaming = thread::spawn({
        let io = io.clone();
        move || {
            let filler = "x".repeat(256);
            (0..MESSAGES).for_each(|n| io.emit("news", (n, &filler)).expect("an emit"))
        }
    });
    let start = Instant::now();
    while slow.is_connected() || !reading.is_finished() {
        assert!(start.elapsed() < DEADLINE, "the slow client is still connected, or somebody waits for it");
        let waiting = waiting_bytes(io).await;
        assert!(waiting <= WAITING_BYTES_MAX, "{waiting} bytes wait for one client");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let readers = reading.await.expect("everybody gets everything, in order");
    streaming.join().expect("nobody holds up the one who emits");
    let metrics = io.metrics();
    assert_eq!((metrics.slow_consumers.get(), metrics.sockets.get()), (1, READERS as i64));
    // At the moment it is given up; its outbox's content is counted too when its connection ends.
    eventually("what waited for it is counted", || metrics.undelivered.get() > 0).await;
    assert_eq!(
        metrics.deaths.of(fanfare::Actor::Connection).get() + metrics.deaths.of(fanfare::Actor::Socket).get(),
        0
    );
    drop(readers);
}

// Compatibility: slow-consumer
#[tokio::test]
async fn a_websocket_client_that_does_not_read_is_disconnected_and_nobody_waits_for_it() {
    let io = server(LONG);
    let url = serve(&io).await;
    let mut unread = Client::open_narrow(&url).await;
    unread.join("/", "").await.expect("to be let in");
    let slow = only_socket(&io).await;
    fill_the_network(&io, &slow).await;
    assert_eq!(io.metrics().slow_consumers.get(), 0);
    stream_past(&io, &url, &slow).await;
    // The connection is closed whether it reads or not: what it still can read ends.
    unread.closed().await;
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn a_polling_client_that_never_polls_is_disconnected_and_nobody_waits_for_it() {
    let io = server(LONG);
    let url = serve(&io).await;
    let mut unread = Polling::open(&url).await;
    unread.send("0").await;
    let slow = only_socket(&io).await;
    stream_past(&io, &url, &slow).await;
    eventually("its session is forgotten", || io.metrics().connections.get() == 0).await;
    drop(unread);
    nothing_stays(&io).await;
    io.close().await;
}

/// A stream of volatile packets to a client that does not take them never costs more than what is under way.
async fn volatile_packets_are_dropped(io: &Io, slow: &Socket) {
    const PACKETS: u64 = 500;
    let page = "x".repeat(1024);
    let before = waiting_bytes(io).await;
    for n in 0..PACKETS {
        if n % 2 == 0 { slow.volatile().emit("maybe", &page) } else { io.volatile().emit("maybe", &page) }
            .expect("an emit");
    }
    eventually("each volatile packet is dropped", || io.metrics().volatile_drops.get() == PACKETS).await;
    assert!(waiting_bytes(io).await <= before);
    assert!(slow.is_connected());
    let metrics = io.metrics();
    assert_eq!((metrics.slow_consumers.get(), metrics.undelivered.get()), (0, 0));
    // Only what must not be lost ends the patience with it.
    for _ in 0..2 * WAITING_BYTES_MAX / page.len() {
        io.emit("surely", &page).expect("an emit");
    }
    eventually("it is disconnected", || !slow.is_connected()).await;
    assert_eq!((metrics.slow_consumers.get(), metrics.volatile_drops.get()), (1, PACKETS));
}

#[tokio::test]
async fn volatile_packets_to_a_websocket_client_that_does_not_read_are_dropped_first() {
    let io = server(LONG);
    let url = serve(&io).await;
    let mut unread = Client::open_narrow(&url).await;
    unread.join("/", "").await.expect("to be let in");
    let slow = only_socket(&io).await;
    fill_the_network(&io, &slow).await;
    volatile_packets_are_dropped(&io, &slow).await;
    drop(unread);
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn volatile_packets_to_a_polling_client_that_never_polls_are_dropped_first() {
    let io = server(LONG);
    let url = serve(&io).await;
    let mut unread = Polling::connect(&url).await;
    unread.send("2[\"nobody-handles-this\"]").await;
    let slow = only_socket(&io).await;
    volatile_packets_are_dropped(&io, &slow).await;
    drop(unread);
    nothing_stays(&io).await;
    io.close().await;
}

/// Gets a client over its bound, and not too far; unless its grace is over meanwhile.
fn overfill(slow: &Socket) -> usize {
    let page = "x".repeat(1024);
    let pages = 2 * OUTBOX_BYTES_MAX / page.len();
    for n in 0..pages {
        match slow.emit("page", (n, &page)) {
            Ok(()) | Err(EmitError::Disconnected) => {}
            Err(other) => panic!("{other}"),
        }
    }
    pages
}

/// The same for a client whose grace does not end: it stays.
async fn overfill_patiently(io: &Io, slow: &Socket) -> usize {
    let pages = overfill(slow);
    // In order with them, to the same reactor.
    slow.join("filled").await.expect("an idle server");
    assert!(slow.is_connected());
    assert_eq!(io.metrics().slow_consumers.get(), 0);
    pages
}

#[tokio::test]
async fn a_websocket_client_that_stays_over_its_bound_is_disconnected_after_its_grace() {
    let io = server(100);
    let url = serve(&io).await;
    let mut websocket = Client::open_narrow(&url).await;
    websocket.join("/", "").await.expect("to be let in");
    let slow = only_socket(&io).await;
    fill_the_network(&io, &slow).await;
    overfill(&slow);
    eventually("it is disconnected", || !slow.is_connected()).await;
    assert_eq!(io.metrics().slow_consumers.get(), 1);
    drop(websocket);
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn a_polling_client_that_stays_over_its_bound_is_disconnected_after_its_grace() {
    let io = server(100);
    let url = serve(&io).await;
    let polling = Polling::connect(&url).await;
    let slow = only_socket(&io).await;
    overfill(&slow);
    eventually("it is disconnected", || !slow.is_connected()).await;
    assert_eq!(io.metrics().slow_consumers.get(), 1);
    drop(polling);
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn a_client_that_reads_again_within_its_grace_gets_everything() {
    let io = server(LONG);
    let url = serve(&io).await;
    let mut websocket = Client::open_narrow(&url).await;
    websocket.join("/", "").await.expect("to be let in");
    let slow = only_socket(&io).await;
    fill_the_network(&io, &slow).await;
    for _ in 0..3 {
        let pages = overfill_patiently(&io, &slow).await;
        let mut next = 0;
        while next < pages {
            let page = websocket.receive().await.arguments();
            // Those that filled the network come first, without a number.
            if page.len() == 3 {
                assert_eq!(page[1], next);
                next += 1;
            }
        }
        assert_eq!(waiting_bytes(&io).await, 0);
    }
    drop(websocket);
    nothing_stays(&io).await;

    let mut polling = Polling::connect(&url).await;
    let slow = only_socket(&io).await;
    for _ in 0..3 {
        for n in 0..overfill_patiently(&io, &slow).await {
            assert!(polling.receive().await.starts_with(&format!("2[\"page\",{n},")));
        }
    }
    assert!(slow.is_connected());
    assert_eq!((io.metrics().slow_consumers.get(), io.metrics().undelivered.get()), (0, 0));
    drop(polling);
    io.close().await;
}

/// A handler that computes, or blocks, costs the clients of its own reactor; nobody else waits for it. Not even for a
/// wake-up that it has put off.
#[tokio::test]
async fn a_handler_that_blocks_its_reactor_holds_up_nobody_on_another() {
    let io = Io::builder().options(Options { reactors: 2, ..Options::default() }).build();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (begin, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let released = std::sync::Mutex::new(released);
    io.on("block", async move |socket: Socket| {
        socket.broadcast().emit("before", ()).expect("there is room");
        begin.send(()).expect("the test waits");
        // The test lets go, or has failed.
        let _ = released.lock().expect("nobody panicked").recv();
    });
    let url = serve(&io).await;
    // Dealt to the reactors in turn.
    let mut clients = Client::connect_many(&url, 2).await;
    let mut other = clients.pop().expect("two");
    let mut blocking = clients.pop().expect("two");
    blocking.send("2[\"block\"]").await;
    begun.recv().await.expect("it has begun");
    io.emit("now", ()).expect("there is room");
    assert_eq!(other.receive().await.text, "2[\"before\"]");
    assert_eq!(other.receive().await.text, "2[\"now\"]");
    release.send(()).expect("it waits");
    assert_eq!(blocking.receive().await.text, "2[\"now\"]");
    io.close().await;
}
