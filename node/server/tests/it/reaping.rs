//! Whatever a client begins and does not finish, nothing of it stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fanfare::{Ack, AckError, Io, IoBuilder, Options, Socket};
use futures_util::future::join_all;
use http::Response;

use crate::client::{Client, Http, Polling, head, hung_up};
use crate::support::{DEADLINE, dawdle, eventually, nothing_stays, serve, sized};

const EACH: usize = 20;

/// Little patience, and enough for clients on a busy machine to do what they have to do in time. Where a test waits for
/// one of these to be over, it sets that one.
fn impatient() -> Options {
    Options {
        reactors: 3,
        ping_interval_ms: 1_000,
        ping_timeout_ms: 2_000,
        keep_alive_timeout_ms: 10_000,
        close_timeout_ms: 200,
        polling_close_timeout_ms: 200,
        ..Options::default()
    }
}

fn server(options: Options) -> IoBuilder {
    Io::builder().options(options)
}

// Compatibility: option-connect-timeout, reason-forced-server-close
#[tokio::test]
async fn a_session_that_enters_no_namespace_is_closed() {
    let io = server(Options { connect_timeout_ms: 400, ..impatient() }).build();
    let url = serve(&io).await;
    let mut websockets = join_all((0..EACH).map(|_| Client::open(&url))).await;
    let polling = join_all((0..EACH).map(|_| Polling::open(&url))).await;
    let mut polls = join_all((0..EACH).map(|_| Polling::open(&url))).await;
    assert_eq!(io.metrics().connects.get(), 3 * EACH as u64);
    // The clients keep their connections: it is the server that closes, and handlers hear of it.
    let closed = websockets.iter_mut().map(async |client| assert_eq!(client.closed().await, []));
    let polled = polls.iter_mut().map(async |client| while client.poll().await.status == 200 {});
    futures_util::future::join(join_all(closed), join_all(polled)).await;
    nothing_stays(&io).await;
    drop((websockets, polling, polls));
    io.close().await;
}

#[tokio::test]
async fn a_client_that_stops_polling_or_never_answers_a_ping_is_disconnected() {
    let io = server(impatient()).build();
    io.on_connect(async |socket: Socket| socket.join(["one", "two"]).await);
    let url = serve(&io).await;
    let polling = join_all((0..EACH).map(|_| Polling::connect(&url))).await;
    // Half-open: nothing is read or written any more, and nothing says so.
    let websockets = Client::connect_many(&url, EACH).await;
    assert_eq!(io.metrics().admissions.get(), 2 * EACH as u64);
    nothing_stays(&io).await;
    drop((polling, websockets));
    io.close().await;
}

// Compatibility: option-upgrade-timeout
#[tokio::test]
async fn an_upgrade_that_is_never_finished_is_given_up_and_polling_goes_on() {
    let io = server(Options { upgrade_timeout_ms: 1_500, ..impatient() }).build();
    io.on("echo", async |ack: Ack| ack.send(()));
    let url = serve(&io).await;
    let judged = (0..EACH).map(async |n| {
        let mut polling = Polling::connect(&url).await;
        let mut probe = Client::probe(&url, &polling.sid).await;
        if n % 2 == 0 {
            probe.send_raw("2probe").await;
            let answer = probe.raw().await.expect("an answer to the probe");
            assert_eq!(answer.to_text().expect("text"), "3probe");
        }
        // Polling goes on meanwhile, and after it.
        let (mut answers, mut probe) = (0, tokio::spawn(async move { probe.raw().await }));
        let mut given_up = false;
        while !given_up || answers < 5 {
            polling.send(&format!("2{answers}[\"echo\"]")).await;
            assert_eq!(polling.receive().await, format!("3{answers}[]"));
            answers += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
            given_up |= probe.is_finished();
        }
        assert_eq!((&mut probe).await.expect("no panic"), None, "the WebSocket is closed");
        polling.send("2999[\"echo\"]").await;
        assert_eq!(polling.receive().await, "3999[]");
        polling
    });
    let polling = join_all(judged).await;
    assert_eq!(io.metrics().upgrades_failed.get(), EACH as u64);
    assert!(io.observe().await.connections.iter().all(|connection| !connection.upgrading));
    nothing_stays(&io).await;
    drop(polling);
    io.close().await;
}

