//! Shards that have members of a room: shared by all reactors, read once for each emit.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use super::events::{RoomEvent, Wakes, Watchers};
use super::interest::Interest;
use crate::ids::{Room, SocketId};
use crate::node::Node;

/// Rooms are spread over this many locks, so that joins on different reactors seldom meet.
const STRIPES: usize = 32;

/// A set of shards, as a bit for each reactor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardSet(u64);

impl ShardSet {
    /// The shards with these bits.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Adds a shard.
    pub fn insert(&mut self, shard: usize) {
        self.0 |= 1 << shard;
    }

    /// Adds the shards of another set.
    pub fn extend(&mut self, other: ShardSet) {
        self.0 |= other.0;
    }

    /// The shards, lowest first.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..u64::BITS as usize).filter(move |shard| self.0 & (1 << shard) != 0)
    }
}

/// A shard that holds a room.
#[derive(Debug)]
struct Holder {
    shard: u8,
    /// Whether one of the holds is that of its members.
    has_members: bool,
    holds: u32,
}

/// Holders of one room.
type Holders = SmallVec<[Holder; 2]>;

/// Rooms that share a lock.
#[derive(Debug, Default)]
struct Stripe {
    rooms: HashMap<Room, Holders>,
    /// Sockets that are in their own room; none while nobody is told of it, since these rooms need no entry
    /// ([decision 3](../../../docs/decisions/0003-own-rooms-need-no-entry.md)).
    owners: Option<Box<FxHashSet<SocketId>>>,
}

#[derive(Debug)]
pub struct RoomIndex {
    stripes: Box<[Mutex<Stripe>]>,
    hasher: RandomState,
    /// Members of each shard, whatever their rooms.
    members: Box<[AtomicUsize]>,
    /// Rooms whose messages the cluster has to send here.
    interest: Interest,
    /// Told of rooms that come to be and go.
    watchers: Watchers,
}

/// Keeps a room routed to a shard until it is dropped: by the shard while it has members, and by a join that is
/// on its way there (JOIN-1).
#[derive(Debug)]
pub struct Hold {
    index: Arc<RoomIndex>,
    room: Room,
    shard: u8,
    /// Whether it is that of the shard's members.
    of_members: bool,
}

impl RoomIndex {
    pub fn new(node: &Arc<Node>, interest: Interest) -> Arc<Self> {
        Arc::new(Self {
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            members: (0..node.reactors()).map(|_| AtomicUsize::new(0)).collect(),
            interest,
            watchers: Watchers::new(node.clone()),
        })
    }

    /// Routes a room to a shard before a join that is on its way there.
    pub fn hold(self: &Arc<Self>, room: &Room, shard: usize) -> Hold {
        self.hold_as(room, shard, false)
    }

    /// Routes a room to a shard that is about to have a first member of it.
    pub fn hold_for_members(self: &Arc<Self>, room: &Room, shard: usize) -> Hold {
        self.hold_as(room, shard, true)
    }

    fn hold_as(self: &Arc<Self>, room: &Room, shard: usize, of_members: bool) -> Hold {
        let shard = shard as u8;
        let mut stripe = self.stripe(room.as_str()).lock();
        let comes_to_be = of_members && !stripe.has_members(room.as_str());
        let holders = stripe.rooms.entry(room.clone()).or_insert_with(|| {
            self.interest.enter(room.as_str());
            Holders::default()
        });
        match holders.iter_mut().find(|holder| holder.shard == shard) {
            Some(holder) => {
                holder.holds += 1;
                holder.has_members |= of_members;
            }
            None => holders.push(Holder { shard, has_members: of_members, holds: 1 }),
        }
        let wakes = if comes_to_be && self.is_told(&stripe, room) {
            self.watchers.tell(&[RoomEvent::Created { room: room.clone() }])
        } else {
            Wakes::default()
        };
        drop(stripe);
        wakes.wake();
        Hold { index: self.clone(), room: room.clone(), shard, of_members }
    }

    /// Whether somebody has to be told that the first member but its owner comes to a room, or the last one has left.
    fn is_told(&self, stripe: &Stripe, room: &Room) -> bool {
        self.watchers.are_there() && !stripe.has_owner(room)
    }

    /// The shards that hold a room.
    pub fn shards_of(&self, room: &str) -> ShardSet {
        let mut shards = ShardSet::default();
        if let Some(holders) = self.stripe(room).lock().rooms.get(room) {
            holders.iter().for_each(|holder| shards.insert(usize::from(holder.shard)));
        }
        shards
    }

    /// The shards that have any member.
    pub fn occupied(&self) -> ShardSet {
        let mut shards = ShardSet::default();
        for (shard, members) in self.members.iter().enumerate() {
            if members.load(Relaxed) > 0 {
                shards.insert(shard);
            }
        }
        shards
    }

    pub fn member_entered(&self, shard: usize) {
        self.members[shard].fetch_add(1, Relaxed);
    }

    pub fn member_left(&self, shard: usize) {
        self.members[shard].fetch_sub(1, Relaxed);
    }

    /// Rooms whose messages the cluster has to send here.
    pub fn interest(&self) -> &Interest {
        &self.interest
    }

