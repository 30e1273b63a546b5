//! Extractors: the types of a handler's parameters.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::namespace::Namespace;
use super::socket::Socket;
use crate::socket::{
    ConnectContext, DisconnectContext, DisconnectReason, EventContext, Rejection, SocketCore,
};
use fanfare_socketio::Arguments;

/// Something a handler can take.
///
/// Connect handlers and middlewares take [`Socket`], [`Auth`] and [`Namespace`]; event handlers also [`Data`],
/// [`Ack`](super::Ack), [`EventName`] and [`Arguments`]; disconnect handlers also [`DisconnectReason`].
#[diagnostic::on_unimplemented(
    message = "a handler of this kind cannot take `{Self}`",
    label = "not something this handler can be given",
    note = "every handler can take `Socket`, `Namespace` and `Auth<T>`",
    note = "event handlers can also take `Data<T>`, `Ack`, `EventName` and `Arguments`",
    note = "disconnect handlers can also take `DisconnectReason`"
)]
pub trait FromContext<C>: Sized {
    /// Makes the value, or an error if the client's data do not fit.
    fn from_context(context: &C) -> Result<Self, Rejection>;
}

/// A context in which there is a socket: all of them.
pub trait HasSocket {
    /// The socket.
    fn socket(&self) -> &Arc<SocketCore>;
}

macro_rules! has_socket {
    ($($context:ty),*) => {
        $(impl HasSocket for $context {
            fn socket(&self) -> &Arc<SocketCore> {
                &self.socket
            }
        })*
    };
}

has_socket!(ConnectContext, EventContext, DisconnectContext);

impl<C: HasSocket> FromContext<C> for Socket {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        Ok(Socket(context.socket().clone()))
    }
}

impl<C: HasSocket> FromContext<C> for Namespace {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        Ok(Namespace(context.socket().namespace.clone()))
    }
}

/// The payload with which the client connected (`auth` in its options); an empty object if it sent none.
#[derive(Clone, Debug)]
pub struct Auth<T>(
    /// The payload.
    pub T,
);

impl<C: HasSocket, T: DeserializeOwned> FromContext<C> for Auth<T> {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        let auth = context.socket().auth.as_deref().unwrap_or("{}");
        serde_json::from_str(auth)
            .map(Self)
            .map_err(|error| Rejection(format!("invalid auth payload: {error}")))
    }
}

/// The arguments of an event: a tuple takes several, `()` none, anything else the first one.
#[derive(Clone, Debug)]
pub struct Data<T>(
    /// The arguments.
    pub T,
);

impl<T: DeserializeOwned> FromContext<EventContext> for Data<T> {
    fn from_context(context: &EventContext) -> Result<Self, Rejection> {
        context.arguments.deserialize().map(Self).map_err(|error| Rejection(error.to_string()))
    }
}

impl FromContext<EventContext> for Arguments {
    fn from_context(context: &EventContext) -> Result<Self, Rejection> {
        Ok(context.arguments.clone())
    }
}

/// The name of the event, for handlers of any event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventName(
    /// The name.
    pub String,
);

impl FromContext<EventContext> for EventName {
    fn from_context(context: &EventContext) -> Result<Self, Rejection> {
        Ok(Self(context.name.to_string()))
    }
}

impl FromContext<DisconnectContext> for DisconnectReason {
    fn from_context(context: &DisconnectContext) -> Result<Self, Rejection> {
        Ok(context.reason)
    }
}
