//! Administration of all sockets that an operator selects, wherever in the cluster they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use fanfare_proto::wire;
use serde::Serialize;

use super::broadcast_acks::AckStream;
use super::emit::Broadcast;
use super::error::EmitError;
use super::namespace::Namespace;
use super::remote::RemoteSocket;
use super::rooms::IntoRooms;
use crate::cluster::inbound::{
    Applied, Change, ClusterAcks, ClusterResponse, RequestError, Scope, apply, count, fetch, rooms,
};
use crate::ids::Room;
use crate::options::{MS_MAX, ms};
use crate::outbox::Packet;
use crate::room::Asker;
use crate::socket::LocalAcks;
use fanfare_socketio::encode;

impl Broadcast {
    /// Sends an event at once, and returns a stream of the answers of all clients: a tuple takes the several arguments
    /// of an answer, `()` none, anything else the first.
    ///
    /// With no [`timeout`](Self::timeout) clients have the `request_timeout_ms` of
    /// [`ClusterOptions`](crate::ClusterOptions).
    pub fn emit_with_ack<T>(&self, event: &str, arguments: impl Serialize) -> AckStream<T> {
        AckStream::new(self.ask(event, &arguments))
    }

    fn ask(&self, event: &str, arguments: &impl Serialize) -> Result<ClusterAcks, EmitError> {
        let namespace = &self.namespace;
        let encoded = self.flags.encode(namespace.name(), None, event, arguments)?;
        let timeout = self.scope().timeout;
        let timeout_ms = timeout.as_millis().min(u128::from(MS_MAX)) as u64;
        let body = |request| self.body(&encoded, Some(wire::AnswersWanted { request, timeout_ms }));
        let elsewhere = match self.cluster() {
            None => None,
            Some(cluster) => {
                let question = cluster.question(namespace.audience(), &self.target.rooms, body)?;
                if question.is_some() && !cluster.is_connected() {
                    return Err(EmitError::ClusterAway);
                }
                question.map(|question| (cluster, question))
            }
        };
        let id = namespace.next_ack();
        let packet = Packet::new(encode::with_ack(&encoded, namespace.name(), id), self.flags.compress);
        let target = Arc::new(self.target.clone());
        let here = LocalAcks::ask(namespace, &target, id, &packet, self.flags.volatile, Asker::Here);
        let here = here.map_err(|_| namespace.rooms.refuse())?;
        let ticket = elsewhere.map(|(cluster, question)| cluster.ask(question));
        Ok(ClusterAcks::new(namespace.clone(), here, ticket, timeout))
    }

    /// Returns the selected sockets, on all nodes.
    ///
    /// # Errors
    /// Those of [`RequestError`]: no node was asked then. Nodes that do not answer are named in the result.
    pub async fn fetch_sockets(&self) -> Result<ClusterResponse<Vec<RemoteSocket>>, RequestError> {
        let found = fetch(&self.namespace, self.target.clone(), self.scope()).await?;
        let remote = |info| RemoteSocket::new(self.namespace.clone(), info);
        let ClusterResponse { value, missing_nodes } = found;
        Ok(ClusterResponse { value: value.into_iter().map(remote).collect(), missing_nodes })
    }

    /// Returns the number of selected sockets, on all nodes.
    ///
    /// # Errors
    /// As [`fetch_sockets`](Self::fetch_sockets).
    pub async fn count(&self) -> Result<ClusterResponse<u64>, RequestError> {
        count(&self.namespace, self.target.clone(), self.scope()).await
    }

    /// Returns the rooms of the selected sockets, on all nodes, and the number of these sockets in each; without the
    /// rooms of single sockets.
    ///
    /// # Errors
    /// As [`fetch_sockets`](Self::fetch_sockets).
    pub async fn rooms(&self) -> Result<ClusterResponse<BTreeMap<Room, u64>>, RequestError> {
        rooms(&self.namespace, self.target.clone(), self.scope()).await
    }

    /// Makes all selected sockets join rooms.
    pub fn sockets_join(&self, rooms: impl IntoRooms) -> Applied {
        self.apply(Change::Join(rooms.into_rooms().into_vec()))
    }

    /// Makes all selected sockets leave rooms.
    pub fn sockets_leave(&self, rooms: impl IntoRooms) -> Applied {
        self.apply(Change::Leave(rooms.into_rooms().into_vec()))
    }

    /// Disconnects all selected sockets from the namespace; with `whole_connection` from all namespaces, and their
    /// connections are closed.
    pub fn disconnect_sockets(&self, whole_connection: bool) -> Applied {
        self.apply(Change::Disconnect { whole_connection })
    }

    fn apply(&self, change: Change) -> Applied {
        apply(&self.namespace, self.target.clone(), change, self.scope())
    }

    pub(super) fn scope(&self) -> Scope {
        let timeout = ms(self.namespace.node.options.cluster.request_timeout_ms);
        Scope { local: self.is_local, timeout: self.flags.timeout.unwrap_or(timeout) }
    }
}

/// The same for everybody in the namespace.
impl Namespace {
    /// Sends an event to everybody at once, and returns the answers of all clients to come; see
    /// [`Broadcast::emit_with_ack`].
    pub fn emit_with_ack<T>(&self, event: &str, arguments: impl Serialize) -> AckStream<T> {
        self.broadcast().emit_with_ack(event, arguments)
    }

    /// Returns all sockets of the namespace; see [`Broadcast::fetch_sockets`].
    ///
    /// # Errors
    /// Those of [`RequestError`]: no node was asked then.
    pub async fn fetch_sockets(&self) -> Result<ClusterResponse<Vec<RemoteSocket>>, RequestError> {
        self.broadcast().fetch_sockets().await
    }

    /// Returns the number of sockets in the namespace; see [`Broadcast::count`].
    ///
    /// # Errors
    /// Those of [`RequestError`]: no node was asked then.
    pub async fn count(&self) -> Result<ClusterResponse<u64>, RequestError> {
        self.broadcast().count().await
    }

    /// Returns the rooms of the namespace and the number of sockets in each; see [`Broadcast::rooms`].
    ///
    /// # Errors
    /// Those of [`RequestError`]: no node was asked then.
    pub async fn rooms(&self) -> Result<ClusterResponse<BTreeMap<Room, u64>>, RequestError> {
        self.broadcast().rooms().await
    }

    /// Makes everybody join rooms.
    pub fn sockets_join(&self, rooms: impl IntoRooms) -> Applied {
        self.broadcast().sockets_join(rooms)
    }

    /// Makes everybody leave rooms.
    pub fn sockets_leave(&self, rooms: impl IntoRooms) -> Applied {
        self.broadcast().sockets_leave(rooms)
    }

    /// Disconnects everybody; see [`Broadcast::disconnect_sockets`].
    pub fn disconnect_sockets(&self, whole_connection: bool) -> Applied {
        self.broadcast().disconnect_sockets(whole_connection)
    }
}
