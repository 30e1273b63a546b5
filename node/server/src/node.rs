//! State that all actors of one node share, and the reactor that the running code is on.

mod backlog;
mod pressure;
mod states;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use actix_rt::ArbiterHandle;
use parking_lot::RwLock;

pub use self::backlog::{Backlog, Share};
pub use self::pressure::{Pressed, Pressure};
pub use self::states::States;
use crate::cluster::outbound::ClusterLink;
use crate::ids::NodeTag;
use crate::metrics::{Metrics, bind_thread};
use crate::options::Options;

/// The identity, options and counters of one node. A process can hold several (tests do).
#[derive(Debug)]
pub struct Node {
    /// Distinguishes the nodes of one process; never leaves it.
    key: u64,
    /// When it was built.
    pub started: Instant,
    /// Written into the ids this node makes.
    pub tag: NodeTag,
    /// As the server was built with; `reactors` is resolved.
    pub options: Options,
    /// Values that the program's handlers take.
    pub states: States,
    /// Metrics of the node.
    pub metrics: Metrics,
    /// Link to the cluster; `None` on a node of its own.
    pub cluster: Option<Arc<ClusterLink>>,
    /// Messages of other nodes that the reactors have not taken yet, by reactor.
    pub backlogs: Box<[Arc<Backlog>]>,
    /// Clients that read, and are sent more than they can take.
    pub pressure: Arc<Pressure>,
    /// Reactors of the node, while they run.
    arbiters: RwLock<Vec<Option<ArbiterHandle>>>,
    /// Whether the reactors end: nobody is left to deliver to.
    ending: AtomicBool,
    /// False once supervision gave up on an actor: the node must not get new clients.
    healthy: AtomicBool,
    /// A `ServingState`.
    serving: AtomicU8,
}

/// Readiness of a node for new clients. States only move forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ServingState {
    /// Lets them in.
    Accepting,
    /// Lets them in, and reports itself as not ready: the first part of draining.
    NotReady,
    /// Refuses new sessions, and closes those that it has.
    Draining,
}

static NEXT_KEY: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The node and reactor that this thread belongs to; set once, by the reactor's own thread.
    static HERE: Cell<Option<(u64, usize)>> = const { Cell::new(None) };
}

impl Node {
    /// A node on its own.
    #[cfg(test)]
    pub fn alone(options: Options) -> Arc<Self> {
        Self::new(options, States::default(), NodeTag::random(), None)
    }

    /// A new node.
    pub fn new(
        mut options: Options,
        states: States,
        tag: NodeTag,
        cluster: Option<Arc<ClusterLink>>,
    ) -> Arc<Self> {
        options.reactors = options.reactor_count();
        Arc::new(Self {
            key: NEXT_KEY.fetch_add(1, Relaxed),
            started: Instant::now(),
            tag,
            cluster,
            arbiters: RwLock::new(vec![None; options.reactors]),
            metrics: Metrics::new(options.reactors),
            pressure: Arc::default(),
            backlogs: (0..options.reactors).map(|_| Arc::default()).collect(),
            options,
            states,
            ending: AtomicBool::new(false),
            healthy: AtomicBool::new(true),
            serving: AtomicU8::new(ServingState::Accepting as u8),
        })
    }

    /// Number of reactors that serve the node's connections.
    pub fn reactors(&self) -> usize {
        self.options.reactors
    }

    /// Declares the current thread to be `reactor` of this node.
    pub fn bind_thread(&self, reactor: usize) {
        HERE.set(Some((self.key, reactor)));
        bind_thread(reactor);
    }

    /// The reactor of this node whose thread runs this code, if it is one.
    pub fn reactor_here(&self) -> Option<usize> {
        HERE.get().filter(|(key, _)| *key == self.key).map(|(_, reactor)| reactor)
    }

    /// A reactor has started, or ended.
    pub fn set_arbiter(&self, reactor: usize, arbiter: Option<ArbiterHandle>) {
        self.arbiters.write()[reactor] = arbiter;
    }

    /// Runs something on a reactor, in order with what this thread ran there the same way. False if it does not run.
    pub fn spawn_on(&self, reactor: usize, work: impl FnOnce() + Send + 'static) -> bool {
        let arbiter = self.arbiters.read()[reactor].clone();
        arbiter.is_some_and(|arbiter| arbiter.spawn_fn(work))
    }

    /// Whether every actor that must run does.
    pub fn is_healthy(&self) -> bool {
        self.healthy.load(Relaxed)
    }

    /// Whether its reactors end or have ended, after all clients were let go.
    pub fn is_ending(&self) -> bool {
        self.ending.load(Relaxed)
    }

    /// Notes that the reactors are about to end.
    pub fn end(&self) {
        self.ending.store(true, Relaxed);
    }

    /// Supervision gave up: the node stays up for its clients and asks for no more.
    pub fn give_up(&self) {
        self.healthy.store(false, Relaxed);
    }

    /// Whether it wants clients.
    pub fn serving_state(&self) -> ServingState {
        match self.serving.load(Relaxed) {
            0 => ServingState::Accepting,
            1 => ServingState::NotReady,
            _ => ServingState::Draining,
        }
    }

    /// Moves on to a state of draining.
    pub fn drain_to(&self, state: ServingState) {
        self.serving.fetch_max(state as u8, Relaxed);
        self.metrics.draining.set(1);
    }
}
