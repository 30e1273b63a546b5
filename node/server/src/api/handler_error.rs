//! Failures of handlers, as reported to the program.

use std::fmt;

use super::io::Io;
use super::namespace::Namespace;
use super::socket::Socket;
use crate::socket::{Failure, HandlerErrorKind};

/// A failure of one of the program's handlers, for [`Io::on_error`].
///
/// Displays as one line that says where and what.
#[derive(Clone)]
#[non_exhaustive]
pub struct HandlerError {
    /// The namespace whose handler it was.
    pub namespace: Namespace,
    /// The socket that the handler ran for; `None` in a handler of another server's event.
    pub socket: Option<Socket>,
    /// The event that was handled, or `middleware`, `connect`, `disconnecting` or `disconnect`.
    pub event: String,
    /// Kind of the failure, with its cause.
    pub kind: HandlerErrorKind,
}

impl HandlerError {
    fn new(failure: &Failure) -> Self {
        Self {
            namespace: Namespace(failure.namespace.clone()),
            socket: failure.socket.clone().map(Socket),
            event: failure.event.clone(),
            kind: failure.kind.clone(),
        }
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {:?} in namespace {}", self.event, self.namespace.name())?;
        match &self.socket {
            Some(socket) => write!(f, ", socket {}", socket.id())?,
            None => write!(f, ", sent by another server")?,
        }
        write!(f, ": {}", self.kind)
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HandlerError({self})")
    }
}

impl std::error::Error for HandlerError {}

impl Io {
    /// Adds a hook that is called once for each failure of a handler, in any namespace: arguments that the handler's
    /// parameters cannot be made of, errors that it returns, panics. Without a hook they are only logged, with
    /// `tracing`, and counted.
    ///
    /// ```
    /// # let io = fanfare::Io::new();
    /// io.on_error(|error| eprintln!("{error}"));
    /// ```
    ///
    /// It runs on the reactor of the socket, so it should hand on long work. A panic in it is caught, logged and
    /// counted. A middleware that refuses a client has not failed: the client is told.
    pub fn on_error(&self, hook: impl Fn(&HandlerError) + Send + Sync + 'static) -> &Self {
        let failures = self.inner.hub.namespaces.failures();
        failures.add_hook(move |failure| hook(&HandlerError::new(failure)));
        self
    }
}
