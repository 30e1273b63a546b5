//! Namespaces that clients make, by the rules of parents (JavaScript's `io.of(/…/)` and `io.of((name, auth, next) => …)`).

use std::fmt::Display;
use std::ops::Deref;
use std::sync::Arc;

use serde::Serialize;

use super::error::EmitError;
use super::event_middleware::{IntoVerdict, screening};
use super::handler::{Handler, callback, middleware};
use super::io::Io;
use super::namespace::Namespace;
use super::outcome::{IntoDecision, IntoOutcome};
use super::parent_emit::ParentBroadcast;
use super::rooms::IntoRooms;
use crate::namespace::{NamespaceAttempt, NamespacePatternError, ParentCore};
use crate::node::Node;
use crate::socket::{
    Callback, ConnectContext, Declaration, DisconnectContext, ErrorContext, EventContext, HandlerId,
    Handlers, ServerContext,
};

/// Rule by which clients make namespaces, and the handlers of these. Cheap to clone; usable from any thread.
///
/// ```no_run
/// use fanfare::{Data, Io, Namespace, Params};
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let io = Io::new();
/// let tenants = io.of_pattern("/tenant/{name}")?;
/// tenants.on("say", async |namespace: Namespace, Params(tenant): Params<String>, Data(text): Data<String>| {
///     namespace.emit("said", (tenant, text))
/// });
/// # Ok(())
/// # }
/// ```
///
/// The first client that wants to enter a namespace makes it, if there is none of that name: the first parent whose rule
/// fits is in charge, in the order of their declaration. A namespace that the program declares with [`Io::of`] and that fits
/// a pattern or a regular expression gets the handlers of that parent too; it stays, while one that clients have made ends
/// when nobody was in it for `options().child_namespace_idle_ms`. All nodes of a cluster need the same parents.
#[derive(Clone)]
pub struct ParentNamespace {
    pub(super) parent: Arc<ParentCore>,
    pub(super) node: Arc<Node>,
}

impl Io {
    /// Lets clients make the namespaces whose whole name fits a pattern: `{name}` stands for one part between slashes,
    /// `{*name}` for the rest of the name, as in routers of axum. A pattern that was declared before gives the same parent.
    ///
    /// # Errors
    /// If the pattern is not valid, matches no name, or is the name of one namespace.
    pub fn of_pattern(&self, pattern: &str) -> Result<ParentNamespace, NamespacePatternError> {
        Ok(self.parent(self.inner.hub.namespaces.add_parent(ParentCore::by_pattern(pattern)?)))
    }

    /// Lets clients make the namespaces in whose names a regular expression finds something, as JavaScript's
    /// `io.of(/…/)`: it should begin with `^` and end with `$`. It takes time in proportion to the name, whatever it is. Its
    /// groups are [parameters](crate::Params), by name or number.
    ///
    /// # Errors
    /// If the expression is not valid. There are no look-arounds and no back-references.
    pub fn of_regex(&self, regex: &str) -> Result<ParentNamespace, NamespacePatternError> {
        Ok(self.parent(self.inner.hub.namespaces.add_parent(ParentCore::by_regex(regex)?)))
    }

    /// Lets clients make the namespaces for which the program says yes, as JavaScript's `io.of((name, auth, next) => …)`.
    /// It is asked about each client that wants to enter a namespace that does not exist; clients that come later are for
    /// [middlewares](ParentNamespace::middleware) to judge.
    ///
    /// An error or a panic counts as no, and is reported as errors of handlers are. If there is no answer within
    /// `options().connect_timeout_ms` the client is refused.
    ///
    /// ```
    /// # use fanfare::{Io, NamespaceAttempt};
    /// # let io = Io::new();
    /// io.of_matching(async |attempt: NamespaceAttempt| attempt.name().starts_with("/project-"));
    /// ```
    pub fn of_matching<F, R>(&self, predicate: F) -> ParentNamespace
    where
        F: AsyncFn(NamespaceAttempt) -> R + Send + Sync + 'static,
        R: IntoMatch + 'static,
    {
        let predicate = Arc::new(predicate);
        let asks = move |attempt| {
            let predicate = predicate.clone();
            Box::pin(async move { predicate(attempt).await.into_match() }) as crate::namespace::Asked
        };
        let make = |number| ParentCore::by_predicate(number, asks);
        self.parent(self.inner.hub.namespaces.add_numbered_parent(make))
    }

    fn parent(&self, parent: Arc<ParentCore>) -> ParentNamespace {
        ParentNamespace { parent, node: self.inner.hub.node.clone() }
    }

