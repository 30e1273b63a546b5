//! The suite that every bus must pass.

use std::sync::atomic::{AtomicUsize, Ordering};

use fanfare_adapter_nats::{NatsBus, NatsOptions};
use fanfare_proto::{Bus, conformance};

use crate::server::Server;

/// Nodes are at these servers in turn.
async fn check_all(servers: &[Server]) {
    let count = AtomicUsize::new(0);
    conformance::check_all(&|scope| -> Box<dyn Bus> {
        let server = &servers[count.fetch_add(1, Ordering::Relaxed) % servers.len()];
        let options = NatsOptions {
            servers: vec![server.url()],
            prefix: scope.to_owned(),
            unsubscribe_delay_ms: 200,
            ..NatsOptions::default()
        };
        Box::new(NatsBus::new(options).expect("the options are valid"))
    })
    .await;
}

#[tokio::test]
async fn the_bus_keeps_the_promises_of_the_seam() {
    check_all(&[Server::start()]).await;
}

#[tokio::test]
async fn the_bus_keeps_the_promises_of_the_seam_across_servers() {
    check_all(&Server::cluster(3)).await;
}
