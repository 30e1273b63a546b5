//! The connection of a socket, shared by all namespaces of its client.

use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;

use super::context::HasSocket;
use super::extract::FromContext;
use super::socket::Socket;
use crate::outbox::Ending;
use crate::socket::{Link, Rejection, SocketCore};
use fanfare_engineio::request::{Protocol, TransportKind};

/// The Engine.IO connection of a client (JavaScript's `socket.conn`). Cheap to clone; usable from any task or thread, also
/// after it has ended. Two are equal if they are the same connection.
#[derive(Clone)]
pub struct Conn(Arc<SocketCore>);

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn")
            .field("transport", &self.transport())
            .field("remote_address", &self.remote_address())
            .field("is_open", &self.is_open())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Conn {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.link, &other.0.link)
    }
}

impl Eq for Conn {}

impl Socket {
    /// The connection that it shares with the client's sockets in other namespaces.
    pub fn conn(&self) -> Conn {
        Conn(self.0.clone())
    }
}

impl Conn {
    /// Id of the Engine.IO session (JavaScript's `conn.id`): **a secret**. Whoever knows it can read what is sent to a client
    /// that polls, and speak in its place, so it must not be logged or shown to anybody. [`Socket::id`] is what
    /// identifies a client.
    pub fn secret_id(&self) -> String {
        self.0.link.session.as_str().to_owned()
    }

    /// Version of the Engine.IO protocol that the client speaks (`conn.protocol`): 4, or 3 of a client of Socket.IO 1 or 2,
    /// which is let in with [`Options::allow_eio3`](crate::Options::allow_eio3).
    pub fn protocol(&self) -> u8 {
        match self.0.link.protocol {
            Protocol::V3 => 3,
            Protocol::V4 => 4,
        }
    }

    /// The transport in use now (`conn.transport.name`). It changes once at most, from polling to WebSocket.
    pub fn transport(&self) -> TransportKind {
        self.0.link.transport()
    }

    /// The client's address (`conn.remoteAddress`), as in [`Handshake::address`](crate::Handshake::address).
    pub fn remote_address(&self) -> SocketAddr {
        self.0.link.handshake.address
    }

    /// Whether packets can still be sent on it.
    pub fn is_open(&self) -> bool {
        !self.0.link.outbox.is_closed()
    }

    /// Bytes that wait for the client, in all its namespaces, each packet counted with 32 bytes more. More than
    /// `outbox_bytes_max` for longer than `slow_consumer_grace_ms` end the connection.
    pub fn bytes_waiting(&self) -> usize {
        self.0.link.outbox.bytes()
    }

    /// Number of packets that wait for the client, in all its namespaces (`conn.writeBuffer.length`); pings and other
    /// frames of the connection itself count.
    pub fn packets_waiting(&self) -> usize {
        self.0.link.outbox.packets()
    }

    /// Waits until the connection is on a WebSocket (the event `upgrade` of `conn`): returns true at once if it is so
    /// already, and false if it ends while it polls.
    ///
    /// A node that drains waits for handlers that have not ended, so a handler should leave this to a task:
    ///
    /// ```
    /// # let io = fanfare::Io::new();
    /// io.on_connect(async |socket: fanfare::Socket| {
    ///     tokio::spawn(async move {
    ///         if socket.conn().upgraded().await {
    ///             println!("{} is on a WebSocket", socket.id());
    ///         }
    ///     });
    /// });
    /// ```
    pub async fn upgraded(&self) -> bool {
        self.0.link.upgraded().await
    }

    /// Waits until nothing waits for the client (the event `drain` of `conn`): the network has taken what was sent over a
    /// WebSocket, a client that polls has fetched it. Returns false if the connection is closed before.
    ///
    /// A program that sends much to one client can wait for it between the pieces.
    pub async fn drained(&self) -> bool {
        poll_fn(|cx| self.0.link.outbox.poll_taken(cx)).await
    }

    /// Closes the connection, after everything this thread has emitted to the socket that it was asked of. Its sockets leave
    /// with the reason `forced close`, and the client is sent no DISCONNECT packet: official clients come back by
    /// themselves. To send it away for good there is [`Socket::disconnect_all`].
    pub fn close(&self) {
        let close = CloseLater(self.0.link.clone());
        // Where it is refused, or lost in a mailbox, it happens all the same.
        let _ = self.0.namespace.rooms.run_on(self.0.id.reactor(), move || drop(close));
    }
}

/// A close on its way to the reactor of its connection, behind the emits of the same thread: it happens when this is
/// dropped, there or elsewhere.
struct CloseLater(Arc<Link>);

impl Drop for CloseLater {
    fn drop(&mut self) {
        self.0.outbox.end(Ending::Close);
    }
}

impl<C: HasSocket> FromContext<C> for Conn {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        Ok(context.socket().conn())
    }
}