    /// Calls this with each namespace that comes to be from now on, declared by the program or made by a client, before
    /// its first client is asked for anything (JavaScript's event `new_namespace`). It must not block: clients wait.
    pub fn on_new_namespace(&self, hook: impl Fn(Namespace) + Send + Sync + 'static) -> &Self {
        self.inner.hub.namespaces.on_new(move |namespace| hook(Namespace(namespace)));
        self
    }

    /// The namespace of that name on this node, if there is one. [`of`](Self::of) would declare it.
    pub fn find_namespace(&self, name: &str) -> Option<Namespace> {
        let slash = if name.starts_with('/') { "" } else { "/" };
        self.inner.hub.namespaces.find(&format!("{slash}{name}")).map(Namespace)
    }

    /// Closes a namespace on this node. Handles to it do nothing any more: see [`Namespace::close`].
    ///
    /// Its sockets are disconnected (`server namespace disconnect`), and clients that want to enter get `Invalid
    /// namespace`; if it fits the rule of a parent, they make a new one. Returns false if there is none of that name, or it is
    /// the main namespace, which cannot be closed.
    pub fn close_namespace(&self, name: &str) -> bool {
        self.find_namespace(name).is_some_and(|namespace| namespace.close())
    }
}

impl Namespace {
    /// Closes this namespace, as [`Io::close_namespace`] does. This handle and its clones do nothing from then on: emits
    /// reach nobody on any node, and handlers are never called. Returns false if it was closed before, or is the main one.
    pub fn close(&self) -> bool {
        self.0.registry().is_some_and(|registry| registry.close(&self.0))
    }

    /// Whether it was closed, or has ended since nobody was in it. There may be another one of its name.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// Answer of a predicate: whether clients may make a namespace.
#[diagnostic::on_unimplemented(
    message = "a predicate cannot return `{Self}`",
    note = "return `bool`, or `Result<bool, E>` where `E` can be displayed"
)]
pub trait IntoMatch {
    /// The answer, or the error as text.
    ///
    /// # Errors
    /// That of the predicate.
    fn into_match(self) -> Result<bool, String>;
}

impl IntoMatch for bool {
    fn into_match(self) -> Result<bool, String> {
        Ok(self)
    }
}

impl<E: Display> IntoMatch for Result<bool, E> {
    fn into_match(self) -> Result<bool, String> {
        self.map_err(|error| error.to_string())
    }
}

/// Result of declaring a handler for a parent: the parent again, to go on with, and the [id](Self::id) of the handler.
#[derive(Debug)]
pub struct ParentDeclared<'a> {
    parent: &'a ParentNamespace,
    id: HandlerId,
}

impl ParentDeclared<'_> {
    /// Id of the handler, for [`ParentNamespace::remove_handler`].
    pub fn id(&self) -> HandlerId {
        self.id
    }
}

impl Deref for ParentDeclared<'_> {
    type Target = ParentNamespace;

    fn deref(&self) -> &ParentNamespace {
        self.parent
    }
}

impl std::fmt::Debug for ParentNamespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ParentNamespace").field(self.parent.key()).finish()
    }
}

impl ParentNamespace {
    /// The living namespaces of this node that are its children.
    pub fn children(&self) -> Vec<Namespace> {
        self.parent.children().into_iter().map(Namespace).collect()
    }

    // Handlers, for all children: for those that live from now on, and for those to come.

