//! What a namespace's actor is told, and what it answers.

use std::sync::Arc;

use actix::{Message, Recipient};
use serde::Serialize;

use super::core::NamespaceCore;
use crate::room::ShardSnapshot;
use crate::socket::{Close, DisconnectReason, Link, SocketCore};

/// From a connection of this reactor: its client wants to enter. Answered with [`Decided`], unless the connection
/// is closed meanwhile.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Connect {
    /// The connection.
    pub link: Arc<Link>,
    /// The payload of the CONNECT packet.
    pub auth: Option<Box<str>>,
    /// Who asked.
    pub connection: Recipient<Decided>,
}

/// To the connection: its client may enter, or not. The client was told already. A socket that no connection takes over
/// is closed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Decided {
    /// Where.
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

/// What middlewares decided.
#[derive(Clone)]
pub enum Verdict {
    /// Come in.
    Admitted(Arc<SocketCore>),
    /// Stay out.
    Refused,
}

/// From a socket's actor when it dies without its socket having been closed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SocketDied(
    /// The socket it served.
    pub Arc<SocketCore>,
);

/// From anybody: how the namespace is on this reactor.
#[derive(Message)]
#[rtype(result = "NamespaceSnapshot")]
pub struct ObserveNamespace;

/// What a namespace holds on one reactor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamespaceSnapshot {
    /// Its name.
    pub namespace: String,
    /// Admitted sockets.
    pub sockets: usize,
    /// Clients that middlewares have not decided on.
    pub pending: usize,
    /// How often the room shard was restarted.
    pub shard_restarts: u32,
    /// What the room shard says; `None` while there is none.
    pub shard: Option<ShardSnapshot>,
}

/// From a test: the room shard is to panic.
#[cfg(feature = "fault-injection")]
#[derive(Message)]
#[rtype(result = "()")]
pub struct CrashShardOf;
