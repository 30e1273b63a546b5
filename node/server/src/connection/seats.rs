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
    /// Left by the client; the socket's actor has yet to come to it.
    Left(Arc<SocketCore>, Instant),
}

impl Seat {
    fn namespace(&self) -> &str {
        match self {
            Self::Pending(namespace) => namespace.name(),
            Self::Taken(socket) | Self::Left(socket, _) => socket.namespace.name(),
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
        let left_at = match &self.0[at] {
            Seat::Pending(_) => return Standing::Pending,
            Seat::Left(_, left_at) => *left_at,
            Seat::Taken(socket) => match socket.left_at() {
                None => return Standing::Inside(socket.clone()),
                Some(left_at) => left_at,
            },
        };
        if Instant::now() < left_at + grace {
            return Standing::JustLeft;
        }
        self.0.swap_remove(at);
        Standing::Outside
    }

    /// The client left.
    pub fn leave(&mut self, socket: &Arc<SocketCore>) {
        let left = self.0.iter_mut().find(|seat| matches!(seat, Seat::Taken(taken) if taken.id == socket.id));
        if let Some(seat) = left {
            *seat = Seat::Left(socket.clone(), Instant::now());
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
            Seat::Pending(_) | Seat::Left(..) => None,
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

    /// How many namespaces the connection is in, or asked to enter.
    pub fn occupied(&self) -> usize {
        let occupied = |seat: &&Seat| match seat {
            Seat::Pending(_) => true,
            Seat::Taken(socket) => socket.left_at().is_none(),
            Seat::Left(..) => false,
        };
        self.0.iter().filter(occupied).count()
    }
}
