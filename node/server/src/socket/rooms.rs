//! The rooms of one socket: joining and leaving them.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use smallvec::SmallVec;
use tokio::sync::oneshot;
use tracing::debug;

use super::core::{Inner, Phase, SocketCore};
use crate::ids::Room;
use crate::metrics::Limit;
use crate::node::Node;
use crate::room::{Member, Overloaded};

/// The socket would be in more rooms than it may, and has joined none of those it was to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TooManyRooms {
    /// Too many of them (`rooms_per_socket_max`).
    #[error("too many rooms: a socket may be in {max}")]
    Number {
        /// Number of rooms that it may be in, beside its own.
        max: usize,
    },
    /// Their names are too long together (`room_bytes_per_socket_max`).
    #[error("too many rooms: the names of all rooms of a socket may have {max} bytes")]
    Bytes {
        /// Bytes that these names may have.
        max: usize,
    },
}

/// The name of a room is longer than nodes accept (`room_name_bytes_max`); no room was joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a room has {bytes} bytes, and may have at most {max}")]
pub struct RoomNameTooLong {
    /// Bytes of the name, as UTF-8.
    pub bytes: usize,
    /// The bound.
    pub max: usize,
}

/// Reason why a socket did not join or leave rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotChanged {
    /// The socket's reactor has more to do than its queue holds.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The socket may not be in so many rooms.
    #[error(transparent)]
    TooManyRooms(#[from] TooManyRooms),
    /// No socket may be in a room of that name.
    #[error(transparent)]
    RoomNameTooLong(#[from] RoomNameTooLong),
}

/// Tells when a change has been made on the reactor of its socket, or why it was not.
pub type PendingChange = oneshot::Receiver<Result<(), NotChanged>>;

/// Checks that sockets may be in rooms of these names; a refusal is counted.
///
/// # Errors
/// If one of them is longer than `room_name_bytes_max`.
pub fn check_room_names(node: &Node, rooms: &[Room]) -> Result<(), RoomNameTooLong> {
    let max = bound(node.options.limits.room_name_bytes_max);
    let lengths = rooms.iter().map(|room| room.as_str().len());
    let Some(bytes) = lengths.max().filter(|bytes| *bytes > max) else { return Ok(()) };
    node.metrics.limits.of(Limit::RoomNames).increment();
    debug!(bytes, max, "join refused: the name of a room is too long");
    Err(RoomNameTooLong { bytes, max })
}

/// A limit of which 0 means that there is none.
fn bound(limit: usize) -> usize {
    if limit == 0 { usize::MAX } else { limit }
}

impl SocketCore {
    /// Joins rooms, in order with the emits of this thread; at once if the socket lives on it. Else the receiver
    /// tells when it is done. Does nothing after a disconnect.
    pub fn join(self: &Arc<Self>, rooms: SmallVec<[Room; 2]>) -> Result<Option<PendingChange>, NotChanged> {
        check_room_names(&self.namespace.node, &rooms)?;
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
        work: impl FnOnce() -> Result<(), NotChanged> + Send + 'static,
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

    /// Joins rooms, all or none of them, on the reactor that the socket lives on. The names were
    /// [checked](check_room_names).
    pub fn join_here(&self, rooms: &[Room]) -> Result<(), NotChanged> {
        let mut inner = self.inner();
        if self.phase() >= Phase::Left {
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
        let limits = &self.namespace.node.options.limits;
        let (number_max, bytes_max) =
            (bound(limits.rooms_per_socket_max), bound(limits.room_bytes_per_socket_max));
        let joined = &inner.rooms;
        let bytes_of = |room: &Room| room.as_str().len();
        let fits = |number: usize, bytes: usize| {
            joined.len() + number <= number_max && joined.bytes() + bytes <= bytes_max
        };
        // Nearly always they fit, whether some are repeated or not.
        if fits(rooms.len(), rooms.iter().map(bytes_of).sum()) {
            return Ok(());
        }
        let is_new = |room: &&Room| !joined.contains(room) && room.as_str() != self.id.as_str();
        let new: HashSet<&Room> = rooms.iter().filter(is_new).collect();
        if fits(new.len(), new.iter().map(|room| bytes_of(room)).sum()) {
            return Ok(());
        }
        let error = if joined.len() + new.len() > number_max {
            TooManyRooms::Number { max: number_max }
        } else {
            TooManyRooms::Bytes { max: bytes_max }
        };
        self.namespace.node.metrics.limits.of(Limit::Rooms).increment();
        debug!(%self.id, %error, "join refused");
        Err(error)
    }

    /// Notes that the socket is in a room. False if it was in it.
    fn note_join(&self, inner: &mut Inner, room: &Room) -> bool {
        if room.as_str() == self.id.as_str() {
            inner.left_own_room = false;
            return true;
        }
        inner.rooms.insert(room)
    }

    /// Leaves a room, on the reactor that the socket lives on.
    pub fn leave_here(&self, room: &Room) {
        let mut inner = self.inner();
        if room.as_str() == self.id.as_str() {
            inner.left_own_room = true;
        } else if !inner.rooms.remove(room) {
            return;
        }
        drop(inner);
        if self.phase() != Phase::Connecting {
            self.namespace.rooms.leave(self.id, room);
        }
    }

    /// The rooms it is in, its own one first. For `disconnecting` handlers, which are what runs on its reactor while it
    /// closes, those that it was in.
    pub fn rooms(&self) -> Vec<Room> {
        let inner = self.inner();
        match self.phase() {
            Phase::Connecting | Phase::Connected | Phase::Leaving => {}
            Phase::Closing if self.lives_here() => {}
            Phase::Left | Phase::Closing | Phase::Closed => return Vec::new(),
        }
        let own = (!inner.left_own_room).then(|| Room::from(self.id));
        own.into_iter().chain(inner.rooms.names().cloned()).collect()
    }

    /// Whether an admitted socket is in the room named after itself.
    pub fn is_in_own_room(&self) -> bool {
        let inner = self.inner();
        self.phase() < Phase::Left && !inner.left_own_room
    }

    /// Takes its place in the shard of this thread; when admitted, and when the shard is rebuilt.
    pub fn enter_shard(self: &Arc<Self>) -> bool {
        let inner = self.inner();
        let rooms: Vec<Room> = inner.rooms.names().cloned().collect();
        let seat =
            Member { id: self.id, outbox: self.link.outbox.clone(), in_own_room: !inner.left_own_room };
        let tells_outgoing = inner.tells_outgoing();
        drop(inner);
        let entered = self.namespace.rooms.enter(seat, &rooms);
        self.tells_outgoing.store(tells_outgoing, Relaxed);
        if tells_outgoing {
            self.listen_here();
        }
        entered
    }
}
