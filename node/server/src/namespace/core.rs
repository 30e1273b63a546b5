//! State of one namespace that all reactors share.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use actix::Addr;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustc_hash::FxBuildHasher;

use super::actor::NamespaceActor;
use super::end::Idle;
use super::message::End;
use super::parent::{NameParams, ParentCore};
use super::presence::Presence;
use super::registry::Registry;
use crate::ids::SocketId;
use crate::metrics::Actor;
use crate::node::Node;
use crate::room::Rooms;
use crate::socket::{Failures, HandlerId, Handlers, SocketCore};

type Sockets = HashMap<SocketId, Arc<SocketCore>, FxBuildHasher>;

/// One namespace of one node.
pub struct NamespaceCore {
    name: Arc<str>,
    /// The node.
    pub node: Arc<Node>,
    /// Rooms of the namespace.
    pub rooms: Arc<Rooms>,
    /// Read for every event, replaced when one is declared.
    handlers: ArcSwap<Handlers>,
    /// Reaction to failures of handlers; the node's.
    failures: Arc<Failures>,
    /// The next ack id: shared by all sockets, as in the official server.
    next_ack: AtomicU64,
    /// Admitted sockets, by reactor.
    sockets: Box<[Mutex<Sockets>]>,
    /// The actors in charge, by reactor, of those reactors on which a client wanted to enter.
    supervisors: Box<[Mutex<Option<Addr<NamespaceActor>>>]>,
    registry: Weak<Registry>,
    /// The rule by which it was made, if any.
    parent: Option<Arc<ParentCore>>,
    /// Parts of its name that the rule has names for.
    params: NameParams,
    /// Whether it stays while nobody is in it, since the program has named it.
    is_kept: AtomicBool,
    /// False while the program is told of it for the first time.
    is_open: AtomicBool,
    /// Whether other nodes are known to send it everything.
    is_heard: AtomicBool,
    presence: Presence,
    pub(super) idle: Mutex<Idle>,
}

/// Where a namespace comes from.
pub(super) struct Origin {
    /// The registry that it is in.
    pub registry: Weak<Registry>,
    /// The rule by which it was made, if any.
    pub parent: Option<Arc<ParentCore>>,
    /// Parts of its name that the rule has names for.
    pub params: NameParams,
    /// Whether the program has named it.
    pub is_kept: bool,
}

impl NamespaceCore {
    /// An empty namespace. The name starts with `/`.
    pub(super) fn new(name: &str, node: Arc<Node>, failures: Arc<Failures>, origin: Origin) -> Arc<Self> {
        let name: Arc<str> = name.into();
        let Origin { registry, parent, params, is_kept } = origin;
        Arc::new(Self {
            rooms: Arc::new(Rooms::new(&name, node.clone())),
            name,
            handlers: ArcSwap::default(),
            failures,
            next_ack: AtomicU64::new(0),
            sockets: (0..node.reactors()).map(|_| Mutex::default()).collect(),
            supervisors: (0..node.reactors()).map(|_| Mutex::default()).collect(),
            node,
            registry,
            parent,
            params,
            is_kept: AtomicBool::new(is_kept),
            is_open: AtomicBool::new(false),
            is_heard: AtomicBool::new(false),
            presence: Presence::default(),
            idle: Mutex::default(),
        })
    }

    /// The name, with its leading `/`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same, to be shared.
    pub fn shared_name(&self) -> &Arc<str> {
        &self.name
    }

    /// The name under which the cluster reaches every node that may have this namespace: its own, or that of its parent.
    pub fn audience(&self) -> &Arc<str> {
        self.parent.as_ref().map_or(&self.name, |parent| parent.key())
    }

    /// The rule by which it was made, if any.
    pub fn parent(&self) -> Option<&Arc<ParentCore>> {
        self.parent.as_ref()
    }

    /// Parts of its name that its parent's pattern has names for.
    pub fn params(&self) -> &NameParams {
        &self.params
    }

    /// Waits until other nodes send this one what concerns the namespace, if it was made a moment ago; not while they
    /// cannot be reached.
    pub(super) async fn heard(&self) {
        if self.parent.is_none() || self.is_heard.load(Relaxed) {
            return;
        }
        if let Some(cluster) = self.node.cluster.as_ref().filter(|cluster| cluster.is_connected()) {
            cluster.bus.synced().await;
            self.is_heard.store(true, Relaxed);
        }
    }

    /// The handlers declared for all its sockets.
    pub fn handlers(&self) -> arc_swap::Guard<Arc<Handlers>> {
        self.handlers.load()
    }

    /// Changes the handlers declared for all its sockets. Those of events that run already stay as they are.
    pub fn declare(&self, change: impl Fn(&mut Handlers)) {
        self.handlers.rcu(|handlers| {
            let mut handlers = Handlers::clone(handlers);
            change(&mut handlers);
            handlers
        });
    }

    /// Removes a handler declared for all its sockets. Returns whether it was there.
    pub fn remove_handler(&self, id: HandlerId) -> bool {
        let was_there = Cell::new(false);
        self.declare(|handlers| was_there.set(handlers.remove(id).is_some()));
        was_there.get()
    }

