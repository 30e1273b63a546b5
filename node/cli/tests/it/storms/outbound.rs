//! Attacks by what clients are sent: large packets to many, answers that nobody reads, and a publisher without mercy.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;

use super::raw::{Raw, TEXT, frame};
use super::{MIB, Target};
use crate::client::{Client, Polling};

/// Time for which the publisher goes on if it is not let through.
const PUBLISHES_FOR: Duration = Duration::from_secs(20);

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

/// Polls until it is told to stop. The number of packets that came.
async fn poll(url: String, mut stopped: watch::Receiver<bool>) -> usize {
    let mut poller = Polling::connect(&url).await;
    let mut packets = 0;
    loop {
        tokio::select! {
            _ = poller.receive() => packets += 1,
            _ = stopped.changed() => return packets,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_at_full_speed_gets_no_healthy_poller_cut() {
    let target = Target::start(&[]).await;
    let (stop, stopped) = watch::channel(false);
    let pollers: Vec<_> =
        (0..5).map(|_| tokio::spawn(poll(target.url().to_owned(), stopped.clone()))).collect();
    let (reads, mut writes) = Raw::join(target.url(), None).await.into_tcp().into_split();
    // It hears itself, and reads that.
    let reads = tokio::spawn(Raw::forget(reads));
    let burst = frame(TEXT, format!("42[\"broadcast\",\"{}\"]", "x".repeat(10_000)).as_bytes()).repeat(10);
    let attack = async {
        let start = Instant::now();
        for _ in 0..600 {
            if writes.write_all(&burst).await.is_err() || start.elapsed() > PUBLISHES_FOR {
                break;
            }
        }
    };
    let ((), growth) = target.under(attack).await;
    growth.is_at_most(96 * MIB);
    stop.send(true).expect("the pollers wait");
    for poller in pollers {
        assert!(poller.await.expect("a poller that polls is not cut") > 0);
    }
    assert_eq!(target.metric("fanfare_slow_consumers_total").await, 0);
    drop(writes);
    reads.await.expect("no panic");
    target.end().await;
}
