//! The rooms of one socket: joining and leaving them.

use std::collections::HashSet;
use std::sync::Arc;

use smallvec::SmallVec;
use tokio::sync::oneshot;
use tracing::debug;

use super::core::{Inner, Phase, SocketCore};
use crate::ids::Room;
use crate::metrics::Limit;
use crate::room::{Overloaded, Seat};

/// The socket would be in more rooms than it may, and has joined none of those it was to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many rooms: a socket may be in {max}")]
pub struct TooManyRooms {
    /// How many it may be in, beside its own.
    pub max: usize,
}

/// Why a socket did not join or leave rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotChanged {
    /// Its reactor has more to do than its queue holds.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// It may not.
    #[error(transparent)]
    TooManyRooms(#[from] TooManyRooms),
}

/// Tells when a change has been made on the reactor of its socket, or why it was not.
pub type PendingChange = oneshot::Receiver<Result<(), TooManyRooms>>;

impl SocketCore {
    /// Joins rooms, in order with the emits of this thread; at once if the socket lives on it. Else the receiver
    /// tells when it is done. Does nothing after a disconnect.
    pub fn join(self: &Arc<Self>, rooms: SmallVec<[Room; 2]>) -> Result<Option<PendingChange>, NotChanged> {
        let reactor = self.id.reactor();
        let away = !self.lives_here();
        // Emits made after this must find their way to the socket, even before it has joined.
        let holds: Vec<_> =
            rooms.iter().filter(|_| away).map(|room| self.namespace.rooms.hold(room, reactor)).collect();
        let core = self.clone();
        self.at_home(move || {
            let joined = core.join_here(&rooms);
            drop(holds);
            joined
        })
    }

    /// Leaves rooms, in order with the emits of this thread; at once if the socket lives on it. Else the receiver
    /// tells when it is done.
    pub fn leave(self: &Arc<Self>, rooms: SmallVec<[Room; 2]>) -> Result<Option<PendingChange>, NotChanged> {
        let core = self.clone();
        self.at_home(move || {
            rooms.iter().for_each(|room| core.leave_here(room));
            Ok(())
        })
    }

    /// Does something on the reactor that the socket lives on, where alone its rooms change.
    fn at_home(
        &self,
        work: impl FnOnce() -> Result<(), TooManyRooms> + Send + 'static,
    ) -> Result<Option<PendingChange>, NotChanged> {
        if self.lives_here() {
            work()?;
            return Ok(None);
        }
        let (done, is_done) = oneshot::channel();
        self.namespace.rooms.run_on(self.id.reactor(), move || {
            // Nobody may be waiting.
            let _ = done.send(work());
        })?;
        Ok(Some(is_done))
    }

    /// Joins rooms, all or none of them, on the reactor that the socket lives on.
    pub fn join_here(&self, rooms: &[Room]) -> Result<(), TooManyRooms> {
        let mut inner = self.inner();
        if self.phase() == Phase::Closed {
            return Ok(());
        }
        self.check_rooms(&inner, rooms)?;
        let joined: SmallVec<[&Room; 2]> =
            rooms.iter().filter(|room| self.note_join(&mut inner, room)).collect();
        drop(inner);
        if self.phase() != Phase::Connecting {
            joined.into_iter().for_each(|room| self.namespace.rooms.join(self.id, room));
        }
        Ok(())
    }

    /// Whether the socket may be in these rooms too.
    fn check_rooms(&self, inner: &Inner, rooms: &[Room]) -> Result<(), TooManyRooms> {
        let max = self.namespace.node.options.limits.rooms_per_socket_max;
        if max == 0 || inner.rooms.len() + rooms.len() <= max {
            return Ok(());
        }
        let is_new = |room: &&Room| !inner.rooms.contains(*room) && room.as_str() != self.id.as_str();
        let new: HashSet<&Room> = rooms.iter().filter(is_new).collect();
        if inner.rooms.len() + new.len() <= max {
            return Ok(());
        }
        self.namespace.node.metrics.limits.of(Limit::Rooms).increment();
        debug!(%self.id, max, "join refused: too many rooms");
        Err(TooManyRooms { max })
    }

    /// Notes that the socket is in a room. False if it was in it.
    fn note_join(&self, inner: &mut Inner, room: &Room) -> bool {
        if room.as_str() == self.id.as_str() {
            inner.left_own_room = false;
            return true;
        }
        !inner.rooms.contains(room) && inner.rooms.insert(room.clone())
    }

    /// Leaves a room, on the reactor that the socket lives on.
    pub fn leave_here(&self, room: &Room) {
        let mut inner = self.inner();
        if room.as_str() == self.id.as_str() {
            inner.left_own_room = true;
        } else if !inner.rooms.swap_remove(room) {
            return;
        }
        drop(inner);
        if self.phase() != Phase::Connecting {
            self.namespace.rooms.leave(self.id, room);
        }
    }

    /// The rooms it is in, its own one first.
    pub fn rooms(&self) -> Vec<Room> {
        let inner = self.inner();
        if self.phase() == Phase::Closed {
            return Vec::new();
        }
        let own = (!inner.left_own_room).then(|| Room::from(self.id));
        own.into_iter().chain(inner.rooms.iter().cloned()).collect()
    }

    /// Takes its place in the shard of this thread; when admitted, and when the shard is rebuilt.
    pub fn enter_shard(&self) -> bool {
        let inner = self.inner();
        let rooms: Vec<Room> = inner.rooms.iter().cloned().collect();
        let seat = Seat { id: self.id, outbox: self.link.outbox.clone(), in_own_room: !inner.left_own_room };
        drop(inner);
        self.namespace.rooms.enter(seat, &rooms)
    }
}
