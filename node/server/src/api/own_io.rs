//! The server as a parameter of its own handlers.

use std::sync::{Arc, OnceLock, Weak};

use super::context::Context;
use super::extract::FromContext;
use super::io::{Inner, Io};
use super::namespace::Namespace;
use crate::socket::{Rejection, RejectionKind};

/// State of every server: the server itself. Weak, so that a server whose handles are gone can go too.
#[derive(Clone, Default)]
pub(super) struct OwnIo(Arc<OnceLock<Weak<Inner>>>);

impl OwnIo {
    /// Tells it which one it is, when that is built.
    pub fn set(&self, io: &Io) {
        // Set once, by the builder.
        let _ = self.0.set(Arc::downgrade(&io.inner));
    }

    fn get(&self) -> Option<Io> {
        let inner = self.0.get()?.upgrade()?;
        let main = Namespace(inner.hub.namespaces.declare("/"));
        Some(Io { main, inner })
    }
}

/// The server itself: a handler need not capture it. It is not called once the program has dropped its last `Io`.
impl<C: Context> FromContext<C> for Io {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        let gone = || Rejection::of(RejectionKind::Missing, "the program has dropped its last `Io`");
        context.state::<OwnIo>()?.get().ok_or_else(gone)
    }
}
