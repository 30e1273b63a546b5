//! Middlewares of events, and handlers of what they refuse.

use std::fmt::Display;
use std::sync::Arc;

use serde::Serialize;

use super::ack::Ack;
use super::declared::Declared;
use super::extract::{EventName, FromContext};
use super::handler::{self, Handler, callback};
use super::namespace::Namespace;
use super::outcome::{IntoOutcome, Never};
use super::socket::Socket;
use crate::node::Node;
use crate::socket::{
    Callback, Called, ErrorContext, EventContext, HandlerId, Rejection, Rewritten, SocketError, Verdict,
};
use fanfare_socketio::{Arguments, EncodeError, encode};

impl Namespace {
    /// Adds a middleware for the events of all its sockets: run for each event, in the order they were added, before those
    /// of the [socket](Socket::middleware) and before any handler. See there.
    #[track_caller]
    pub fn event_middleware<P: 'static, H>(&self, decide: H) -> Declared<'_>
    where
        H: Handler<EventContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoVerdict + 'static,
    {
        self.declare(screening::<P, H>(&self.0.node, decide), |handlers| &mut handlers.event_middlewares)
    }

    /// Declares a handler for the errors of its sockets: events that a middleware refused, and packets that are not valid.
    /// See [`Socket::on_error`]. Failures of handlers are told to [`Io::on_error`](crate::Io::on_error).
    #[track_caller]
    pub fn on_socket_error<P: 'static, H>(&self, handler: H) -> Declared<'_>
    where
        H: Handler<ErrorContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        self.declare(callback::<ErrorContext, P, H>(&self.0.node, handler), |handlers| &mut handlers.errors)
    }
}

impl Socket {
    /// Adds a middleware for the events of this socket (JavaScript's `socket.use`): run for each event, in the order they
    /// were added, after those of the [namespace](Namespace::event_middleware) and before any handler, whether the event
    /// has handlers or not.
    ///
    /// It takes what handlers of events take, and returns nothing, or a `Result`: `Ok(())` lets the event go on, `Ok` of a
    /// [`Rewrite`] changes it, an error refuses it. Then no handler runs, the refusal is counted, and
    /// [`on_error`](Self::on_error) is told; a client that waits for an acknowledgement is answered with nothing, unless
    /// the middleware or a handler of the error has taken the [`Ack`] and answers. Parameters that cannot be made of the
    /// event, and a panic, refuse it too.
    ///
    /// While it waits, later events of the socket wait behind it (ORDER-1); at `events_in_flight_max` the client is read
    /// no further. Events that wait when the socket leaves are not handled any more.
    ///
    /// ```
    /// # use fanfare::{Data, EventName, Io, Rewrite, Socket};
    /// # let io = Io::new();
    /// io.on_connect(async |socket: Socket| {
    ///     socket.middleware(async |EventName(name): EventName| match name.starts_with("admin:") {
    ///         true => Err("not you"),
    ///         false => Ok(()),
    ///     });
    ///     socket.on_error(async |error: fanfare::SocketError| println!("{error}"));
    /// });
    /// io.of("/chat").event_middleware(async |Data(text): Data<String>| {
    ///     Rewrite::new().arguments(text.to_lowercase())
    /// });
    /// ```
    #[track_caller]
    pub fn middleware<P: 'static, H>(&self, decide: H) -> HandlerId
    where
        H: Handler<EventContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoVerdict + 'static,
    {
        self.declare(screening::<P, H>(&self.0.namespace.node, decide), |handlers| {
            &mut handlers.event_middlewares
        })
    }

    /// Declares a handler for the errors of this socket (JavaScript's event `error`): an event that a middleware refused,
    /// or a packet that is not valid, after which the connection is closed. It takes [`SocketError`]; of a refused event
    /// also [`EventName`], [`Arguments`] and [`Ack`], to answer a client that waits. An event that the client calls `error`
    /// goes to `on("error", …)` instead.
    #[track_caller]
    pub fn on_error<P: 'static, H>(&self, handler: H) -> HandlerId
    where
        H: Handler<ErrorContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        self.declare(callback::<ErrorContext, P, H>(&self.0.namespace.node, handler), |handlers| {
            &mut handlers.errors
        })
    }
}

