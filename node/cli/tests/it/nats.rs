//! Several nodes joined by a real broker: what official clients and operators see.

use std::process::Stdio;
use std::time::{Duration, Instant};

use fanfare::{Emitter, Io, Options};
use fanfare_adapter_nats::{NatsBus, NatsOptions};
use fanfare_test_support::relay;
use serde_json::json;
use tokio::process::Command;

use self::process::Process;
pub use self::proxy::Proxy;
pub use self::server::{Server, free_port};
use crate::client::Client;
use crate::contract::contract_server_of;
use crate::support::{DEADLINE, eventually, judge, judge_folder, serve, sized, with_patience};

mod process;
#[path = "../../../../adapter-nats/tests/it/proxy.rs"]
#[allow(dead_code, reason = "shared with the tests of the adapter, which need more of it")]
mod proxy;
mod ready;
#[path = "../../../../adapter-nats/tests/it/server.rs"]
#[allow(dead_code, reason = "shared with the tests of the adapter, which need more of it")]
mod server;
mod stopped;

const LONG: Duration = Duration::from_secs(60);

/// Nodes that hear of each other soon, and do not take a busy machine for a lost node or a slow consumer.
fn options() -> Options {
    let mut options = Options { reactors: 2, outbox_bytes_max: 64 << 20, ..Options::default() };
    options.slow_consumer_grace_ms = 60_000;
    options.cluster.heartbeat_interval_ms = 200;
    options.cluster.heartbeat_timeout_ms = 60_000;
    options.cluster.request_timeout_ms = 60_000;
    options
}

pub fn bus(urls: &[String]) -> NatsBus {
    NatsBus::new(bus_options(urls)).expect("good options")
}

fn bus_options(urls: &[String]) -> NatsOptions {
    NatsOptions {
        servers: urls.to_vec(),
        ping_interval_ms: 20_000,
        reconnect_delay_max_ms: 200,
        // Longer than any test waits, however slow the machine is.
        queue_age_max_ms: 60_000,
        hold_max_ms: 60_000,
        // The machine may be busy.
        sync_timeout_ms: 60_000,
        ..NatsOptions::default()
    }
}

/// Nodes that have met.
struct Nodes {
    nodes: Vec<Io>,
    urls: Vec<String>,
}

impl Nodes {
    async fn start(count: usize, brokers: &[String], build: impl Fn(fanfare::IoBuilder) -> Io) -> Self {
        let node = || build(Io::builder().options(options()).bus(bus(brokers)));
        let nodes: Vec<_> = (0..count).map(|_| node()).collect();
        let mut urls = Vec::new();
        for io in &nodes {
            urls.push(serve(io).await);
        }
        let nodes = Self { nodes, urls };
        nodes.meet().await;
        nodes
    }

    /// Waits until the nodes hear whatever anybody says.
    async fn listen(&self) {
        eventually("they are connected", || self.nodes.iter().all(Io::is_connected)).await;
        for io in &self.nodes {
            let anybody = io.local_sockets().into_iter().next().expect("a client on each node");
            anybody.join("somewhere").await.unwrap();
        }
    }

    async fn meet(&self) {
        let others = self.nodes.len() - 1;
        eventually("the nodes know each other", || self.nodes.iter().all(|io| io.nodes().len() == others))
            .await;
    }

    async fn close(self) {
        for io in &self.nodes {
            io.close().await;
        }
    }

    fn lost(&self) -> u64 {
        self.nodes.iter().map(|io| io.bus_meters().expect("a bus").lost.get()).sum()
    }
}

fn plain(builder: fanfare::IoBuilder) -> Io {
    builder.build()
}

fn relaying(builder: fanfare::IoBuilder) -> Io {
    let io = builder.build();
    relay::install(&io);
    io
}

async fn cheat_sheet_judged(mode: &str) {
    let broker = Server::start();
    let nodes = Nodes::start(3, &[broker.url()], contract_server_of).await;
    judge("cheatsheet.mjs", &[&nodes.urls.join(","), mode, "--threads"]).await;
    assert_eq!(nodes.lost(), 0, "LOSS_1");
    nodes.close().await;
}

#[tokio::test]
async fn every_line_of_the_cheat_sheet_reaches_whom_it_should_through_a_broker_over_websocket() {
    cheat_sheet_judged("websocket").await;
}

#[tokio::test]
async fn every_line_of_the_cheat_sheet_reaches_whom_it_should_through_a_broker_after_an_upgrade() {
    cheat_sheet_judged("upgrade").await;
}

