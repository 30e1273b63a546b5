//! Attacks by what clients send: control frames, announcements, fragments, and large messages.

use futures_util::future::join_all;

use super::raw::{BINARY, CONTINUES, PING, Raw, TEXT, TEXT_BEGINS, frame, header};
use super::{MIB, Target};
use crate::client::Polling;

/// Bytes that one flooding client tries to send.
const FLOOD_BYTES: usize = 48 << 20;

/// Sends pings as fast as the server reads them, and reads no answer. Keeps the connection.
async fn flood_with_pings(mut socket: Raw) -> Raw {
    let burst = frame(PING, &[b'p'; 125]).repeat(500);
    for _ in 0..FLOOD_BYTES / burst.len() {
        if !socket.write(&burst).await {
            break;
        }
    }
    socket
}

/// Lets all of them flood a node.
async fn pings_take_little_memory(target: &Target, sockets: Vec<Raw>) {
    let floods = sockets.into_iter().map(|socket| tokio::spawn(flood_with_pings(socket)));
    let (sockets, growth) = target.under(join_all(floods)).await;
    growth.is_at_most(32 * MIB);
    drop(sockets);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_of_clients_that_read_nothing_take_little_memory() {
    let target = Target::start(&[]).await;
    let sockets = join_all((0..4).map(|_| Raw::open(target.url()))).await;
    pings_take_little_memory(&target, sockets).await;
    target.end().await;
}

/// The same where a polling session is about to be upgraded, before its probe and after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_before_an_upgrade_take_little_memory() {
    let target = Target::start(&[]).await;
    let (mut sessions, mut sockets) = (Vec::new(), Vec::new());
    for number in 0..4 {
        let session = Polling::open(target.url()).await;
        let mut socket = Raw::upgrade(target.url(), &format!("&sid={}", session.sid), None).await;
        assert!(number % 2 == 0 || socket.text("2probe").await);
        sockets.push(socket);
        sessions.push(session);
    }
    pings_take_little_memory(&target, sockets).await;
    target.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announced_length_takes_no_memory() {
    // With huge pages what is reserved is resident, too.
    let target = Target::start_in(&[], &[]).await;
    let mut sockets = join_all((0..500).map(|_| Raw::open(target.url()))).await;
    let attack = async {
        for socket in &mut sockets {
            assert!(socket.write(&header(BINARY, 999_999)).await);
        }
    };
    let ((), growth) = target.under(attack).await;
    growth.is_at_most(16 * MIB);
    drop(sockets);
    target.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_fragments_count_for_the_pace_of_a_client() {
    let target = Target::start(&[("LIMITS__EVENTS_PER_SECOND", "1000")]).await;
    let mut socket = Raw::join(target.url(), None).await;
    let attack = async {
        assert!(socket.write(&frame(TEXT_BEGINS, b"")).await);
        let burst = frame(CONTINUES, b"").repeat(1000);
        for _ in 0..200 {
            if !socket.write(&burst).await {
                break;
            }
        }
        target.reaches("fanfare_limits_reached_total{limit=\"events\"}", 1).await
    };
    let (is_counted, growth) = target.under(attack).await;
    assert!(is_counted, "a client may send empty fragments as fast as it likes");
    growth.is_at_most(16 * MIB);
    target.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_keep_nothing_of_a_large_message_that_they_received() {
    let target = Target::start(&[]).await;
    let mut sockets = join_all((0..200).map(|_| Raw::join(target.url(), None))).await;
    // A name that is too long is answered, without itself.
    let message = frame(TEXT, format!("420[\"join\",\"{}\"]", "x".repeat(900_000)).as_bytes());
    let attack = async {
        for few in sockets.chunks_mut(5) {
            join_all(few.iter_mut().map(async |socket| {
                assert!(socket.write(&message).await);
                socket.message(1).await;
            }))
            .await;
        }
    };
    let ((), growth) = target.under(attack).await;
    target.settles(growth).await;
    drop(sockets);
    target.end().await;
}