    /// Removes a handler that ran once, from wherever it was declared.
    pub fn remove_used(&self, id: HandlerId) {
        let of_parent = self.parent.as_ref().is_some_and(|parent| parent.remove_handler(id));
        if !of_parent {
            self.remove_handler(id);
        }
    }

    /// Replaces the handlers, before there are any of its own.
    pub(super) fn set_handlers(&self, handlers: Arc<Handlers>) {
        self.handlers.store(handlers);
    }

    /// The parent has made `change`, from `before` to `after`. What nothing was added to is shared with it.
    pub(super) fn declare_as(
        &self,
        before: &Arc<Handlers>,
        after: &Arc<Handlers>,
        change: impl Fn(&mut Handlers),
    ) {
        self.handlers.rcu(|handlers| {
            if Arc::ptr_eq(handlers, before) {
                return after.clone();
            }
            let mut handlers = Handlers::clone(handlers);
            change(&mut handlers);
            Arc::new(handlers)
        });
    }

    // Its life.

    /// The registry that it is in, while there is one.
    pub fn registry(&self) -> Option<Arc<Registry>> {
        self.registry.upgrade()
    }

    pub(super) fn presence(&self) -> &Presence {
        &self.presence
    }

    /// Whether it was closed, or has ended by itself: it is not the namespace of its name any more, if there is one.
    pub fn is_closed(&self) -> bool {
        self.presence.is_closed()
    }

    /// The program knows of it, and its handlers are declared: clients may enter.
    pub(super) fn open(&self) {
        self.is_open.store(true, std::sync::atomic::Ordering::Release);
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(std::sync::atomic::Ordering::Acquire)
    }

    /// The program has named it: it stays while nobody is in it. Returns whether that is new.
    pub(super) fn keep(&self) -> bool {
        !self.is_kept.swap(true, Relaxed)
    }

    pub(super) fn is_kept(&self) -> bool {
        self.is_kept.load(Relaxed)
    }

    /// Ends the actors in charge of it.
    pub(super) fn dismiss_supervisors(&self) {
        for supervisor in &self.supervisors {
            if let Some(supervisor) = supervisor.lock().take() {
                supervisor.do_send(End);
            }
        }
    }

    /// Reaction to a failure of a handler.
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// A fresh id for an acknowledgement.
    pub fn next_ack(&self) -> u64 {
        self.next_ack.fetch_add(1, Relaxed)
    }

    /// An admitted socket of this node.
    pub fn socket(&self, id: SocketId) -> Option<Arc<SocketCore>> {
        self.sockets.get(id.reactor())?.lock().get(&id).cloned()
    }

    /// All admitted sockets of this node.
    pub fn sockets(&self) -> Vec<Arc<SocketCore>> {
        (0..self.sockets.len()).flat_map(|reactor| self.sockets_of(reactor)).collect()
    }

    /// The admitted sockets of one reactor.
    pub fn sockets_of(&self, reactor: usize) -> Vec<Arc<SocketCore>> {
        self.sockets[reactor].lock().values().cloned().collect()
    }

    /// Number of sockets admitted on this node.
    pub fn socket_count(&self) -> usize {
        (0..self.sockets.len()).map(|reactor| self.socket_count_of(reactor)).sum()
    }

    /// Number of sockets admitted on one reactor.
    pub fn socket_count_of(&self, reactor: usize) -> usize {
        self.sockets[reactor].lock().len()
    }

    /// The actors in charge of it, on the reactors where it was entered.
    pub fn supervisors(&self) -> Vec<Addr<NamespaceActor>> {
        self.supervisors.iter().filter_map(|supervisor| supervisor.lock().clone()).collect()
    }

    /// The actor in charge on a reactor, if there is one.
    pub fn supervisor_of(&self, reactor: usize) -> Option<Addr<NamespaceActor>> {
        self.supervisors[reactor].lock().clone()
    }

    /// The actor in charge on this thread's reactor, made by `start` if there is none.
    pub(super) fn supervisor_here(
        &self,
        start: impl FnOnce() -> Addr<NamespaceActor>,
    ) -> Option<Addr<NamespaceActor>> {
        let mut supervisor = self.supervisors[self.node.reactor_here()?].lock();
        if let Some(alive) = supervisor.as_ref().filter(|supervisor| supervisor.connected()) {
            return Some(alive.clone());
        }
        if supervisor.is_some() {
            self.node.metrics.restarts.of(Actor::Namespace).increment();
        }
        Some(supervisor.insert(start()).clone())
    }

    pub(super) fn remember(&self, socket: &Arc<SocketCore>) {
        self.sockets[socket.id.reactor()].lock().insert(socket.id, socket.clone());
        self.node.metrics.sockets.increment();
        self.node.metrics.admissions.increment();
    }

    /// A socket was closed.
    pub(crate) fn forget(&self, socket: &SocketCore) {
        if self.sockets[socket.id.reactor()].lock().remove(&socket.id).is_some() {
            self.node.metrics.sockets.decrement();
        }
    }
}