#[tokio::test]
async fn hundreds_of_official_clients_on_three_nodes_receive_every_message_once_and_in_order() {
    let broker = Server::start();
    let nodes = Nodes::start(3, &[broker.url()], relaying).await;
    let (clients, polling) = (sized(135, 270).to_string(), sized(15, 30).to_string());
    judge("load.mjs", &[&nodes.urls.join(","), "--clients", &clients, "--polling", &polling]).await;
    assert_eq!(nodes.lost(), 0, "LOSS_1");
    for io in &nodes.nodes {
        assert_eq!((io.metrics().overloads.get(), io.metrics().slow_consumers.get()), (0, 0));
    }
    nodes.close().await;
}

/// The nodes are on different servers of the broker's own cluster.
#[tokio::test]
async fn a_cluster_of_brokers_carries_a_cluster_of_nodes() {
    let mut brokers = Server::cluster(3);
    // All begin at the first server, which tells them of the others.
    let nodes = Nodes::start(3, &[brokers[0].url()], relaying).await;
    judge("load.mjs", &[&nodes.urls.join(","), "--clients", "60", "--polling", "0"]).await;
    assert_eq!(nodes.lost(), 0, "LOSS_1");
    brokers[0].kill();
    let noticed = |io: &Io| io.bus_meters().expect("a bus").disconnects.get() > 0;
    eventually("they notice", || nodes.nodes.iter().all(noticed)).await;
    eventually("everybody is somewhere", || nodes.nodes.iter().all(Io::is_connected)).await;
    nodes.meet().await;
    // Joins are awaited, so this proves that every interest is in force again.
    judge("load.mjs", &[&nodes.urls.join(","), "--clients", "60", "--polling", "0"]).await;
    nodes.close().await;
}

/// JOIN-1: what is emitted on another node once the join was awaited is heard, though each room has a subject of its own
/// that the broker did not know before.
#[tokio::test]
async fn an_awaited_join_is_known_to_the_broker() {
    let broker = Server::start();
    let nodes = Nodes::start(2, &[broker.url()], plain).await;
    let mut client = Client::connect(&nodes.urls[1]).await;
    let socket = &nodes.nodes[1].local_sockets()[0];
    for n in 0..300 {
        socket.join(format!("room {n}")).await.unwrap();
        nodes.nodes[0].to(format!("room {n}")).emit("joined", n).unwrap();
        nodes.nodes[0].to(socket.id()).emit("after", n).unwrap();
        assert_eq!(client.receive().await.arguments(), [json!("joined"), json!(n)], "JOIN_1");
        assert_eq!(client.receive().await.arguments(), [json!("after"), json!(n)]);
    }
    // The same when another node makes it join.
    for n in 300..600 {
        nodes.nodes[0].to(socket.id()).sockets_join(format!("room {n}")).await.unwrap();
        nodes.nodes[0].to(format!("room {n}")).emit("joined", n).unwrap();
        nodes.nodes[0].to(socket.id()).emit("after", n).unwrap();
        assert_eq!(client.receive().await.arguments(), [json!("joined"), json!(n)], "JOIN_1");
        assert_eq!(client.receive().await.arguments(), [json!("after"), json!(n)]);
    }
    assert_eq!(nodes.lost(), 0);
    nodes.close().await;
}

/// The same for rooms that are named like sockets of the other node, which that node has to know of.
#[tokio::test]
async fn an_awaited_join_of_a_room_named_like_a_socket_is_known_to_the_nodes() {
    let broker = Server::start();
    let nodes = Nodes::start(3, &[broker.url()], plain).await;
    let mut client = Client::connect(&nodes.urls[1]).await;
    let socket = &nodes.nodes[1].local_sockets()[0];
    let id_like = |owner: &Io, n: usize| format!("{}A{n:015}", owner.node_name());
    // Once everything is known of all nodes, a message for a socket of a node goes to that node alone.
    for io in [&nodes.nodes[0], &nodes.nodes[2]] {
        let meters = io.bus_meters().expect("a bus");
        let start = Instant::now();
        loop {
            let before = meters.published.get();
            (0..100).for_each(|n| io.to(id_like(&nodes.nodes[1], 1_000 + n)).emit("nobody", ()).unwrap());
            let published = || meters.published.get() - before;
            eventually("it is published", || published() >= 100 && meters.queued_bytes.get() == 0).await;
            if published() < 150 {
                break;
            }
            assert!(start.elapsed() < DEADLINE, "other nodes are never synced");
        }
    }
    for n in 0..100 {
        let room = id_like(&nodes.nodes[2 * (n % 2)], n);
        if n % 4 < 2 {
            socket.join(&room).await.unwrap();
        } else {
            nodes.nodes[2].to(socket.id()).sockets_join(&room).await.unwrap();
        }
        for io in [&nodes.nodes[0], &nodes.nodes[2]] {
            io.to(&room).emit("joined", n).unwrap();
            assert_eq!(client.receive().await.arguments(), [json!("joined"), json!(n)], "JOIN_1");
        }
    }
    assert_eq!(nodes.lost(), 0);
    nodes.close().await;
}

