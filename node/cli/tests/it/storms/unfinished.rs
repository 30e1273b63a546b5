//! Attacks by what clients begin and never finish. Each keeps its connection; the node must give up waiting.

use super::{MIB, Target};
use crate::client::{Http, Polling, head};

/// Bytes of a large message, within the default `max_payload_bytes`.
const LARGE: usize = 900_000;
/// Memory that may be held: what these attacks send, 67 MB, and two thirds more.
const HELD_MAX: u64 = 112 * MIB;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_never_complete_are_given_up() {
    let target = Target::start(&[("BODY_TIMEOUT_MS", "5000")]).await;
    let length = format!("content-length: {}\r\n", LARGE + 1);
    let attack = async {
        let mut requests = Vec::new();
        for _ in 0..75 {
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
