//! Declared handlers: those of a namespace, or of one socket, each with an id by which it can be removed.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::handlers::{
    Callback, ConnectContext, ConnectRejection, DisconnectContext, EventContext, Outcome, ServerContext,
};
use super::outgoing::OutgoingContext;
use super::screening::{ErrorContext, Verdict};

/// Id of a declared handler, for [`Socket::remove_handler`](crate::Socket::remove_handler) and
/// [`Namespace::remove_handler`](crate::Namespace::remove_handler). Unique in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HandlerId(u64);

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A callback as it was declared.
pub struct Declaration<C, T = Outcome> {
    id: HandlerId,
    callback: Arc<dyn Callback<C, T>>,
    /// For a handler that runs once: whether it has.
    once: Option<Arc<AtomicBool>>,
}

// Not derived: a context need not be `Clone`.
impl<C, T> Clone for Declaration<C, T> {
    fn clone(&self) -> Self {
        Self { id: self.id, callback: self.callback.clone(), once: self.once.clone() }
    }
}

impl<C, T> Declaration<C, T> {
    /// Declares a callback.
    pub fn new(callback: Arc<dyn Callback<C, T>>) -> Self {
        Self { id: HandlerId(NEXT_ID.fetch_add(1, Relaxed)), callback, once: None }
    }

    /// Declares a callback that runs once.
    pub fn once(callback: Arc<dyn Callback<C, T>>) -> Self {
        Self { once: Some(Arc::default()), ..Self::new(callback) }
    }

    /// Id of the declaration.
    pub fn id(&self) -> HandlerId {
        self.id
    }

    /// The callback.
    pub fn callback(&self) -> &Arc<dyn Callback<C, T>> {
        &self.callback
    }

    /// Whether the handler runs once.
    pub fn is_once(&self) -> bool {
        self.once.is_some()
    }

    /// Claims a run. Returns false if the handler runs once, and has.
    pub fn claim(&self) -> bool {
        self.once.as_ref().is_none_or(|used| !used.swap(true, Relaxed))
    }
}

/// The handlers of a namespace, or those of one socket.
#[derive(Clone, Default)]
pub struct Handlers {
    /// Decide whether a client may connect, in order.
    pub middlewares: Vec<Declaration<ConnectContext, Result<(), ConnectRejection>>>,
    /// Run when a client is admitted.
    pub connect: Vec<Declaration<ConnectContext>>,
    /// Decide about each event of a client, in order, before its handlers run.
    pub event_middlewares: Vec<Declaration<EventContext, Verdict>>,
    /// By event.
    pub events: HashMap<Box<str>, Vec<Declaration<EventContext>>>,
    /// Run for every event, before its own handlers.
    pub any: Vec<Declaration<EventContext>>,
    /// Told of events that were refused, and of what is not a packet.
    pub errors: Vec<Declaration<ErrorContext>>,
    /// Told of every event that is sent to the client.
    pub any_outgoing: Vec<Declaration<OutgoingContext>>,
    /// Run before a socket leaves its rooms.
    pub disconnecting: Vec<Declaration<DisconnectContext>>,
    /// Run after it.
    pub disconnect: Vec<Declaration<DisconnectContext>>,
    /// Run for events of other servers, by event.
    pub server_events: HashMap<Box<str>, Vec<Declaration<ServerContext>>>,
}

/// A removed declaration. Its end may run code of the program, so it must not happen under a lock.
pub type Removed = Box<dyn Any + Send + Sync>;

impl Handlers {
    /// Those that concern one event, in the order they are to run.
    pub fn for_event(&self, name: &str) -> Vec<Declaration<EventContext>> {
        let own = self.events.get(name).map(Vec::as_slice).unwrap_or_default();
        self.any.iter().chain(own).cloned().collect()
    }

    /// The same, for an event that is about to be handled: those that run once are taken out.
    pub fn take_for_event(&mut self, name: &str) -> Vec<Declaration<EventContext>> {
        let found = self.for_event(name);
        for once in found.iter().filter(|found| found.is_once()) {
            // What it took is held by `found`.
            drop(self.remove(once.id));
        }
        found
    }

    /// Those that concern one event of another server.
    pub fn for_server_event(&self, name: &str) -> Vec<Declaration<ServerContext>> {
        self.server_events.get(name).cloned().unwrap_or_default()
    }

    /// Removes the handler with this id; `None` if it is not here.
    pub fn remove(&mut self, id: HandlerId) -> Option<Removed> {
        take(&mut self.middlewares, id)
            .or_else(|| take(&mut self.connect, id))
            .or_else(|| take(&mut self.event_middlewares, id))
            .or_else(|| take_named(&mut self.events, id))
            .or_else(|| take(&mut self.any, id))
            .or_else(|| take(&mut self.errors, id))
            .or_else(|| take(&mut self.any_outgoing, id))
            .or_else(|| take(&mut self.disconnecting, id))
            .or_else(|| take(&mut self.disconnect, id))
            .or_else(|| take_named(&mut self.server_events, id))
    }

    /// Names of the events that have handlers of their own, sorted.
    pub fn event_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.events.keys().map(ToString::to_string).collect();
        names.sort();
        names
    }

    /// Ids of the handlers of one event, in the order they run; those of any event left out.
    pub fn ids_for(&self, event: &str) -> Vec<HandlerId> {
        self.events.get(event).map(|handlers| ids(handlers)).unwrap_or_default()
    }
}

/// Ids of declarations, in order.
pub fn ids<C, T>(declared: &[Declaration<C, T>]) -> Vec<HandlerId> {
    declared.iter().map(Declaration::id).collect()
}

fn take<C: 'static, T: 'static>(declared: &mut Vec<Declaration<C, T>>, id: HandlerId) -> Option<Removed> {
    let at = declared.iter().position(|declared| declared.id == id)?;
    Some(Box::new(declared.remove(at)))
}

fn take_named<C: 'static, T: 'static>(
    named: &mut HashMap<Box<str>, Vec<Declaration<C, T>>>,
    id: HandlerId,
) -> Option<Removed> {
    let removed = named.values_mut().find_map(|declared| take(declared, id))?;
    named.retain(|_, declared| !declared.is_empty());
    Some(removed)
}
