//! Handlers as they were declared: their ids, running once, removal, and the events that have some.

use std::mem::take;
use std::ops::Deref;
use std::sync::Arc;

use super::handler::{Handler, callback};
use super::namespace::Namespace;
use super::outcome::{Finished, IntoOutcome};
use super::socket::Socket;
use crate::socket::{Callback, ConnectContext, Declaration, EventContext, HandlerId, Handlers, Outcome, ids};

/// Result of declaring a handler for a namespace: the namespace again, to go on with, and the [id](Self::id) of the
/// handler.
///
/// ```
/// # use fanfare::{Io, Socket};
/// # let io = Io::new();
/// io.on("a", async || {}).on("b", async || {});
/// let id = io.on("c", async || {}).id();
/// assert!(io.remove_handler(id));
/// ```
#[derive(Debug)]
pub struct Declared<'a> {
    namespace: &'a Namespace,
    id: HandlerId,
}

impl Declared<'_> {
    /// Id of the handler, for [`Namespace::remove_handler`].
    pub fn id(&self) -> HandlerId {
        self.id
    }
}

impl Deref for Declared<'_> {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        self.namespace
    }
}

/// So that a connect handler may end with the declaration of another one.
impl IntoOutcome for HandlerId {
    fn into_outcome(self) -> Outcome {
        Ok(())
    }
}

impl Finished for HandlerId {}

impl Namespace {
    /// Declares a callback in a list of handlers.
    pub(super) fn declare<C: 'static, T: 'static>(
        &self,
        callback: Arc<dyn Callback<C, T>>,
        list: impl Fn(&mut Handlers) -> &mut Vec<Declaration<C, T>>,
    ) -> Declared<'_> {
        let declaration = Declaration::new(callback);
        self.0.declare(|handlers| list(handlers).push(declaration.clone()));
        Declared { namespace: self, id: declaration.id() }
    }

    /// Declares a handler for the first client that is admitted from now on (JavaScript's `io.once("connection", …)`).
    #[track_caller]
    pub fn once_connect<P: 'static, H>(&self, handler: H) -> Declared<'_>
    where
        H: Handler<ConnectContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        let declaration = Declaration::once(callback::<ConnectContext, P, H>(&self.0.node, handler));
        self.0.declare(|handlers| handlers.connect.push(declaration.clone()));
        Declared { namespace: self, id: declaration.id() }
    }

    /// Removes a handler or middleware that was declared for all its sockets, by its [`Declared::id`]. Returns whether it
    /// was there. Runs of it that have begun go on.
    pub fn remove_handler(&self, id: HandlerId) -> bool {
        self.0.remove_handler(id)
    }

    /// Removes the handlers of an event that were declared for all its sockets.
    pub fn off(&self, event: &str) {
        self.0.declare(|handlers| drop(handlers.events.remove(event)));
    }

    /// Removes the handlers of every event ([`on_any`](Self::on_any)) that were declared for all its sockets.
    pub fn off_any(&self) {
        self.0.declare(|handlers| handlers.any.clear());
    }

    /// Names of the events that have handlers for all its sockets, sorted.
    pub fn event_names(&self) -> Vec<String> {
        self.0.handlers().event_names()
    }

    /// Ids of the handlers of an event that were declared for all its sockets, in the order they run.
    pub fn listeners(&self, event: &str) -> Vec<HandlerId> {
        self.0.handlers().ids_for(event)
    }

    /// Ids of the handlers of every event that were declared for all its sockets, in the order they run.
    pub fn listeners_any(&self) -> Vec<HandlerId> {
        ids(&self.0.handlers().any)
    }
}

impl Socket {
    /// Declares a callback in a list of this socket's handlers; does nothing once it is closed.
    pub(super) fn declare<C: 'static, T: 'static>(
        &self,
        callback: Arc<dyn Callback<C, T>>,
        list: impl FnOnce(&mut Handlers) -> &mut Vec<Declaration<C, T>>,
    ) -> HandlerId {
        self.add(Declaration::new(callback), |handlers, declaration| list(handlers).push(declaration))
    }

    pub(super) fn add<C: 'static, T: 'static>(
        &self,
        declaration: Declaration<C, T>,
        add: impl FnOnce(&mut Handlers, Declaration<C, T>),
    ) -> HandlerId {
        let id = declaration.id();
        self.0.declare(|handlers| add(handlers, declaration));
        id
    }

    /// Declares a handler for the next event of that name of this socket: it is removed when it runs.
    #[track_caller]
    pub fn once<P: 'static, H>(&self, event: &str, handler: H) -> HandlerId
    where
        H: Handler<EventContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        let declaration = Declaration::once(callback::<EventContext, P, H>(&self.0.namespace.node, handler));
        self.add(declaration, |handlers, declaration| {
            handlers.events.entry(event.into()).or_default().push(declaration);
        })
    }

    /// Declares a handler for every event of this socket, run before all others of it.
    #[track_caller]
    pub fn prepend_any<P: 'static, H>(&self, handler: H) -> HandlerId
    where
        H: Handler<EventContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        let declaration = Declaration::new(callback::<EventContext, P, H>(&self.0.namespace.node, handler));
        self.add(declaration, |handlers, declaration| handlers.any.insert(0, declaration))
    }

    /// Removes a handler or middleware that was declared for this socket. Returns whether it was there. Runs of it that
    /// have begun go on.
    pub fn remove_handler(&self, id: HandlerId) -> bool {
        let removed = self.0.declare(|handlers| handlers.remove(id)).flatten();
        self.0.outgoing_changed();
        removed.is_some()
    }

    /// Removes the handlers of an event that were declared for this socket.
    pub fn off(&self, event: &str) {
        drop(self.0.declare(|handlers| handlers.events.remove(event)));
    }

    /// Removes all handlers of single events, errors and disconnects that were declared for this socket (JavaScript's
    /// `removeAllListeners()`). Those of every event, those that are told of what is sent, and middlewares stay.
    pub fn off_all(&self) {
        drop(self.0.declare(|handlers| {
            let Handlers { events, errors, disconnecting, disconnect, .. } = handlers;
            (take(events), take(errors), take(disconnecting), take(disconnect))
        }));
    }

    /// Removes the handlers of every event ([`on_any`](Self::on_any)) that were declared for this socket.
    pub fn off_any(&self) {
        drop(self.0.declare(|handlers| take(&mut handlers.any)));
    }

    /// Names of the events that have handlers of this socket, sorted.
    pub fn event_names(&self) -> Vec<String> {
        self.0.declare(|handlers| handlers.event_names()).unwrap_or_default()
    }

    /// Ids of the handlers of an event that were declared for this socket, in the order they run.
    pub fn listeners(&self, event: &str) -> Vec<HandlerId> {
        self.0.declare(|handlers| handlers.ids_for(event)).unwrap_or_default()
    }

    /// Ids of the handlers of every event that were declared for this socket, in the order they run.
    pub fn listeners_any(&self) -> Vec<HandlerId> {
        self.0.declare(|handlers| ids(&handlers.any)).unwrap_or_default()
    }
}
