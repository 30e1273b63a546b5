//! The packets that a place has sent lately, room by room, and what one session has missed of them.
//!
//! Finding that costs what was sent to its rooms, not the traffic of the namespace. The logs must never hand out a part of
//! what was missed as if it were the whole.

use std::collections::VecDeque;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::memberships::Memberships;
use super::position::Position;
use super::stamp::Stamp;
use crate::ids::Room;

/// Bounds of the logs of one place.
#[derive(Clone, Copy, Debug)]
pub struct LogBounds {
    /// Time that a packet is kept.
    pub age: Duration,
    /// Bytes that the log of one room keeps.
    pub room_bytes: usize,
    /// Bytes that all logs keep together. A packet counts once for each room it was sent to.
    pub bytes: usize,
}

/// Receivers of a packet: members of any of `rooms` (no room = the whole namespace), without those of any of `except`.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Rooms, any of which will do.
    pub rooms: SmallVec<[Room; 2]>,
    /// Rooms whose members are left out.
    pub except: SmallVec<[Room; 2]>,
}

/// A packet that was sent.
#[derive(Debug)]
pub struct Entry<P> {
    /// Position in the log.
    pub position: Position,
    /// Name of the emit.
    pub stamp: Stamp,
    /// Receivers.
    pub scope: Scope,
    /// The packet, with its position in its text.
    pub packet: P,
    bytes: usize,
}

/// Packets that a session may have missed are not kept any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("packets that the client may have missed are not kept any more")]
pub struct Lost;

/// A room, or `None` for packets to the whole namespace.
type Key = Option<Room>;

/// Packets of one room.
#[derive(Debug)]
struct RoomLog<P> {
    entries: VecDeque<Arc<Entry<P>>>,
    bytes: usize,
    /// Packets up to here may be gone.
    floor: Position,
}

/// A packet in the log of a room, so that the oldest are found.
#[derive(Debug)]
struct Kept {
    position: Position,
    at: Duration,
    key: Key,
}

/// Logs of one place.
#[derive(Debug)]
pub struct Logs<P> {
    bounds: LogBounds,
    last: Position,
    rooms: FxHashMap<Key, RoomLog<P>>,
    /// Everything that is kept, oldest first, and `stale` ones that the bound of their room has removed.
    order: VecDeque<Kept>,
    stale: usize,
    bytes: usize,
    /// Packets up to here may be gone from rooms without a log.
    floor: Position,
    /// Packets up to here may never have come.
    hole: Option<Position>,
}

impl<P> Logs<P> {
    /// Empty logs, which begin after `start`.
    pub fn new(bounds: LogBounds, start: Position) -> Self {
        Self {
            bounds,
            last: start,
            rooms: FxHashMap::default(),
            order: VecDeque::new(),
            stale: 0,
            bytes: 0,
            floor: start,
            hole: None,
        }
    }

    /// Position of the last packet; also that of volatile packets sent now, so that they do not spoil the client's offset.
    pub fn last(&self) -> Position {
        self.last
    }

    /// Bytes that count against the bound.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Number of packets kept, once for each room.
    pub fn len(&self) -> usize {
        self.order.len() - self.stale
    }

    /// Appends a packet, which `packet` makes of its position. `is_held` says of a room whether it has members here.
    pub fn append(
        &mut self,
        stamp: Stamp,
        scope: Scope,
        now: Duration,
        is_held: impl Fn(&Room) -> bool,
        packet: impl FnOnce(Position) -> (P, usize),
    ) -> Arc<Entry<P>> {
        self.advance();
        let (packet, bytes) = packet(self.last);
        let entry = Arc::new(Entry { position: self.last, stamp, scope, packet, bytes });
        if entry.scope.rooms.is_empty() {
            self.keep(None, &entry, now);
        }
        for (at, room) in entry.scope.rooms.iter().enumerate() {
            if !entry.scope.rooms[..at].contains(room) && is_held(room) {
                self.keep(Some(room.clone()), &entry, now);
            }
        }
        self.shrink(now);
        entry
    }

    /// Some packet did not come: who was there cannot know whether it missed it.
    pub fn skip(&mut self) {
        self.hole = Some(self.advance());
    }

    /// Takes a position for a session that comes from another place. It may have been here before, and a position must not
    /// belong to both of its stays.
    pub fn advance(&mut self) -> Position {
        self.last = self.last.next();
        self.last
    }