    fn declare<C: 'static, T: 'static>(
        &self,
        callback: Arc<dyn Callback<C, T>>,
        list: impl Fn(&mut Handlers) -> &mut Vec<Declaration<C, T>>,
    ) -> ParentDeclared<'_> {
        self.add(Declaration::new(callback), list)
    }

    pub(super) fn add<C: 'static, T: 'static>(
        &self,
        declaration: Declaration<C, T>,
        list: impl Fn(&mut Handlers) -> &mut Vec<Declaration<C, T>>,
    ) -> ParentDeclared<'_> {
        self.parent.declare(|handlers| list(handlers).push(declaration.clone()));
        ParentDeclared { parent: self, id: declaration.id() }
    }

    /// Declares a handler for clients that were admitted, as [`Namespace::on_connect`].
    #[track_caller]
    pub fn on_connect<P: 'static, H>(&self, handler: H) -> ParentDeclared<'_>
    where
        H: Handler<ConnectContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        self.declare(callback::<ConnectContext, P, H>(&self.node, handler), |handlers| &mut handlers.connect)
    }

    /// Adds a middleware, as [`Namespace::middleware`].
    #[track_caller]
    pub fn middleware<P: 'static, H>(&self, handler: H) -> ParentDeclared<'_>
    where
        H: Handler<ConnectContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoDecision + 'static,
    {
        self.declare(middleware::<ConnectContext, P, H>(&self.node, handler), |handlers| {
            &mut handlers.middlewares
        })
    }

    /// Declares a handler for an event, as [`Namespace::on`].
    #[track_caller]
    pub fn on<P: 'static, H>(&self, event: &str, handler: H) -> ParentDeclared<'_>
    where
        H: Handler<EventContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        self.declare(callback::<EventContext, P, H>(&self.node, handler), |handlers| {
            handlers.events.entry(event.into()).or_default()
        })
    }

    /// Declares a handler for every event, as [`Namespace::on_any`].
    #[track_caller]
    pub fn on_any<P: 'static, H>(&self, handler: H) -> ParentDeclared<'_>
    where
        H: Handler<EventContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        self.declare(callback::<EventContext, P, H>(&self.node, handler), |handlers| &mut handlers.any)
    }

    /// Adds a middleware for events, as [`Namespace::event_middleware`].
    #[track_caller]
    pub fn event_middleware<P: 'static, H>(&self, handler: H) -> ParentDeclared<'_>
    where
        H: Handler<EventContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoVerdict + 'static,
    {
        self.declare(screening::<P, H>(&self.node, handler), |handlers| &mut handlers.event_middlewares)
    }

    /// Declares a handler for the errors of sockets, as [`Namespace::on_socket_error`].
    #[track_caller]
    pub fn on_socket_error<P: 'static, H>(&self, handler: H) -> ParentDeclared<'_>
    where
        H: Handler<ErrorContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        self.declare(callback::<ErrorContext, P, H>(&self.node, handler), |handlers| &mut handlers.errors)
    }

    /// Declares a handler for sockets that leave, as [`Namespace::on_disconnecting`].
    #[track_caller]
    pub fn on_disconnecting<P: 'static, H>(&self, handler: H) -> ParentDeclared<'_>
    where
        H: Handler<DisconnectContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        self.declare(callback::<DisconnectContext, P, H>(&self.node, handler), |handlers| {
            &mut handlers.disconnecting
        })
    }

    /// Declares a handler for sockets that have left, as [`Namespace::on_disconnect`].
    #[track_caller]
    pub fn on_disconnect<P: 'static, H>(&self, handler: H) -> ParentDeclared<'_>
    where
        H: Handler<DisconnectContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        self.declare(callback::<DisconnectContext, P, H>(&self.node, handler), |handlers| {
            &mut handlers.disconnect
        })
    }

    /// Declares a handler for an event of another server, as [`Namespace::on_server_event`].
    #[track_caller]
    pub fn on_server_event<P: 'static, H>(&self, event: &str, handler: H) -> ParentDeclared<'_>
    where
        H: Handler<ServerContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        self.declare(callback::<ServerContext, P, H>(&self.node, handler), |handlers| {
            handlers.server_events.entry(event.into()).or_default()
        })
    }

    // Emits, to the sockets of all children on all nodes.

    /// Targets everybody in these rooms of any child.
    pub fn to(&self, rooms: impl IntoRooms) -> ParentBroadcast {
        self.broadcast().to(rooms)
    }

    /// Synonym of [`to`](Self::to): JavaScript's `in`.
    pub fn within(&self, rooms: impl IntoRooms) -> ParentBroadcast {
        self.to(rooms)
    }

    /// Targets everybody but those in these rooms of a child.
    pub fn except(&self, rooms: impl IntoRooms) -> ParentBroadcast {
        self.broadcast().except(rooms)
    }

    /// Targets everybody on this node (LOCAL-1).
    pub fn local(&self) -> ParentBroadcast {
        self.broadcast().local()
    }

    /// Targets everybody; the packet is dropped for a client that is not ready to take it at once.
    pub fn volatile(&self) -> ParentBroadcast {
        self.broadcast().volatile()
    }

    /// Targets everybody; sets whether a polling answer that carries the packet may be compressed.
    pub fn compress(&self, compress: bool) -> ParentBroadcast {
        self.broadcast().compress(compress)
    }

    /// Targets everybody; `false` promises that the arguments contain no bytes, see [`ParentBroadcast::binary`].
    pub fn binary(&self, binary: bool) -> ParentBroadcast {
        self.broadcast().binary(binary)
    }

    /// Sends an event to everybody in every child, on all nodes: also in those that this node does not have.
    ///
    /// # Errors
    /// Those of [`EmitError`]. With [`EmitError::Overloaded`] some children of this node did not get it.
    pub fn emit(&self, event: &str, arguments: impl Serialize) -> Result<(), EmitError> {
        self.broadcast().emit(event, arguments)
    }

    /// Sends the event `message`.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn send(&self, arguments: impl Serialize) -> Result<(), EmitError> {
        self.emit("message", arguments)
    }

    fn broadcast(&self) -> ParentBroadcast {
        ParentBroadcast::new(self.clone())
    }
}
