//! Shards that have members of a room: shared by all reactors, read once for each emit.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;
use smallvec::SmallVec;

use super::interest::Interest;
use crate::ids::Room;

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

/// Number of times each shard holds one room; shards that do not are absent.
type Holders = SmallVec<[(u8, u32); 2]>;

#[derive(Debug)]
pub struct RoomIndex {
    stripes: Box<[Mutex<HashMap<Room, Holders>>]>,
    hasher: RandomState,
    /// Members of each shard, whatever their rooms.
    members: Box<[AtomicUsize]>,
    /// Rooms whose messages the cluster has to send here.
    interest: Interest,
}

/// Keeps a room routed to a shard until it is dropped: by the shard while it has members, and by a join that is
/// on its way there (JOIN-1).
#[derive(Debug)]
pub struct Hold {
    index: Arc<RoomIndex>,
    room: Room,
    shard: usize,
}

impl RoomIndex {
    pub fn new(shards: usize, interest: Interest) -> Arc<Self> {
        Arc::new(Self {
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            members: (0..shards).map(|_| AtomicUsize::new(0)).collect(),
            interest,
        })
    }

    /// Routes a room to a shard.
    pub fn hold(self: &Arc<Self>, room: &Room, shard: usize) -> Hold {
        let mut rooms = self.stripe(room.as_str()).lock();
        let holders = rooms.entry(room.clone()).or_insert_with(|| {
            self.interest.enter(room.as_str());
            Holders::default()
        });
        match holders.iter_mut().find(|(holder, _)| usize::from(*holder) == shard) {
            Some((_, count)) => *count += 1,
            None => holders.push((shard as u8, 1)),
        }
        Hold { index: self.clone(), room: room.clone(), shard }
    }

    /// The shards that hold a room.
    pub fn shards_of(&self, room: &str) -> ShardSet {
        let mut shards = ShardSet::default();
        if let Some(holders) = self.stripe(room).lock().get(room) {
            holders.iter().for_each(|(shard, _)| shards.insert(usize::from(*shard)));
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
            stripe.lock().keys().for_each(|room| self.interest.recognise(room.as_str()));
        }
    }

    /// Number of rooms with members on this node.
    pub fn room_count(&self) -> usize {
        self.stripes.iter().map(|stripe| stripe.lock().len()).sum()
    }

    /// Names of all rooms that have members on this node.
    pub fn rooms(&self) -> Vec<Room> {
        self.stripes.iter().flat_map(|stripe| stripe.lock().keys().cloned().collect::<Vec<_>>()).collect()
    }

    fn stripe(&self, room: &str) -> &Mutex<HashMap<Room, Holders>> {
        &self.stripes[self.hasher.hash_one(room) as usize % STRIPES]
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
        let mut rooms = self.index.stripe(self.room.as_str()).lock();
        let Some(holders) = rooms.get_mut(&self.room) else { return };
        if let Some(at) = holders.iter().position(|(holder, _)| usize::from(*holder) == self.shard) {
            holders[at].1 -= 1;
            if holders[at].1 == 0 {
                holders.swap_remove(at);
            }
        }
        if holders.is_empty() {
            rooms.remove(&self.room);
            self.index.interest.leave(self.room.as_str());
        }
    }
}
