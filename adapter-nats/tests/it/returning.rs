//! Nodes come back one after the other: what waited reaches them all.

use std::time::Duration;

use fanfare_adapter_nats::NatsOptions;
use fanfare_proto::Subject;
use fanfare_proto::wire::Goodbye;
use fanfare_proto::wire::envelope::Body;
use tokio::time::sleep;

use crate::peer::{Peer, bucket, options, until};
use crate::proxy::Proxy;
use crate::server::Server;

/// Longer than any test takes, so that only what must happen ends it.
fn patient(server: &Server) -> NatsOptions {
    NatsOptions { hold_max_ms: 600_000, queue_age_max_ms: 3_600_000, ..options(server) }
}

/// A node that receives, over a line of its own.
async fn node(name: &str, server: &Server, options: &NatsOptions) -> (Peer, Proxy) {
    let line = Proxy::start(server.port).await;
    let servers = vec![format!("nats://127.0.0.1:{}", line.port)];
    let peer = Peer::join(name, NatsOptions { servers, ..options.clone() }, &[bucket(1)]).await;
    peer.shows_itself().await;
    (peer, line)
}

/// Nodes that know each other and have heard a hundred numbers of the first, and their lines.
async fn nodes<const N: usize>(
    names: [&str; N],
    server: &Server,
    options: &NatsOptions,
) -> Vec<(Peer, Proxy)> {
    let mut nodes = Vec::new();
    for name in names {
        nodes.push(node(name, server, options).await);
    }
    for (peer, _) in &nodes {
        peer.knows(N - 1).await;
    }
    (1..=100).for_each(|number| nodes[0].0.say(&bucket(1), number));
    for (peer, _) in &nodes[1..] {
        until("all are heard", || peer.count() == 100).await;
    }
    nodes
}

/// An outage, in which the first node goes on.
async fn cut(nodes: &[(Peer, Proxy)]) {
    nodes.iter().for_each(|(_, line)| line.cut());
    for (peer, _) in nodes {
        peer.disconnected().await;
    }
    (101..=200).for_each(|number| nodes[0].0.say(&bucket(1), number));
}

#[tokio::test]
async fn what_waits_is_held_until_all_are_back() {
    let server = Server::start();
    let nodes = nodes(["a", "b", "c"], &server, &patient(&server)).await;
    let [(a, to_a), (b, to_b), (c, to_c)] = &nodes[..] else { unreachable!("there are three") };
    cut(&nodes).await;
    to_a.mend();
    a.connected().await;
    // Behind the others, though there is a connection.
    (201..=300).for_each(|number| a.say(&bucket(1), number));
    to_b.mend();
    b.connected().await;
    b.bus.synced().await;
    (301..=400).for_each(|number| a.say(&bucket(1), number));
    assert!(a.bus.meters().queued_bytes.get() > 0);
    assert_eq!((b.count(), c.count()), (100, 100));
    to_c.mend();
    for peer in [b, c] {
        until("everything came", || peer.count() == 400).await;
        assert_eq!(peer.numbers(), (1..=400).collect::<Vec<_>>());
        assert_eq!(peer.bus.meters().lost.get(), 0);
    }
    assert_eq!(a.bus.meters().dropped.get(), 0);
}

#[tokio::test]
async fn a_node_that_does_not_come_back_is_waited_for_no_longer_than_configured() {
    let server = Server::start();
    let hasty = NatsOptions { hold_max_ms: 300, ..patient(&server) };
    let nodes = nodes(["a", "b", "c"], &server, &hasty).await;
    let [(a, to_a), (b, to_b), (c, to_c)] = &nodes[..] else { unreachable!("there are three") };
    cut(&nodes).await;
    to_b.mend();
    b.connected().await;
    b.bus.synced().await;
    to_a.mend();
    until("everything came", || b.count() == 200).await;
    (201..=300).for_each(|number| a.say(&bucket(1), number));
    until("nothing is held", || b.count() == 300).await;
    to_c.mend();
    c.connected().await;
    c.bus.synced().await;
    a.say(&bucket(1), 301);
    until("it hears again", || c.count() == 101).await;
    // Messages are counted, and none of the heartbeats that it missed.
    assert_eq!((c.lost(), b.lost(), a.lost()), (200, 0, 0));
}

