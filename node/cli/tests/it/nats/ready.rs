//! A node that would be of no use in its cluster wants no clients, and says why.

use std::time::{Duration, Instant};

use fanfare::{Admin, Io};
use fanfare_adapter_nats::{NatsBus, NatsOptions};

use super::{Server, bus, bus_options, options};
use crate::client::Http;
use crate::support::{DEADLINE, eventually};

/// A node and the address of its operations.
struct Node {
    io: Io,
    operations: String,
}

impl Node {
    async fn start(broker: &Server, room_buckets: u32) -> Self {
        let mut options = options();
        options.cluster.room_buckets = room_buckets;
        Self::of(Io::builder().options(options).bus(bus(&[broker.url()])).build()).await
    }

    async fn of(io: Io) -> Self {
        let free = "127.0.0.1:0".parse().expect("an address");
        let address = Admin::new(io.clone()).listen(free).await.expect("a free port");
        Self { io, operations: format!("http://{address}") }
    }

    /// The status and the body of a GET.
    async fn get(&self, path: &str) -> (u16, String) {
        let answer = Http::connect(&self.operations).await.get(path).await;
        (answer.status, answer.body)
    }

    /// Waits until it says so; if it is ready, nothing.
    async fn says(&self, words: &[&str]) {
        let start = Instant::now();
        loop {
            let (status, body) = self.get("/readyz").await;
            let is_so = match words {
                [] => status == 200,
                words => status == 503 && words.iter().all(|word| body.contains(word)),
            };
            if is_so {
                break;
            }
            assert!(start.elapsed() < DEADLINE, "{status} {body} instead of {words:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let metrics = self.get("/metrics").await.1;
        let ready = format!("\nfanfare_ready {}\n", u8::from(words.is_empty()));
        assert!(metrics.contains(&ready), "{metrics}");
        assert_eq!(self.get("/healthz").await.0, 200, "a restart would not help");
    }

    async fn knows(&self, others: usize) {
        eventually("it knows the others", || self.io.nodes().len() == others).await;
    }
}

async fn forbidden(permissions: &str, words: &[&str], retries: bool) {
    let user = format!("{{ user: fan, password: fan, permissions: {{ {permissions} }} }}");
    let broker = Server::configured(&format!("authorization {{ users: [ {user} ] }}"));
    let (user, password) = (Some("fan".into()), Some("fan".into()));
    // Nobody is going to answer.
    let options = NatsOptions { user, password, sync_timeout_ms: 100, ..bus_options(&[broker.url()]) };
    let node = Node::of(Io::builder().bus(NatsBus::new(options).unwrap()).build()).await;
    eventually("it is connected", || node.io.is_connected()).await;
    node.says(words).await;
    let start = Instant::now();
    // It connects anew meanwhile, since it might be allowed now, and is not ready for a moment.
    while retries && node.io.bus_meters().expect("a bus").disconnects.get() < 2 {
        assert!(start.elapsed() < DEADLINE, "it does not try again");
        assert_eq!(node.get("/readyz").await.0, 503);
        tokio::task::yield_now().await;
    }
    node.io.close().await;
}

#[tokio::test]
async fn a_node_that_may_not_use_the_prefix_is_not_ready() {
    forbidden("publish: \"other.>\", subscribe: \"other.>\"", &["NATS forbids", "`fanfare.v1.>`"], true)
        .await;
}

#[tokio::test]
async fn a_node_that_may_not_listen_to_answers_is_not_ready() {
    let permissions =
        "publish: \"fanfare.>\", subscribe: { allow: \"fanfare.>\", deny: \"fanfare.v1._inbox.>\" }";
    forbidden(permissions, &["subscribe to `fanfare.v1._inbox.", "`fanfare.v1.>`"], false).await;
}

/// Everything works but for one subject, which is needed as soon as a room of it has a member.
#[tokio::test]
async fn a_node_that_may_not_listen_to_rooms_is_not_ready() {
    let permissions =
        "publish: \"fanfare.>\", subscribe: { allow: \"fanfare.>\", deny: \"fanfare.v1._.all\" }";
    forbidden(permissions, &["subscribe to `fanfare.v1._.all`"], false).await;
}

#[tokio::test]
async fn a_newcomer_with_other_room_buckets_is_not_ready_while_it_is_not_alone() {
    let broker = Server::start();
    let first = Node::start(&broker, 1024).await;
    first.says(&[]).await;
    let wrong = Node::start(&broker, 512).await;
    wrong.knows(1).await;
    let reason = ["room_buckets is 512 here and 1024 on node", first.io.node_name()];
    wrong.says(&reason).await;
    first.says(&[]).await;
    let right = Node::start(&broker, 1024).await;
    right.knows(2).await;
    right.says(&[]).await;
    eventually("it is counted", || {
        let disagreeing = [&first, &wrong, &right].map(|node| node.io.metrics().nodes_disagreeing.get());
        disagreeing == [1, 2, 1]
    })
    .await;
    // As in a rolling restart: the wrong one is the eldest then, and yields all the same.
    first.io.close().await;
    wrong.knows(1).await;
    wrong.says(&["on node", right.io.node_name()]).await;
    right.says(&[]).await;
    right.io.close().await;
    wrong.says(&[]).await;
    wrong.io.close().await;
}
