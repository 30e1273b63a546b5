//! Extractors: the types of a handler's parameters.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;

use super::context::{Context, HasEvent, HasSocket};
use super::namespace::Namespace;
use super::socket::Socket;
use crate::ids::SocketId;
use crate::node::States;
use crate::socket::{DisconnectContext, DisconnectReason, Handshake, Rejection, RejectionKind};
use fanfare_engineio::request::TransportKind;
use fanfare_socketio::Arguments;

/// Something that a handler can take as a parameter.
///
/// | handlers | can take |
/// |---|---|
/// | all | [`Namespace`], [`Params`](super::Params) of its name, [`State`](super::State), [`Io`](super::Io) |
/// | of sockets | [`Socket`], [`SocketId`], [`Auth`], [`Extension`](super::Extension), [`HttpExtension`](super::HttpExtension), [`Handshake`], [`http::HeaderMap`], [`TransportKind`], [`Conn`](super::Conn) |
/// | of events | also [`Data`], [`Ack`](super::Ack), [`EventName`], [`Arguments`] |
/// | of errors of sockets | also [`SocketError`](crate::SocketError), [`Ack`](super::Ack), [`EventName`], [`Arguments`] |
/// | of events that are sent | also [`Data`], [`EventName`], [`Arguments`] |
/// | of disconnects | also [`DisconnectReason`], [`DisconnectDetail`] |
/// | of other servers' events | [`Data`], [`ServerAck`](super::ServerAck), [`EventName`], [`Arguments`], [`FromNode`](super::FromNode) |
///
/// A handler whose parameters cannot be made is not called, which is logged and told to
/// [`Io::on_error`](super::Io::on_error). With `Option<E>` or `Result<E, Rejection>` for any of them it is called all the
/// same.
///
/// # Extractors of your own
///
/// Implement it for your types: for one kind of handler (`FromContext<EventContext>`), or for all that have what you need
/// ([`Context`], [`HasSocket`], [`HasEvent`]). Extractors can be made of others:
///
/// ```
/// use fanfare::{Ack, Auth, FromContext, HasSocket, Io, Rejection, SocketId};
///
/// /// Client with a name.
/// struct User {
///     name: String,
///     id: SocketId,
/// }
///
/// impl<C: HasSocket> FromContext<C> for User {
///     fn from_context(context: &C) -> Result<Self, Rejection> {
///         let Auth(name): Auth<String> = Auth::from_context(context)?;
///         if name.is_empty() {
///             return Err(Rejection::new("a client must have a name"));
///         }
///         Ok(Self { name, id: context.socket().id() })
///     }
/// }
///
/// let io = Io::new();
/// io.middleware(|_: User| Ok::<(), String>(())); // refuses clients without a name
/// io.on("whoami", |user: User, ack: Ack| ack.send((user.name, user.id)));
/// ```
///
/// Extraction is not async: it would let later events of a socket overtake earlier ones. Look things up in a
/// middleware, which may wait, and keep them with the socket for [`Extension`](super::Extension).
#[diagnostic::on_unimplemented(
    message = "a handler of this kind cannot take a `{Self}`",
    label = "has a parameter that this kind of handler cannot be given",
    note = "arguments of an event are taken as `Data<T>`, the auth payload as `Auth<T>`, state of the program as `State<T>`",
    note = "`FromContext` lists everything that a handler can take, and shows how to make extractors of your own"
)]
pub trait FromContext<C>: Sized {
    /// Makes the value. It runs for every call, before the handler's first line, and must not block.
    ///
    /// # Errors
    /// It cannot be made: the data of the client do not fit, or the program lacks something.
    fn from_context(context: &C) -> Result<Self, Rejection>;

    /// Whether it can be made with the states that the server has: asked once, when a handler that takes it is declared,
    /// which panics with this error. Extractors that call [`Context::state`] should ask for it here too, with
    /// [`States::require`].
    ///
    /// # Errors
    /// A state is missing.
    fn check(states: &States) -> Result<(), Rejection> {
        let _ = states;
        Ok(())
    }
}

/// The value if it can be made; `None` if not, whatever the reason.
impl<C, E: FromContext<C>> FromContext<C> for Option<E> {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        Ok(E::from_context(context).ok())
    }
}

/// The value, or the reason why it cannot be made: the handler decides, and nothing is logged.
impl<C, E: FromContext<C>> FromContext<C> for Result<E, Rejection> {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        Ok(E::from_context(context))
    }
}

impl<C: HasSocket> FromContext<C> for Socket {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        Ok(context.socket())
    }
}

impl<C: Context> FromContext<C> for Namespace {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        Ok(context.namespace())
    }
}

/// Id of the socket.
impl<C: HasSocket> FromContext<C> for SocketId {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        Ok(context.socket().id())
    }
}

/// The transport in use now: it changes when the client upgrades.
impl<C: HasSocket> FromContext<C> for TransportKind {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        Ok(context.socket().transport())
    }
}

/// A copy of the request that opened the connection; [`Socket::handshake`] lends it.
impl<C: HasSocket> FromContext<C> for Handshake {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        Ok(context.handshake().clone())
    }
}

/// The headers of the request that opened the connection, parsed anew for each call: [`Handshake::header`] is cheaper for
/// one of them.
impl<C: HasSocket> FromContext<C> for HeaderMap {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        let headers = context.handshake().headers();
        Ok(headers
            .filter_map(|(name, value)| {
                Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?))
            })
            .collect())
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
        serde_json::from_str(context.auth()).map(Self).map_err(|error| {
            Rejection::of(RejectionKind::Auth, format_args!("invalid auth payload: {error}"))
        })
    }
}

/// The arguments of an event: a tuple takes several, `()` none, anything else the first one.
///
/// A handler whose `Data` the arguments do not fit is not called; with `Option<Data<T>>` or `Result<Data<T>, Rejection>`
/// it is:
///
/// ```
/// # use fanfare::{Ack, Data, Io, Rejection};
/// # let io = Io::new();
/// io.on("age", |age: Result<Data<u8>, Rejection>, ack: Ack| match age {
///     Ok(Data(age)) => ack.send(age),
///     Err(rejection) => ack.send(rejection.to_string()),
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Data<T>(
    /// The arguments.
    pub T,
);

impl<C: HasEvent, T: DeserializeOwned> FromContext<C> for Data<T> {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        let data = context.arguments().deserialize().map(Self);
        data.map_err(|error| Rejection::of(RejectionKind::Data, error))
    }
}

impl<C: HasEvent> FromContext<C> for Arguments {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        Ok(context.arguments().clone())
    }
}

/// The name of the event, for handlers of any event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventName(
    /// The name.
    pub String,
);

impl<C: HasEvent> FromContext<C> for EventName {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        Ok(Self(context.event().to_owned()))
    }
}

impl FromContext<DisconnectContext> for DisconnectReason {
    fn from_context(context: &DisconnectContext) -> Result<Self, Rejection> {
        Ok(context.reason())
    }
}

/// More about the reason of a disconnect, for people; `None` if there is nothing to add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisconnectDetail(
    /// The text. It may change from version to version.
    pub Option<&'static str>,
);

impl FromContext<DisconnectContext> for DisconnectDetail {
    fn from_context(context: &DisconnectContext) -> Result<Self, Rejection> {
        Ok(Self(context.detail()))
    }
}
