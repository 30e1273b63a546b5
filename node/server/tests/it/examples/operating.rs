//! Nodes that are watched, and that end.

use super::{draining, exchange, monitoring, started};
use crate::client::{Client, Http};
use crate::support::{eventually, serve};

#[tokio::test]
async fn what_runs_may_finish_when_the_node_drains() {
    let io = draining::node();
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.send(r#"27["work"]"#).await;
    eventually("the work has begun", || io.metrics().handlers.get() > 0).await;
    let (drained, (packets, code)) = tokio::join!(io.drain(), client.farewell());
    assert_eq!((drained.connections, drained.cut), (1, 0));
    assert_eq!((packets, code), (vec![r#"37["done"]"#.to_owned()], Some(1001)));
}

#[tokio::test]
async fn operators_see_who_is_connected() {
    let (io, url) = started(monitoring::install).await;
    let operators = monitoring::admin(&io, "127.0.0.1:0".parse().expect("an address")).await.expect("a port");
    let mut client = Client::connect(&url).await;
    exchange(&mut client, r#"27["load"]"#, "37[1]").await;
    let metrics = Http::connect(&format!("http://{operators}")).await.get("/metrics").await;
    assert!(metrics.status == 200 && metrics.body.contains("\nfanfare_sockets 1\n"), "{metrics:?}");
    drop(client);
    io.close().await;
}
