//! Signs of life: this node's, and the others' absence.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fanfare_proto::wire;
use fanfare_proto::wire::envelope::Body;
use tracing::warn;

use crate::bus::ClusterLink;
use crate::connection::Hub;
use crate::limits::ms;

/// Two heartbeats are at least this far apart, however much there is to tell.
const PAUSE: Duration = Duration::from_millis(20);

/// Sends heartbeats for as long as the node lives, and forgets nodes that are silent.
pub async fn beat(hub: Arc<Hub>, cluster: Arc<ClusterLink>) {
    let (started, options) = (Instant::now(), hub.node.options.cluster);
    let mut turns = tokio::time::interval(ms(options.heartbeat_interval_ms));
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = turns.tick() => {}
            () = cluster.news.notified() => {}
        }
        // Before that the greeting tells the others, once this node hears whatever they answer.
        if let Some(since) = cluster.hears_since().filter(|_| cluster.is_connected()) {
            cluster.outlet.settled().await;
            cluster.say_to_all(heartbeat(&hub, &cluster, started, false));
            sweep(&hub, &cluster, since, Instant::now());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Asks the others to show themselves: the bus is there (again), and what the node says shall be heard by all.
pub async fn greet(hub: Arc<Hub>, cluster: Arc<ClusterLink>, started: Instant) {
    cluster.outlet.settled().await;
    cluster.set_hearing(true);
    cluster.say_to_all(heartbeat(&hub, &cluster, started, true));
}

/// Not while the bus is away: nobody can be heard then, which says nothing about them.
fn sweep(hub: &Hub, cluster: &ClusterLink, hears_since: Instant, now: Instant) {
    let patience = ms(hub.node.options.cluster.heartbeat_timeout_ms);
    let gone = cluster.update_peers(|peers| {
        let gone = peers.sweep(now, hears_since, patience);
        (gone.clone(), gone)
    });
    for node in gone {
        warn!(%node, "node is silent: it counts as gone");
    }
    hub.node.metrics.nodes.set(cluster.peer_count() as i64);
}

fn heartbeat(hub: &Hub, cluster: &ClusterLink, started: Instant, hello: bool) -> Body {
    let (options, namespaces) = (&hub.node.options.cluster, hub.namespaces.all());
    Body::Heartbeat(wire::Heartbeat {
        release: env!("CARGO_PKG_VERSION").into(),
        uptime_ms: started.elapsed().as_millis() as u64,
        connections: hub.sessions.count() as u64,
        sockets: namespaces.iter().map(|namespace| namespace.socket_count() as u64).sum(),
        rooms: namespaces.iter().map(|namespace| namespace.rooms.count() as u64).sum(),
        lost: cluster.outlet.meters().lost.get(),
        interval_ms: options.heartbeat_interval_ms,
        room_buckets: options.room_buckets,
        namespaces: namespaces.iter().map(|namespace| namespace.name().to_owned()).collect(),
        borrowed_ids: namespaces.iter().map(|namespace| namespace.rooms.interest().borrowed_ids()).sum(),
        hello,
        // The bus completes these.
        tails: Vec::new(),
        tails_complete: false,
    })
}
