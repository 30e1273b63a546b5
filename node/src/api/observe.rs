//! A look at the actors of a running server.

use serde::Serialize;

use super::io::Io;
use crate::connection::{ConnectionSnapshot, ObserveConnection};
use crate::namespace::{NamespaceSnapshot, ObserveNamespace};
use crate::socket::{ObserveSocket, SocketSnapshot};

/// What the actors of a node said when they were asked. Those that ended meanwhile are absent.
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
        let mut observation = Observation::default();
        for session in self.inner.hub.sessions.all() {
            observation.connections.extend(session.actor.send(ObserveConnection).await);
        }
        for namespace in self.inner.hub.namespaces.all() {
            for supervisor in namespace.supervisors() {
                observation.namespaces.extend(supervisor.send(ObserveNamespace).await);
            }
            for socket in namespace.sockets() {
                if let Some(actor) = socket.actor() {
                    observation.sockets.extend(actor.send(ObserveSocket).await);
                }
            }
        }
        observation
    }
}