/// JOIN-1 for clients that come back to a restarted address: the node has not reached the broker yet when they join.
#[tokio::test]
async fn an_awaited_join_at_a_node_that_has_just_started_is_known_to_the_broker() {
    let broker = Server::start();
    let nodes = Nodes::start(1, &[broker.url()], plain).await;
    let line = Proxy::start_slow(broker.port, Duration::from_millis(50)).await;
    for n in 0..5 {
        let started = Io::builder().options(options()).bus(bus(&[format!("nats://127.0.0.1:{}", line.port)]));
        let started = started.build();
        let mut client = Client::connect(&serve(&started).await).await;
        started.local_sockets()[0].join(format!("room {n}")).await.unwrap();
        nodes.nodes[0].to(format!("room {n}")).emit("joined", n).unwrap();
        assert_eq!(client.receive().await.arguments(), [json!("joined"), json!(n)], "JOIN_1");
        assert_eq!(started.bus_meters().expect("a bus").unsynced.get(), 0);
        started.close().await;
    }
    nodes.close().await;
}

#[tokio::test]
async fn rooms_may_be_called_anything_for_the_broker_too() {
    let broker = Server::start();
    let nodes = Nodes::start(2, &[broker.url()], plain).await;
    let mut client = Client::connect(&nodes.urls[1]).await;
    let socket = &nodes.nodes[1].local_sockets()[0];
    let long = "x".repeat(1024);
    for room in ["*", ">", "a.b", " ", "", "größe 🎺", "a>b*c", ".", "\u{0}", "\r\nPUB x 1", &long] {
        socket.join(room).await.unwrap();
        nodes.nodes[0].to(room).emit("there", room).unwrap();
        assert_eq!(client.receive().await.arguments(), [json!("there"), json!(room)]);
        socket.leave(room).await.unwrap();
    }
    nodes.close().await;
}

#[tokio::test]
async fn a_broker_that_is_killed_and_comes_back_costs_what_is_counted() {
    let mut broker = Server::start();
    let nodes = Nodes::start(2, &[broker.url()], plain).await;
    let (here, there) = (&nodes.nodes[0], &nodes.nodes[1]);
    let mut near = Client::connect(&nodes.urls[0]).await;
    let mut far = Client::connect(&nodes.urls[1]).await;
    let mut said = 0;
    let mut say = |count: u32| {
        for _ in 0..count {
            said += 1;
            here.emit("n", said).unwrap();
        }
        said
    };
    say(500);
    for n in 1..=500 {
        assert_eq!(far.receive().await.arguments()[1], json!(n));
    }
    say(500);
    broker.kill();
    eventually("it is noticed", || !here.is_connected() && !there.is_connected()).await;
    let waits_from = say(0) + 1;
    say(500);
    broker.run();
    eventually("it is back", || here.is_connected() && there.is_connected()).await;
    nodes.meet().await;
    let last = say(500);
    for n in 1..=last {
        assert_eq!(near.receive().await.arguments()[1], json!(n), "local delivery goes on");
    }
    let mut heard = vec![500];
    while heard.last() != Some(&last) {
        heard.push(far.receive().await.arguments()[1].as_u64().unwrap() as u32);
    }
    assert!(heard.is_sorted_by(|a, b| a < b), "ORDER_2, ONCE_1");
    // Whichever of them is back first.
    assert!((waits_from..=last).all(|n| heard.contains(&n)), "what waited was lost");
    let missing = u64::from(last) - 500 - (heard.len() as u64 - 1);
    let lost = || there.bus_meters().unwrap().lost.get();
    eventually("the loss is known", || lost() >= missing).await;
    assert_eq!(lost(), missing, "LOSS_1");
    let outage_ms = here.bus_meters().unwrap().last_outage_ms.get();
    println!("{missing} of {last} messages lost, {} counted, after an outage of {outage_ms} ms", lost());
    assert!(outage_ms > 0);
    nodes.close().await;
}

