//! The broker goes away, and comes back.

use std::time::Duration;

use fanfare_adapter_nats::NatsOptions;
use fanfare_proto::State::{Connected, Connecting, Disconnected};
use fanfare_proto::Subject;
use tokio::time::sleep;

use crate::peer::{Peer, alert, bucket, namespace, options, say_while, until};
use crate::proxy::Proxy;
use crate::server::{Server, free_port};

#[tokio::test]
async fn a_restarted_broker_costs_what_is_counted_and_no_more() {
    let mut server = Server::start();
    let subjects = [namespace(), bucket(1), bucket(2)];
    let hearing = Peer::join("hear", options(&server), &subjects).await;
    let saying = Peer::join("says", options(&server), &[]).await;
    let mut said = say_while(&saying, &subjects, 0, until("it hears", || hearing.count() > 100)).await;
    for round in 1..=2 {
        server.kill();
        let away = async {
            saying.disconnected().await;
            hearing.disconnected().await;
        };
        said = say_while(&saying, &subjects, said, away).await;
        server.run();
        let before = hearing.count();
        said =
            say_while(&saying, &subjects, said, until("it hears again", || hearing.count() > before + 100))
                .await;
        assert_eq!(hearing.bus.meters().disconnects.get(), round);
        assert_eq!(hearing.bus.meters().reconnects.get(), round);
        assert!(hearing.bus.meters().last_outage_ms.get() > 0);
    }
    hearing.hear(&[Subject::Nodes]).await;
    saying.account(&hearing, said).await;
    let states = [Connecting, Connected, Disconnected, Connected, Disconnected, Connected];
    assert_eq!(hearing.states(), states);
}

#[tokio::test]
async fn a_frozen_broker_costs_what_is_counted_and_no_more() {
    let server = Server::start();
    let subjects = [namespace(), bucket(1), bucket(2)];
    let hearing = Peer::join("hear", alert(&server), &subjects).await;
    let saying = Peer::join("says", alert(&server), &[]).await;
    let mut said = say_while(&saying, &subjects, 0, until("it hears", || hearing.count() > 100)).await;
    server.freeze();
    let noticed = async {
        saying.disconnected().await;
        hearing.disconnected().await;
        // Some attempts to connect fail, too.
        sleep(Duration::from_millis(800)).await;
    };
    said = say_while(&saying, &subjects, said, noticed).await;
    server.thaw();
    let before = hearing.count();
    said =
        say_while(&saying, &subjects, said, until("it hears again", || hearing.count() > before + 100)).await;
    hearing.hear(&[Subject::Nodes]).await;
    saying.account(&hearing, said).await;
}

/// Shorter than it takes to notice: nothing is lost at all.
#[tokio::test]
async fn a_broker_that_pauses_costs_nothing() {
    let server = Server::start();
    let subjects = [namespace(), bucket(1)];
    let hearing = Peer::join("hear", options(&server), &subjects).await;
    let saying = Peer::join("says", options(&server), &[]).await;
    let mut said = say_while(&saying, &subjects, 0, until("it hears", || hearing.count() > 100)).await;
    server.freeze();
    said = say_while(&saying, &subjects, said, sleep(Duration::from_millis(500))).await;
    server.thaw();
    until("everything came", || hearing.count() == said).await;
    hearing.hear(&[Subject::Nodes]).await;
    saying.account(&hearing, said).await;
    assert_eq!(hearing.lost(), 0);
}

#[tokio::test]
async fn a_node_may_start_before_the_broker() {
    let mut server = Server::prepared(free_port(), "");
    let hearing = Peer::start("hear", options(&server));
    hearing.bus.subscribe(bucket(1));
    let synced = hearing.bus.synced();
    until("it says so", || hearing.states() == [Connecting]).await;
    server.run();
    synced.await;
    assert_eq!(hearing.bus.state(), Connected);
    let saying = Peer::join("says", options(&server), &[]).await;
    saying.say(&bucket(1), 1);
    saying.say(&Subject::Node("hear".into()), 2);
    until("it hears both", || hearing.numbers() == [1, 2]).await;
    assert_eq!(hearing.states(), [Connecting, Connected]);
    assert_eq!(hearing.bus.meters().reconnects.get(), 0);
}

/// A caller waits once: for as long as the options say since the start, or since the connection was lost.
#[tokio::test]
async fn nobody_waits_for_a_broker_that_is_away_for_long() {
    let mut server = Server::prepared(free_port(), "");
    let hasty = NatsOptions { sync_timeout_ms: 300, ..options(&server) };
    let peer = Peer::start("peer", hasty);
    let unsynced = || peer.bus.meters().unsynced.get();
    let waits = |bus: &std::sync::Arc<dyn fanfare_proto::Publisher>| {
        let mut synced = bus.synced();
        futures_util::FutureExt::now_or_never(synced.as_mut()).is_none()
    };
    peer.hear(&[bucket(1)]).await;
    assert_eq!((unsynced(), peer.bus.state()), (1, Connecting));
    assert!(!waits(&peer.bus), "it has been away for longer");
    assert_eq!(unsynced(), 2);
    server.run();
    peer.connected().await;
    // As it does when the machine is busy, too.
    until("it is in force", || !waits(&peer.bus)).await;
    let before = unsynced();
    peer.hear(&[bucket(2)]).await;
    server.kill();
    peer.disconnected().await;
    assert!(waits(&peer.bus), "it is away for a moment");
    until("it is away for longer", || !waits(&peer.bus)).await;
    assert!(unsynced() > before);
}

