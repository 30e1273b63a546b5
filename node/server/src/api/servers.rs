//! Events between the servers of a cluster (JavaScript's `serverSideEmit`).

use std::sync::Arc;

use serde::Serialize;

use super::declared::Declared;
use super::emit::Broadcast;
use super::error::EmitError;
use super::extract::FromContext;
use super::handler::{Handler, callback};
use super::namespace::Namespace;
use super::outcome::IntoOutcome;
use crate::cluster::inbound::{ClusterResponse, RequestError, ServerAnswer, ask_servers, emit_to_servers};
use crate::socket::{Rejection, ServerContext};
use fanfare_socketio::{Encoded, encode};

impl Namespace {
    /// Declares a handler for an event that another server of the cluster sends with
    /// [`server_side_emit`](Self::server_side_emit).
    #[track_caller]
    pub fn on_server_event<P: 'static, H>(&self, event: &str, handler: H) -> Declared<'_>
    where
        H: Handler<ServerContext, P>,
        H::Output: IntoOutcome + 'static,
    {
        let handler = callback::<ServerContext, P, H>(&self.0.node, handler);
        self.declare(handler, |handlers| handlers.server_events.entry(event.into()).or_default())
    }

    /// Sends an event to all other servers of the cluster that serve this namespace, not to this one.
    ///
    /// # Errors
    /// If it cannot be encoded, or is larger than the bus carries.
    pub fn server_side_emit(&self, event: &str, arguments: impl Serialize) -> Result<(), RequestError> {
        emit_to_servers(&self.0, event, &arguments)
    }

    /// Sends an event as [`server_side_emit`](Self::server_side_emit) does, and returns the answers: one for each
    /// server with a handler that answers.
    ///
    /// # Errors
    /// Those of [`RequestError`]; nothing was sent then.
    pub async fn server_side_emit_with_ack(
        &self,
        event: &str,
        arguments: impl Serialize,
    ) -> Result<ClusterResponse<Vec<ServerAnswer>>, RequestError> {
        self.broadcast().server_side_emit_with_ack(event, arguments).await
    }
}

impl Broadcast {
    /// As [`Namespace::server_side_emit_with_ack`], within this operator's [`timeout`](Self::timeout). Rooms have no
    /// meaning for servers.
    ///
    /// # Errors
    /// Those of [`Namespace::server_side_emit_with_ack`].
    pub async fn server_side_emit_with_ack(
        &self,
        event: &str,
        arguments: impl Serialize,
    ) -> Result<ClusterResponse<Vec<ServerAnswer>>, RequestError> {
        ask_servers(self.namespace.clone(), event, encode::array(&arguments), self.scope()).await
    }
}

/// Handle to answer an event of another server. Extract it in a handler; sending consumes it.
#[must_use = "the other server waits for an answer until `send` is called"]
pub struct ServerAck(Option<Arc<dyn Fn(Encoded) + Send + Sync>>);

impl ServerAck {
    /// Whether the other server wants an answer.
    pub fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Answers: a tuple is several arguments, `()` none, anything else is one. Does nothing if no answer is wanted, or
    /// another handler of the event has answered.
    ///
    /// # Errors
    /// If it cannot be encoded; nothing was sent then.
    pub fn send(self, arguments: impl Serialize) -> Result<(), EmitError> {
        let encoded = encode::array(&arguments)?;
        if let Some(reply) = self.0 {
            reply(encoded);
        }
        Ok(())
    }
}

/// The name of the node that sent an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FromNode(
    /// The name.
    pub String,
);

impl FromContext<ServerContext> for ServerAck {
    fn from_context(context: &ServerContext) -> Result<Self, Rejection> {
        Ok(Self(context.reply.clone()))
    }
}

impl FromContext<ServerContext> for FromNode {
    fn from_context(context: &ServerContext) -> Result<Self, Rejection> {
        Ok(Self(context.from.clone()))
    }
}
