//! A node leaves.

use std::time::Duration;

use fanfare_proto::{PublishError, State};
use tokio::time::{Instant, timeout};

use crate::peer::{DEADLINE, Peer, bucket, event, options, until};
use crate::server::Server;

const PATIENCE: Duration = Duration::from_millis(400);

#[tokio::test]
async fn what_is_queued_is_published_first() {
    let server = Server::start();
    let hearing = Peer::join("hear", options(&server), &[bucket(1)]).await;
    let saying = Peer::join("says", options(&server), &[]).await;
    (1..=3000).for_each(|number| saying.say(&bucket(1), number));
    let closed = saying.bus.close(DEADLINE);
    assert_eq!(saying.bus.publish(&[bucket(1)], event(&bucket(1), 0)), Err(PublishError::Closed));
    closed.await;
    until("all came", || hearing.count() == 3000).await;
    until("the subscription ends", || saying.ended()).await;
    assert_eq!(saying.states().last(), Some(&State::Closed));
    assert_eq!(saying.bus.meters().dropped.get(), 0);
}

#[tokio::test]
async fn patience_ends_when_the_broker_is_away() {
    let mut server = Server::start();
    let peer = Peer::join("peer", options(&server), &[bucket(1)]).await;
    server.kill();
    peer.disconnected().await;
    (1..=10).for_each(|number| peer.say(&bucket(2), number));
    expect_impatience(&peer).await;
    assert_eq!(peer.bus.meters().dropped.get(), 10);
}

#[tokio::test]
async fn patience_ends_when_the_broker_is_frozen() {
    let server = Server::start();
    let peer = Peer::join("peer", options(&server), &[bucket(1)]).await;
    server.freeze();
    peer.say(&bucket(2), 1);
    expect_impatience(&peer).await;
    server.thaw();
}

#[tokio::test]
async fn with_nothing_to_publish_no_patience_is_needed() {
    let mut server = Server::start();
    let peer = Peer::join("peer", options(&server), &[bucket(1)]).await;
    server.kill();
    peer.disconnected().await;
    peer.bus.close(Duration::from_secs(1000)).await;
    until("the subscription ends", || peer.ended()).await;
}

#[tokio::test]
async fn dropping_the_outlet_leaves_the_bus() {
    let server = Server::configured("debug: true");
    let Peer { bus, .. } = Peer::join("peer", options(&server), &[bucket(1)]).await;
    assert!(!server.log().contains("\"peer\" - Client connection closed"), "{}", server.log());
    drop(bus);
    until("the connection ends", || server.log().contains("Client connection closed: Client Closed")).await;
}

async fn expect_impatience(peer: &Peer) {
    let start = Instant::now();
    timeout(DEADLINE, peer.bus.close(PATIENCE)).await.expect("patience ends");
    assert!(start.elapsed() >= PATIENCE, "it took {:?}", start.elapsed());
    until("the subscription ends", || peer.ended()).await;
    assert_eq!(peer.bus.state(), State::Closed);
}