#[tokio::test]
async fn a_session_that_ends_during_its_upgrade_takes_the_websocket_along() {
    let io = server(impatient()).build();
    let url = serve(&io).await;
    let mut probes = Vec::new();
    for _ in 0..EACH {
        let polling = Polling::connect(&url).await;
        let mut probe = Client::probe(&url, &polling.sid).await;
        probe.send_raw("2probe").await;
        probes.push(probe);
        // Gone without a word.
        drop(polling);
    }
    for probe in &mut probes {
        while probe.raw().await.is_some() {}
    }
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn a_post_whose_body_never_ends_is_answered_in_time() {
    let io = server(Options { body_timeout_ms: 300, ..impatient() }).build();
    let url = serve(&io).await;
    let judged = (0..EACH).map(async |n| {
        let polling = Polling::connect(&url).await;
        let mut post = Http::connect(&url).await;
        let length = if n % 2 == 0 { "content-length: 1000\r\n" } else { "transfer-encoding: chunked\r\n" };
        post.write(head("POST", &polling.path(), length).as_bytes()).await;
        post.write(if n % 2 == 0 { b"42[\"half" } else { b"8\r\n42[\"half\r\n" }).await;
        assert_eq!(post.answer().await.expect("an answer").status, 408);
        hung_up(&mut post).await;
        (polling, post)
    });
    let clients = join_all(judged).await;
    nothing_stays(&io).await;
    drop(clients);
    io.close().await;
}

#[tokio::test]
async fn a_post_that_is_cut_off_leaves_nothing() {
    let io = server(Options { body_timeout_ms: 300, ..impatient() }).build();
    let url = serve(&io).await;
    for _ in 0..EACH {
        let polling = Polling::connect(&url).await;
        let mut post = Http::connect(&url).await;
        post.write(head("POST", &polling.path(), "content-length: 1000\r\n").as_bytes()).await;
        post.write(b"42[\"half").await;
    }
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn a_request_whose_head_never_ends_is_cut_off() {
    let options = Options { header_timeout_ms: 2_000, keep_alive_timeout_ms: 2_000, ..impatient() };
    let io = server(options).build();
    let url = serve(&io).await;
    let mut connections = Vec::new();
    for n in 0..3 * EACH {
        let mut http = Http::connect(&url).await;
        match n % 3 {
            // Not a single byte.
            0 => {}
            1 => assert!(http.write(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: exam").await),
            // Kept open after a complete request.
            _ => assert_eq!(http.get("/").await.status, 404),
        }
        connections.push(http);
    }
    join_all(connections.iter_mut().map(hung_up)).await;
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn a_request_that_comes_byte_by_byte_is_cut_off_all_the_same() {
    let io = server(Options { header_timeout_ms: 300, ..impatient() }).build();
    let url = serve(&io).await;
    let dripping = (0..EACH).map(async |_| {
        let mut http = Http::connect(&url).await;
        http.write(b"GET / HTTP/1.1\r\n").await;
        // Each byte comes well within the time for a head; all of them do not.
        let start = Instant::now();
        while http.write(b"x").await {
            assert!(start.elapsed() < DEADLINE, "the server reads on and on");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    join_all(dripping).await;
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn an_answer_that_is_never_read_does_not_hold_its_connection_for_ever() {
    let page = Bytes::from(vec![b'x'; 1 << 20]);
    let io = server(Options { unread_timeout_ms: 2_000, ..impatient() })
        .fallback(move |_| Response::new(page.clone()))
        .build();
    let url = serve(&io).await;
    let mut connections = Vec::new();
    for _ in 0..3 {
        let mut http = Http::connect_narrow(&url).await;
        // More than the network holds.
        http.write(head("GET", "/", "").repeat(16).as_bytes()).await;
        connections.push(http);
    }
    eventually("they are served", || io.metrics().http_connections.get() == 3).await;
    nothing_stays(&io).await;
    drop(connections);
    io.close().await;
}

#[tokio::test]
async fn a_client_that_goes_on_sending_and_reads_no_answer_is_cut_off() {
    let page = Bytes::from(vec![b'x'; 4 << 20]);
    let io = server(Options { unread_timeout_ms: 1_000, ..impatient() })
        .fallback(move |_| Response::new(page.clone()))
        .build();
    let url = serve(&io).await;
    let mut http = Http::connect_narrow(&url).await;
    http.write(head("GET", "/", "").as_bytes()).await;
    let start = Instant::now();
    // The kernel's timer begins anew with each segment.
    while http.write(b"G").await {
        assert!(start.elapsed() < DEADLINE, "the server keeps the connection");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn thousands_of_clients_that_come_and_go_leave_nothing() {
    let waves = sized(4, 40);
    const WEBSOCKETS: usize = 140;
    const POLLING: usize = 60;
    let options =
        Options { reactors: 3, polling_close_timeout_ms: 50, close_timeout_ms: 50, ..Options::default() };
    let io = Io::builder().options(options).build();
    let settled = Arc::new(AtomicU64::new(0));
    for name in ["/", "/other"] {
        let settled = settled.clone();
        io.of(name).on_connect(async move |socket: Socket| {
            let rooms =
                ["everybody".to_owned(), format!("of-{}", socket.id()), format!("{}", socket.id().reactor())];
            let _ = socket.join(rooms).await;
            // Nobody ever answers.
            let answer: Result<(), AckError> = socket.emit_with_ack("question", ()).await;
            assert!(matches!(answer, Err(AckError::Disconnected | AckError::Emit(_))), "{answer:?}");
            settled.fetch_add(1, Ordering::Relaxed);
        });
    }
    io.of("/other").middleware(async |socket: Socket| -> Result<(), String> {
        dawdle(socket.id().as_str().bytes().map(u32::from).sum()).await;
        Ok(())
    });
    let url = serve(&io).await;
    for _ in 0..waves {
        let websockets = join_all((0..WEBSOCKETS).map(async |n| {
            let mut client = Client::connect(&url).await;
            client.send("0/other,").await;
            // Some wait until they are in both namespaces, others leave in the middle of it.
            if n % 2 == 0 {
                client.receive_many(3).await;
            }
            match n % 5 {
                0 => client.send("1").await,
                1 => client.send_raw("1").await,
                2 => client.send("1/other,").await,
                _ => {}
            }
        }));
        let polling = join_all((0..POLLING).map(async |n| {
            let mut client = Polling::connect(&url).await;
            client.send("0/other,").await;
            match n % 3 {
                0 => client.send("1").await,
                1 => drop(client.receive().await),
                _ => {}
            }
            // What is left would be noticed by its heartbeat only.
            assert_eq!(client.post("1").await.status, 200);
        }));
        futures_util::future::join(websockets, polling).await;
    }
    nothing_stays(&io).await;
    let metrics = io.metrics();
    assert_eq!(metrics.connects.get(), (waves * (WEBSOCKETS + POLLING)) as u64);
    assert!(metrics.admissions.get() >= metrics.connects.get());
    assert_eq!(metrics.handler_panics.get(), 0);
    eventually("nobody waits for an answer", || settled.load(Ordering::Relaxed) == metrics.admissions.get())
        .await;
    io.close().await;
}

#[tokio::test]
async fn who_says_goodbye_while_middlewares_decide_is_let_in_nowhere() {
    const CLIENTS: usize = 100;
    const ROUNDS: usize = 10;
    let options = Options { reactors: 2, polling_close_timeout_ms: 50, ..Options::default() };
    let io = Io::builder().options(options).build();
    io.middleware(async |socket: Socket| -> Result<(), String> {
        socket.join("lobby").await.map_err(|error| error.to_string())?;
        dawdle(socket.id().as_str().bytes().map(u32::from).sum()).await;
        Ok(())
    });
    let url = serve(&io).await;
    for _ in 0..ROUNDS {
        join_all((0..CLIENTS).map(async |n| {
            let mut client = Polling::open(&url).await;
            client.send("0").await;
            dawdle(n as u32).await;
            let _ = client.post("1").await;
        }))
        .await;
    }
    nothing_stays(&io).await;
    io.close().await;
}
