//! Readers that are slow all the time: each stays over the bound of its outbox, and is cut after its grace, although it
//! takes something again and again.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::raw::Raw;
use super::{NOTICES_WITHIN, Target};
use crate::client::{Client, Polling, head};

/// The bound: `outbox_bytes_max`.
const OUTBOX_BYTES_MAX: u64 = 1 << 20;
/// Bytes that are kept waiting: over the bound, and well below four times as much, where a client is cut at once.
const WAITING_BYTES: u64 = 5 * OUTBOX_BYTES_MAX / 2;
/// Pace of the readers: 800 kB a second.
const STEP_BYTES: usize = 16_000;
const STEP: Duration = Duration::from_millis(20);

async fn target() -> Target {
    let bound = OUTBOX_BYTES_MAX.to_string();
    Target::start(&[("OUTBOX_BYTES_MAX", &bound), ("SLOW_CONSUMER_GRACE_MS", "2000")]).await
}

/// Publishes to the room `slow` what keeps its member over the bound, until that is cut. False if it never is.
async fn is_cut(target: &Target) -> bool {
    let mut publisher = Client::connect(target.url()).await;
    let event = format!("emit\",\"slow\",\"{}", "x".repeat(20_000));
    let start = Instant::now();
    while start.elapsed() < NOTICES_WITHIN {
        if target.metric("fanfare_slow_consumers_total").await == 1 {
            return true;
        }
        let waiting = target.metric("fanfare_outbox_bytes").await;
        for _ in 0..WAITING_BYTES.saturating_sub(waiting) / 20_000 {
            publisher.ask(&event).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_client_that_is_always_too_slow_is_cut() {
    let target = target().await;
    let mut slow = Raw::join(target.url(), Some(4096)).await;
    assert!(slow.text(r#"42["join","slow"]"#).await);
    let reads = tokio::spawn(async move { slow.read_slowly(STEP_BYTES, STEP).await });
    assert!(is_cut(&target).await, "it stays over its bound for ever");
    reads.await.expect("it hears the connection close");
    target.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_polling_client_that_is_always_too_slow_is_cut() {
    let target = target().await;
    let mut slow = Polling::connect(target.url()).await;
    slow.send(r#"2["join","slow"]"#).await;
    let mut stream = Raw::tcp(target.url(), Some(4096)).await;
    let reads = tokio::spawn(async move {
        let poll = head("GET", &slow.path(), "");
        let mut chunk = vec![0; STEP_BYTES];
        loop {
            if stream.write_all(poll.as_bytes()).await.is_err() {
                return;
            }
            // Until nothing comes for a while: the whole answer.
            let mut answer = Vec::new();
            while !is_complete(&answer) {
                match stream.read(&mut chunk).await {
                    Ok(bytes) if bytes > 0 => answer.extend_from_slice(&chunk[..bytes]),
                    _ => return,
                }
                tokio::time::sleep(STEP).await;
            }
            if !answer.starts_with(b"HTTP/1.1 200 ") {
                return;
            }
        }
    });
    assert!(is_cut(&target).await, "it stays over its bound for ever");
    reads.await.expect("it hears of it");
    target.end().await;
}

/// Whether these are the head of an answer and as many bytes as it tells.
fn is_complete(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).take(4096).position(|end| end == b"\r\n\r\n") else { return false };
    let head_bytes = head + 4;
    let head = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    answer.len() >= head_bytes + length.unwrap_or(0_usize)
}
