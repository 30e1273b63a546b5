//! Namespaces that a connection is in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use crate::namespace::{NamespaceCore, Verdict};
use crate::socket::{Close, SocketCore};

/// A connection in one namespace.
enum Slot {
    /// Asked for; the program decides whether there is such a namespace.
    Asking(Box<str>),
    /// Asked for; middlewares decide.
    Pending(Arc<NamespaceCore>),
    /// Taken.
    Taken(Arc<SocketCore>),
    /// Left a moment ago. The socket's actor may have yet to come to it.
    Left(Arc<str>, Instant),
}

impl Slot {
    fn namespace(&self) -> &str {
        match self {
            Self::Asking(name) => name,
            Self::Pending(namespace) => namespace.name(),
            Self::Taken(socket) => socket.namespace.name(),
            Self::Left(name, _) => name,
        }
    }
}

/// State of a connection towards a namespace.
pub(super) enum NamespaceState {
    /// Never entered, or left a while ago.
    Outside,
    /// The client asked to enter.
    Pending,
    /// The client has entered.
    Inside(Arc<SocketCore>),
    /// The client left just now: packets that were on their way are not a fault.
    JustLeft,
}

/// Namespaces that were left a moment ago and are remembered; of more of them the first ones are forgotten.
const LEFT_MAX: usize = 64;

/// Namespaces that the program is asked about for one connection at a time; with so many it is read no further. A client
/// chooses the names, so nothing else bounds what it has the program do.
const ASKING_MAX: usize = 64;

/// Namespaces that one connection is in, or asked to enter.
#[derive(Default)]
pub(super) struct Namespaces(SmallVec<[Slot; 1]>);

impl Namespaces {
    /// Returns the state towards a namespace. A slot left longer than `grace` ago is given up.
    pub fn standing(&mut self, namespace: &str, grace: Duration) -> NamespaceState {
        let Some(at) = self.0.iter().position(|slot| slot.namespace() == namespace) else {
            return NamespaceState::Outside;
        };
        let left_at = match &self.0[at] {
            Slot::Asking(_) | Slot::Pending(_) => return NamespaceState::Pending,
            Slot::Left(_, left_at) => *left_at,
            Slot::Taken(socket) => match socket.left_at() {
                None => return NamespaceState::Inside(socket.clone()),
                Some(left_at) => left_at,
            },
        };
        if Instant::now() < left_at + grace {
            return NamespaceState::JustLeft;
        }
        self.0.swap_remove(at);
        NamespaceState::Outside
    }

    /// The client left.
    pub fn leave(&mut self, socket: &Arc<SocketCore>) {
        // Not by its id: clients of protocol 3 have one id in all namespaces.
        let is_it = |slot: &&mut Slot| matches!(slot, Slot::Taken(taken) if Arc::ptr_eq(taken, socket));
        let left = self.0.iter_mut().find(is_it);
        if let Some(slot) = left {
            *slot = Slot::Left(socket.namespace.shared_name().clone(), Instant::now());
        }
    }

    /// The client asked to enter a namespace that the program is asked about.
    pub fn inquire(&mut self, name: &str) {
        self.forget(name);
        self.0.push(Slot::Asking(name.into()));
    }

    /// Makes room for one more. What was left longer than `grace` ago is given up.
    pub fn tidy(&mut self, grace: Duration) {
        let now = Instant::now();
        self.0.retain(|slot| {
            if let Slot::Taken(socket) = slot
                && let Some(left_at) = socket.left_at()
            {
                *slot = Slot::Left(socket.namespace.shared_name().clone(), left_at);
            }
            !matches!(slot, Slot::Left(_, left_at) if now >= *left_at + grace)
        });
        let is_left = |slot: &Slot| matches!(slot, Slot::Left(..));
        if self.0.iter().filter(|slot| is_left(slot)).count() >= LEFT_MAX
            && let Some(first) = self.0.iter().position(is_left)
        {
            // In order, so that the one left first is the first; `swap_remove` elsewhere moves few of them.
            self.0.remove(first);
        }
    }

    /// The program has decided about a namespace.
    pub fn forget(&mut self, name: &str) {
        self.0.retain(|slot| slot.namespace() != name);
    }

    /// The client asked to enter.
    pub fn ask(&mut self, namespace: Arc<NamespaceCore>) {
        self.0.retain(|slot| slot.namespace() != namespace.name());
        self.0.push(Slot::Pending(namespace));
    }

    /// The namespace decided. True if the client was admitted.
    pub fn decide(&mut self, namespace: &NamespaceCore, verdict: &Verdict) -> bool {
        self.0.retain(|slot| slot.namespace() != namespace.name());
        match verdict {
            Verdict::Refused => false,
            Verdict::Admitted(socket) => {
                self.0.push(Slot::Taken(socket.clone()));
                true
            }
        }
    }

    /// Closes every socket of the connection, after the events that are on their way to it.
    pub fn close_all(&self, close: impl Fn() -> Close) {
        for slot in &self.0 {
            if let Slot::Taken(socket) = slot
                && let Some(actor) = socket.actor()
            {
                actor.do_send(close());
            }
        }
    }

    /// The sockets of the connection.
    pub fn sockets(&self) -> impl Iterator<Item = &Arc<SocketCore>> {
        self.0.iter().filter_map(|slot| match slot {
            Slot::Taken(socket) => Some(socket),
            Slot::Asking(_) | Slot::Pending(_) | Slot::Left(..) => None,
        })
    }

    /// Whether the connection must not be read further for now.
    pub fn are_busy(&self) -> bool {
        let asking = self.0.iter().filter(|slot| matches!(slot, Slot::Asking(_))).count();
        asking >= ASKING_MAX || self.sockets().any(|socket| socket.is_busy())
    }

    /// Whether no handler runs, and no event is on its way to one.
    pub fn are_idle(&self) -> bool {
        self.sockets().all(|socket| socket.is_idle())
    }

    /// Whether the program waits for an acknowledgement of the client.
    pub fn await_acks(&self) -> bool {
        self.sockets().any(|socket| socket.awaits_acks())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Number of namespaces that the client is in, or asked to enter.
    pub fn occupied(&self) -> usize {
        let occupied = |slot: &&Slot| match slot {
            Slot::Asking(_) | Slot::Pending(_) => true,
            Slot::Taken(socket) => socket.left_at().is_none(),
            Slot::Left(..) => false,
        };
        self.0.iter().filter(occupied).count()
    }
}
