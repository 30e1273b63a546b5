//! Data of the status page.

use serde::Serialize;

use crate::api::Io;
use crate::cluster::inbound::NodeReport;

/// A node and its view of the cluster.
#[derive(Serialize)]
pub(super) struct Status {
    node: String,
    version: &'static str,
    uptime_s: u64,
    /// Reasons why the node does not want new clients; empty if it does.
    not_ready: Vec<String>,
    /// Totals since the node's start; the page makes rates of these.
    totals: Totals,
    polling: i64,
    websocket: i64,
    rooms: i64,
    memberships: i64,
    namespaces: Vec<NamespaceStatus>,
    /// `None` on a node of its own.
    cluster: Option<ClusterStatus>,
}

#[derive(Serialize)]
struct Totals {
    events: u64,
    deliveries: u64,
    connects: u64,
    slow_consumers: u64,
    handler_panics: u64,
    restarts: u64,
}

#[derive(Serialize)]
struct NamespaceStatus {
    name: String,
    sockets: usize,
    rooms: usize,
}

#[derive(Serialize)]
struct ClusterStatus {
    connected: bool,
    /// Envelopes of other nodes that never came.
    lost: u64,
    /// Envelopes that this node dropped.
    dropped: u64,
    others: Vec<NodeReport>,
}

impl Status {
    pub(super) fn of(io: &Io, not_ready: Vec<String>) -> Self {
        let metrics = io.metrics();
        let namespaces = io.namespaces();
        Self {
            node: io.node_name().to_owned(),
            version: env!("CARGO_PKG_VERSION"),
            uptime_s: io.uptime().as_secs(),
            not_ready,
            totals: Totals {
                events: metrics.events.get(),
                deliveries: metrics.deliveries.get(),
                connects: metrics.connects.get(),
                slow_consumers: metrics.slow_consumers.get(),
                handler_panics: metrics.handler_panics.get(),
                restarts: metrics.restarts.get(),
            },
            polling: metrics.connections.of(crate::metrics::Transport::Polling).get(),
            websocket: metrics.connections.of(crate::metrics::Transport::WebSocket).get(),
            rooms: namespaces.iter().map(|(_, _, rooms)| *rooms as i64).sum(),
            memberships: metrics.memberships.get(),
            namespaces: namespaces
                .into_iter()
                .map(|(name, sockets, rooms)| NamespaceStatus { name, sockets, rooms })
                .collect(),
            cluster: io.bus_meters().map(|meters| ClusterStatus {
                connected: io.is_connected(),
                lost: meters.lost.get(),
                dropped: meters.dropped.get(),
                others: io.nodes(),
            }),
        }
    }
}
