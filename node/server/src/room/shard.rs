//! The members of one namespace that live on one reactor, and the last step of a fan-out: room → outbox.
//!
//! Plain state on one thread; the actor around it brings the requests of other threads. The shard knows outboxes, not
//! connections.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use indexmap::IndexMap;
use indexmap::map::Entry;
use rustc_hash::{FxBuildHasher, FxHashMap};
use slab::Slab;

use super::events::RoomEvent;
use super::index::{Hold, RoomIndex};
use super::target::Target;
use crate::ids::{Room, SocketId};
use crate::metrics::{Metrics, PacketType};
use crate::node::Node;
use crate::outbox::{Outbox, Packet, Pushed};

/// A socket as a member of a shard.
pub struct Member {
    /// Id of the socket; also the name of its own room.
    pub id: SocketId,
    /// Queue for its packets.
    pub outbox: Arc<Outbox>,
    /// Whether it is in its own room (it may have left it).
    pub in_own_room: bool,
}

/// Called with each packet that a broadcast has queued for one member. Must not enter the shard.
pub type Listener = Box<dyn Fn(&Arc<Packet>)>;

struct MemberState {
    member: Member,
    /// Keys of its rooms, so that it leaves them all when it goes (LEAVE-1).
    rooms: Vec<u32>,
    /// The last broadcast that excluded or reached this member (ONCE-1).
    mark: u64,
}

/// A room and its members here. Each side of a membership knows its place on the other one, so that leaving searches
/// neither the members of the room nor the rooms of the member.
struct Members {
    /// Key of a member, and the position of this room among the member's rooms.
    places: IndexMap<u32, u32, FxBuildHasher>,
    /// Routes the room here while it has members.
    hold: Hold,
}

/// Effect of one broadcast on this shard.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    delivered: u64,
    dropped: u64,
    slow: u64,
}

/// The members of a namespace on one reactor.
pub struct RoomShard {
    number: usize,
    node: Arc<Node>,
    index: Arc<RoomIndex>,
    members: Slab<MemberState>,
    keys: FxHashMap<SocketId, u32>,
    /// Rooms beside the sockets' own ones, which need no entry: `keys` finds them. A room without members is
    /// removed (LEAVE-1).
    rooms: Slab<Members>,
    /// Keys of these rooms.
    room_keys: HashMap<Room, u32>,
    /// Number of the current broadcast.
    mark: u64,
    /// Told of each packet of a broadcast that was queued for their member. Most shards have none.
    listeners: FxHashMap<SocketId, Listener>,
}

impl RoomShard {
    pub fn new(number: usize, node: Arc<Node>, index: Arc<RoomIndex>) -> Self {
        Self {
            number,
            node,
            index,
            members: Slab::new(),
            keys: FxHashMap::default(),
            rooms: Slab::new(),
            room_keys: HashMap::new(),
            mark: 0,
            listeners: FxHashMap::default(),
        }
    }

    /// Tells `listener` of each packet that a broadcast queues for a member, until it exits.
    pub fn listen(&mut self, id: SocketId, listener: Listener) {
        if self.keys.contains_key(&id) {
            self.listeners.insert(id, listener);
        }
    }

    /// Ends [`listen`](Self::listen).
    pub fn unlisten(&mut self, id: SocketId) {
        self.listeners.remove(&id);
    }

    /// A socket takes its place.
    pub fn enter(&mut self, member: Member, rooms: &[Room]) {
        let (id, in_own_room) = (member.id, member.in_own_room);
        let key = self.members.insert(MemberState { member, rooms: Vec::new(), mark: 0 }) as u32;
        if self.keys.insert(id, key).is_none() {
            self.index.member_entered(self.number);
        }
        rooms.iter().for_each(|room| self.join(id, room));
        if in_own_room {
            self.index.owner_entered(id);
        }
    }

    /// A member goes for good, out of every room it is in.
    pub fn exit(&mut self, id: SocketId) {
        let Some(key) = self.keys.remove(&id) else { return };
        let member = self.members.remove(key as usize);
        self.listeners.remove(&id);
        if member.member.in_own_room {
            self.index.owner_left(id);
        }
        for room in member.rooms {
            self.remove_from(room, key, id);
        }
        self.index.member_left(self.number);
    }

    pub fn join(&mut self, id: SocketId, room: &Room) {
        let Some(&key) = self.keys.get(&id) else { return };
        if room.as_str() == id.as_str() {
            self.members[key as usize].member.in_own_room = true;
            self.index.owner_entered(id);
            return;
        }
        let room_key = self.room_key(room);
        let rooms = &mut self.members[key as usize].rooms;
        if let Entry::Vacant(place) = self.rooms[room_key as usize].places.entry(key) {
            place.insert(rooms.len() as u32);
            rooms.push(room_key);
            self.node.metrics.memberships.increment();
            self.index.tell_membership(|| RoomEvent::Joined { room: room.clone(), socket: id });
        }
    }

    /// The key of a room that is about to have a member.
    fn room_key(&mut self, room: &Room) -> u32 {
        if let Some(&key) = self.room_keys.get(room) {
            return key;
        }
        let hold = self.index.hold_for_members(room, self.number);
        let key = self.rooms.insert(Members { places: IndexMap::default(), hold }) as u32;
        self.room_keys.insert(room.clone(), key);
        key
    }

    pub fn leave(&mut self, id: SocketId, room: &Room) {
        let Some(&key) = self.keys.get(&id) else { return };
        if room.as_str() == id.as_str() {
            self.members[key as usize].member.in_own_room = false;
            self.index.owner_left(id);
            return;
        }
        let Some(&room) = self.room_keys.get(room) else { return };
        let Some(place) = self.remove_from(room, key, id) else { return };
        let rooms = &mut self.members[key as usize].rooms;
        rooms.swap_remove(place as usize);
        // The last room of the list has moved into the gap.
        if let Some(&moved) = rooms.get(place as usize) {
            self.rooms[moved as usize].places.insert(key, place);
        }
    }

