//! Attacks by what clients begin and never finish. Each keeps its connection; the node must give up waiting.

use futures_util::future::join_all;

use super::raw::{BINARY, Raw, TEXT, TEXT_BEGINS, frame, header};
use super::{MIB, Target};
use crate::client::{Http, Polling, head};

/// Bytes of a large message, within the default `max_payload_bytes`.
const LARGE: usize = 900_000;
/// Memory that may be held: three times what these attacks send, 45 MB, for a copy and for room to grow.
const HELD_MAX: u64 = 128 * MIB;

/// Lets clients send the beginning of something, and waits until the node holds it no more. They do not end by the ping
/// timeout: clients may send pongs between attachments.
async fn is_given_up(clients: usize, beginning: &[u8]) {
    let target = Target::start(&[("PING_TIMEOUT_MS", "600000"), ("MESSAGE_TIMEOUT_MS", "5000")]).await;
    let mut sockets = join_all((0..clients).map(|_| Raw::join(target.url(), None))).await;
    // One that is cut at once is fine.
    let attack = join_all(sockets.iter_mut().map(|socket| socket.write(beginning)));
    let (_, growth) = target.under(attack).await;
    growth.is_at_most(HELD_MAX);
    target.settles(growth).await;
    drop(sockets);
    target.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attachments_of_packets_that_are_never_complete_are_given_up() {
    let packet = frame(TEXT, br#"454-["echo",{"_placeholder":true,"num":0}]"#);
    is_given_up(17, &[packet, frame(BINARY, &[0; LARGE]).repeat(3)].concat()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_are_never_complete_are_given_up() {
    is_given_up(50, &[header(TEXT, 999_999), vec![b'4'; LARGE]].concat()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_whose_last_fragment_never_comes_are_given_up() {
    is_given_up(50, &frame(TEXT_BEGINS, &[b'4'; LARGE])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_never_complete_are_given_up() {
    let target = Target::start(&[("BODY_TIMEOUT_MS", "5000")]).await;
    let length = format!("content-length: {}\r\n", LARGE + 1);
    let attack = async {
        let mut requests = Vec::new();
        for _ in 0..50 {
            let session = Polling::open(target.url()).await;
            let post = [head("POST", &session.path(), &length).as_bytes(), &[b'4'; LARGE]].concat();
            let mut http = Http::connect(target.url()).await;
            assert!(http.write(&post).await);
            requests.push((session, http));
        }
        requests
    };
    let (requests, growth) = target.under(attack).await;
    growth.is_at_most(HELD_MAX);
    target.settles(growth).await;
    drop(requests);
    target.end().await;
}
