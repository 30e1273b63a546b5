//! Namespaces that a connection is in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use crate::namespace::{NamespaceCore, Verdict};
use crate::socket::{Close, SocketCore};

/// A connection in one namespace.
enum Slot {
    /// Asked for; middlewares decide.
    Pending(Arc<NamespaceCore>),
    /// Taken.
    Taken(Arc<SocketCore>),
    /// Left by the client; the socket's actor has yet to come to it.
    Left(Arc<SocketCore>, Instant),
}

impl Slot {
    fn namespace(&self) -> &str {
        match self {
            Self::Pending(namespace) => namespace.name(),
            Self::Taken(socket) | Self::Left(socket, _) => socket.namespace.name(),
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
            Slot::Pending(_) => return NamespaceState::Pending,
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
        let left = self.0.iter_mut().find(|slot| matches!(slot, Slot::Taken(taken) if taken.id == socket.id));
        if let Some(slot) = left {
            *slot = Slot::Left(socket.clone(), Instant::now());
        }
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
            Slot::Pending(_) | Slot::Left(..) => None,
        })
    }

    /// Whether the connection must not be read further for now.
    pub fn are_busy(&self) -> bool {
        self.sockets().any(|socket| socket.is_busy())
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
            Slot::Pending(_) => true,
            Slot::Taken(socket) => socket.left_at().is_none(),
            Slot::Left(..) => false,
        };
        self.0.iter().filter(occupied).count()
    }
}