    /// Removes what is too old.
    pub fn shrink(&mut self, now: Duration) {
        let oldest = now.saturating_sub(self.bounds.age);
        while let Some(kept) = self.order.front() {
            if kept.at >= oldest && self.bytes <= self.bounds.bytes {
                break;
            }
            if let Some(kept) = self.order.pop_front() {
                self.drop_kept(&kept);
            }
        }
        if self.stale > self.order.len() / 2 + 16 {
            let rooms = &self.rooms;
            self.order.retain(|kept| is_kept(rooms, kept));
            self.stale = 0;
            let empty = self.rooms.extract_if(|_, log| log.entries.is_empty());
            self.floor = empty.fold(self.floor, |floor, (_, log)| floor.max(log.floor));
        }
    }

    fn keep(&mut self, key: Key, entry: &Arc<Entry<P>>, now: Duration) {
        let floor = self.floor;
        let new = || RoomLog { entries: VecDeque::new(), bytes: 0, floor };
        let log = self.rooms.entry(key.clone()).or_insert_with(new);
        log.entries.push_back(entry.clone());
        log.bytes += entry.bytes;
        self.bytes += entry.bytes;
        self.order.push_back(Kept { position: entry.position, at: now, key });
        while log.bytes > self.bounds.room_bytes && log.drop_oldest(&mut self.bytes) {
            self.stale += 1;
        }
    }

    fn drop_kept(&mut self, kept: &Kept) {
        let Slot::Occupied(mut log) = self.rooms.entry(kept.key.clone()) else {
            self.stale -= 1;
            return;
        };
        if log.get().floor >= kept.position {
            self.stale -= 1;
        } else {
            log.get_mut().drop_oldest(&mut self.bytes);
        }
        if log.get().entries.is_empty() {
            self.floor = self.floor.max(log.remove().floor);
        }
    }

    /// Position up to which packets to a room may be gone.
    fn floor_of(&self, key: &Key) -> Position {
        let floor = self.rooms.get(key).map_or(self.floor, |log| log.floor);
        self.hole.map_or(floor, |hole| floor.max(hole))
    }

    /// Position, `from` or later, after which everything is kept that concerns a session.
    pub fn floor(&self, memberships: &Memberships, from: Position) -> Position {
        let rooms = memberships.stays_after(from).map(|stay| (Some(stay.room.clone()), stay.after));
        rooms
            .chain([(None, memberships.start())])
            .map(|(key, after)| (self.floor_of(&key), after))
            .filter(|(floor, after)| floor > after)
            .fold(from, |from, (floor, _)| from.max(floor))
    }

    /// Returns the packets after `from` that concern a session, in order, each once.
    ///
    /// # Errors
    /// If some of them may be gone.
    pub fn missed(&self, memberships: &Memberships, from: Position) -> Result<Vec<Arc<Entry<P>>>, Lost> {
        let mut found = Vec::new();
        self.collect(None, from.max(memberships.start()), self.last, &mut found)?;
        for stay in memberships.stays_after(from) {
            let until = stay.until.unwrap_or(self.last);
            self.collect(Some(stay.room.clone()), from.max(stay.after), until, &mut found)?;
        }
        found.sort_unstable_by_key(|entry| entry.position);
        found.dedup_by_key(|entry| entry.position);
        found
            .retain(|entry| !entry.scope.except.iter().any(|room| memberships.contain(room, entry.position)));
        Ok(found)
    }

    fn collect(
        &self,
        key: Key,
        after: Position,
        until: Position,
        found: &mut Vec<Arc<Entry<P>>>,
    ) -> Result<(), Lost> {
        if after < until && self.floor_of(&key) > after {
            return Err(Lost);
        }
        let Some(log) = self.rooms.get(&key) else { return Ok(()) };
        let first = log.entries.partition_point(|entry| entry.position <= after);
        found.extend(log.entries.range(first..).take_while(|entry| entry.position <= until).cloned());
        Ok(())
    }
}

/// Whether a packet is in the log of its room still.
fn is_kept<P>(rooms: &FxHashMap<Key, RoomLog<P>>, kept: &Kept) -> bool {
    rooms.get(&kept.key).is_some_and(|log| log.floor < kept.position)
}

impl<P> RoomLog<P> {
    fn drop_oldest(&mut self, total: &mut usize) -> bool {
        let Some(oldest) = self.entries.pop_front() else { return false };
        self.bytes -= oldest.bytes;
        *total -= oldest.bytes;
        self.floor = oldest.position;
        true
    }
}

#[cfg(test)]
mod tests;
