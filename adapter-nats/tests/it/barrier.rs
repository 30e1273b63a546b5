//! Awaited subscriptions are in force at every server, whatever else subscribes and whichever node is frozen.

use std::cell::Cell;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use fanfare_adapter_nats::NatsOptions;
use futures_util::future::join_all;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use crate::outage::cpu_time;
use crate::peer::{Peer, bucket, options, until};
use crate::proxy::Proxy;
use crate::server::{Server, free_port};

/// Hundreds of waits are over by then, also on a busy machine, if none of them is for nothing.
const DEADLINE: Duration = Duration::from_secs(60);
/// Waits at a time.
const TASKS: u64 = 8;

/// Options for a bus that waits for as long as it takes.
fn patient(server: &Server) -> NatsOptions {
    NatsOptions { sync_timeout_ms: 600_000, ..options(server) }
}

/// Subscribes to fresh buckets, several at a time. Whatever another one says on each as soon as that is known to be in
/// force must come.
async fn subscribe_and_hear(hearing: &Peer, saying: &Peer, from: u64, to: u64) {
    let before = hearing.count();
    let next = Cell::new(from);
    let one_after_the_other = async || {
        while next.get() < to {
            let number = next.replace(next.get() + 1);
            let fresh = bucket(number as u32);
            hearing.hear(std::slice::from_ref(&fresh)).await;
            saying.say(&fresh, number);
        }
    };
    let all = join_all((0..TASKS).map(|_| one_after_the_other()));
    timeout(DEADLINE, all).await.expect("nobody waits for nothing");
    until("everything came", || hearing.count() - before >= to - from).await;
    assert_eq!(hearing.count() - before, to - from);
}