#[tokio::test]
async fn a_node_starts_before_its_broker_and_joins_later() {
    let mut broker = Server::prepared(server::free_port(), "");
    let node = || relaying(Io::builder().options(options()).bus(bus(&[broker.url()])));
    let nodes = Nodes { nodes: vec![node(), node()], urls: Vec::new() };
    let (here, there) = (serve(&nodes.nodes[0]).await, serve(&nodes.nodes[1]).await);
    let (mut near, id) = Client::connect_as(&here, "").await;
    let mut far = Client::connect(&there).await;
    near.send("20[\"join\",\"room\"]").await;
    assert!(!nodes.nodes[0].is_connected());
    broker.run();
    assert_eq!(near.receive().await.text, "30[]", "it is acknowledged when it is in force");
    assert!(nodes.nodes[0].is_connected());
    eventually("they have joined", || nodes.nodes.iter().all(Io::is_connected)).await;
    nodes.meet().await;
    far.send("2[\"emit\",\"room\",1]").await;
    assert_eq!(near.receive().await.arguments(), [json!("msg"), json!(1)]);
    nodes.nodes[1].to(id.as_str()).emit("private", ()).unwrap();
    assert_eq!(near.receive().await.arguments(), [json!("private")]);
    nodes.close().await;
}

#[tokio::test]
async fn an_outsider_who_sends_nonsense_harms_nobody() {
    use fanfare_proto::wire::{Broadcast, Target, envelope::Body};
    use fanfare_proto::{Bus, Identity, Subject};
    let broker = Server::start();
    let nodes = Nodes::start(1, &[broker.url()], plain).await;
    let mut client = Client::connect(&nodes.urls[0]).await;
    nodes.listen().await;
    let (bus, _subscription) = Box::new(bus(&[broker.url()])).start(Identity::new(""));
    let target = Target { namespace: "/".into(), ..Target::default() };
    let packets =
        ["42[\"e\",]", "42[\"disconnect\"]", "42[\"e\"", "41", "", "421[\"e\"]", "42[\"e\",\"\u{1}\"]"];
    for packet in packets {
        let broadcast =
            Broadcast { target: Some(target.clone()), packet: packet.into(), ..Broadcast::default() };
        bus.publish(&[Subject::Namespace("/".into())], Body::Broadcast(broadcast)).unwrap();
    }
    let good = Broadcast { target: Some(target), packet: "42[\"good\"]".into(), ..Broadcast::default() };
    bus.publish(&[Subject::Namespace("/".into())], Body::Broadcast(good)).unwrap();
    assert_eq!(client.receive().await.arguments(), [json!("good")]);
    let refused = nodes.nodes[0].bus_meters().unwrap().refused.get();
    assert_eq!(nodes.nodes[0].metrics().bus_invalid_messages.get() + refused, packets.len() as u64);
    nodes.close().await;
}

// Programs of their own.

