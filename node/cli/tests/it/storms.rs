//! Attacks on the program by clients that flood, stall, announce and do not read. Each is bounded in size and time. The
//! node must hold no more than its bounds say, give it back, and serve other clients meanwhile.

mod handshakes;
mod inbound;
mod memory;
mod outbound;
mod random;
mod raw;
mod slow;
mod unfinished;
mod witness;

use std::future::Future;
use std::time::{Duration, Instant};

use memory::{Peak, resident};
use witness::Witnesses;

use crate::client::Http;
use crate::config::Node;
use crate::support::free_port;

const MIB: u64 = 1 << 20;
/// Memory that a node may keep of an attack.
const SPARE: u64 = 16 * MIB;
/// Time in which a node must give back what an attack took, or else have given up waiting for its end.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);
/// Time in which a node must have noticed something.
const NOTICES_WITHIN: Duration = Duration::from_secs(30);
/// Time after which a write that makes no progress counts as refused: the node reads no further.
const STALLED: Duration = Duration::from_secs(2);

/// Has the allocator give back what is free. A storm is to show what connections keep.
const ALLOCATOR: [(&str, &str); 2] = [("MIMALLOC_PURGE_DELAY", "0"), ("MIMALLOC_ALLOW_THP", "0")];

/// A node, and well-behaved clients of it.
struct Target {
    node: Node,
    operations: String,
    witnesses: Witnesses,
}

impl Target {
    /// Starts a node on two reactors with settings of the section `server`.
    async fn start(server: &[(&str, &str)]) -> Self {
        Self::start_in(&ALLOCATOR, server).await
    }

    /// The same in an environment of its own.
    async fn start_in(environment: &[(&str, &str)], server: &[(&str, &str)]) -> Self {
        let operations = format!("127.0.0.1:{}", free_port());
        let more = ["--reactors", "2", "--ops-listen", &operations];
        let node = Node::start_in(environment, "127.0.0.1:0", &more, server).await;
        let witnesses = Witnesses::start(&node.url).await;
        Self { operations: format!("http://{operations}"), node, witnesses }
    }

    fn url(&self) -> &str {
        &self.node.url
    }

    /// Bytes of memory that are its own.
    fn resident(&self) -> u64 {
        resident(self.node.pid())
    }

    /// Lets an attack happen, in the course of which the witnesses must be served. Returns the highest memory during it,
    /// beyond that of before.
    async fn under<T>(&self, attack: impl Future<Output = T>) -> (T, Growth) {
        let before = self.resident();
        let peak = Peak::of(self.node.pid());
        let (done, ()) = tokio::join!(attack, self.witnesses.are_served());
        self.witnesses.are_served().await;
        (done, Growth { before, bytes: peak.end().saturating_sub(before) })
    }

    /// Waits until its memory is about what it was.
    async fn settles(&self, growth: Growth) {
        let start = Instant::now();
        loop {
            let now = self.resident();
            if now <= growth.before + SPARE {
                return;
            }
            assert!(
                start.elapsed() < SETTLES_WITHIN,
                "it keeps {} MiB of the {} MiB that the attack took",
                now.saturating_sub(growth.before) / MIB,
                growth.bytes / MIB,
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Value of a metric, with its labels as in the exposition; 0 if there is none.
    async fn metric(&self, series: &str) -> u64 {
        let page = Http::connect(&self.operations).await.get("/metrics").await.body;
        let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse::<f64>().expect("a number") as u64)
    }

    /// Waits until a metric has at least this value. False if it never has.
    async fn reaches(&self, series: &str, value: u64) -> bool {
        let start = Instant::now();
        while start.elapsed() < NOTICES_WITHIN {
            if self.metric(series).await >= value {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    /// Checks that it is well, and ends it.
    async fn end(self) {
        assert_eq!(Http::connect(&self.operations).await.get("/healthz").await.status, 200);
        self.witnesses.are_served().await;
        self.witnesses.end();
        let log = self.node.end().await;
        let faults: Vec<_> =
            log.iter().filter(|line| line.contains("ERROR") || line.contains("panicked")).collect();
        assert!(faults.is_empty(), "{faults:?}");
    }
}

/// Memory that an attack took.
#[derive(Clone, Copy, Debug)]
struct Growth {
    before: u64,
    bytes: u64,
}

impl Growth {
    /// Checks that it was no more than the bound.
    fn is_at_most(self, bound: u64) {
        let (bytes, bound) = (self.bytes / MIB, bound / MIB);
        println!("memory: {bytes} MiB, of at most {bound} MiB");
        assert!(bytes <= bound, "the attack made the node hold {bytes} MiB; its bounds allow {bound} MiB");
    }
}
