//! Statements of nodes about others that were stopped, and about those that somebody made up.

use std::time::Duration;

use fanfare_proto::prost::Message;
use fanfare_proto::{Subject, wire};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Nodes, Process, Server};
use crate::client::Client;
use crate::support::{DEADLINE, eventually};

/// Nodes that miss each other soon, and let their clients have whatever comes at once.
const SETTINGS: [(&str, &str); 4] = [
    ("FANFARE_SERVER__CLUSTER__HEARTBEAT_INTERVAL_MS", "500"),
    ("FANFARE_SERVER__CLUSTER__HEARTBEAT_TIMEOUT_MS", "4000"),
    ("FANFARE_SERVER__OUTBOX_BYTES_MAX", "268435456"),
    ("FANFARE_NATS_CLIENT__INBOX_BYTES_MAX", "268435456"),
];

/// A node is stopped until the broker gives it up and the others do too, and goes on then.
#[tokio::test]
async fn a_node_that_was_stopped_is_named_when_it_is_back_and_counts_what_it_lost() {
    let broker = Server::configured("max_pending: 16MB\nwrite_deadline: \"1s\"");
    let nodes = Nodes::start(1, &[broker.url()], |builder| builder.build()).await;
    let here = &nodes.nodes[0];
    let (witness, stopped) =
        (Process::configured(&broker, &SETTINGS).await, Process::configured(&broker, &SETTINGS).await);
    let mut near = Client::connect(&witness.url).await;
    let (mut far, id) = Client::connect_as(&stopped.url, "").await;
    let name = id[..4].to_owned();
    eventually("they know each other", || here.nodes().len() == 2 && witness.log().contains(&name)).await;
    let filler = "x".repeat(50_000);
    let mut said = 0;
    // So many that the broker can send none of them on in vain; the witness keeps up.
    let mut say = async |count: u64, near: &mut Client| {
        for _ in 0..count {
            said += 1;
            here.emit("n", (said, &filler)).unwrap();
        }
        for n in said - count + 1..=said {
            assert_eq!(near.receive().await.arguments()[1], json!(n));
        }
        said
    };
    say(20, &mut near).await;
    for n in 1..=20 {
        assert_eq!(far.receive().await.arguments()[1], json!(n));
    }
    stopped.freeze().await;
    while !broker.log().contains("Slow Consumer") {
        assert!(say(20, &mut near).await < 20_000, "the broker waits for ever");
    }
    let is_silent = |line: &str| line.contains("silent") && line.contains(&name);
    eventually("it is missed", || witness.log().lines().any(is_silent)).await;
    say(20, &mut near).await;
    stopped.thaw().await;
    let is_back = |line: &str| line.contains("is back") && line.contains(&name) && line.contains("silent_ms");
    eventually("it is named when it is back", || witness.log().lines().any(is_back)).await;
    eventually("it knows itself", || stopped.log().contains("stood still")).await;
    // Its subscriptions are in force again when something comes.
    let (mut received, mut newest) = (20, 20);
    let missed = say(0, &mut near).await;
    while newest <= missed {
        say(1, &mut near).await;
        while let Ok(packet) = tokio::time::timeout(Duration::from_millis(100), far.receive()).await {
            let n = packet.arguments()[1].as_u64().unwrap();
            assert!(n > newest, "ORDER_2, ONCE_1");
            (received, newest) = (received + 1, n);
        }
    }
    let last = say(20, &mut near).await;
    while newest < last {
        let n = far.receive().await.arguments()[1].as_u64().unwrap();
        assert!(n > newest, "ORDER_2, ONCE_1");
        (received, newest) = (received + 1, n);
    }
    let missing = last - received;
    assert!(missing > 0, "it lost nothing");
    println!("{missing} of {last} messages lost while it was stopped");
    let start = std::time::Instant::now();
    while stopped.count("fanfare_bus_lost_total").await < missing {
        assert!(start.elapsed() < DEADLINE, "not all that it lost is counted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(stopped.count("fanfare_bus_lost_total").await, missing, "LOSS_1");
    assert_eq!(witness.count("fanfare_bus_lost_total").await, 0);
    for log in [witness.log(), stopped.log()] {
        assert!(!log.contains("no node"), "{log}");
    }
    nodes.close().await;
}

/// Sends so much on the subject of all nodes, as anybody with access to the broker may.
async fn publish(broker: &Server, frames: impl Iterator<Item = wire::Envelope>) {
    let mut stream = TcpStream::connect(("127.0.0.1", broker.port)).await.expect("the broker listens");
    let mut text = b"CONNECT {\"verbose\":false}\r\n".to_vec();
    for frame in frames {
        let frame = frame.encode_to_vec();
        let subject = format!("fanfare.v1.{}", Subject::Nodes.path());
        text.extend(format!("PUB {subject} {}\r\n", frame.len()).as_bytes());
        text.extend(frame);
        text.extend(b"\r\n");
    }
    text.extend(b"PING\r\n");
    stream.write_all(&text).await.expect("the broker reads");
    let mut said = Vec::new();
    while !said.windows(4).any(|four| four == b"PONG") {
        assert_ne!(stream.read_buf(&mut said).await.expect("the broker answers"), 0);
    }
}

fn made_up(node: String, instance: u64) -> wire::Envelope {
    let heartbeat = wire::Heartbeat { interval_ms: 500, room_buckets: 1024, ..Default::default() };
    let body = Some(wire::envelope::Body::Heartbeat(heartbeat));
    wire::Envelope { version: 1, node, instance, body, ..Default::default() }
}

#[tokio::test]
async fn thousands_of_nodes_that_somebody_made_up_do_not_flood_the_log() {
    const COUNT: u64 = 20_000;
    let broker = Server::start();
    let node = Process::configured(&broker, &SETTINGS).await;
    let _client = Client::connect(&node.url).await;
    eventually("it is connected", || node.log().contains("connected to the cluster")).await;
    let forged = made_up("x\n2026-01-01T00:00:00Z ERROR forged: the database is gone".into(), 1);
    let refused = async || node.count("fanfare_bus_refused_total").await;
    let start = std::time::Instant::now();
    while refused().await == 0 {
        assert!(start.elapsed() < DEADLINE, "the forged name is not refused");
        publish(&broker, [forged.clone(), made_up("a\nb".into(), 2)].into_iter()).await;
    }
    publish(&broker, (0..COUNT).map(|n| made_up(format!("{n}"), 3 + n))).await;
    let start = std::time::Instant::now();
    // They come, and are missed.
    while node.count("fanfare_nodes").await > 0 || !node.log().contains("were left out") {
        assert!(start.elapsed() < DEADLINE, "those who say nothing more are not missed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let log = node.log();
    assert!(log.lines().count() < 400, "{} lines", log.lines().count());
    assert!(!log.contains("forged"), "a name forged a line");
    let left_out = |line: &str| line.contains("left_out").then(|| line.contains("too many"));
    assert!(log.lines().any(|line| left_out(line) == Some(true)), "{log}");
}