    /// Takes a member out of a room. Returns the position of the room among those of the member.
    fn remove_from(&mut self, room: u32, key: u32, socket: SocketId) -> Option<u32> {
        let members = &mut self.rooms[room as usize];
        let place = members.places.swap_remove(&key)?;
        self.node.metrics.memberships.decrement();
        self.index.tell_membership(|| members.left(socket));
        if members.places.is_empty() {
            let members = self.rooms.remove(room as usize);
            self.room_keys.remove(members.hold.room());
        }
        Some(place)
    }

    /// Hands a packet to every member that the target means, to each once. Returns how many took it.
    pub fn broadcast(&mut self, target: &Target, packet: &Arc<Packet>, volatile: bool) -> u64 {
        let started = Instant::now();
        let mut tally = Tally::default();
        let listeners = std::mem::take(&mut self.listeners);
        self.for_each_of(target, |member| {
            let pushed = member.member.outbox.push(packet, volatile);
            tally.count(pushed);
            if !listeners.is_empty()
                && pushed == Pushed::Queued
                && let Some(listener) = listeners.get(&member.member.id)
            {
                listener(packet);
            }
        });
        self.listeners = listeners;
        tally.report(&self.node.metrics, packet);
        self.node.metrics.fanouts.record(started.elapsed());
        tally.delivered
    }

    /// Returns the ids of the target's members, each once.
    pub fn select(&mut self, target: &Target) -> Vec<SocketId> {
        let mut ids = Vec::new();
        self.for_each_of(target, |member| ids.push(member.member.id));
        ids
    }

    /// Returns the rooms of the target's members, own ones left out, with the number of these members in each.
    pub fn census(&mut self, target: &Target) -> Vec<(Room, u64)> {
        if target.rooms.is_empty() && target.except.is_empty() {
            return self
                .rooms
                .iter()
                .map(|(_, members)| members.census(members.places.len() as u64))
                .collect();
        }
        let mut rooms: FxHashMap<u32, u64> = FxHashMap::default();
        self.for_each_of(target, |member| {
            member.rooms.iter().for_each(|room| *rooms.entry(*room).or_default() += 1);
        });
        rooms.into_iter().map(|(room, count)| self.rooms[room as usize].census(count)).collect()
    }

    /// Members and rooms held here: for observation and tests.
    pub fn size(&self) -> (usize, usize) {
        (self.members.len(), self.rooms.len())
    }

    /// Visits every member that the target means, each once (ONCE-1).
    fn for_each_of(&mut self, target: &Target, mut act: impl FnMut(&mut MemberState)) {
        self.mark += 1;
        for room in &target.except {
            self.for_members_of(room, |member, mark| member.mark = mark);
        }
        let mut visit = |member: &mut MemberState, mark: u64| {
            if member.mark != mark {
                member.mark = mark;
                act(member);
            }
        };
        if target.rooms.is_empty() {
            let mark = self.mark;
            self.members.iter_mut().for_each(|(_, member)| visit(member, mark));
        } else {
            for room in &target.rooms {
                self.for_members_of(room, &mut visit);
            }
        }
    }

    fn for_members_of(&mut self, room: &Room, mut act: impl FnMut(&mut MemberState, u64)) {
        if let Some(&room) = self.room_keys.get(room) {
            for &key in self.rooms[room as usize].places.keys() {
                act(&mut self.members[key as usize], self.mark);
            }
        }
        let owner = SocketId::parse(room.as_str()).and_then(|id| self.keys.get(&id));
        if let Some(&key) = owner {
            let member = &mut self.members[key as usize];
            if member.member.in_own_room {
                act(member, self.mark);
            }
        }
    }
}

impl Drop for RoomShard {
    fn drop(&mut self) {
        for &id in self.keys.keys() {
            self.index.owner_left(id);
            self.index.member_left(self.number);
        }
        // Its state may be half changed, if it dies of a panic: so it is not believed.
        let member = |key: &u32| Some(self.members.get(*key as usize)?.member.id);
        for (_, members) in &self.rooms {
            let ids = members.places.keys().filter_map(member);
            ids.for_each(|id| self.index.tell_membership(|| members.left(id)));
        }
        let memberships: usize = self.rooms.iter().map(|(_, members)| members.places.len()).sum();
        self.node.metrics.memberships.add(-(memberships as i64));
    }
}

impl Members {
    fn census(&self, count: u64) -> (Room, u64) {
        (self.hold.room().clone(), count)
    }

    fn left(&self, socket: SocketId) -> RoomEvent {
        RoomEvent::Left { room: self.hold.room().clone(), socket }
    }
}

impl Tally {
    fn count(&mut self, pushed: Pushed) {
        match pushed {
            Pushed::Queued => self.delivered += 1,
            Pushed::Dropped => self.dropped += 1,
            Pushed::Overflowed => self.slow += 1,
            // The member's connection is on its way out: nothing was promised to it any more. What no parser can write was counted.
            Pushed::Closed | Pushed::Unwritable => {}
        }
    }

    fn report(&self, metrics: &Metrics, packet: &Packet) {
        metrics.broadcasts.increment();
        metrics.deliveries.add(self.delivered);
        metrics.packets_sent.of(PacketType::Event).add(self.delivered);
        metrics.sent_bytes.add(self.delivered * packet.bytes());
        if self.dropped > 0 {
            metrics.volatile_drops.add(self.dropped);
        }
        if self.slow > 0 {
            metrics.undelivered.add(self.slow);
        }
    }
}

#[cfg(test)]
mod tests;
