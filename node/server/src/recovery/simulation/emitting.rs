//! Emits: from a thread into mailboxes and onto the bus, one step at a time.

use std::collections::BTreeSet;
use std::time::Duration;

use super::clients::Frame;
use super::world::{Item, Key, Message, Node, World};
use crate::ids::Room;
use crate::recovery::{Lane, Position, Scope, Stamp};

/// Rooms of the world beside the clients' own ones.
pub(super) const ROOMS: [&str; 3] = ["a", "b", "c"];

#[derive(Clone)]
pub(super) struct Emit {
    pub(super) stamp: Stamp,
    pub(super) scope: Scope,
    pub(super) is_volatile: bool,
}

/// An emit under way on one thread, or an envelope that is heard.
pub(super) struct Dispatch {
    emit: usize,
    /// Rooms whose shards were not looked up yet.
    keys: Vec<Key>,
    shards: BTreeSet<usize>,
    is_published: bool,
}

impl Emit {
    pub(super) fn keys(&self) -> Vec<Key> {
        match self.scope.rooms.is_empty() {
            true => vec![None],
            false => self.scope.rooms.iter().cloned().map(Some).collect(),
        }
    }

    pub(super) fn concerns(&self, rooms: &[Room]) -> bool {
        let is_in = |named: &[Room]| named.iter().any(|room| rooms.contains(room));
        (self.scope.rooms.is_empty() || is_in(&self.scope.rooms)) && !is_in(&self.scope.except)
    }
}

impl World {
    /// Some thread begins to emit: its lane is locked, and it has a number.
    pub(super) fn begin_emit(&mut self) {
        let node = self.rng.below(self.nodes.len());
        let number = self.rng.below(self.nodes[node].lanes.len() - 1);
        let is_reactor = number < self.nodes[node].shards.len();
        let lane = &mut self.nodes[node].lanes[number];
        if !lane.dispatches.is_empty() && (self.rules.lanes_are_locked || is_reactor) {
            return;
        }
        lane.number += 1;
        let stamp =
            Stamp { lane: Lane { instance: node as u64, number: number as u16 }, number: lane.number };
        let scope = Scope { rooms: self.some_rooms(3).into(), except: self.some_rooms(2).into() };
        let emit = Emit { stamp, scope, is_volatile: self.rng.chance(1) };
        let dispatch = Dispatch {
            emit: self.emits.len(),
            keys: emit.keys(),
            shards: BTreeSet::new(),
            is_published: false,
        };
        self.nodes[node].lanes[number].dispatches.push(dispatch);
        self.emits.push(emit);
    }

    fn some_rooms(&mut self, bound: usize) -> Vec<Room> {
        let count = self.rng.below(bound);
        let own = self.clients.len();
        (0..count)
            .map(|_| match self.rng.below(ROOMS.len() + own) {
                room if room < ROOMS.len() => ROOMS[room].into(),
                room => Room::from(format!("own-{}", room - ROOMS.len())),
            })
            .collect()
    }

    /// An envelope of another node is handed to the shards, as an emit of the thread that hears it.
    pub(super) fn hear_emit(&mut self, node: usize, emit: usize) {
        let keys = self.emits[emit].keys();
        let dispatch = Dispatch { emit, keys, shards: BTreeSet::new(), is_published: true };
        if let Some(lane) = self.nodes[node].lanes.last_mut() {
            lane.dispatches.push(dispatch);
        }
    }

    /// Some thread of a node does the next part of its emit.
    pub(super) fn advance_an_emit(&mut self, node: usize) {
        let number = self.rng.below(self.nodes[node].lanes.len());
        let under_way = self.nodes[node].lanes[number].dispatches.len();
        if under_way == 0 {
            return;
        }
        let at = self.rng.below(under_way);
        let Node { index, lanes, .. } = &mut self.nodes[node];
        let dispatch = &mut lanes[number].dispatches[at];
        let emit = dispatch.emit;
        if let Some(key) = dispatch.keys.pop() {
            dispatch.shards.extend(index.get(&key).into_iter().flat_map(|shards| shards.keys()));
        } else if let Some(shard) = dispatch.shards.pop_last() {
            if shard == number {
                self.fan_out(node, shard, emit);
            } else {
                self.nodes[node].shards[shard].inbox.push_back(Item::Emit(emit));
            }
        } else if !dispatch.is_published {
            dispatch.is_published = true;
            self.publish(node, emit);
        } else {
            self.nodes[node].lanes[number].dispatches.remove(at);
        }
    }

    fn publish(&mut self, node: usize, emit: usize) {
        let keys = self.emits[emit].keys();
        for other in 0..self.nodes.len() {
            let subscribed = &self.nodes[node].subscribed[other];
            if keys.iter().any(|key| subscribed.contains(key)) {
                self.tell(node, other, Message::Emit(emit));
            }
        }
    }

    /// The last step, in a shard: into the log, and to the clients that are connected.
    pub(super) fn fan_out(&mut self, node: usize, shard: usize, number: usize) {
        let emit = self.emits[number].clone();
        let clients = &self.clients;
        let shard = &mut self.nodes[node].shards[shard];
        if !shard.marks.note(emit.stamp) {
            self.fault.get_or_insert_with(|| format!("{:?} overtook one of its lane", emit.stamp));
            return;
        }
        let mut offset = shard.logs.last();
        if !emit.is_volatile {
            let residents = &shard.residents;
            let is_held =
                |room: &Room| residents.keys().any(|session| clients[*session].rooms.contains(room));
            let frame = |position| (Frame { emit: number, offset: position }, 1);
            offset =
                shard.logs.append(emit.stamp, emit.scope.clone(), Duration::ZERO, is_held, frame).position;
        } else if !self.rules.volatile_have_offsets {
            // Whatever text was the last argument.
            offset = Position::new(1);
        }
        for (session, resident) in &mut shard.residents {
            if let Some(connection) = resident.connection
                && emit.concerns(&clients[*session].rooms)
            {
                self.connections[connection].queue(Frame { emit: number, offset });
                if !emit.is_volatile {
                    resident.session.sent(offset);
                }
            }
        }
    }
}
