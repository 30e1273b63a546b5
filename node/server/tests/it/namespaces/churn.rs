//! Names that clients choose leak nothing: namespaces that were entered and left are as if they had never been.

use std::collections::HashSet;

use fanfare::{ClientLimits, Io, MemoryHub, Options, Socket};

use super::names;
use crate::client::Client;
use crate::support::{eventually, nothing_stays, serve, sized};

/// Namespaces that one client is in at a time.
const AT_ONCE: usize = 50;

pub fn options() -> Options {
    let limits = ClientLimits { child_namespaces_max: 100_000, ..ClientLimits::default() };
    Options { reactors: 2, child_namespace_idle_ms: 1, limits, ..Options::default() }
}

pub fn declare(io: &Io) {
    let parent = io.of_pattern("/{name}").expect("a pattern");
    parent.on_connect(async |socket: Socket| {
        socket.join("room").await?;
        // Across the cluster, so that the namespace is named there.
        socket.within("room").emit("hello", ())
    });
}

/// Enters and leaves namespaces of these numbers, a number of them at a time.
async fn enter_and_leave(client: &mut Client, numbers: std::ops::Range<usize>) {
    let mut numbers = numbers.peekable();
    while numbers.peek().is_some() {
        let some: Vec<usize> = numbers.by_ref().take(AT_ONCE).collect();
        for n in &some {
            client.feed(&format!("0/ns-{n},")).await;
        }
        client.flush().await;
        are_entered(client, &some).await;
        for n in &some {
            client.feed(&format!("1/ns-{n},")).await;
        }
        client.flush().await;
    }
}

/// Waits for CONNECT and the event of each. Events of clients of the other node may come beside them, also late.
async fn are_entered(client: &mut Client, numbers: &[usize]) {
    let of_one = |n: &usize| [format!("0/ns-{n},"), format!("2/ns-{n},")];
    let mut awaited: HashSet<_> = numbers.iter().flat_map(of_one).collect();
    while !awaited.is_empty() {
        let packet = client.receive().await;
        assert!(!packet.text.starts_with('4'), "{packet:?}");
        awaited.remove(packet.text.split_inclusive(',').next().unwrap_or_default());
    }
}

/// Does it with several clients, and waits until every namespace has ended.
pub async fn churn(io: &Io, url: &str, numbers: std::ops::Range<usize>) {
    const CLIENTS: usize = 4;
    let each = numbers.len() / CLIENTS;
    let work = (0..CLIENTS).map(async |n| {
        let mut client = Client::connect(url).await;
        let start = numbers.start + n * each;
        enter_and_leave(&mut client, start..start + each).await;
    });
    futures_util::future::join_all(work).await;
    nothing_stays(io).await;
    eventually("every namespace has ended", || names(io).is_empty()).await;
}

/// Resident memory of this process in bytes.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let pages: usize = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    pages * 4096
}

/// Other tests of this process take memory too, such as those that print where something panicked: a leak shows each time,
/// they do not.
const ROUNDS_MAX: usize = 3;

/// A kilobyte of each would be ten times as much.
fn is_little(bytes: usize, namespaces: usize) -> bool {
    bytes < (namespaces * 100).max(16 << 20)
}

/// Tasks on the current threads that the runtimes know nothing of are none of ours; actors and their tasks show up here.
pub async fn assert_nothing_is_left(io: &Io) {
    let seen = io.observe().await;
    assert!(seen.namespaces.iter().all(|namespace| namespace.namespace == "/"), "{:?}", seen.namespaces);
    assert_eq!((seen.connections.len(), seen.sockets.len()), (0, 0));
    let metrics = io.metrics();
    assert_eq!((metrics.child_namespaces.get(), metrics.sockets.get(), metrics.memberships.get()), (0, 0, 0));
    assert_eq!(metrics.restarts.get(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn namespaces_that_were_entered_and_left_leave_nothing_behind() {
    let count = sized(10_000, 100_000);
    let io = Io::builder().options(options()).build();
    declare(&io);
    let url = serve(&io).await;
    // What is allocated once, and what allocators keep.
    churn(&io, &url, 0..count / 2).await;
    let mut growth = Vec::new();
    for round in 1..=ROUNDS_MAX {
        let before = resident();
        let started = std::time::Instant::now();
        churn(&io, &url, round * count..(round + 1) * count).await;
        println!("{count} namespaces in {:?}", started.elapsed());
        assert_nothing_is_left(&io).await;
        growth.push(resident().saturating_sub(before));
        if growth.iter().any(|grown| is_little(*grown, count)) {
            break;
        }
    }
    assert!(
        growth.iter().any(|grown| is_little(*grown, count)),
        "{growth:?} bytes more, {count} namespaces each"
    );
    io.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn namespaces_that_were_entered_and_left_leave_nothing_on_a_bus() {
    let count = sized(4_000, 40_000);
    let hub = MemoryHub::new(3);
    let mut options = options();
    options.cluster.heartbeat_interval_ms = 50;
    options.cluster.heartbeat_timeout_ms = 60_000;
    let node = || {
        let io = Io::builder().options(options.clone()).bus(hub.bus()).build();
        declare(&io);
        io
    };
    let nodes = [node(), node()];
    let urls = [serve(&nodes[0]).await, serve(&nodes[1]).await];
    eventually("they know each other", || nodes.iter().all(|io| io.nodes().len() == 1)).await;
    let interests = |io: &Io| io.bus_meters().expect("a bus").interests.get();
    let before = [interests(&nodes[0]), interests(&nodes[1])];
    let mut growth = Vec::new();
    for round in 0..=ROUNDS_MAX {
        let memory = resident();
        let numbers = round * count / 2..(round + 1) * count / 2;
        // The same names on both, so that each hears the other.
        let both = [churn(&nodes[0], &urls[0], numbers.clone()), churn(&nodes[1], &urls[1], numbers)];
        futures_util::future::join_all(both).await;
        // What is allocated once is not counted.
        if round > 0 {
            growth.push(resident().saturating_sub(memory));
        }
    }
    for io in &nodes {
        assert_nothing_is_left(io).await;
        assert_eq!(io.bus_meters().expect("a bus").lost.get(), 0);
    }
    let all_ended = || [interests(&nodes[0]), interests(&nodes[1])] == before;
    eventually("nothing is subscribed to any more", all_ended).await;
    let count = count / 2;
    assert!(
        growth.iter().any(|grown| is_little(*grown, count)),
        "{growth:?} bytes more, {count} namespaces each"
    );
    for io in &nodes {
        io.close().await;
    }
}