/// A node on a thread of its own that can be frozen: its connection stays open and nothing moves.
struct Freezer {
    /// Used when it is to be frozen, which it confirms.
    freeze: Option<oneshot::Sender<oneshot::Sender<()>>>,
    /// Taken when it goes on.
    thaw: Option<mpsc::Sender<()>>,
    /// Taken when it ends.
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Freezer {
    async fn start(name: &'static str, options: NatsOptions) -> Self {
        let (freeze, freezing) = oneshot::channel::<oneshot::Sender<()>>();
        let (thaw, thawed) = mpsc::channel::<()>();
        let (end, ended) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let _peer = Peer::join(name, options, &[]).await;
                if let Ok(confirm) = freezing.await {
                    confirm.send(()).expect("the test waits");
                    // All tasks of the node are on this thread. An error means that it goes on.
                    let _ = thawed.recv();
                }
                let _ = ended.await;
            });
        });
        Self { freeze: Some(freeze), thaw: Some(thaw), end: Some(end), thread: Some(thread) }
    }

    async fn freeze(&mut self) {
        let (confirm, confirmed) = oneshot::channel();
        self.freeze.take().expect("it runs").send(confirm).expect("it runs");
        confirmed.await.expect("it runs");
    }

    fn thaw(&mut self) {
        self.thaw = None;
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        (self.freeze, self.thaw, self.end) = (None, None, None);
        // If it has failed, so has the test.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Waits until it knows so many others.
async fn knows(peer: &Peer, others: u64) {
    until("they meet", || peer.bus.meters().peers.get() == others).await;
}

/// Waits until they know each other.
async fn meet(peers: &[&Peer]) {
    for peer in peers {
        knows(peer, peers.len() as u64 - 1).await;
    }
}

/// As operators do: `nats sub '>'`.
async fn subscribe_to_everything(server: &Server) -> async_nats::Subscriber {
    let client = async_nats::connect(server.url()).await.expect("it connects");
    let everything = client.subscribe(">").await.expect("it subscribes");
    client.flush().await.expect("the server has it");
    everything
}

#[tokio::test]
async fn a_subscriber_of_everything_delays_nobody() {
    let server = Server::start();
    // Before and after.
    let _first = subscribe_to_everything(&server).await;
    let alone = Peer::join("alone", patient(&server), &[]).await;
    let saying = Peer::join("says", patient(&server), &[]).await;
    let _second = subscribe_to_everything(&server).await;
    subscribe_and_hear(&alone, &saying, 1, 300).await;
    assert_eq!(alone.bus.meters().unsynced.get(), 0);
    timeout(DEADLINE, alone.bus.close(DEADLINE * 2)).await.expect("it is left when all has arrived");
}

#[tokio::test]
async fn a_subscriber_of_everything_delays_nobody_on_other_servers() {
    let servers = Server::cluster(2);
    let _everything = subscribe_to_everything(&servers[1]).await;
    let hearing = Peer::join("hear", patient(&servers[0]), &[]).await;
    let saying = Peer::join("says", patient(&servers[1]), &[]).await;
    meet(&[&hearing, &saying]).await;
    subscribe_and_hear(&hearing, &saying, 1, 300).await;
    assert_eq!(hearing.bus.meters().unsynced.get(), 0);
}

#[tokio::test]
async fn a_frozen_node_is_stood_in_for_by_others_on_its_server() {
    let servers = Server::cluster(2);
    let hearing = Peer::join("hear", patient(&servers[0]), &[]).await;
    let mut frozen = Freezer::start("frozen", patient(&servers[1])).await;
    let saying = Peer::join("says", patient(&servers[1]), &[]).await;
    knows(&hearing, 2).await;
    knows(&saying, 2).await;
    frozen.freeze().await;
    subscribe_and_hear(&hearing, &saying, 1, 400).await;
    let unsynced = hearing.bus.meters().unsynced.get();
    assert!(unsynced < TASKS, "{unsynced} were let go without a proof");
}

#[tokio::test]
async fn a_frozen_node_alone_on_its_server_delays_others_once() {
    let servers = Server::cluster(3);
    let hearing = Peer::join("hear", patient(&servers[0]), &[]).await;
    let saying = Peer::join("says", patient(&servers[1]), &[]).await;
    let mut frozen = Freezer::start("frozen", patient(&servers[2])).await;
    knows(&hearing, 2).await;
    knows(&saying, 2).await;
    frozen.freeze().await;
    subscribe_and_hear(&hearing, &saying, 1, 400).await;
    let unsynced = hearing.bus.meters().unsynced.get();
    // Those who were waiting when it froze; a few more if the machine is busy. There would be five times as many until
    // it is forgotten, were its silence not remembered.
    assert!((1..3 * TASKS).contains(&unsynced), "{unsynced} were let go without a proof");
    frozen.thaw();
    // It may have to connect again. Then it answers like the others.
    for round in 1.. {
        let unsynced = hearing.bus.meters().unsynced.get();
        subscribe_and_hear(&hearing, &saying, round * 400, round * 400 + 400).await;
        if hearing.bus.meters().unsynced.get() == unsynced {
            break;
        }
        assert!(round < 20, "some are always let go");
    }
}

/// Two servers, and a slow line between them.
async fn slow_leaf() -> (Server, Server, Proxy) {
    let port = free_port();
    let hub = Server::configured(&format!("leafnodes {{ listen: \"127.0.0.1:{port}\" }}"));
    let line = Proxy::start_slow(port, Duration::from_millis(20)).await;
    let leaf = Server::configured(&format!(
        "leafnodes {{ remotes: [ {{ url: \"nats://127.0.0.1:{}\" }} ] }}",
        line.port
    ));
    (hub, leaf, line)
}

#[tokio::test]
async fn what_is_awaited_is_in_force_beyond_leaf_nodes() {
    let (hub, leaf, _line) = slow_leaf().await;
    let at_hub = Peer::join("hub", patient(&hub), &[]).await;
    let at_leaf = Peer::join("leaf", patient(&leaf), &[]).await;
    meet(&[&at_hub, &at_leaf]).await;
    subscribe_and_hear(&at_hub, &at_leaf, 1, 200).await;
    subscribe_and_hear(&at_leaf, &at_hub, 200, 400).await;
}

/// A node that has just started has not said or heard anything when it is asked to subscribe.
#[tokio::test]
async fn a_node_that_has_just_started_knows_the_servers_beyond() {
    let (hub, leaf, _line) = slow_leaf().await;
    let saying = Peer::join("says", patient(&leaf), &[]).await;
    let other = Peer::join("other", patient(&hub), &[]).await;
    meet(&[&saying, &other]).await;
    let mut number = 0;
    for _ in 0..10 {
        let fresh = Peer::start("fresh", patient(&hub));
        number += 1;
        fresh.hear(&[bucket(number)]).await;
        saying.say(&bucket(number), u64::from(number));
        until("it comes", || fresh.numbers() == [u64::from(number)]).await;
        fresh.bus.close(DEADLINE).await;
    }
}

#[tokio::test]
async fn what_is_awaited_is_in_force_beyond_slow_routes() {
    let route = free_port();
    let one = Server::configured(&format!(
        "cluster {{ name: test, listen: \"127.0.0.1:{route}\", no_advertise: true }}"
    ));
    let line = Proxy::start_slow(route, Duration::from_millis(20)).await;
    let other = Server::configured(&format!(
        "cluster {{ name: test, listen: \"127.0.0.1:{}\", no_advertise: true, \
         routes: [\"nats://127.0.0.1:{}\"] }}",
        free_port(),
        line.port
    ));
    let hearing = Peer::join("hear", patient(&one), &[]).await;
    let saying = Peer::join("says", patient(&other), &[]).await;
    meet(&[&hearing, &saying]).await;
    subscribe_and_hear(&hearing, &saying, 1, 200).await;
    subscribe_and_hear(&saying, &hearing, 200, 400).await;
}

/// Prints how many awaited interests a second nodes get through. Run with `--ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement"]
async fn how_many_awaited_interests_a_second() {
    for (name, servers) in [("one server", vec![Server::start()]), ("three servers", Server::cluster(3))] {
        let mut peers = Vec::new();
        for number in 0..3 {
            let server = &servers[number % servers.len()];
            peers.push(Peer::join(&format!("nod{number}"), options(server), &[]).await);
        }
        // Everybody has met.
        sleep(Duration::from_secs(2)).await;
        for tasks in [1, 32] {
            for round in 0..3 {
                let (count, before) = (Cell::new(0_u32), cpu_time());
                let deadline = Instant::now() + Duration::from_secs(2);
                let work = async |peer: usize, task: u32| {
                    let mut number = 1_000_000 * (task + 100 * round);
                    while Instant::now() < deadline {
                        number += 1;
                        peers[peer].hear(&[bucket(number)]).await;
                        count.set(count.get() + 1);
                    }
                };
                let works = (0..3).flat_map(|peer| (0..tasks).map(move |task| (peer, task)));
                join_all(works.map(|(peer, task)| work(peer, task))).await;
                let (a_second, each) = (count.get() / 2, (cpu_time() - before) / count.get().max(1));
                println!(
                    "{name}, 3 nodes, {tasks} tasks each: {a_second} a second, {each:?} of a processor each"
                );
            }
        }
    }
}
