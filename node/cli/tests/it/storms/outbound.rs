//! Attacks by what clients are sent: large packets to many, and answers that nobody reads.

use futures_util::future::join_all;

use super::raw::{Raw, TEXT, frame};
use super::{MIB, Target};
use crate::client::Client;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_keep_nothing_of_a_large_packet_that_they_were_sent() {
    const BYTES: usize = 900_000;
    let target = Target::start(&[]).await;
    let mut sockets = join_all((0..200).map(|_| Raw::join(target.url(), None))).await;
    let mut publisher = Client::connect(target.url()).await;
    let attack = async {
        let publish = async {
            publisher.send(&format!("2[\"broadcast\",\"{}\"]", "x".repeat(BYTES))).await;
            publisher.receive().await;
        };
        tokio::join!(publish, join_all(sockets.iter_mut().map(|socket| socket.message(BYTES))));
    };
    let ((), growth) = target.under(attack).await;
    target.settles(growth).await;
    drop(sockets);
    target.end().await;
}

/// Each asks for so much that its network buffers and its outbox are full, and goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_its_answers_is_read_no_further() {
    let target = Target::start(&[]).await;
    let sockets = join_all((0..50).map(|_| Raw::join(target.url(), Some(4096)))).await;
    let question = frame(TEXT, format!("420[\"echo\",\"{}\"]", "x".repeat(100_000)).as_bytes());
    let ask = |mut socket: Raw| {
        let question = question.clone();
        tokio::spawn(async move {
            for _ in 0..120 {
                if !socket.write(&question).await {
                    break;
                }
            }
            socket
        })
    };
    let (held, growth) = target.under(join_all(sockets.into_iter().map(ask))).await;
    growth.is_at_most(160 * MIB);
    drop(held);
    target.settles(growth).await;
    target.end().await;
}
