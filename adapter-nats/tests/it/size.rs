//! Envelopes that are larger than what the server takes in one message.

use fanfare_proto::wire::envelope::Body;
use fanfare_proto::wire::{Broadcast, Target};

use crate::peer::{Peer, bucket, options, until};
use crate::server::Server;

/// An event with an attachment.
fn large(number: u64, bytes: usize) -> Body {
    Body::Broadcast(Broadcast {
        target: Some(Target { namespace: "/".into(), ..Target::default() }),
        packet: format!("451-[\"n\",{{\"_placeholder\":true,\"num\":0}},{number}]"),
        attachments: vec![vec![7; bytes].into()],
        ..Broadcast::default()
    })
}

#[tokio::test]
async fn envelopes_are_cut_to_what_this_server_takes() {
    let mut server = Server::configured("max_payload: 65536");
    let hearing = Peer::join("hear", options(&server), &[bucket(1)]).await;
    let saying = Peer::join("says", options(&server), &[]).await;
    let say = |number| saying.bus.publish(&[bucket(1)], large(number, 1_000_000)).expect("the bus takes it");
    say(1);
    say(2);
    until("both came", || hearing.numbers() == [1, 2]).await;
    assert_eq!(saying.bus.meters().published.get(), 32);
    server.kill();
    saying.disconnected().await;
    hearing.disconnected().await;
    // The next one takes less.
    let mut smaller = Server::prepared(server.port, "max_payload: 4096");
    smaller.run();
    hearing.connected().await;
    hearing.bus.synced().await;
    say(3);
    until("it came", || hearing.numbers() == [1, 2, 3]).await;
    assert_eq!(saying.bus.meters().published.get(), 32 + 253);
    assert_eq!((hearing.lost(), saying.bus.meters().dropped.get()), (0, 0));
}
