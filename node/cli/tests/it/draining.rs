//! Signals: a node that is told to end drains first, and says with its exit code how that went.

use futures_util::future::{join, join_all};

use crate::client::Client;
use crate::config::Node;

/// The code of a server that goes away.
const GOING_AWAY: Option<u16> = Some(1001);
/// Settings under which a node with clients does not come to closing any.
const WAITING: [(&str, &str); 2] = [("DRAIN__WAIT_MS", "3600000"), ("DRAIN__TIMEOUT_MS", "7200000")];

#[tokio::test]
async fn a_node_that_is_terminated_drains_and_ends_well() {
    let node = Node::start_with(&["--reactors", "2"], &[("DRAIN__WAIT_MS", "0")]).await;
    let mut clients = Client::connect_many(&node.url, 5).await;
    node.signal("-TERM").await;
    let farewells = join_all(clients.iter_mut().map(Client::farewell)).await;
    assert!(farewells.iter().all(|farewell| *farewell == (vec![], GOING_AWAY)), "{farewells:?}");
    drop(clients);
    let (code, log) = node.ended().await;
    assert_eq!(code, Some(0));
    let told = [
        "termination requested",
        "draining: closing connections",
        "no more connections are accepted",
        "drained",
        "ended",
    ];
    for stage in told {
        assert!(log.iter().any(|line| line.contains("INFO") && line.contains(stage)), "{stage}: {log:?}");
    }
    assert!(!log.iter().any(|line| line.contains("WARN") || line.contains("ERROR")), "{log:?}");
}

#[tokio::test]
async fn a_second_signal_ends_a_node_that_drains_at_once() {
    for second in ["-TERM", "-INT"] {
        let mut node = Node::start_with(&[], &WAITING).await;
        let client = Client::connect(&node.url).await;
        node.signal("-TERM").await;
        node.logs("draining connections=1").await;
        node.signal(second).await;
        let (code, log) = node.ended().await;
        assert_eq!(code, Some(1));
        assert!(log.iter().any(|line| line.contains("a second signal")), "{log:?}");
        drop(client);
    }
}

#[tokio::test]
async fn a_node_that_is_interrupted_does_not_drain() {
    let node = Node::start_with(&[], &WAITING).await;
    let mut client = Client::connect(&node.url).await;
    let log = join(node.end(), client.farewell()).await.0;
    assert!(!log.iter().any(|line| line.contains("draining")), "{log:?}");
}

#[tokio::test]
async fn a_node_that_was_not_drained_in_time_says_so_and_fails() {
    let settings =
        [("DRAIN__WAIT_MS", "0"), ("DRAIN__CONNECTIONS_PER_SECOND", "1"), ("DRAIN__TIMEOUT_MS", "100")];
    let node = Node::start_with(&[], &settings).await;
    let mut clients = Client::connect_many(&node.url, 3).await;
    node.signal("-TERM").await;
    join_all(clients.iter_mut().map(Client::farewell)).await;
    drop(clients);
    let (code, log) = node.ended().await;
    assert_eq!(code, Some(1));
    assert!(log.iter().any(|line| line.contains("3 connections were cut off")), "{log:?}");
}
