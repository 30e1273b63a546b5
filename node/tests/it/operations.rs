//! What operators ask a node over HTTP.

use fanfare::{Io, MemoryHub, Operations, Options};

use crate::client::{Client, Http};
use crate::support::{eventually, serve};

/// The status and the body of a GET.
async fn get(address: &str, path: &str) -> (u16, String) {
    let answer = Http::connect(&format!("http://{address}")).await.get(path).await;
    (answer.status, answer.body)
}

async fn operations_of(io: &Io) -> String {
    let free = "127.0.0.1:0".parse().expect("an address");
    Operations::new(io.clone()).listen(free).await.expect("a free port").to_string()
}

/// The value of a metric without labels.
fn value(metrics: &str, name: &str) -> Option<f64> {
    let line = metrics.lines().find(|line| line.starts_with(&format!("{name} ")))?;
    line.split(' ').nth(1)?.parse().ok()
}

#[tokio::test]
async fn a_scrape_shows_what_the_node_does() {
    let hub = MemoryHub::new(1);
    let io = Io::builder().options(Options { reactors: 2, ..Options::default() }).bus(hub.bus()).build();
    let url = serve(&io).await;
    let operations = operations_of(&io).await;
    let mut clients = Client::connect_many(&url, 3).await;
    io.emit("hello", ()).unwrap();
    for client in &mut clients {
        client.receive().await;
    }
    let (status, metrics) = get(&operations, "/metrics").await;
    assert_eq!(status, 200);
    assert_eq!(value(&metrics, "fanfare_sessions"), Some(3.0), "{metrics}");
    assert_eq!(value(&metrics, "fanfare_connections_opened_total"), Some(3.0));
    assert_eq!(value(&metrics, "fanfare_deliveries_total"), Some(3.0));
    assert!(value(&metrics, "fanfare_bus_frames_published_total").is_some_and(|frames| frames >= 1.0));
    assert!(value(&metrics, "process_cpu_seconds_total").is_some());
    assert!(value(&metrics, "process_resident_memory_bytes").is_some_and(|bytes| bytes > 1e6));
    assert!(metrics.contains("fanfare_build_info{version="));
    for line in metrics.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let name = line.split(['{', ' ']).next().expect("a name");
        assert!(metrics.contains(&format!("# HELP {name} ")), "{name} has no description");
    }
    drop(clients);
    eventually("they have gone", || io.metrics().sessions.get() == 0).await;
    assert_eq!(value(&get(&operations, "/metrics").await.1, "fanfare_sessions"), Some(0.0));
    io.close().await;
}

#[tokio::test]
async fn a_node_is_ready_once_its_cluster_was_reached() {
    let alone = Io::new();
    let operations = operations_of(&alone).await;
    assert_eq!(get(&operations, "/healthz").await, (200, "ok\n".into()));
    assert_eq!(get(&operations, "/readyz").await, (200, "ready\n".into()));
    assert_eq!(get(&operations, "/").await.0, 404);

    let options = fanfare_adapter_nats::NatsOptions {
        servers: vec!["nats://127.0.0.1:1".into()],
        ..fanfare_adapter_nats::NatsOptions::default()
    };
    let io = Io::builder().bus(fanfare_adapter_nats::NatsBus::new(options).unwrap()).build();
    let operations = operations_of(&io).await;
    assert_eq!(get(&operations, "/healthz").await.0, 200);
    let (status, reasons) = get(&operations, "/readyz").await;
    assert!(status == 503 && reasons.contains("NATS"), "{status} {reasons}");
    io.close().await;
}