/// Changes of an event by a middleware: what handlers, and later middlewares, see instead. The number of its
/// acknowledgement stays.
#[derive(Clone, Debug, Default)]
#[must_use = "a middleware returns it"]
pub struct Rewrite(Rewritten);

impl Rewrite {
    /// No change.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another name of the event.
    pub fn event(mut self, name: impl Into<String>) -> Self {
        self.0.name = Some(name.into().into());
        self
    }

    /// Other arguments: a tuple is several, `()` none, anything else is one.
    ///
    /// # Errors
    /// If they cannot be encoded.
    pub fn arguments(mut self, arguments: impl Serialize) -> Result<Self, EncodeError> {
        let encoded = encode::array(&arguments)?;
        let read = Arguments::from_json_with(&encoded.text, encoded.attachments);
        self.0.arguments = Some(read.map_err(|error| EncodeError::Json(serde::ser::Error::custom(error)))?);
        Ok(self)
    }
}

/// Return types of middlewares of events: nothing, or a `Result` whose error refuses the event.
#[diagnostic::on_unimplemented(
    message = "a middleware of events cannot return `{Self}`",
    note = "return nothing, `Result<(), E>` or `Result<Rewrite, E>` where `E` can be displayed"
)]
pub trait IntoVerdict {
    /// The verdict.
    fn into_verdict(self) -> Verdict;
}

impl IntoVerdict for () {
    fn into_verdict(self) -> Verdict {
        Ok(None)
    }
}

impl<E: Display> IntoVerdict for Result<(), E> {
    fn into_verdict(self) -> Verdict {
        self.map(|()| None).map_err(|error| error.to_string())
    }
}

impl<E: Display> IntoVerdict for Result<Rewrite, E> {
    fn into_verdict(self) -> Verdict {
        self.map(|rewrite| Some(rewrite.0)).map_err(|error| error.to_string())
    }
}

impl<E: Display> IntoVerdict for Result<Option<Rewrite>, E> {
    fn into_verdict(self) -> Verdict {
        self.map(|rewrite| rewrite.map(|rewrite| rewrite.0)).map_err(|error| error.to_string())
    }
}

impl IntoVerdict for Never {
    fn into_verdict(self) -> Verdict {
        self
    }
}

/// A middleware of events with the kind of its parameters forgotten.
struct Screening<H, P>(handler::Declared<H, P>);

impl<P, H> Callback<EventContext, Verdict> for Screening<H, P>
where
    H: Handler<EventContext, P>,
    H::Output: IntoVerdict + 'static,
    P: 'static,
{
    fn call(&self, context: EventContext) -> Result<Called<Verdict>, Rejection> {
        self.0.handler.clone().call(&context, IntoVerdict::into_verdict)
    }
}

#[track_caller]
pub(super) fn screening<P, H>(node: &Node, decide: H) -> Arc<dyn Callback<EventContext, Verdict>>
where
    H: Handler<EventContext, P>,
    H::Output: IntoVerdict + 'static,
    P: 'static,
{
    Arc::new(Screening(handler::Declared::new::<EventContext>(node, decide)))
}

impl FromContext<ErrorContext> for SocketError {
    fn from_context(context: &ErrorContext) -> Result<Self, Rejection> {
        Ok(context.error.clone())
    }
}

impl FromContext<ErrorContext> for EventName {
    fn from_context(context: &ErrorContext) -> Result<Self, Rejection> {
        match &context.error {
            SocketError::Refused { event, .. } => Ok(Self(event.clone())),
            SocketError::InvalidPacket => Ok(Self(String::new())),
        }
    }
}

impl FromContext<ErrorContext> for Arguments {
    fn from_context(context: &ErrorContext) -> Result<Self, Rejection> {
        Ok(context.arguments.clone())
    }
}

impl FromContext<ErrorContext> for Ack {
    fn from_context(context: &ErrorContext) -> Result<Self, Rejection> {
        Ok(Self::new(context.ack.clone()))
    }
}