    /// Shows all rooms to the interest again.
    pub fn recognise_all(&self) {
        for stripe in &self.stripes {
            // Under the lock, so that no room loses its members meanwhile.
            stripe.lock().rooms.keys().for_each(|room| self.interest.recognise(room.as_str()));
        }
    }

    /// Number of rooms with members on this node.
    pub fn room_count(&self) -> usize {
        self.stripes.iter().map(|stripe| stripe.lock().rooms.len()).sum()
    }

    /// Names of all rooms that have members on this node.
    pub fn rooms(&self) -> Vec<Room> {
        self.stripes
            .iter()
            .flat_map(|stripe| stripe.lock().rooms.keys().cloned().collect::<Vec<_>>())
            .collect()
    }

    // Events.

    /// Those who are told of changes.
    pub(super) fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    /// A member of a shard has come to a room, or is about to leave it. The shard holds the room meanwhile.
    pub fn tell_membership(&self, event: impl FnOnce() -> RoomEvent) {
        if self.watchers.are_there() {
            self.watchers.tell(&[event()]).wake();
        }
    }

    /// A socket has come to its own room.
    pub fn owner_entered(&self, id: SocketId) {
        if !self.watchers.are_there_now() {
            return;
        }
        let mut stripe = self.stripe(id.as_str()).lock();
        if !self.watchers.are_there() || !stripe.owners.get_or_insert_default().insert(id) {
            return;
        }
        let room = Room::from(id);
        let joined = RoomEvent::Joined { room: room.clone(), socket: id };
        let wakes = match stripe.has_members(id.as_str()) {
            true => self.watchers.tell(&[joined]),
            false => self.watchers.tell(&[RoomEvent::Created { room }, joined]),
        };
        drop(stripe);
        wakes.wake();
    }

    /// A socket has left its own room.
    pub fn owner_left(&self, id: SocketId) {
        if !self.watchers.are_there_now() {
            return;
        }
        let mut stripe = self.stripe(id.as_str()).lock();
        if !stripe.owners.as_mut().is_some_and(|owners| owners.remove(&id)) {
            return;
        }
        let room = Room::from(id);
        let left = RoomEvent::Left { room: room.clone(), socket: id };
        let wakes = match stripe.has_members(id.as_str()) {
            true => self.watchers.tell(&[left]),
            false => self.watchers.tell(&[left, RoomEvent::Deleted { room }]),
        };
        drop(stripe);
        wakes.wake();
    }

    /// Notes a socket that may have come to its own room before anybody was told.
    pub(super) fn note_owner(&self, id: SocketId, is_in: impl FnOnce() -> bool) {
        let mut stripe = self.stripe(id.as_str()).lock();
        // Asked under the lock: if it leaves now, it is taken out again.
        if is_in() {
            stripe.owners.get_or_insert_default().insert(id);
        }
    }

    /// Number of sockets that are noted as in their own room.
    #[cfg(test)]
    pub fn owner_count(&self) -> usize {
        self.stripes.iter().map(|stripe| stripe.lock().owners.as_ref().map_or(0, |owners| owners.len())).sum()
    }

    /// Nobody is told any more.
    pub(super) fn forget_owners(&self) {
        self.stripes.iter().for_each(|stripe| stripe.lock().owners = None);
    }

    fn stripe(&self, room: &str) -> &Mutex<Stripe> {
        &self.stripes[self.hasher.hash_one(room) as usize % STRIPES]
    }
}

impl Stripe {
    /// Whether any shard has members of a room; its owner does not count.
    fn has_members(&self, room: &str) -> bool {
        self.rooms.get(room).is_some_and(|holders| holders.iter().any(|holder| holder.has_members))
    }

    /// Whether a room is named after a socket that is in it, as far as that is noted.
    fn has_owner(&self, room: &Room) -> bool {
        let Some(owners) = &self.owners else { return false };
        SocketId::parse(room.as_str()).is_some_and(|id| owners.contains(&id))
    }

    /// Takes a hold back. Returns whether the room is without members by that.
    fn release(&mut self, hold: &Hold, interest: &Interest) -> bool {
        let Some(holders) = self.rooms.get_mut(&hold.room) else { return false };
        if let Some(at) = holders.iter().position(|holder| holder.shard == hold.shard) {
            let holder = &mut holders[at];
            holder.holds -= 1;
            holder.has_members &= !hold.of_members;
            if holder.holds == 0 {
                holders.swap_remove(at);
            }
        }
        let is_empty = hold.of_members && !holders.iter().any(|holder| holder.has_members);
        if holders.is_empty() {
            self.rooms.remove(&hold.room);
            interest.leave(hold.room.as_str());
        }
        is_empty
    }
}

impl Hold {
    /// The room.
    pub fn room(&self) -> &Room {
        &self.room
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let index = &self.index;
        let mut stripe = index.stripe(self.room.as_str()).lock();
        let is_empty = stripe.release(self, &index.interest);
        let wakes = if is_empty && index.is_told(&stripe, &self.room) {
            index.watchers.tell(&[RoomEvent::Deleted { room: self.room.clone() }])
        } else {
            Wakes::default()
        };
        drop(stripe);
        wakes.wake();
    }
}