/// Subscriptions in force at the old connection say nothing about the new one.
#[tokio::test]
async fn synced_means_heard_after_an_outage_too() {
    let server = Server::start();
    let line = Proxy::start(server.port).await;
    let by_line =
        NatsOptions { servers: vec![format!("nats://127.0.0.1:{}", line.port)], ..options(&server) };
    let subjects: Vec<_> = (0..500).map(bucket).collect();
    let hearing = Peer::join("hear", by_line, &subjects).await;
    let saying = Peer::join("says", options(&server), &[]).await;
    for number in 1..=20 {
        line.cut();
        hearing.disconnected().await;
        line.mend();
        hearing.connected().await;
        hearing.bus.synced().await;
        saying.say(&subjects[number as usize * 20], number);
        until("it comes", || hearing.numbers().last() == Some(&number)).await;
    }
}

#[tokio::test]
async fn what_is_said_shortly_before_the_broker_comes_back_arrives() {
    let mut server = Server::start();
    let hearing = Peer::join("hear", options(&server), &[bucket(1)]).await;
    let saying = Peer::join("says", options(&server), &[]).await;
    server.kill();
    saying.disconnected().await;
    hearing.disconnected().await;
    server.run();
    hearing.connected().await;
    hearing.bus.synced().await;
    // Connected or not: it waits.
    saying.say(&bucket(1), 1);
    until("it arrives", || hearing.numbers() == [1]).await;
}

#[tokio::test]
async fn a_queue_that_is_full_drops_what_is_missed_elsewhere() {
    let mut server = Server::start();
    let small = NatsOptions {
        envelope_bytes_max: 1024,
        queue_bytes_max: 10_000,
        queue_age_max_ms: 60_000,
        ..options(&server)
    };
    let hearing = Peer::join("hear", options(&server), &[bucket(1), Subject::Nodes]).await;
    let saying = Peer::join("says", small, &[]).await;
    saying.say(&bucket(1), 1);
    until("it hears", || hearing.count() == 1).await;
    server.kill();
    saying.disconnected().await;
    hearing.disconnected().await;
    (2..=200).for_each(|number| saying.say(&bucket(1), number));
    let meters = saying.bus.meters();
    let dropped = meters.dropped.get();
    assert!((150..199).contains(&dropped), "{dropped} were dropped");
    assert!((1..=10_000).contains(&meters.queued_bytes.get()));
    // What waits is published as soon as the broker is back, and the other may not be by then.
    server.run();
    saying.connected().await;
    saying.account(&hearing, 200).await;
    assert!(hearing.lost() >= dropped);
    assert_eq!(meters.queued_bytes.get(), 0);
}

#[tokio::test]
async fn what_waits_too_long_is_dropped_and_missed_elsewhere() {
    let mut server = Server::start();
    let hasty = NatsOptions { queue_age_max_ms: 2_000, ..options(&server) };
    let hearing = Peer::join("hear", options(&server), &[bucket(1), Subject::Nodes]).await;
    let saying = Peer::join("says", hasty, &[]).await;
    saying.say(&bucket(1), 1);
    until("it hears", || hearing.count() == 1).await;
    server.kill();
    saying.disconnected().await;
    (2..=100).for_each(|number| saying.say(&bucket(1), number));
    assert_eq!(saying.bus.meters().dropped.get(), 0);
    // Without anything that happens.
    until("all are dropped", || saying.bus.meters().dropped.get() == 99).await;
    assert_eq!(saying.bus.meters().queued_bytes.get(), 0);
    server.run();
    saying.connected().await;
    hearing.connected().await;
    hearing.bus.synced().await;
    saying.say(&bucket(1), 101);
    until("it hears the next one", || hearing.numbers() == [1, 101]).await;
    saying.account(&hearing, 101).await;
}

/// There is nothing to do, even if a subject is to be unsubscribed.
#[tokio::test]
async fn an_outage_costs_no_time() {
    let mut server = Server::start();
    let peer = Peer::join("peer", options(&server), &[bucket(1)]).await;
    server.kill();
    peer.disconnected().await;
    peer.bus.unsubscribe(&bucket(1));
    peer.say(&bucket(2), 1);
    sleep(Duration::from_millis(500)).await;
    let before = cpu_time();
    sleep(Duration::from_secs(1)).await;
    let spent = cpu_time() - before;
    assert!(spent < Duration::from_millis(200), "{spent:?} of a second");
    server.run();
    peer.connected().await;
    until("it is unsubscribed", || peer.bus.meters().interests.get() == 1).await;
}

/// Time that this thread has used, where the system tells.
pub fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

#[tokio::test]
async fn waits_for_subscriptions_end_in_time_or_when_the_broker_is_back() {
    let server = Server::start();
    let hasty = NatsOptions { sync_timeout_ms: 300, ..options(&server) };
    let hasty = Peer::join("hasty", hasty, &[]).await;
    let patient = NatsOptions { sync_timeout_ms: 600_000, ..alert(&server) };
    let patient = Peer::join("patient", patient, &[]).await;
    let before = hasty.bus.meters().unsynced.get();
    server.freeze();
    hasty.hear(&[bucket(1)]).await;
    assert_eq!(hasty.bus.meters().unsynced.get(), before + 1);
    patient.bus.subscribe(bucket(1));
    let synced = patient.bus.synced();
    patient.disconnected().await;
    server.thaw();
    synced.await;
    assert_eq!(patient.bus.state(), Connected);
    assert_eq!(patient.bus.meters().unsynced.get(), 0);
}
