//! Heartbeats: sending this node's, and noticing the absence of others'.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fanfare_proto::wire;
use fanfare_proto::wire::envelope::Body;
use tracing::warn;

use super::response::Collection;
use crate::cluster::outbound::{ClusterLink, Ticket};
use crate::connection::Hub;
use crate::options::ms;

/// Least time between two heartbeats, however much there is to tell.
const PAUSE: Duration = Duration::from_millis(20);

/// Time by which each id that a heartbeat lists delays the next one.
const PAUSE_PER_ID: Duration = Duration::from_micros(100);

/// Sends heartbeats for as long as the node lives.
pub async fn beat(hub: Arc<Hub>, cluster: Arc<ClusterLink>) {
    let (started, options) = (Instant::now(), hub.node.options.cluster);
    let mut turns = tokio::time::interval(ms(options.heartbeat_interval_ms));
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = turns.tick() => {}
            () = cluster.news.notified() => {}
        }
        cluster.log.tell_left_out();
        // Before that the greeting tells the others, once this node hears whatever they answer.
        let mut listed = 0;
        if cluster.hears_since().is_some() && cluster.is_connected() {
            cluster.bus.synced().await;
            cluster.update_synced();
            if cluster.take_new_owners() {
                hub.namespaces.all().iter().for_each(|namespace| namespace.rooms.recognise_all());
            }
            listed = say_alive(&hub, &cluster, started, false);
        }
        tokio::time::sleep(PAUSE + PAUSE_PER_ID * listed).await;
    }
}

/// Forgets nodes that are silent, each when its time is up and not at the next heartbeat: requests wait for them.
pub async fn watch_silence(hub: Arc<Hub>, cluster: Arc<ClusterLink>) {
    let options = hub.node.options.cluster;
    loop {
        // Often enough to notice when this node itself was stopped for longer than others wait for it.
        let begun = Instant::now();
        let latest = begun + ms(options.heartbeat_interval_ms);
        let silence = cluster.next_silence(ms(options.heartbeat_timeout_ms));
        let look_at = silence.map_or(latest, |next| next.clamp(begun, latest));
        tokio::time::sleep_until(look_at.into()).await;
        let now = Instant::now();
        let late = now.duration_since(look_at);
        let stood_still = late > ms(options.heartbeat_interval_ms);
        if stood_still {
            let late_ms = late.as_millis() as u64;
            warn!(
                late_ms,
                "this node stood still: it may have missed messages, and other nodes its heartbeats"
            );
        }
        match cluster.hears_since().filter(|_| cluster.is_connected()) {
            // What the others said meanwhile is still to be read.
            Some(_) if stood_still => cluster.was_kept(),
            Some(since) => sweep(&hub, &cluster, since, now),
            None => tokio::time::sleep(ms(options.heartbeat_interval_ms)).await,
        }
    }
}

/// Asks the others for heartbeats, and announces this node: the bus is connected (again).
pub async fn greet(hub: Arc<Hub>, cluster: Arc<ClusterLink>, started: Instant) {
    cluster.bus.synced().await;
    cluster.set_hearing(true);
    say_alive(&hub, &cluster, started, true);
}

/// Sends a heartbeat, and waits in the background until the others have confirmed what is new in it. Returns the number
/// of ids that it lists.
fn say_alive(hub: &Arc<Hub>, cluster: &Arc<ClusterLink>, started: Instant, hello: bool) -> u32 {
    let (announcement, ticket) = cluster.announce();
    hub.node.metrics.borrowed_rooms.set(announcement.count as i64);
    let listed = announcement.ids.len() as u32;
    let change = announcement.to_confirm;
    let heartbeat = wire::Heartbeat {
        hello,
        borrowed_ids: announcement.count,
        borrowed: announcement.ids,
        request: ticket.as_ref().map_or(0, |ticket| ticket.id),
        ..heartbeat(hub, cluster, started)
    };
    cluster.show_life(Body::Heartbeat(heartbeat));
    if let (Some(change), Some(ticket)) = (change, ticket) {
        actix_rt::spawn(confirm(hub.clone(), cluster.clone(), change, ticket));
    }
    listed
}

/// Waits until the others know the announcement, or their time is up.
async fn confirm(hub: Arc<Hub>, cluster: Arc<ClusterLink>, change: u64, ticket: Ticket) {
    let patience = ms(hub.node.options.cluster.request_timeout_ms);
    let mut collection = Collection::new(&hub.node, Some(ticket), patience);
    while collection.next().await.is_some() {}
    if !collection.missing_nodes().is_empty() {
        hub.node.metrics.requests_incomplete.increment();
    }
    cluster.confirmed(change);
}

/// Skipped while the bus is away: other nodes cannot be heard then, whether they live or not.
fn sweep(hub: &Hub, cluster: &ClusterLink, hears_since: Instant, now: Instant) {
    let patience = ms(hub.node.options.cluster.heartbeat_timeout_ms);
    let gone = cluster.update_peers(|peers| {
        let gone = peers.sweep(now, hears_since, patience);
        (gone.clone(), gone)
    });
    for node in gone {
        cluster.log.say(|| warn!(%node, "another node is silent and counts as gone"));
    }
    count_nodes(hub, cluster);
}

/// After the other nodes have changed.
pub fn count_nodes(hub: &Hub, cluster: &ClusterLink) {
    hub.node.metrics.nodes.set(cluster.peer_count() as i64);
    hub.node.metrics.nodes_disagreeing.set(cluster.disagreeing_count() as i64);
}

fn heartbeat(hub: &Hub, cluster: &ClusterLink, started: Instant) -> wire::Heartbeat {
    let (options, namespaces) = (&hub.node.options.cluster, hub.namespaces.all());
    // Names that clients have chosen are not told: the rules are, by which this node may have them.
    let declared = namespaces.iter().filter(|namespace| namespace.parent().is_none());
    let declared = declared.map(|namespace| namespace.name().to_owned());
    let rules = hub.namespaces.parents();
    let rules = rules.iter().map(|parent| parent.key().to_string());
    wire::Heartbeat {
        release: env!("CARGO_PKG_VERSION").into(),
        uptime_ms: started.elapsed().as_millis() as u64,
        connections: hub.sessions.count() as u64,
        sockets: namespaces.iter().map(|namespace| namespace.socket_count() as u64).sum(),
        rooms: namespaces.iter().map(|namespace| namespace.rooms.count() as u64).sum(),
        lost: cluster.bus.meters().lost.get(),
        interval_ms: options.heartbeat_interval_ms,
        room_buckets: options.room_buckets,
        namespaces: declared.chain(rules).collect(),
        confirms: true,
        started_at_ms: cluster.started_at_ms(),
        yields: cluster.dispute().is_some(),
        // The bus completes the tails.
        ..wire::Heartbeat::default()
    }
}
