//! Contexts: everything that a call of a handler can be given, as extractors see it.

use super::namespace::Namespace;
use super::socket::Socket;
use crate::node::States;
use crate::reason::DisconnectReason;
use crate::socket::{
    ConnectContext, DisconnectContext, ErrorContext, EventContext, Handshake, OutgoingContext, Rejection,
    ServerContext, SocketCore,
};
use fanfare_socketio::Arguments;

/// Context of any handler. Implemented by [`ConnectContext`], [`EventContext`], [`OutgoingContext`], [`ErrorContext`],
/// [`DisconnectContext`] and [`ServerContext`], and by nothing outside of this crate.
///
/// An extractor for all kinds of handlers implements `FromContext<C>` for `C: Context`.
pub trait Context: sealed::Sealed {
    /// The namespace of the handler.
    fn namespace(&self) -> Namespace;

    /// The states of the server.
    fn states(&self) -> &States;

    /// A clone of the state of that type.
    ///
    /// # Errors
    /// The server was built without one; the message says how to mend it.
    fn state<T: Clone + Send + Sync + 'static>(&self) -> Result<T, Rejection> {
        self.states().require()
    }
}

/// Context in which there is a socket: that of every handler but those of other servers' events.
///
/// An extractor that looks at the socket implements `FromContext<C>` for `C: HasSocket`.
#[diagnostic::on_unimplemented(
    message = "a handler of this kind runs for no socket",
    label = "takes a parameter that is made of a socket",
    note = "handlers of other servers' events can take `Data<T>`, `ServerAck`, `FromNode`, `EventName`, `Arguments`, \
            `Namespace` and `State<T>`"
)]
pub trait HasSocket: Context {
    /// The socket.
    fn socket(&self) -> Socket;

    /// The HTTP request that opened the socket's connection.
    fn handshake(&self) -> &Handshake;

    /// The JSON object that the client sent when it connected (`auth` in its options); `{}` if none. Extract
    /// [`Auth`](super::Auth) for a type of your own.
    fn auth(&self) -> &str;
}

/// Context in which there is an event: that of event handlers, and of handlers of other servers' events.
///
/// An extractor that looks at the event implements `FromContext<C>` for `C: HasEvent`.
#[diagnostic::on_unimplemented(
    message = "a handler of this kind handles no event",
    label = "takes a parameter that is made of an event",
    note = "`Data<T>`, `EventName` and `Arguments` are for handlers of events: declared with `on`, `on_any` or \
            `on_server_event`",
    note = "connect handlers and middlewares can take what the client sent when it connected: `Auth<T>`"
)]
pub trait HasEvent: Context {
    /// Name of the event.
    fn event(&self) -> &str;

    /// Arguments of the event.
    fn arguments(&self) -> &Arguments;
}

mod sealed {
    /// Keeps the list of contexts short: a new method of theirs breaks nobody.
    pub trait Sealed {}
}

macro_rules! has_socket {
    ($($context:ty),*) => {
        $(
            impl sealed::Sealed for $context {}

            impl Context for $context {
                fn namespace(&self) -> Namespace {
                    Namespace(self.socket.namespace.clone())
                }

                fn states(&self) -> &States {
                    &self.socket.namespace.node.states
                }
            }

            impl HasSocket for $context {
                fn socket(&self) -> Socket {
                    Socket(self.socket.clone())
                }

                fn handshake(&self) -> &Handshake {
                    &self.socket.link.handshake
                }

                fn auth(&self) -> &str {
                    auth_of(&self.socket)
                }
            }
        )*
    };
}

has_socket!(ConnectContext, EventContext, DisconnectContext, ErrorContext, OutgoingContext);

impl sealed::Sealed for ServerContext {}

impl Context for ServerContext {
    fn namespace(&self) -> Namespace {
        Namespace(self.namespace.clone())
    }

    fn states(&self) -> &States {
        &self.namespace.node.states
    }
}

macro_rules! has_event {
    ($($context:ty),*) => {
        $(impl HasEvent for $context {
            fn event(&self) -> &str {
                &self.name
            }

            fn arguments(&self) -> &Arguments {
                &self.arguments
            }
        })*
    };
}

has_event!(EventContext, OutgoingContext, ServerContext);

impl DisconnectContext {
    /// Reason of the disconnect.
    pub fn reason(&self) -> DisconnectReason {
        self.reason
    }

    /// More about it, for people; `None` if there is nothing to add.
    pub fn detail(&self) -> Option<&'static str> {
        self.detail
    }
}

/// The payload of a client's CONNECT packet.
pub(super) fn auth_of(socket: &SocketCore) -> &str {
    socket.auth.as_deref().unwrap_or("{}")
}
