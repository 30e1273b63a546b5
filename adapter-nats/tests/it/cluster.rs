//! Several NATS servers.

use std::time::Duration;

use fanfare_proto::Subject;
use tokio::time::Instant;

use crate::peer::{Peer, bucket, namespace, options, say_while, until};
use crate::proxy::Proxy;
use crate::server::{Server, free_port};

#[tokio::test]
async fn a_node_whose_server_dies_goes_on_at_another_one() {
    let mut servers = Server::cluster(3);
    let subjects = [namespace(), bucket(1)];
    // It knows of one server; that one tells it of the others.
    let hearing = Peer::join("hear", options(&servers[0]), &subjects).await;
    let saying = Peer::join("says", options(&servers[1]), &[]).await;
    saying.reaches(&hearing).await;
    let mut said = say_while(&saying, &subjects, 0, until("it hears", || hearing.count() > 100)).await;
    servers[0].kill();
    said = say_while(&saying, &subjects, said, hearing.disconnected()).await;
    let before = hearing.count();
    said =
        say_while(&saying, &subjects, said, until("it hears again", || hearing.count() > before + 100)).await;
    hearing.hear(&[Subject::Nodes]).await;
    saying.account(&hearing, said).await;
    assert_eq!(saying.bus.meters().disconnects.get(), 0);
}

#[tokio::test]
async fn a_partition_between_servers_costs_what_is_counted_and_no_more() {
    let route = free_port();
    let one = Server::configured(&format!(
        "cluster {{ name: test, listen: \"127.0.0.1:{route}\", no_advertise: true }}"
    ));
    let line = Proxy::start(route).await;
    let other = Server::configured(&format!(
        "cluster {{ name: test, listen: \"127.0.0.1:{}\", no_advertise: true, \
         routes: [\"nats://127.0.0.1:{}\"] }}",
        free_port(),
        line.port
    ));
    let subjects = [namespace(), bucket(1)];
    let hearing = Peer::join("hear", options(&one), &subjects).await;
    let saying = Peer::join("says", options(&other), &[]).await;
    saying.reaches(&hearing).await;
    let mut said = say_while(&saying, &subjects, 0, until("it hears", || hearing.count() > 100)).await;
    line.cut();
    let (mut heard, mut since) = (0, Instant::now());
    let silence = until("nothing comes any more", || {
        if hearing.count() > heard {
            (heard, since) = (hearing.count(), Instant::now());
        }
        since.elapsed() > Duration::from_millis(300)
    });
    said = say_while(&saying, &subjects, said, silence).await;
    line.mend();
    said =
        say_while(&saying, &subjects, said, until("it hears again", || hearing.count() > heard + 100)).await;
    hearing.hear(&[Subject::Nodes]).await;
    saying.account(&hearing, said).await;
    assert!(hearing.lost() > 0);
    // Neither has noticed anything but that.
    assert_eq!(hearing.bus.meters().disconnects.get(), 0);
    assert_eq!(saying.bus.meters().disconnects.get(), 0);
}

/// The interest has reached the other server by then, and not only its own.
#[tokio::test]
async fn synced_means_heard_from_other_servers_too() {
    let servers = Server::cluster(3);
    let hearing = Peer::join("hear", options(&servers[0]), &[]).await;
    let saying = Peer::join("says", options(&servers[1]), &[]).await;
    saying.reaches(&hearing).await;
    for number in 1..=300 {
        let fresh = bucket(number as u32);
        hearing.hear(std::slice::from_ref(&fresh)).await;
        saying.say(&fresh, number);
    }
    until("the last one came", || hearing.numbers().last() == Some(&300)).await;
    assert_eq!(hearing.count(), 300);
}
