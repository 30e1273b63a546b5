//! A namespace: its handlers, and emits to its sockets.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::declared::Declared;
use super::emit::Broadcast;
use super::error::EmitError;
use super::handler::{Handler, callback, middleware};
use super::outcome::{IntoDecision, IntoOutcome};
use super::rooms::IntoRooms;
use super::socket::Socket;
use crate::ids::{Room, SocketId};
use crate::namespace::NamespaceCore;
use crate::socket::{ConnectContext, DisconnectContext, EventContext};

/// A namespace: its handlers, shared by all its sockets, and emits to these. Cheap to clone; usable from any thread.
///
/// ```no_run
/// use fanfare::{Auth, Data, Io, Socket};
///
/// # fn example(io: Io) -> Result<(), fanfare::EmitError> {
/// let chat = io.of("/chat"); // `io` itself is the namespace `/`
/// chat.middleware(|Auth(token): Auth<String>| if token == "s3cret" { Ok(()) } else { Err("wrong token") })
///     .on_connect(async |socket: Socket| socket.join("lobby").await)
///     .on("say", async |socket: Socket, Data(text): Data<String>| socket.to("lobby").emit("said", text));
/// chat.to("lobby").except("muted").emit("news", "it rains")?;
/// # Ok(())
/// # }
/// ```
///
/// Methods that declare a handler panic, with a message that names the type, if the handler takes a
/// [`State`](crate::State) that the server was built without.
#[derive(Clone)]
pub struct Namespace(pub(super) Arc<NamespaceCore>);

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Namespace").field(&self.name()).finish()
    }
}

impl Namespace {
    /// The name, with its leading `/`.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    // Handlers, shared by all sockets of the namespace.

