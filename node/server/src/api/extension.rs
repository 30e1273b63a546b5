//! Extensions: values kept with the socket, or with the request that opened its connection.

use std::any::type_name;
use std::ops::Deref;

use super::context::HasSocket;
use super::extract::FromContext;
use crate::socket::{Rejection, RejectionKind};

/// Value that the program keeps with the socket ([`Socket::set_data`](super::Socket::set_data)), a clone of it: what a
/// middleware has found out about the client, for the handlers of its events.
///
/// A handler that takes it is not called as long as the socket has none of that type: take `Option<Extension<T>>` to do
/// without.
///
/// ```
/// use fanfare::{Ack, Auth, Extension, Io, Socket};
///
/// #[derive(Clone)]
/// struct Name(String);
///
/// let io = Io::new();
/// io.middleware(|socket: Socket, Auth(name): Auth<String>| -> Result<(), String> {
///     socket.set_data(Name(name));
///     Ok(())
/// });
/// io.on("whoami", |Extension(Name(name)): Extension<Name>, ack: Ack| ack.send(name));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extension<T>(
    /// The value.
    pub T,
);

impl<T> Deref for Extension<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<C: HasSocket, T: Clone + Send + Sync + 'static> FromContext<C> for Extension<T> {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        context.socket().data().map(Self).ok_or_else(|| {
            missing::<T>("the socket keeps no value", "a middleware must have called `Socket::set_data`")
        })
    }
}

/// Value that a layer of the HTTP server around this one has put into the request which opened the connection, a clone of
/// it: [`Handshake::extensions`](crate::Handshake::extensions).
///
/// A handler that takes it is not called if there is none of that type: take `Option<HttpExtension<T>>` to do without.
///
/// ```
/// # use fanfare::{Ack, HttpExtension, Io};
/// #[derive(Clone)]
/// struct User(String); // inserted by an auth layer outside of `io.layer()`
///
/// # let io = Io::new();
/// io.on("whoami", |HttpExtension(User(name)): HttpExtension<User>, ack: Ack| ack.send(name));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HttpExtension<T>(
    /// The value.
    pub T,
);

impl<T> Deref for HttpExtension<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<C: HasSocket, T: Clone + Send + Sync + 'static> FromContext<C> for HttpExtension<T> {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        let value = context.handshake().extensions().get().cloned();
        value.map(Self).ok_or_else(|| {
            missing::<T>("the handshake has no extension", "a layer around `Io::layer` must have inserted it")
        })
    }
}

fn missing<T>(lack: &str, cure: &str) -> Rejection {
    Rejection::of(RejectionKind::Missing, format!("{lack} of type `{}`: {cure}", type_name::<T>()))
}
