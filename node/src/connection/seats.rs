//! Which namespaces a connection is in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use crate::namespace::{NamespaceCore, Verdict};
use crate::socket::{Close, SocketCore};

/// A connection's place in one namespace.
enum Seat {
    /// Asked for; middlewares decide.
    Pending(Arc<NamespaceCore>),
    /// Taken.
    Taken(Arc<SocketCore>),
}

impl Seat {
    fn namespace(&self) -> &str {
        match self {
            Self::Pending(namespace) => namespace.name(),
            Self::Taken(socket) => socket.namespace.name(),
        }
    }
}

/// How a connection stands with a namespace.
pub(super) enum Standing {
    /// Never entered, or left a while ago.
    Outside,
    /// It asked to enter.
    Pending,
    /// It is in there.
    Inside(Arc<SocketCore>),
    /// It left just now: packets that were on their way are no fault.
    JustLeft,
}

/// The seats of one connection.
#[derive(Default)]
pub(super) struct Seats(SmallVec<[Seat; 1]>);

impl Seats {
    /// How the connection stands with a namespace. A seat left longer than `grace` ago is given up.
    pub fn standing(&mut self, namespace: &str, grace: Duration) -> Standing {
        let Some(at) = self.0.iter().position(|seat| seat.namespace() == namespace) else {
            return Standing::Outside;
        };
        match &self.0[at] {
            Seat::Pending(_) => Standing::Pending,
            Seat::Taken(socket) => match socket.closed_at() {
                None => Standing::Inside(socket.clone()),
                Some(closed_at) if Instant::now() < closed_at + grace => Standing::JustLeft,
                Some(_) => {
                    self.0.swap_remove(at);
                    Standing::Outside
                }
            },
        }
    }

    /// The client asked to enter.
    pub fn ask(&mut self, namespace: Arc<NamespaceCore>) {
        self.0.retain(|seat| seat.namespace() != namespace.name());
        self.0.push(Seat::Pending(namespace));
    }

    /// The namespace decided. True if the client was admitted.
    pub fn decide(&mut self, namespace: &NamespaceCore, verdict: &Verdict) -> bool {
        self.0.retain(|seat| seat.namespace() != namespace.name());
        match verdict {
            Verdict::Refused => false,
            Verdict::Admitted(socket) => {
                self.0.push(Seat::Taken(socket.clone()));
                true
            }
        }
    }

    /// Closes every socket of the connection, after the events that are on their way to it.
    pub fn close_all(&self, close: impl Fn() -> Close) {
        for seat in &self.0 {
            if let Seat::Taken(socket) = seat
                && let Some(actor) = socket.actor()
            {
                actor.do_send(close());
            }
        }
    }

    /// The sockets of the connection.
    pub fn sockets(&self) -> impl Iterator<Item = &Arc<SocketCore>> {
        self.0.iter().filter_map(|seat| match seat {
            Seat::Taken(socket) => Some(socket),
            Seat::Pending(_) => None,
        })
    }

    /// Whether the connection must not be read further for now.
    pub fn are_busy(&self) -> bool {
        self.sockets().any(|socket| socket.is_busy())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}
