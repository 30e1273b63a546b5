//! A reactor that does not take the messages of other nodes: the clients that lose something by it, and what they lose.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use fanfare::{Ack, Io, MemoryHub, Options, SocketId};
use serde_json::json;

use crate::client::Client;
use crate::support::{eventually, serve};

/// Two nodes; the second has a client on each of its two reactors, and a handler that blocks its thread until it is told
/// to go on.
struct Blocked {
    nodes: Vec<Io>,
    /// A client whose reactor is blocked, and one whose is not.
    clients: [Client; 2],
    ids: [SocketId; 2],
    go_on: mpsc::Sender<()>,
}

fn options() -> Options {
    let mut options = Options { reactors: 2, mailbox_messages_max: 16, ..Options::default() };
    options.outbox_bytes_max = 256 << 20;
    options.cluster.heartbeat_interval_ms = 100;
    options.cluster.heartbeat_timeout_ms = 60_000;
    options.cluster.request_timeout_ms = 600_000;
    options
}

async fn two_nodes(options: &Options) -> (Vec<Io>, String) {
    let hub = MemoryHub::new(7);
    let node = || Io::builder().options(options.clone()).bus(hub.bus()).build();
    let nodes = vec![node(), node()];
    let mut urls = Vec::new();
    for io in &nodes {
        urls.push(serve(io).await);
    }
    eventually("they know each other", || nodes.iter().all(|io| io.nodes().len() == 1)).await;
    (nodes, urls.remove(1))
}

impl Blocked {
    async fn start(options: Options) -> Self {
        let (nodes, url) = two_nodes(&options).await;
        let (go_on, told) = mpsc::channel();
        let (told, is_blocked) = (Mutex::new(told), Arc::new(AtomicBool::new(false)));
        let blocks = is_blocked.clone();
        nodes[1].on("block", async move |ack: Ack| {
            blocks.store(true, Ordering::Relaxed);
            told.lock().unwrap().recv().expect("the test goes on");
            ack.send(())
        });
        let mut clients: [Option<(Client, SocketId)>; 2] = [None, None];
        while clients.iter().any(Option::is_none) {
            let (client, id) = Client::connect_as(&url, "").await;
            let id = SocketId::parse(&id).expect("an id");
            clients[id.reactor()] = Some((client, id));
        }
        let [(mut client, id), (other, other_id)] = clients.map(Option::unwrap);
        client.send("20[\"block\"]").await;
        eventually("its reactor is blocked", || is_blocked.load(Ordering::Relaxed)).await;
        Self { nodes, clients: [client, other], ids: [id, other_id], go_on }
    }

    async fn close(self) {
        for io in &self.nodes {
            io.close().await;
        }
    }
}

#[tokio::test]
async fn a_reactor_that_is_blocked_keeps_nothing_from_the_others_of_its_node() {
    const SENT: u64 = 500;
    const WAIT: u64 = 100;
    let mut options = options();
    options.cluster.backlog_messages_max = WAIT as usize;
    let mut test = Blocked::start(options).await;
    let (here, there) = (test.nodes[0].clone(), test.nodes[1].clone());
    let [blocked, free] = &mut test.clients;
    for n in 0..SENT {
        // One after the other: its own backlog is no larger.
        here.emit("n", n).unwrap();
        assert_eq!(free.receive().await.arguments(), [json!("n"), json!(n)], "ORDER_2");
    }
    let metrics = there.metrics();
    assert_eq!(metrics.bus_undelivered.get(), SENT - WAIT, "what exceeds the backlog is counted");
    assert_eq!(metrics.bus_waits.get(), WAIT - 16);
    // The node goes on reading and answering: a node that asks for all of its sockets learns that some are missing.
    here.to(test.ids[1]).sockets_join("room").await.unwrap();
    assert!(here.to(test.ids[1]).count().await.unwrap().is_complete());
    for missing in [
        here.count().await.unwrap().missing_nodes,
        here.fetch_sockets().await.unwrap().missing_nodes,
        here.sockets_join("others").await.unwrap().missing_nodes,
    ] {
        assert_eq!(missing, [there.node_name()]);
    }
    test.go_on.send(()).unwrap();
    assert_eq!(blocked.receive().await.text, "30[]");
    for n in 0..WAIT {
        assert_eq!(blocked.receive().await.arguments(), [json!("n"), json!(n)], "ORDER_2");
    }
    here.emit("after", ()).unwrap();
    for client in [blocked, free] {
        assert_eq!(client.receive().await.arguments(), [json!("after")]);
    }
    assert!(here.count().await.unwrap().is_complete());
    test.close().await;
}

