//! Order of what a polling client reads: its requests come in on connections that any reactor may serve.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fanfare::{Ack, Io, Options, Socket};
use tokio::sync::Semaphore;

use crate::client::{Client, Http, Polling, head};
use crate::support::{DEADLINE, serve};

const CLIENTS: usize = 10;
const POSTS: usize = 20;

/// python-engineio hangs for 25 s if the acknowledgement comes first. The official server never does that.
#[tokio::test]
async fn a_post_is_answered_before_what_its_packets_have_caused() {
    for reactors in [1, 3] {
        let io = Io::builder().options(Options { reactors, ..Options::default() }).build();
        io.on("ask", async |ack: Ack| ack.send(()));
        let url = serve(&io).await;
        // One packet, and more than a connection handles in one turn.
        for asks in [1, 200] {
            let mut overtaken = 0;
            for _ in 0..CLIENTS {
                let mut client = Polling::connect(&url).await;
                for _ in 0..POSTS {
                    overtaken += usize::from(is_overtaken(&url, &mut client, asks).await);
                }
            }
            // Under load the kernel itself may be late with what was written first.
            let few = CLIENTS * POSTS / 50;
            assert!(overtaken <= few, "{overtaken} of {} answers came late", CLIENTS * POSTS);
        }
        io.close().await;
    }
}

/// Asks for acknowledgements, and says whether any comes before the answer to the POST.
async fn is_overtaken(url: &str, client: &mut Polling, asks: usize) -> bool {
    let packets: Vec<String> = (0..asks).map(|n| format!("42{n}[\"ask\"]")).collect();
    let body = packets.join("\u{1e}");
    let length = format!("content-length: {}\r\n", body.len());
    let requests = [head("GET", &client.path(), ""), head("POST", &client.path(), &length) + &body];
    let address = url.trim_start_matches("http://").to_owned();
    let racing = tokio::task::spawn_blocking(move || race(&address, requests));
    let (is_overtaken, mut get, mut post) = racing.await.expect("a race");
    assert_eq!(post.answer().await.expect("an answer").body, "ok");
    let first = get.answer().await.expect("an answer").body;
    for _ in first.split('\u{1e}').count()..asks {
        client.receive().await;
    }
    is_overtaken
}

/// Sends two requests, each on a connection of its own. Whether an answer to the first comes when there is none to the
/// second, and both connections.
fn race(address: &str, requests: [String; 2]) -> (bool, Http, Http) {
    let [first, second] = requests.map(|request| {
        let mut stream = TcpStream::connect(address).expect("a server");
        stream.set_nodelay(true).expect("an option");
        stream.write_all(request.as_bytes()).expect("a server that reads");
        stream.set_nonblocking(true).expect("an option");
        stream
    });
    let has_come = |stream: &TcpStream| stream.peek(&mut [0]).is_ok_and(|bytes| bytes > 0);
    let start = Instant::now();
    while !has_come(&first) {
        assert!(start.elapsed() < DEADLINE, "no answer comes");
        std::thread::yield_now();
    }
    // It is looked at after the first, so that what is missing was not written before that.
    let is_overtaken = !has_come(&second);
    let http = |stream| Http::over(tokio::net::TcpStream::from_std(stream).expect("a runtime"));
    (is_overtaken, http(first), http(second))
}

/// Else a client would be told nothing, not even pings, while its handlers work.
#[tokio::test]
async fn a_post_that_waits_for_handlers_keeps_nothing_from_its_client() {
    let options = Options { reactors: 1, events_in_flight_max: 2, ..Options::default() };
    let io = Io::builder().options(options).build();
    io.on("ask", async |ack: Ack| ack.send(()));
    let permits = Arc::new(Semaphore::new(0));
    let handlers = permits.clone();
    io.on("work", async move || handlers.acquire().await.map(|permit| permit.forget()));
    let url = serve(&io).await;
    let mut client = Polling::connect(&url).await;
    let (path, mut posts) = (client.path(), Http::connect(&url).await);
    let body = ["421[\"ask\"]", "42[\"work\"]", "42[\"work\"]", "42[\"work\"]"].join("\u{1e}");
    let post = tokio::spawn(async move { posts.post(&path, &body).await });
    assert_eq!(client.receive().await, "31[]");
    assert!(!post.is_finished(), "the third one has to wait");
    permits.add_permits(3);
    assert_eq!(post.await.expect("an answer").status, 200);
    io.close().await;
}

/// Large answers are compressed on other threads. While those are held up, whoever shares the reactor goes on.
#[tokio::test]
async fn compression_of_a_large_answer_keeps_nobody_waiting() {
    const GZIP: &str = "accept-encoding: gzip\r\n";
    let io = Io::builder().options(Options { reactors: 1, ..Options::default() }).build();
    let large = "Fanfare ".repeat(55_000);
    let text = large.clone();
    io.on("large", async move |socket: Socket| socket.emit("text", &text));
    io.on("hello", async |ack: Ack| ack.send(()));
    let url = serve(&io).await;
    let mut other = Client::connect(&url).await;
    let held = io.hold_compression().expect("nothing is compressed yet");
    let mut polls = Vec::new();
    for _ in 0..10 {
        let mut client = Polling::connect(&url).await;
        client.send("2[\"large\"]").await;
        let mut http = Http::connect(&url).await;
        assert!(http.write(head("GET", &client.path(), GZIP).as_bytes()).await);
        polls.push((client, http));
    }
    for _ in 0..50 {
        other.ask("hello").await;
    }
    for (_, http) in &mut polls {
        assert!(!http.hears_within(Duration::ZERO).await, "it was compressed where other clients wait");
    }
    drop(held);
    for (_, http) in &mut polls {
        let answer = http.answer().await.expect("an answer");
        assert!(answer.headers.iter().any(|line| line == "content-encoding: gzip"), "{:?}", answer.headers);
        let mut text = String::new();
        flate2::read::GzDecoder::new(&answer.bytes[..]).read_to_string(&mut text).expect("gzip");
        assert_eq!(text, format!("42[\"text\",\"{large}\"]"));
    }
    assert_eq!(io.metrics().compressions_skipped.get(), 0);
    io.close().await;
}
