//! Messages to a namespace's actor, and its answers.

use std::sync::Arc;

use actix::{Message, Recipient};
use serde::Serialize;

use super::core::NamespaceCore;
use super::presence::Visit;
use crate::room::ShardSnapshot;
use crate::socket::{Close, DisconnectReason, Link, SocketCore};

/// Sent by a connection of this reactor: its client wants to enter. Answered with [`Decided`], unless the connection
/// is closed meanwhile.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Connect {
    /// The connection.
    pub link: Arc<Link>,
    /// The payload of the CONNECT packet.
    pub auth: Option<Box<str>>,
    /// Connection that asked.
    pub connection: Recipient<Decided>,
    /// Keeps the namespace from ending while the client is in it, or on the way in.
    pub visit: Visit,
}

/// To the connection: its client may enter, or not. The client was told already. A socket that no connection takes over
/// is closed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Decided {
    /// Namespace.
    pub namespace: Arc<NamespaceCore>,
    /// Taken by the connection.
    verdict: Option<Verdict>,
}

impl Decided {
    /// A decision of this namespace.
    pub fn new(namespace: Arc<NamespaceCore>, verdict: Verdict) -> Self {
        Self { namespace, verdict: Some(verdict) }
    }

    /// The verdict, by an open connection that is in charge of the socket from now on.
    pub fn take(&mut self) -> Option<Verdict> {
        self.verdict.take()
    }
}

impl Drop for Decided {
    fn drop(&mut self) {
        if let Some(Verdict::Admitted(socket)) = self.verdict.take()
            && let Some(actor) = socket.actor()
        {
            let detail = Some("its connection closed while it entered");
            actor.do_send(Close { reason: DisconnectReason::TransportClose, detail, tell_client: false });
        }
    }
}

/// Decision of the middlewares.
#[derive(Clone)]
pub enum Verdict {
    /// Come in.
    Admitted(Arc<SocketCore>),
    /// Stay out.
    Refused,
}

/// Sent by a socket's actor when it dies without its socket having been closed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SocketDied(
    /// The socket it served.
    pub Arc<SocketCore>,
);

/// Sent when the namespace ends: nobody is in it, and nobody will come.
#[derive(Message)]
#[rtype(result = "()")]
pub struct End;

/// Asks for a snapshot of the namespace on this reactor.
#[derive(Message)]
#[rtype(result = "NamespaceSnapshot")]
pub struct ObserveNamespace;

/// Snapshot of a namespace on one reactor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamespaceSnapshot {
    /// Name of the namespace.
    pub namespace: String,
    /// Admitted sockets.
    pub sockets: usize,
    /// Clients that middlewares have not decided on.
    pub pending: usize,
    /// Number of times the room shard was restarted.
    pub shard_restarts: u32,
    /// Snapshot of the room shard; `None` while there is none.
    pub shard: Option<ShardSnapshot>,
}

/// Makes the room shard panic, in tests.
#[cfg(feature = "fault-injection")]
#[derive(Message)]
#[rtype(result = "()")]
pub struct CrashShardOf;
