//! A socket that may live on another node.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::emit::Broadcast;
use super::error::{AckError, EmitError};
use super::rooms::IntoRooms;
use super::socket::Socket;
use crate::cluster::inbound::{Applied, SocketInfo};
use crate::ids::{Room, SocketId};
use crate::namespace::NamespaceCore;
use crate::room::Target;
use crate::socket::Handshake;
use fanfare_socketio::FromAnswer;

/// A socket of any node, in its state at the time of the fetch. Its methods act on the node where it lives.
#[derive(Clone)]
pub struct RemoteSocket {
    operator: Broadcast,
    info: SocketInfo,
}

impl std::fmt::Debug for RemoteSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RemoteSocket").field(&self.info.id).field(&self.info.rooms).finish()
    }
}

impl RemoteSocket {
    pub(super) fn new(namespace: Arc<NamespaceCore>, info: SocketInfo) -> Self {
        let operator = Broadcast { target: Target::socket(info.id), ..Broadcast::new(namespace) };
        Self { operator, info }
    }

    /// Id of the socket.
    pub fn id(&self) -> SocketId {
        self.info.id
    }

    /// The name of its node.
    pub fn node(&self) -> String {
        self.info.id.node().as_str().to_owned()
    }

    /// The rooms it was in, its own one first.
    pub fn rooms(&self) -> &[Room] {
        &self.info.rooms
    }

    /// The HTTP request that opened its connection.
    pub fn handshake(&self) -> &Handshake {
        &self.info.handshake
    }

    /// The JSON object with which it connected; `{}` if none.
    pub fn auth(&self) -> &str {
        self.info.auth.as_deref().unwrap_or("{}")
    }

    /// Data that the application [shared](Socket::share) of the socket; `None` if nothing, or if it does not fit.
    pub fn data<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.info.data.as_deref()?).ok()
    }

    /// The socket itself, if it lives on this node and is connected.
    pub fn local(&self) -> Option<Socket> {
        self.operator.namespace.socket(self.info.id).map(Socket)
    }

    /// Time that the client has to acknowledge, and its node to answer.
    pub fn timeout(&self, timeout: Duration) -> Self {
        Self { operator: self.operator.timeout(timeout), info: self.info.clone() }
    }

    /// Sends it an event: a tuple is several arguments, `()` none, anything else is one.
    ///
    /// # Errors
    /// Those of [`EmitError`]; nothing was sent then.
    pub fn emit(&self, event: &str, arguments: impl Serialize) -> Result<(), EmitError> {
        self.operator.emit(event, arguments)
    }

    /// Sends it an event, and waits for its answer.
    ///
    /// # Errors
    /// Those of [`AckError`]; `Disconnected` also if its node is gone.
    pub async fn emit_with_ack<T: FromAnswer + Send + 'static>(
        &self,
        event: &str,
        arguments: impl Serialize,
    ) -> Result<T, AckError> {
        let answers = self.operator.emit_with_ack::<T>(event, arguments).await?;
        match answers.answers.into_iter().next() {
            Some((_, answer)) => answer,
            None if answers.timed_out => Err(AckError::Timeout),
            None => Err(AckError::Disconnected),
        }
    }

    /// Makes it join rooms.
    pub fn join(&self, rooms: impl IntoRooms) -> Applied {
        self.operator.sockets_join(rooms)
    }

    /// Makes it leave rooms.
    pub fn leave(&self, rooms: impl IntoRooms) -> Applied {
        self.operator.sockets_leave(rooms)
    }

    /// Disconnects it from the namespace; with `whole_connection` from all, and its connection is closed.
    pub fn disconnect(&self, whole_connection: bool) -> Applied {
        self.operator.disconnect_sockets(whole_connection)
    }
}
