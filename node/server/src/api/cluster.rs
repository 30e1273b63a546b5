//! View of a node on its cluster.

use fanfare_proto::BusMeters;

use super::io::Io;
use crate::cluster::inbound::NodeReport;

impl Io {
    /// Returns the name of this node, which the ids of its sockets begin with.
    pub fn node_name(&self) -> &str {
        self.inner.hub.node.tag.as_str()
    }

    /// Returns the other nodes of the cluster that are alive, with the data of their last heartbeats.
    pub fn nodes(&self) -> Vec<NodeReport> {
        let peers = self.inner.hub.node.cluster.as_ref().map(|cluster| cluster.peers()).unwrap_or_default();
        peers.into_iter().map(|peer| NodeReport::new(&peer.node, peer.heartbeat)).collect()
    }

    /// Whether the bus to other nodes is connected; true on a node of its own.
    pub fn is_connected(&self) -> bool {
        self.inner.hub.node.cluster.as_ref().is_none_or(|cluster| cluster.is_connected())
    }

    /// Whether the bus was ever connected; true on a node of its own.
    pub fn was_connected(&self) -> bool {
        self.inner.hub.node.cluster.as_ref().is_none_or(|cluster| cluster.was_connected())
    }

    /// Reasons, besides a missing bus, that keep this node from serving clients as a part of its cluster: a sentence
    /// each, for operators. NATS refuses a right that the bus needs, or has not answered yet; or another node, which
    /// was there before, has another `room_buckets`. Empty on a node of its own.
    pub fn cluster_faults(&self) -> Vec<String> {
        let Some(cluster) = &self.inner.hub.node.cluster else { return Vec::new() };
        let mut faults = cluster.bus.faults();
        faults.extend(cluster.dispute());
        faults
    }

    /// Counters of the bus; `None` on a node of its own.
    pub fn bus_meters(&self) -> Option<&BusMeters> {
        self.inner.hub.node.cluster.as_ref().map(|cluster| cluster.bus.meters())
    }

    /// Number of requests to other nodes that wait for answers.
    pub fn requests_waiting(&self) -> usize {
        self.inner.hub.node.cluster.as_ref().map_or(0, |cluster| cluster.requests_waiting())
    }
}
