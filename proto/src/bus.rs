//! The seam between a node and the bus that carries its envelopes.
//!
//! [`Bus`] says what every bus promises.

pub(crate) mod incoming;
pub(crate) mod memory;
pub(crate) mod meters;
pub(crate) mod outgoing;
pub mod wake;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;

use crate::bus::meters::BusMeters;
use crate::wire::envelope::Body;
use crate::wire::envelope::Envelope;
use crate::wire::subject::Subject;

/// A bus that is not in use yet: the seam between a node and what carries its envelopes.
///
/// The seam has two sides. A node calls [`Publisher`]: its methods return at once, and may be called from any thread. A
/// bus hands everything to its [`Subscription`]: one stream, read by one task. [`Outgoing`](crate::Outgoing) and
/// [`Incoming`](crate::Incoming) keep the promises about order, copies and losses for every bus that uses them, and the
/// suite `conformance` (a feature of this crate) checks a bus against all of them.
///
/// # Promises of every bus
///
/// * ORDER-2, ONCE-1: envelopes that one thread publishes, to whatever subjects, reach each node that hears them in that
///   order, each once. Between threads and between nodes nothing is promised.
/// * JOIN-1: a node hears a subject from the moment [`Publisher::synced`] says so until
///   [`unsubscribe`](Publisher::unsubscribe), and for a while after; also if it subscribed before the bus was connected, and
///   after the bus was away for a moment.
/// * A node never hears itself.
/// * LOSS-1: each envelope comes at most once. What is lost is counted in [`BusMeters`], by the node that dropped it or by
///   those that miss it.
/// * Nothing waits without a bound: the publisher drops and counts, and a node that does not read its subscription loses
///   what exceeds its bounds, and learns of it.
pub trait Bus: Send + 'static {
    /// Joins the bus. Called once, inside the tokio runtime that is to run the bus's tasks; returns at once, connected
    /// or not. From then on the node hears [`Subject::Node`] of its own name, and nothing else yet.
    fn start(self: Box<Self>, identity: Identity) -> (Arc<dyn Publisher>, Subscription);
}

/// A participant of the bus.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The name that the node's socket ids begin with; empty for a program that only sends.
    pub node: Arc<str>,
    /// Drawn at random for each run.
    pub instance: u64,
}

impl Identity {
    /// An identity for this run.
    pub fn new(node: &str) -> Self {
        Self { node: node.into(), instance: rand::random_range(1..=u64::MAX) }
    }
}

/// Everything that the bus has for a node, as one stream. It ends after [`Publisher::close`].
pub type Subscription = Pin<Box<dyn Stream<Item = Inbound> + Send>>;

/// Resolves when the subscriptions asked for before are in force.
pub type Synced = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Resolves when the bus was left.
pub type Closed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// News for a node.
#[derive(Debug)]
pub enum Inbound {
    /// An envelope of another node.
    Envelope(Envelope),
    /// Envelopes of this instance that never came. They stood where the stream is now, or before.
    Lost {
        /// The sender's instance.
        instance: u64,
        /// Number of envelopes.
        count: u64,
    },
    /// The connection changed.
    State(State),
}

/// Whether the bus carries anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not connected so far.
    Connecting,
    /// The bus carries envelopes.
    Connected,
    /// The connection is lost, and the bus tries to connect again.
    Disconnected,
    /// The bus was left.
    Closed,
}

/// Reasons for not taking an envelope. Nothing of it is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The caller's fault: more than the bus carries, even in parts.
    #[error("the envelope has {bytes} bytes, and the bus carries at most {max}")]
    TooLarge {
        /// Size of the envelope.
        bytes: usize,
        /// Largest size that the bus carries.
        max: usize,
    },
    /// The bus was left.
    #[error("the bus is closed")]
    Closed,
}

/// The publishing side of a bus, which also says what the [`Subscription`] is to hear. No method waits.
pub trait Publisher: Send + Sync {
    /// Publishes one body, once to each of these subjects. If it has to wait longer than the bus lets things wait it is
    /// dropped, which counts in [`BusMeters::dropped`] here and in [`BusMeters::lost`] where it is missed.
    ///
    /// # Errors
    /// If nothing of it will be published; see [`PublishError`].
    fn publish(&self, subjects: &[Subject], body: Body) -> Result<(), PublishError>;

    /// Subscribes to a subject: at once if the bus is connected, else when it is. Subscribing twice counts once.
    fn subscribe(&self, subject: Subject);

    /// Ends the interest in a subject. What still comes is handed out; the bus takes its time, so that a room that
    /// empties and fills does not concern the whole cluster.
    fn unsubscribe(&self, subject: &Subject);

    /// Resolves when everything subscribed to before is in force: what is published by others from then on comes. A bus
    /// that cannot tell, or is not connected, lets go after a time of its own, and counts that in
    /// [`BusMeters::unsynced`]. Dropping it has no effect.
    fn synced(&self) -> Synced;

    /// Returns the faults that keep a connected bus, or one that was connected lately, from carrying what it must: a
    /// sentence for each, for operators.
    fn faults(&self) -> Vec<String>;

    /// Returns the bytes of the largest body that [`publish`](Self::publish) takes.
    fn envelope_bytes_max(&self) -> usize;

    /// Returns whether the bus carries anything now.
    fn state(&self) -> State;

    /// Returns the counts of the bus.
    fn meters(&self) -> &BusMeters;

    /// Leaves the bus once everything queued was published, or after `patience`. Envelopes published later are refused.
    /// Dropping it has no effect.
    fn close(&self, patience: Duration) -> Closed;
}
