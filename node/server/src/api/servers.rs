//! Events between the servers of a cluster (JavaScript's `serverSideEmit`).

use std::sync::Arc;
use std::time::Duration;

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
        H: Handler<ServerContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        let handler = callback::<ServerContext, P, H>(&self.0.node, handler);
        self.declare(handler, |handlers| handlers.server_events.entry(event.into()).or_default())
    }

    /// Sends an event to all other servers of the cluster that serve this namespace, not to this one: [`servers`](Self::servers)
    /// with [`Servers::include_self`] does.
    ///
    /// # Errors
    /// If it cannot be encoded, or is larger than the bus carries.
    pub fn server_side_emit(&self, event: &str, arguments: impl Serialize) -> Result<(), RequestError> {
        self.servers().emit(event, arguments)
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
        self.servers().emit_with_ack(event, arguments).await
    }

    /// An operator for events to the servers of the cluster that serve this namespace.
    pub fn servers(&self) -> Servers {
        Servers { operator: self.broadcast(), include_self: false }
    }
}

/// An event to the servers of a cluster, and how it travels. Every method returns a new value.
///
/// ```no_run
/// # async fn example(io: fanfare::Io) -> Result<(), fanfare::RequestError> {
/// let answers = io.servers().include_self().emit_with_ack("name", ()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "an operator does nothing until something is sent"]
pub struct Servers {
    operator: Broadcast,
    include_self: bool,
}

impl Servers {
    /// This server handles the event too: its handlers run as for an event of another server, with its own name as
    /// [`FromNode`], on a thread of their own choice a moment later. It must run.
    pub fn include_self(&self) -> Self {
        Self { include_self: true, ..self.clone() }
    }

    /// Time that servers have to answer. Default: `request_timeout_ms` of [`ClusterOptions`](crate::ClusterOptions).
    pub fn timeout(&self, timeout: Duration) -> Self {
        Self { operator: self.operator.timeout(timeout), ..self.clone() }
    }

    /// Sends an event: a tuple is several arguments, `()` none, anything else is one.
    ///
    /// # Errors
    /// If it cannot be encoded, or is larger than the bus carries; with [`include_self`](Self::include_self) also if this
    /// server does not run, or too many events of servers have not finished here. Nothing was sent then.
    pub fn emit(&self, event: &str, arguments: impl Serialize) -> Result<(), RequestError> {
        emit_to_servers(&self.operator.namespace, event, &arguments, self.include_self)
    }

    /// Sends an event, and returns the answers: one for each server with a handler that answers. Servers that have not
    /// answered in time are named in the response, as is this one if none of its handlers does.
    ///
    /// # Errors
    /// Those of [`RequestError`]; nothing was sent then.
    pub async fn emit_with_ack(
        &self,
        event: &str,
        arguments: impl Serialize,
    ) -> Result<ClusterResponse<Vec<ServerAnswer>>, RequestError> {
        let Self { operator, include_self } = self;
        let encoded = encode::array(&arguments);
        ask_servers(operator.namespace.clone(), event, encoded, operator.scope(), *include_self).await
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
        Servers { operator: self.clone(), include_self: false }.emit_with_ack(event, arguments).await
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