    /// Declares a handler for clients that were admitted. It runs before any event of the client is handled: handlers
    /// that it declares before its first `await` miss none.
    #[track_caller]
    pub fn on_connect<P: 'static, H>(&self, handler: H) -> Declared<'_>
    where
        H: Handler<ConnectContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        self.declare(callback::<ConnectContext, P, H>(&self.0.node, handler), |handlers| {
            &mut handlers.connect
        })
    }

    /// Adds a middleware: run for every client that wants to enter, in the order they were added, one after the other; an
    /// error refuses the client (JavaScript's `use`).
    ///
    /// It may wait, for a database say: the client waits for its CONNECT, and other clients do not. The client gets the
    /// error as its `connect_error`: text, or a [`ConnectError`](crate::ConnectError) with data. Parameters that cannot be
    /// made refuse it too. Data that it keeps with the socket ([`Socket::set_data`]) are there in every handler; rooms that
    /// it joins are left again if the client is refused; what it emits to the socket comes before the CONNECT packet.
    #[track_caller]
    pub fn middleware<P: 'static, H>(&self, decide: H) -> Declared<'_>
    where
        H: Handler<ConnectContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoDecision + 'static,
    {
        self.declare(middleware::<ConnectContext, P, H>(&self.0.node, decide), |handlers| {
            &mut handlers.middlewares
        })
    }

    /// Declares a handler for an event of any socket of the namespace: nothing is kept per connection. An event may have
    /// several, which run in the order they were declared, before those of the [socket](Socket::on).
    ///
    /// Each runs up to its first `await` before the next one, and before the next event of that socket (ORDER-1). Arguments
    /// that its parameters cannot be made of, an error that it returns, and a panic are told to
    /// [`Io::on_error`](crate::Io::on_error).
    #[track_caller]
    pub fn on<P: 'static, H>(&self, event: &str, handler: H) -> Declared<'_>
    where
        H: Handler<EventContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        let handler = callback::<EventContext, P, H>(&self.0.node, handler);
        self.declare(handler, |handlers| handlers.events.entry(event.into()).or_default())
    }

    /// Declares a handler for every event of any socket, run before the event's own (JavaScript's `onAny`). It hears what
    /// the [middlewares of events](Self::event_middleware) let through, with its [`EventName`](crate::EventName).
    #[track_caller]
    pub fn on_any<P: 'static, H>(&self, handler: H) -> Declared<'_>
    where
        H: Handler<EventContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        self.declare(callback::<EventContext, P, H>(&self.0.node, handler), |handlers| &mut handlers.any)
    }

    /// Declares a handler for sockets that leave: up to its first `await`, [`Socket::rooms`] tells which rooms they were
    /// in.
    #[track_caller]
    pub fn on_disconnecting<P: 'static, H>(&self, handler: H) -> Declared<'_>
    where
        H: Handler<DisconnectContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        self.declare(callback::<DisconnectContext, P, H>(&self.0.node, handler), |handlers| {
            &mut handlers.disconnecting
        })
    }

    /// Declares a handler for sockets that have left: they are in no room any more, and emits to them fail.
    #[track_caller]
    pub fn on_disconnect<P: 'static, H>(&self, handler: H) -> Declared<'_>
    where
        H: Handler<DisconnectContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        self.declare(callback::<DisconnectContext, P, H>(&self.0.node, handler), |handlers| {
            &mut handlers.disconnect
        })
    }

    // Emits.

    /// Targets everybody in these rooms, on all nodes; in several of them still once (ONCE-1).
    pub fn to(&self, rooms: impl IntoRooms) -> Broadcast {
        self.broadcast().to(rooms)
    }

    /// Synonym of [`to`](Self::to): JavaScript's `io.in`.
    pub fn within(&self, rooms: impl IntoRooms) -> Broadcast {
        self.to(rooms)
    }

    /// Targets everybody but those in these rooms.
    pub fn except(&self, rooms: impl IntoRooms) -> Broadcast {
        self.broadcast().except(rooms)
    }

    /// Targets everybody on this node (LOCAL-1).
    pub fn local(&self) -> Broadcast {
        self.broadcast().local()
    }

    /// Targets everybody; the packet is dropped for a client that is not ready to take it at once.
    pub fn volatile(&self) -> Broadcast {
        self.broadcast().volatile()
    }

    /// Targets everybody; sets whether a polling answer that carries the packet may be compressed.
    pub fn compress(&self, compress: bool) -> Broadcast {
        self.broadcast().compress(compress)
    }

    /// Targets everybody; `false` promises that the arguments contain no bytes, see
    /// [`Broadcast::binary`].
    pub fn binary(&self, binary: bool) -> Broadcast {
        self.broadcast().binary(binary)
    }

    /// Targets everybody; sets the time that clients have to acknowledge, and other nodes to answer.
    pub fn timeout(&self, timeout: Duration) -> Broadcast {
        self.broadcast().timeout(timeout)
    }

    /// Sends an event to everybody in the namespace, on all nodes: a tuple is several arguments, `()` none, anything else
    /// is one. It never waits, neither for clients nor for the cluster.
    ///
    /// # Errors
    /// Those of [`EmitError`]; nothing was sent then.
    pub fn emit(&self, event: &str, arguments: impl Serialize) -> Result<(), EmitError> {
        self.broadcast().emit(event, arguments)
    }

    /// Sends the event `message` to everybody in the namespace.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn send(&self, arguments: impl Serialize) -> Result<(), EmitError> {
        self.broadcast().send(arguments)
    }

    // Questions about its sockets.

    /// Returns the sockets of this node (JavaScript's `nsp.sockets`); [`fetch_sockets`](Self::fetch_sockets) returns those of
    /// all nodes.
    pub fn local_sockets(&self) -> Vec<Socket> {
        self.0.sockets().into_iter().map(Socket).collect()
    }

    /// Returns a socket of this node; `None` if it lives on another one, or has gone.
    pub fn local_socket(&self, id: SocketId) -> Option<Socket> {
        self.0.socket(id).map(Socket)
    }

    /// Returns the rooms that have members on this node, without those named after a socket.
    pub fn local_rooms(&self) -> Vec<Room> {
        self.0.rooms.names()
    }

    /// Returns an operator that targets everybody.
    pub(super) fn broadcast(&self) -> Broadcast {
        Broadcast::new(self.0.clone())
    }
}
