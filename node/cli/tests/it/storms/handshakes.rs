//! Handshakes that nobody makes use of, each on a connection that is gone at once.

use futures_util::future::join_all;

use super::{MIB, Target};
use crate::client::Http;

const SESSIONS: u64 = 4_000;
const AT_ONCE: u64 = 8;
/// Bytes of the headers of each, near the most that a head may have.
const HEADERS: usize = 15_000;
/// Memory that a session may take beside its headers.
const BESIDE: u64 = 12_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_that_nobody_uses_take_their_headers_and_give_that_back() {
    let target = Target::start(&[("CONNECT_TIMEOUT_MS", "20000"), ("POLLING_CLOSE_TIMEOUT_MS", "500")]).await;
    let headers = format!("connection: close\r\nx-large: {}\r\n", "x".repeat(HEADERS));
    let attack = async {
        let one_after_the_other = async || {
            for _ in 0..SESSIONS / AT_ONCE {
                let mut http = Http::connect(target.url()).await;
                let answer = http.get_with("/socket.io/?EIO=4&transport=polling", &headers).await;
                assert_eq!(answer.status, 200);
            }
        };
        join_all((0..AT_ONCE).map(|_| one_after_the_other())).await;
    };
    let ((), growth) = target.under(attack).await;
    growth.is_at_most(SESSIONS * (HEADERS as u64 + BESIDE) + 8 * MIB);
    target.settles(growth).await;
    target.end().await;
}
