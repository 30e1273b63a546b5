//! Messages that others may send, and names that namespaces may have.

use fanfare_proto::wire;
use fanfare_proto::{Bus, Identity, Subject, encode, prost::Message};

use crate::peer::{Peer, bucket, event, namespace, options, until};
use crate::server::Server;

#[tokio::test]
async fn what_cannot_be_read_is_counted_and_skipped() {
    let server = Server::start();
    let own = Subject::Node("hear".into());
    let subjects = [Subject::Nodes, own, namespace(), bucket(1)];
    let hearing = Peer::join("hear", options(&server), &subjects).await;
    let client = async_nats::connect(server.url()).await.expect("it connects");
    let future =
        wire::Envelope { version: 2, node: "next".into(), instance: 7, sequence: 1, ..Default::default() };
    let strange = wire::Envelope { version: 1, subject_sequence: 1, ..future.clone() };
    let frames = [
        b"".to_vec(),
        b"what?".to_vec(),
        vec![0xff; 1000],
        encode(&event(&namespace(), 1)).to_vec(),
        future.encode_to_vec(),
        strange.encode_to_vec(),
    ];
    for subject in &subjects {
        for frame in &frames {
            client
                .publish(format!("fanfare.v1.{}", subject.path()), frame.clone().into())
                .await
                .expect("it is sent");
        }
    }
    client.flush().await.expect("it is sent");
    let meters = hearing.bus.meters();
    until("all came", || meters.received.get() == 24).await;
    assert_eq!((meters.refused.get(), meters.unknown.get()), (16, 8));
    let saying = Peer::join("says", options(&server), &[]).await;
    (1..).zip(&subjects).for_each(|(number, subject)| saying.say(subject, number));
    until("the bus goes on", || hearing.numbers() == [1, 2, 3, 4]).await;
}

#[tokio::test]
async fn a_namespace_is_heard_by_those_who_subscribed_to_exactly_that() {
    let long = format!("/{}", "x".repeat(10_000));
    let longer = format!("/{}", "x".repeat(10_001));
    let names = [
        "/",
        "//",
        "/ ",
        "/*",
        "/>",
        "/*.>",
        "/a",
        "/a.b",
        "/a.",
        "/.a",
        "/a..b",
        "/a b",
        "/a\r\nPING",
        "/\0",
        "/_",
        "/_nobody",
        "/_inbox",
        "/node",
        "/nodes",
        "/größe/🎺",
        "/A",
        long.as_str(),
        longer.as_str(),
    ];
    let server = Server::start();
    let saying = Peer::join("says", options(&server), &[]).await;
    let mut hearing = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let subjects = [Subject::Namespace((*name).into()), Subject::Bucket((*name).into(), 5)];
        hearing.push(Peer::join(&format!("h{number}"), options(&server), &subjects).await);
    }
    for (number, name) in (1..).zip(&names) {
        saying.say(&Subject::Namespace((*name).into()), number);
        saying.say(&Subject::Bucket((*name).into(), 5), 100 + number);
    }
    // Order tells that nothing else came before.
    for (number, _) in names.iter().enumerate() {
        saying.say(&Subject::Node(format!("h{number}").into()), 1000);
    }
    for (number, peer) in (1..).zip(&hearing) {
        until("it hears its own", || peer.numbers().last() == Some(&1000)).await;
        assert_eq!(peer.numbers(), [number, 100 + number, 1000], "{:?}", names[number as usize - 1]);
    }
}

/// Two clusters share a NATS.
#[tokio::test]
async fn another_prefix_is_another_cluster() {
    let server = Server::start();
    let with_prefix =
        |prefix: &str| fanfare_adapter_nats::NatsOptions { prefix: prefix.into(), ..options(&server) };
    let one = Peer::join("one", with_prefix("chat.test"), &[namespace()]).await;
    let other = Peer::join("othr", with_prefix("chat.live"), &[namespace()]).await;
    let saying = Peer::join("says", with_prefix("chat.live"), &[]).await;
    let also = Peer::join("also", with_prefix("chat.test"), &[]).await;
    saying.say(&namespace(), 1);
    until("it hears", || other.numbers() == [1]).await;
    also.say(&namespace(), 2);
    until("it hears", || one.numbers() == [2]).await;
    assert_eq!(other.numbers(), [1]);
}

/// A program that only sends hears nothing, not even what would be for a node without a name.
#[tokio::test]
async fn a_bus_without_a_name_subscribes_to_nothing() {
    let server = Server::start();
    let bus = Box::new(fanfare_adapter_nats::NatsBus::new(options(&server)).expect("the options are valid"));
    let (bus, _subscription) = bus.start(Identity::new(""));
    assert_eq!(bus.meters().interests.get(), 0);
}

/// Not even the server sends it back.
#[tokio::test]
async fn what_a_node_says_does_not_come_back() {
    let server = Server::start();
    let saying = Peer::join("says", options(&server), &[bucket(1)]).await;
    let hearing = Peer::join("hear", options(&server), &[bucket(1)]).await;
    (1..=10).for_each(|number| saying.say(&bucket(1), number));
    until("all came", || hearing.count() == 10).await;
    hearing.say(&bucket(1), 11);
    until("the answer came", || saying.numbers() == [11]).await;
    assert_eq!(saying.bus.meters().received.get(), 1);
}
