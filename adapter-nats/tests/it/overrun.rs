//! A node that reads too slowly.

use fanfare_adapter_nats::NatsOptions;
use fanfare_proto::Subject;

use crate::peer::{Peer, bucket, namespace, options, until};
use crate::server::Server;

const FLOOD: u64 = 5000;

#[tokio::test]
async fn what_a_node_does_not_read_in_time_is_counted_as_lost() {
    let server = Server::start();
    let small = NatsOptions { envelope_bytes_max: 1024, inbox_bytes_max: 100_000, ..options(&server) };
    let subjects = [namespace(), bucket(1)];
    let hearing = Peer::join("hear", small, &subjects).await;
    let saying = Peer::join("says", options(&server), &[]).await;
    greet(&saying, &hearing, &subjects).await;
    hearing.set_reading(false);
    flood(&saying, &subjects).await;
    let meters = hearing.bus.meters();
    until("it overruns", || meters.overruns.get() > 0).await;
    until("it stands still", || meters.received.get() + meters.overruns.get() == FLOOD).await;
    let thrown_away = meters.overruns.get();
    hearing.set_reading(true);
    hearing.hear(&[Subject::Nodes]).await;
    saying.account(&hearing, FLOOD).await;
    assert_eq!(hearing.lost(), thrown_away);
    // What had room was kept.
    assert!((100..1000).contains(&hearing.count()), "{} came", hearing.count());
}

#[tokio::test]
async fn what_overruns_a_subscription_is_counted_as_lost() {
    let server = Server::start();
    let narrow = NatsOptions { subscription_capacity: 4, ..options(&server) };
    let subjects = [namespace(), bucket(1)];
    let hearing = Peer::join("hear", narrow, &subjects).await;
    let saying = Peer::join("says", options(&server), &[]).await;
    greet(&saying, &hearing, &subjects).await;
    flood(&saying, &subjects).await;
    hearing.hear(&[Subject::Nodes]).await;
    saying.account(&hearing, FLOOD).await;
    assert!(hearing.lost() > 0);
    // The client library does not report each one.
    assert!((1..=hearing.lost()).contains(&hearing.bus.meters().overruns.get()));
}

/// From then on it knows what it misses.
async fn greet(saying: &Peer, hearing: &Peer, subjects: &[Subject]) {
    (1..).zip(subjects).for_each(|(number, subject)| saying.say(subject, number));
    until("it hears", || hearing.numbers() == [1, 2]).await;
}

async fn flood(saying: &Peer, subjects: &[Subject]) {
    let pairs = (3..=FLOOD).zip(subjects.iter().cycle());
    pairs.for_each(|(number, subject)| saying.say(subject, number));
    until("everything was published", || saying.bus.meters().published.get() >= FLOOD).await;
}
