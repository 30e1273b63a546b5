//! Rooms that a session is in, and was in: an emit concerns it if it was a member then, whatever it is now.

use super::position::Position;
use crate::ids::Room;

/// Membership in one room, for the packets after `after`, up to and with `until`.
#[derive(Clone, Debug)]
pub(super) struct Stay {
    pub(super) room: Room,
    pub(super) after: Position,
    pub(super) until: Option<Position>,
}

/// Rooms of one session at one place, its own room among them.
#[derive(Clone, Debug)]
pub struct Memberships {
    start: Position,
    stays: Vec<Stay>,
}

impl Memberships {
    /// Those of a session that comes to a place, after the position `start`, in these rooms.
    pub fn new(start: Position, rooms: impl IntoIterator<Item = Room>) -> Self {
        let stay = |room| Stay { room, after: start, until: None };
        Self { start, stays: rooms.into_iter().map(stay).collect() }
    }

    /// The position after which the session came to this place.
    pub fn start(&self) -> Position {
        self.start
    }

    /// The session joins a room, after the position `at`.
    pub fn join(&mut self, room: &Room, at: Position) {
        if !self.current().any(|current| current == room) {
            self.stays.push(Stay { room: room.clone(), after: at, until: None });
        }
    }

    /// The session leaves a room, after the position `at`.
    pub fn leave(&mut self, room: &Room, at: Position) {
        let stay = self.stays.iter_mut().find(|stay| stay.until.is_none() && stay.room == *room);
        if let Some(stay) = stay {
            stay.until = Some(at);
        }
    }

    /// Rooms that it is in now.
    pub fn current(&self) -> impl Iterator<Item = &Room> {
        self.stays.iter().filter(|stay| stay.until.is_none()).map(|stay| &stay.room)
    }

    /// Forgets rooms that were left before `before`: the client has got everything up to there, or never will.
    pub fn forget_before(&mut self, before: Position) {
        self.stays.retain(|stay| stay.until.is_none_or(|until| until > before));
    }

    /// The session begins anew at `start`, in the rooms that it is in.
    pub fn restart(&mut self, start: Position) {
        *self = Self::new(start, self.current().cloned().collect::<Vec<_>>());
    }

    /// Whether it was a member of a room when the packet at `position` was sent.
    pub(super) fn contain(&self, room: &Room, position: Position) -> bool {
        self.stays.iter().any(|stay| {
            stay.room == *room && stay.after < position && stay.until.is_none_or(|until| position <= until)
        })
    }

    /// Stays that packets after `from` may concern.
    pub(super) fn stays_after(&self, from: Position) -> impl Iterator<Item = &Stay> {
        self.stays.iter().filter(move |stay| stay.until.is_none_or(|until| until > from))
    }
}
