//! State of the program that handlers take.

use std::any::type_name;
use std::ops::Deref;

use super::context::Context;
use super::extract::FromContext;
use super::io::IoBuilder;
use crate::node::States;
use crate::socket::{Rejection, RejectionKind};

/// State that the server was built with, for every kind of handler and middleware: a clone, so that large ones belong
/// into an `Arc`. There may be several, one of each type.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use fanfare::{Ack, Io, State};
///
/// #[derive(Clone, Default)]
/// struct Visits(Arc<AtomicU64>);
///
/// let io = Io::builder().state(Visits::default()).build();
/// io.on_connect(|State(visits): State<Visits>| {
///     visits.0.fetch_add(1, Ordering::Relaxed);
/// });
/// io.on("visits", |State(visits): State<Visits>, ack: Ack| ack.send(visits.0.load(Ordering::Relaxed)));
/// ```
///
/// # Panics
/// Declaring a handler that takes a state panics, with a message that names the type, if the server was built without
/// one: that is found when the program starts, not when a client comes. Handlers that take `Option<State<T>>` do without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State<T>(
    /// The state.
    pub T,
);

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<C: Context, T: Clone + Send + Sync + 'static> FromContext<C> for State<T> {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        context.state().map(Self)
    }

    fn check(states: &States) -> Result<(), Rejection> {
        states.require::<T>().map(drop)
    }
}

impl States {
    /// A clone of the state of that type.
    ///
    /// # Errors
    /// There is none; the message says how to mend it.
    pub fn require<T: Clone + Send + Sync + 'static>(&self) -> Result<T, Rejection> {
        self.get().ok_or_else(|| {
            let state = type_name::<T>();
            let cure = "give it with `Io::builder().state(…)`";
            Rejection::of(
                RejectionKind::Missing,
                format!("the server was built without a state of type `{state}`: {cure}"),
            )
        })
    }
}

impl IoBuilder {
    /// Adds a state, which handlers take as [`State<T>`](State): a clone of it each time. A state of the same type that was
    /// given before is replaced.
    pub fn state<T: Clone + Send + Sync + 'static>(mut self, state: T) -> Self {
        self.states.insert(state);
        self
    }
}
