//! The same with a real broker: namespaces that were entered and left leave nothing there, nor in the nodes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fanfare::{Io, Namespace, Socket};
use fanfare_adapter_nats::{NatsBus, NatsOptions};
use futures_util::future::join_all;
use serde_json::Value;

use self::server::{Server, free_port};
use super::churn;
use crate::client::{Client, Http};
use crate::support::{DEADLINE, eventually, serve, sized};

#[path = "../../../../../adapter-nats/tests/it/server.rs"]
#[allow(dead_code, reason = "shared with the tests of the adapter, which need more of it")]
mod server;

/// A broker that tells what its clients subscribe to.
struct Broker {
    server: Server,
    monitor: String,
}

impl Broker {
    fn start() -> Self {
        let port = free_port();
        let server = Server::configured(&format!("http: \"127.0.0.1:{port}\""));
        Self { server, monitor: format!("http://127.0.0.1:{port}") }
    }

    fn bus(&self) -> NatsBus {
        let options = NatsOptions {
            servers: vec![self.server.url()],
            // So that subscriptions come and go all the time.
            unsubscribe_delay_ms: 200,
            // The machine may be busy.
            ping_interval_ms: 20_000,
            queue_age_max_ms: 60_000,
            sync_timeout_ms: 60_000,
            ..NatsOptions::default()
        };
        NatsBus::new(options).expect("good options")
    }

    /// Number of subscriptions, as the server counts them.
    async fn subscriptions(&self) -> u64 {
        let answer = Http::connect(&self.monitor).await.get("/subsz").await;
        let counts: Value = serde_json::from_str(&answer.body).expect("JSON");
        counts["num_subscriptions"].as_u64().expect("a number")
    }

    /// Waits until the number of subscriptions is what it was.
    async fn has_again(&self, before: u64) {
        let start = Instant::now();
        loop {
            let now = self.subscriptions().await;
            if now == before {
                return;
            }
            assert!(start.elapsed() < DEADLINE, "{now} subscriptions, and before {before}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Enters some namespaces, and shows that the broker is told of each.
async fn enter_is_told_to_the_broker(broker: &Broker, url: &str, before: u64) {
    let mut client = Client::connect(url).await;
    for n in 0..20 {
        client.send(&format!("0/first-{n},")).await;
    }
    // CONNECT and the event of each, which waits until its room is known to the broker.
    client.receive_many(40).await;
    let now = broker.subscriptions().await;
    assert!(now >= before + 20, "{now} subscriptions, and before {before}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn namespaces_that_were_entered_and_left_leave_nothing_at_a_broker() {
    let count = sized(2_000, 100_000);
    let broker = Broker::start();
    let mut options = churn::options();
    options.cluster.heartbeat_interval_ms = 50;
    options.cluster.heartbeat_timeout_ms = 60_000;
    options.cluster.request_timeout_ms = 60_000;
    // Held by a handler of each namespace: what keeps a namespace keeps it, too.
    let token = Arc::new(());
    let node = || {
        let io = Io::builder().options(options.clone()).bus(broker.bus()).build();
        churn::declare(&io);
        let token = token.clone();
        io.on_new_namespace(move |namespace: Namespace| {
            let token = token.clone();
            namespace.on_disconnect(move |_: Socket| {
                let _held = &token;
            });
        });
        io
    };
    let nodes = [node(), node()];
    let urls = [serve(&nodes[0]).await, serve(&nodes[1]).await];
    eventually("they know each other", || nodes.iter().all(|io| io.nodes().len() == 1)).await;
    let interests = |io: &Io| io.bus_meters().expect("a bus").interests.get();
    let before = (broker.subscriptions().await, nodes.each_ref().map(interests), Arc::strong_count(&token));
    enter_is_told_to_the_broker(&broker, &urls[0], before.0).await;

    // The same names on both, so that each hears the other.
    join_all(nodes.iter().zip(&urls).map(|(io, url)| churn::churn(io, url, 0..count))).await;
    broker.has_again(before.0).await;
    for io in &nodes {
        churn::assert_nothing_is_left(io).await;
        let meters = io.bus_meters().expect("a bus");
        assert_eq!((meters.lost.get(), meters.dropped.get(), meters.overruns.get()), (0, 0, 0));
    }
    eventually("nothing is wished any more", || nodes.each_ref().map(interests) == before.1).await;
    eventually("no namespace is kept", || Arc::strong_count(&token) == before.2).await;
    for io in &nodes {
        io.close().await;
    }
}
