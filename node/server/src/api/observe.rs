//! A look at the actors of a running server.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::io::Io;
use crate::cluster::outbound::publish_meters;
use crate::connection::{ConnectionSnapshot, ObserveConnection};
use crate::metrics::Mailbox;
use crate::namespace::{NamespaceCore, NamespaceSnapshot, ObserveNamespace};
use crate::socket::{ObserveSocket, SocketSnapshot};

/// States of a node's actors at the time they were asked. Those that ended meanwhile are absent.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Observation {
    /// Every connection.
    pub connections: Vec<ConnectionSnapshot>,
    /// Every namespace on every reactor where it was entered, with its room shard.
    pub namespaces: Vec<NamespaceSnapshot>,
    /// Every socket.
    pub sockets: Vec<SocketSnapshot>,
}

impl Io {
    /// Asks every actor of this node how it is.
    pub async fn observe(&self) -> Observation {
        self.observe_at_most(usize::MAX).await
    }

    /// Asks all supervisors, and at most `most` connections and `most` sockets of each namespace.
    pub async fn observe_at_most(&self, most: usize) -> Observation {
        let hub = &self.inner.hub;
        let mut observation = Observation::default();
        for session in hub.sessions.all().into_iter().take(most) {
            observation.connections.extend(session.actor.send(ObserveConnection).await);
        }
        for namespace in hub.namespaces.all() {
            for supervisor in namespace.supervisors() {
                observation.namespaces.extend(supervisor.send(ObserveNamespace).await);
            }
            for socket in namespace.sockets().into_iter().take(most) {
                if let Some(actor) = socket.actor() {
                    observation.sockets.extend(actor.send(ObserveSocket).await);
                }
            }
        }
        observation
    }

    /// The namespaces of this node in the order of their names, each with its sockets and its rooms on this node.
    pub fn namespaces(&self) -> Vec<(String, usize, usize)> {
        let namespaces = self.inner.hub.namespaces.all();
        let report = |of: &Arc<NamespaceCore>| (of.name().to_owned(), of.socket_count(), of.rooms.count());
        let mut all: Vec<_> = namespaces.iter().map(report).collect();
        all.sort();
        all
    }

    /// Time since the server was built.
    pub fn uptime(&self) -> Duration {
        self.inner.hub.node.started.elapsed()
    }

    /// Hands everything the node counts to the current recorder of the `metrics` crate, but for histograms, which
    /// [`Metrics::render_histograms`](crate::Metrics::render_histograms) writes. Numbers that would cost something with
    /// every packet are counted now instead, by a look at each connection and socket.
    pub fn publish_metrics(&self) {
        let (hub, metrics) = (&self.inner.hub, self.metrics());
        let outboxes = hub.sessions.all().into_iter().map(|session| session.link.outbox.bytes() as i64);
        metrics.outbox_bytes.set(outboxes.sum());
        let (mut rooms, mut deliveries, mut events, mut acks) = (0, 0, 0, 0);
        for namespace in hub.namespaces.all() {
            rooms += namespace.rooms.count() as i64;
            deliveries += namespace.rooms.waiting() as i64;
            for socket in namespace.sockets() {
                let load = socket.snapshot();
                events += load.events_in_flight as i64;
                acks += load.acks_pending as i64;
            }
        }
        metrics.rooms.set(rooms);
        metrics.acks_pending.set(acks);
        metrics.mailboxes.of(Mailbox::RoomShard).set(deliveries);
        metrics.mailboxes.of(Mailbox::Socket).set(events);
        metrics.publish();
        if let Some(meters) = self.bus_meters() {
            publish_meters(meters, self.is_connected());
        }
    }
}
