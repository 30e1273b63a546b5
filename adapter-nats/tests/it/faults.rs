//! Faults that keep a connected bus from its work are told to operators.

use std::time::Duration;

use fanfare_adapter_nats::NatsOptions;
use fanfare_proto::Subject;

use crate::log;
use crate::peer::{Peer, bucket, options, until};
use crate::proxy::Proxy;
use crate::server::Server;

const EVERYTHING: &str = "publish: \"fanfare.>\", subscribe: \"fanfare.>\"";

/// Lets the user `fan` do this.
fn users(permissions: &str) -> String {
    format!("authorization {{ users: [ {{ user: fan, password: fan, permissions: {{ {permissions} }} }} ] }}")
}

fn fan(server: &Server) -> NatsOptions {
    let (user, password) = (Some("fan".into()), Some("fan".into()));
    NatsOptions { user, password, sync_timeout_ms: 1_000, ..options(server) }
}

#[tokio::test]
async fn whatever_nats_forbids_is_a_fault_with_its_remedy() {
    for (permissions, verb) in [
        ("publish: \"other.>\", subscribe: \"other.>\"", "publish"),
        ("publish: \"fanfare.>\", subscribe: \"other.>\"", "subscribe"),
        ("publish: \"other.>\", subscribe: \"fanfare.>\"", "publish"),
        (
            "publish: \"fanfare.>\", subscribe: { allow: \"fanfare.>\", deny: \"fanfare.v1._inbox.>\" }",
            "subscribe to `fanfare.v1._inbox.",
        ),
        (
            "publish: \"fanfare.>\", subscribe: { allow: \"fanfare.>\", deny: \"fanfare.v1.nodes\" }",
            "subscribe to `fanfare.v1.nodes`",
        ),
    ] {
        let server = Server::configured(&users(permissions));
        let peer = Peer::join("peer", fan(&server), &[Subject::Nodes]).await;
        let is_told = |fault: &String| fault.contains(verb) && fault.contains("`fanfare.v1.>`");
        until("it is told", || peer.bus.faults().iter().any(is_told)).await;
    }
}

#[tokio::test]
async fn there_is_no_fault_where_the_prefix_is_allowed() {
    let server = Server::configured(&users(EVERYTHING));
    let peer = Peer::join("peer", fan(&server), &[Subject::Nodes, bucket(1)]).await;
    until("it works", || peer.bus.faults().is_empty()).await;
    peer.hear(&[bucket(2)]).await;
    assert_eq!(peer.bus.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn a_permission_that_is_granted_later_ends_the_fault() {
    let server = Server::configured(&users("publish: \"other.>\", subscribe: \"other.>\""));
    let peer = Peer::join("peer", fan(&server), &[bucket(1)]).await;
    until("it is told", || !peer.bus.faults().is_empty()).await;
    server.reconfigure(&users(EVERYTHING));
    until("it works", || peer.bus.faults().is_empty()).await;
    peer.hear(&[bucket(2)]).await;
    let saying = Peer::join("says", fan(&server), &[]).await;
    saying.say(&bucket(1), 1);
    saying.say(&bucket(2), 2);
    until("it hears", || peer.numbers() == [1, 2]).await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_a_fault_until_it_does() {
    let server = Server::start();
    let line = Proxy::start_slow(server.port, Duration::from_secs(1)).await;
    let servers = vec![format!("nats://127.0.0.1:{}", line.port)];
    let peer = Peer::start("peer", NatsOptions { servers, sync_timeout_ms: 300, ..options(&server) });
    let says = |fault: &String| fault.contains("does not answer");
    until("it is told", || {
        peer.bus.faults().iter().any(says) && log::text().contains("does not confirm subscriptions")
    })
    .await;
    until("it has answered", || peer.bus.faults().is_empty()).await;
}
