//! State of one namespace that all reactors share.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use actix::Addr;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustc_hash::FxBuildHasher;

use super::actor::NamespaceActor;
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
}

impl NamespaceCore {
    /// An empty namespace. The name starts with `/`.
    pub fn new(name: &str, node: Arc<Node>, failures: Arc<Failures>) -> Arc<Self> {
        let name: Arc<str> = name.into();
        Arc::new(Self {
            rooms: Arc::new(Rooms::new(&name, node.clone())),
            name,
            handlers: ArcSwap::default(),
            failures,
            next_ack: AtomicU64::new(0),
            sockets: (0..node.reactors()).map(|_| Mutex::default()).collect(),
            supervisors: (0..node.reactors()).map(|_| Mutex::default()).collect(),
            node,
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