async fn fanfare(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_fanfare")).args(arguments).stdin(Stdio::null()).output();
    let output = output.await.expect("it runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test]
async fn a_node_that_is_killed_is_waited_for_until_it_is_missed_and_no_longer() {
    let broker = Server::start();
    let mut options = options();
    options.cluster.heartbeat_timeout_ms = 4_000;
    let nodes = Nodes::start(2, &[broker.url()], |builder| builder.options(options.clone()).build()).await;
    let mut third = Process::start(&broker).await;
    let _client = Client::connect(&third.url).await;
    let io = &nodes.nodes[0];
    eventually("the third one is known", || io.nodes().len() == 2).await;
    assert_eq!(*io.timeout(LONG).count().await.unwrap(), 1);
    third.child.kill().await.expect("it can be killed");
    let asked = tokio::time::timeout(DEADLINE, io.timeout(LONG).fetch_sockets()).await;
    let found = asked.expect("not until its own deadline").unwrap();
    assert_eq!((found.len(), found.missing_nodes.len()), (0, 1), "LEAVE_1");
    assert_eq!(io.nodes().len(), 1);
    assert!(io.timeout(LONG).count().await.unwrap().is_complete());
    nodes.close().await;
}

#[tokio::test]
async fn operators_see_the_nodes_and_send_events_from_the_command_line() {
    let broker = Server::start();
    let (first, second) = (Process::start(&broker).await, Process::start(&broker).await);
    let (mut one, mut two) = (Client::connect(&first.url).await, Client::connect(&second.url).await);
    two.send("20[\"join\",\"lobby\"]").await;
    assert_eq!(two.receive().await.text, "30[]");
    let url = broker.url();
    with_patience("both nodes answer", async |patience| {
        let wait = format!("{}ms", patience.as_millis());
        let nodes = fanfare(&["nodes", "--nats", &url, "--wait", &wait, "--json"]).await;
        let nodes: serde_json::Value = serde_json::from_str(&nodes).unwrap();
        let each_has_a_client = nodes.as_array()?.iter().all(|node| node["connections"] == 1);
        let table = fanfare(&["nodes", "--nats", &url, "--wait", &wait]).await;
        (nodes.as_array()?.len() == 2 && each_has_a_client && table.ends_with("2 nodes\n")).then_some(())
    })
    .await;

    fanfare(&["emit", "--nats", &url, "news", "\"hi\"", "42", "{\"a\":[1]}"]).await;
    fanfare(&["emit", "--nats", &url, "--room", "lobby", "--room", "bar", "room"]).await;
    fanfare(&["emit", "--nats", &url, "--except", "lobby", "others"]).await;
    let news = [json!("news"), json!("hi"), json!(42), json!({ "a": [1] })];
    assert_eq!(one.receive().await.arguments(), news);
    assert_eq!(one.receive().await.arguments(), [json!("others")]);
    assert_eq!(two.receive().await.arguments(), news);
    assert_eq!(two.receive().await.arguments(), [json!("room")]);
}

#[tokio::test]
async fn the_command_line_says_what_is_wrong() {
    let complaint = async |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_fanfare")).args(arguments).stdin(Stdio::null()).output();
        let output = output.await.expect("it runs");
        assert!(!output.status.success());
        String::from_utf8(output.stderr).expect("text")
    };
    let port = server::free_port();
    let url = format!("nats://127.0.0.1:{port}");
    assert!(complaint(&["emit", "x"]).await.contains("--nats"));
    assert!(complaint(&["emit", "--nats", &url, "x", "hi"]).await.contains("argument 1 is not JSON"));
    assert!(complaint(&["emit", "--nats", "nats://", "x"]).await.contains("nats"));
    let away = ["emit", "--nats", &url, "--patience", "300ms", "x"];
    assert!(complaint(&away).await.contains("not reached in time"));
    assert!(
        complaint(&["nodes", "--nats", &url, "--patience", "300ms"]).await.contains("not reached in time")
    );
}

/// `docs/cluster-protocol.md` shows this program: it knows nothing but the schema.
#[tokio::test]
async fn a_program_in_another_language_emits_into_the_cluster() {
    let broker = Server::start();
    let nodes = Nodes::start(2, &[broker.url()], plain).await;
    let mut client = Client::connect(&nodes.urls[1]).await;
    let emit = async |room: &str, event: &str| {
        let url = broker.url();
        let program = Command::new("node")
            .args(["emitter/emit.mjs", &url, "/", room, event, "\"hi\"", "[1,2]"])
            .current_dir(judge_folder())
            .stdin(Stdio::null())
            .output();
        let output = program.await.expect("Node.js runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    emit("-", "all").await;
    assert_eq!(client.receive().await.arguments(), [json!("all"), json!("hi"), json!([1, 2])]);
    nodes.nodes[1].local_sockets()[0].join("größe 🎺").await.unwrap();
    emit("elsewhere", "not for it").await;
    emit("größe 🎺", "room").await;
    assert_eq!(client.receive().await.arguments(), [json!("room"), json!("hi"), json!([1, 2])]);
    nodes.close().await;
}

#[tokio::test]
async fn what_an_emitter_says_is_published_before_it_leaves() {
    let broker = Server::start();
    let nodes = Nodes::start(1, &[broker.url()], plain).await;
    let mut client = Client::connect(&nodes.urls[0]).await;
    nodes.listen().await;
    let emitter = Emitter::new(bus(&[broker.url()])).unwrap();
    emitter.connected(LONG).await.unwrap();
    for n in 0..1000 {
        emitter.emit("n", n).unwrap();
    }
    emitter.close(LONG).await;
    for n in 0..1000 {
        assert_eq!(client.receive().await.arguments()[1], json!(n));
    }
    nodes.close().await;
}
