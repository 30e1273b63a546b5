//! One client in one namespace, as handlers see it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::ack::Acknowledgement;
use super::context::auth_of;
use super::emit::{Broadcast, Direct};
use super::error::EmitError;
use super::handler::{Handler, callback};
use super::namespace::Namespace;
use super::outcome::IntoOutcome;
use super::rooms::{Changed, IntoRooms};
use crate::ids::{Room, SocketId};
use crate::socket::{DisconnectContext, EventContext, HandlerId, Handshake, SocketCore};
use fanfare_engineio::request::TransportKind;

/// One client in one namespace. Cheap to clone; usable from any task or thread, also after the client has gone:
/// emits then return [`EmitError::Disconnected`]. A clone that is kept keeps some memory, and nothing else.
///
/// Emits of one thread arrive in their order. Operators such as [`volatile`](Self::volatile) and [`to`](Self::to) return
/// values that can be kept and used again; none of them changes the socket.
#[derive(Clone)]
pub struct Socket(pub(super) Arc<SocketCore>);

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialEq for Socket {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Socket {}

impl Socket {
    // What it is.

    /// Id of the socket, also the name of the room in which it is alone. Not the secret of its connection.
    pub fn id(&self) -> SocketId {
        self.0.id
    }

    /// Namespace of the socket.
    pub fn namespace(&self) -> Namespace {
        Namespace(self.0.namespace.clone())
    }

    /// Whether it was admitted and has not been disconnected.
    pub fn is_connected(&self) -> bool {
        self.0.is_connected()
    }

    /// The HTTP request that opened its connection, shared by all namespaces of the client.
    pub fn handshake(&self) -> &Handshake {
        &self.0.link.handshake
    }

    /// The JSON object the client sent when it connected (`auth` in its options); `{}` if none.
    pub fn auth(&self) -> &str {
        auth_of(&self.0)
    }

    /// The transport in use now.
    pub fn transport(&self) -> TransportKind {
        self.0.link.transport()
    }

    // Handlers of this socket alone.

    /// Declares a handler for an event of this socket. A handler for all sockets ([`Namespace::on`]) costs nothing
    /// per connection. The id is for [`remove_handler`](Self::remove_handler); of a handler of a socket that is closed, for
    /// nothing.
    #[track_caller]
    pub fn on<P: 'static, H>(&self, event: &str, handler: H) -> HandlerId
    where
        H: Handler<EventContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        let handler = callback::<EventContext, P, H>(&self.0.namespace.node, handler);
        self.declare(handler, |handlers| handlers.events.entry(event.into()).or_default())
    }

    /// Declares a handler for every event of this socket, run before the event's own.
    #[track_caller]
    pub fn on_any<P: 'static, H>(&self, handler: H) -> HandlerId
    where
        H: Handler<EventContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        self.declare(callback::<EventContext, P, H>(&self.0.namespace.node, handler), |handlers| {
            &mut handlers.any
        })
    }

    /// Declares a handler for the moment this socket leaves: up to its first `await`, [`rooms`](Self::rooms) tells which
    /// rooms it was in.
    #[track_caller]
    pub fn on_disconnecting<P: 'static, H>(&self, handler: H) -> HandlerId
    where
        H: Handler<DisconnectContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        self.declare(callback::<DisconnectContext, P, H>(&self.0.namespace.node, handler), |handlers| {
            &mut handlers.disconnecting
        })
    }

    /// Declares a handler for the moment this socket has left: it is in no room any more, and emits to it fail.
    #[track_caller]
    pub fn on_disconnect<P: 'static, H>(&self, handler: H) -> HandlerId
    where
        H: Handler<DisconnectContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        self.declare(callback::<DisconnectContext, P, H>(&self.0.namespace.node, handler), |handlers| {
            &mut handlers.disconnect
        })
    }

    // Emits to this client.

    /// Sends an event to this client: a tuple is several arguments, `()` none, anything else is one.
    /// [`Bytes`](crate::Bytes) anywhere inside travel as attachments. It never waits.
    ///
    /// # Errors
    /// Those of [`EmitError`]; nothing was sent then.
    pub fn emit(&self, event: &str, arguments: impl Serialize) -> Result<(), EmitError> {
        self.direct().emit(event, arguments)
    }

    /// Sends the event `message` to this client.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn send(&self, arguments: impl Serialize) -> Result<(), EmitError> {
        self.direct().send(arguments)
    }

    /// Sends an event at once, and returns a future of the client's answer: a tuple takes its several arguments, `()` none,
    /// anything else the first. It waits until the socket is disconnected; [`timeout`](Self::timeout) sets a limit.
    ///
    /// ```
    /// # async fn example(socket: fanfare::Socket) -> Result<(), fanfare::AckError> {
    /// let second = std::time::Duration::from_secs(1);
    /// let answer = socket.timeout(second).emit_with_ack::<String>("question", "who are you?").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A handler that awaits it keeps no other event of the socket waiting.
    pub fn emit_with_ack<T>(&self, event: &str, arguments: impl Serialize) -> Acknowledgement<T> {
        self.direct().emit_with_ack(event, arguments)
    }

    /// Time that the next emit waits for its acknowledgement.
    pub fn timeout(&self, timeout: Duration) -> Direct {
        self.direct().timeout(timeout)
    }

    /// The packet may be lost: it is dropped if the client is not ready to take it at once.
    pub fn volatile(&self) -> Direct {
        self.direct().volatile()
    }

    /// Whether a polling answer that carries the packet may be compressed. Default true.
    pub fn compress(&self, compress: bool) -> Direct {
        self.direct().compress(compress)
    }

    /// `false` promises that the arguments contain no bytes: an emit that does fails with
    /// [`EmitError::UnexpectedBytes`]. Default true.
    pub fn binary(&self, binary: bool) -> Direct {
        self.direct().binary(binary)
    }

    // Emits to others.

    /// Targets everybody in the namespace but this socket (SELF-1).
    pub fn broadcast(&self) -> Broadcast {
        self.direct().broadcast()
    }

    /// Targets everybody in these rooms but this socket (SELF-1).
    pub fn to(&self, rooms: impl IntoRooms) -> Broadcast {
        self.direct().to(rooms)
    }

    /// Targets everybody in these rooms, including this socket if it is in one of them.
    pub fn within(&self, rooms: impl IntoRooms) -> Broadcast {
        self.direct().within(rooms)
    }

    /// Targets everybody in the namespace but this socket and those in these rooms.
    pub fn except(&self, rooms: impl IntoRooms) -> Broadcast {
        self.direct().except(rooms)
    }

    /// Targets everybody in the namespace on this node but this socket (LOCAL-1).
    pub fn local(&self) -> Broadcast {
        self.direct().local()
    }

    // Rooms.

    /// Joins rooms, in order with the emits of this thread, whether awaited or not (JOIN-1). Does nothing after a
    /// disconnect. It joins all of these or none: a socket may be in 10,000 rooms beside its own, a name may have 1 KiB,
    /// and all its names 1 MiB, unless [`ClientLimits`](crate::ClientLimits) say otherwise.
    pub fn join(&self, rooms: impl IntoRooms) -> Changed {
        Changed::new(self.0.join(rooms.into_rooms()), Some(self.0.namespace.clone()))
    }

    /// Leaves rooms, in order with the emits of this thread, whether awaited or not.
    pub fn leave(&self, rooms: impl IntoRooms) -> Changed {
        Changed::new(self.0.leave(rooms.into_rooms()), None)
    }

    /// Leaves all rooms that it is in now, but for its own.
    pub fn leave_all(&self) -> Changed {
        let own = Room::from(self.id());
        let rooms: Vec<Room> = self.rooms().into_iter().filter(|room| *room != own).collect();
        self.leave(rooms)
    }

    /// The rooms it is in, its own one first; none after a disconnect, but for its `disconnecting` handlers.
    pub fn rooms(&self) -> Vec<Room> {
        self.0.rooms()
    }

    // The end.

    /// Disconnects this client from the namespace; its connection and its other namespaces go on.
    ///
    /// Earlier emits of this thread are sent first. When this returns, the socket is disconnected: emits to it fail,
    /// and it is in no room, on another thread than its own a moment later. Its `disconnecting` and `disconnect` handlers
    /// run after the code that calls this, so that they may take a lock that it holds.
    pub fn disconnect(&self) {
        self.0.disconnect(false);
    }

    /// Disconnects this client from all its namespaces and closes the connection, once its waiting packets were sent.
    pub fn disconnect_all(&self) {
        self.0.disconnect(true);
    }

    fn direct(&self) -> Direct {
        Direct::new(self.0.clone())
    }
}
