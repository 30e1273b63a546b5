//! Distance of the broker.

use crate::peer::{Peer, options, until};
use crate::server::Server;

#[tokio::test]
async fn the_time_that_the_broker_takes_to_answer_is_measured() {
    let server = Server::start();
    let peer = Peer::join("peer", options(&server), &[]).await;
    until("it is measured", || peer.bus.meters().round_trip_us.get() > 0).await;
}