#[tokio::test]
async fn what_waits_for_a_blocked_reactor_is_bounded_in_bytes() {
    const SENT: u64 = 100;
    let mut options = options();
    options.cluster.backlog_bytes_max = 1 << 20;
    let mut test = Blocked::start(options).await;
    let [blocked, free] = &mut test.clients;
    let filler = "x".repeat(100_000);
    for n in 0..SENT {
        test.nodes[0].emit("n", (n, &filler)).unwrap();
        assert_eq!(free.receive().await.arguments()[1], json!(n));
    }
    let dropped = test.nodes[1].metrics().bus_undelivered.get();
    assert_eq!(dropped, SENT - 10);
    test.go_on.send(()).unwrap();
    assert_eq!(blocked.receive().await.text, "30[]");
    for n in 0..SENT - dropped {
        assert_eq!(blocked.receive().await.arguments()[1], json!(n));
    }
    test.close().await;
}

/// Clients of a blocked reactor cannot be asked: nobody takes them for gone.
#[tokio::test]
async fn a_broadcast_that_not_everybody_can_be_asked_of_times_out() {
    let mut options = options();
    options.cluster.backlog_messages_max = 1;
    let mut test = Blocked::start(options).await;
    let here = test.nodes[0].clone();
    here.emit("fills the backlog", ()).unwrap();
    let [blocked, free] = &mut test.clients;
    assert_eq!(free.receive().await.arguments(), [json!("fills the backlog")]);
    let asked =
        tokio::spawn(here.timeout(Duration::from_secs(3)).emit_with_ack::<u32>("q", ()).into_future());
    let question = free.receive().await.text;
    let id = question.trim_start_matches('2').split('[').next().unwrap().to_owned();
    free.send(&format!("3{id}[7]")).await;
    let answers = asked.await.unwrap().unwrap();
    assert_eq!(answers.answers.len(), 1);
    assert!(answers.timed_out);
    test.go_on.send(()).unwrap();
    assert_eq!(blocked.receive().await.text, "30[]");
    assert_eq!(blocked.receive().await.arguments(), [json!("fills the backlog")]);
    here.emit("after", ()).unwrap();
    assert_eq!(blocked.receive().await.arguments(), [json!("after")]);
    test.close().await;
}

/// Deliveries of other nodes that arrive while a shard is being rebuilt reach its members afterwards.
#[tokio::test]
async fn a_shard_that_is_rebuilt_gets_what_was_said_meanwhile() {
    let (nodes, url) = two_nodes(&Options { reactors: 1, ..options() }).await;
    let (here, there) = (&nodes[0], &nodes[1]);
    let mut client = Client::connect(&url).await;
    let (metrics, sent) = (there.metrics(), AtomicUsize::new(0));
    let say = || here.emit("n", sent.fetch_add(1, Ordering::Relaxed) as u64).unwrap();
    // The first restart is immediate; the later ones take a moment, in which something waits.
    eventually("something waits for a shard", || {
        there.kill_room_shards("/");
        say();
        metrics.bus_waits.get() >= 3
    })
    .await;
    // A shard that was told to die may do so only now, and what was said last with it.
    let (parked, mut received) = (sent.load(Ordering::Relaxed) as u64, Vec::new());
    while received.last().is_none_or(|n| *n < parked) {
        say();
        while let Ok(packet) = tokio::time::timeout(Duration::from_millis(100), client.receive()).await {
            received.push(packet.arguments()[1].as_u64().unwrap());
        }
    }
    let last = sent.load(Ordering::Relaxed) as u64 - 1;
    while received.last() != Some(&last) {
        received.push(client.receive().await.arguments()[1].as_u64().unwrap());
    }
    assert!(received.is_sorted_by(|a, b| a < b), "ORDER_2, ONCE_1");
    let lost = last + 1 - received.len() as u64;
    let counted = metrics.shard_losses.get() + metrics.bus_undelivered.get();
    assert!(lost <= counted, "{lost} lost, {counted} counted");
    for io in &nodes {
        io.close().await;
    }
}
