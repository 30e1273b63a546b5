//! The suite that every bus must pass.

use fanfare_adapter_nats::{NatsBus, NatsOptions};
use fanfare_proto::{Bus, conformance};

use crate::server::Server;

#[tokio::test]
async fn the_bus_keeps_the_promises_of_the_seam() {
    let server = Server::start();
    conformance::check_all(&|scope| -> Box<dyn Bus> {
        let options = NatsOptions {
            servers: vec![server.url()],
            prefix: scope.to_owned(),
            unlisten_delay_ms: 200,
            ..NatsOptions::default()
        };
        Box::new(NatsBus::new(options).expect("the options are valid"))
    })
    .await;
}