#[tokio::test]
async fn a_node_that_said_goodbye_is_not_waited_for() {
    let server = Server::start();
    let nodes = nodes(["a", "b", "c"], &server, &patient(&server)).await;
    let [(a, to_a), (b, to_b), (c, _)] = &nodes[..] else { unreachable!("there are three") };
    c.bus.publish(&[Subject::Nodes], Body::Goodbye(Goodbye {})).expect("the bus takes it");
    c.bus.close(Duration::from_secs(60)).await;
    for peer in [a, b] {
        until("it knows that one has left", || peer.known() == 1).await;
    }
    cut(&nodes[..2]).await;
    to_a.mend();
    to_b.mend();
    until("everything came", || b.count() == 200).await;
    assert_eq!(b.lost(), 0);
}

/// As after a restart of the broker: everybody says something all the time, and all come back when they do.
#[tokio::test]
async fn a_restart_of_the_server_costs_only_what_was_said_before_it_was_noticed() {
    let mut server = Server::start();
    let options = NatsOptions { reconnect_delay_max_ms: 1500, ..patient(&server) };
    let names = ["a", "b", "c", "d"];
    let mut nodes = Vec::new();
    for name in names {
        let peer = Peer::join(name, options.clone(), &[bucket(1)]).await;
        peer.shows_itself().await;
        nodes.push(peer);
    }
    for peer in &nodes {
        peer.knows(names.len() - 1).await;
    }
    // Each has numbers of its own: a million times its place, and on from there.
    let number = |place: usize, n: u64| (place as u64 + 1) * 1_000_000 + n;
    let (mut said, mut noticed_at) = (0, vec![0; names.len()]);
    let (mut killed, mut ran) = (false, false);
    let mut back_at = None;
    while back_at.is_none_or(|back_at| said < back_at + 200) {
        said += 1;
        for (place, peer) in nodes.iter().enumerate() {
            peer.say(&bucket(1), number(place, said));
        }
        sleep(Duration::from_millis(2)).await;
        if said == 200 {
            server.kill();
            killed = true;
        }
        if killed && noticed_at.contains(&0) {
            for (place, peer) in nodes.iter().enumerate() {
                let away = !matches!(peer.bus.state(), fanfare_proto::State::Connected);
                if away && noticed_at[place] == 0 {
                    noticed_at[place] = said + 1;
                }
            }
        } else if killed && !ran && said > noticed_at.iter().max().expect("four") + 500 {
            server.run();
            ran = true;
        } else if ran && back_at.is_none() {
            let connected = |peer: &Peer| peer.bus.state() == fanfare_proto::State::Connected;
            back_at = nodes.iter().all(connected).then_some(said);
        }
    }
    let mut lost = 0;
    for (receiver, peer) in nodes.iter().enumerate() {
        let others = (0..names.len()).filter(|sender| *sender != receiver);
        let last = |sender: usize| peer.numbers().contains(&number(sender, said));
        until("the last words came", || others.clone().all(last)).await;
        let heard = peer.numbers();
        for sender in others {
            let from = noticed_at[sender];
            let of = |n: &&u64| (number(sender, from)..=number(sender, said)).contains(n);
            let came: Vec<_> = heard.iter().filter(of).copied().collect();
            let all: Vec<_> = (from..=said).map(|n| number(sender, n)).collect();
            assert_eq!(came.len(), all.len(), "{receiver} misses some of {sender}");
            assert_eq!(came, all, "{receiver} of {sender}");
        }
        let meant = (names.len() as u64 - 1) * said;
        assert_eq!(peer.count() + peer.lost(), meant, "LOSS_1");
        lost += peer.lost();
    }
    println!("{lost} lost of {}", names.len() as u64 * (names.len() as u64 - 1) * said);
}
