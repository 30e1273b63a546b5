//! Clients: cut off at any moment, back anywhere; and the judgement of what they got.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::emitting::ROOMS;
use super::world::{Item, Place, Resident, World};
use crate::ids::Room;
use crate::recovery::{Lane, Memberships, Position, Session};

/// A packet on its way to a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) emit: usize,
    pub(super) offset: Position,
}

/// A connection of a client.
#[derive(Default)]
pub(super) struct Connection {
    in_flight: VecDeque<Frame>,
    /// The client does not have it any more.
    is_gone: bool,
}

/// A client, with its one session.
pub(super) struct Client {
    pub(super) rooms: Vec<Room>,
    /// Place of its session, as the directory has it.
    pub(super) place: Place,
    /// Somebody has claimed the session, and is not ready yet.
    pub(super) is_claimed: bool,
    connection: Option<usize>,
    /// It was told that its session is lost.
    is_lost: bool,
    /// Where it wants to come back, and waits for the session.
    attempt: Option<(usize, Place)>,
    offset: Option<Position>,
    got: BTreeSet<usize>,
    /// Last number of each lane.
    lanes: BTreeMap<Lane, u64>,
}

impl Connection {
    /// Sends a packet to the client, which may not be there any more.
    pub(super) fn queue(&mut self, frame: Frame) {
        if !self.is_gone {
            self.in_flight.push_back(frame);
        }
    }
}

impl World {
    /// A client that is connected from the beginning, in some rooms.
    pub(super) fn add_client(&mut self, number: usize) {
        let mut rooms: Vec<Room> = vec![format!("own-{number}").into()];
        for room in ROOMS {
            if self.rng.chance(4) {
                rooms.push(room.into());
            }
        }
        let place = self.some_place();
        let connection = self.connections.len();
        self.connections.push(Connection::default());
        let (node, shard) = place;
        let start = self.nodes[node].shards[shard].logs.last();
        let session = Session::new(Memberships::new(start, rooms.iter().cloned()));
        let resident = Resident { session, connection: Some(connection), seated_for: None };
        self.nodes[node].shards[shard].residents.insert(number, resident);
        for key in rooms.iter().cloned().map(Some).chain([None]) {
            self.enter(place, key.clone());
            // The others have known that for long.
            self.links.values_mut().for_each(|link| link.messages.clear());
            for other in &mut self.nodes {
                other.subscribed[node].insert(key.clone());
            }
        }
        self.clients.push(Client {
            rooms,
            place,
            is_claimed: false,
            connection: Some(connection),
            is_lost: false,
            attempt: None,
            offset: None,
            got: BTreeSet::new(),
            lanes: BTreeMap::new(),
        });
    }

    pub(super) fn some_place(&mut self) -> Place {
        let node = self.rng.below(self.nodes.len());
        (node, self.rng.below(self.nodes[node].shards.len()))
    }

    pub(super) fn cut_a_client(&mut self) {
        let number = self.rng.below(self.clients.len());
        let client = &mut self.clients[number];
        client.attempt = None;
        if let Some(connection) = client.connection.take() {
            self.connections[connection].is_gone = true;
            self.connections[connection].in_flight.clear();
            self.unnoticed.push((number, connection));
        }
    }

    /// The server notices that a connection is gone, sooner or later.
    pub(super) fn notice(&mut self) {
        if self.unnoticed.is_empty() {
            return;
        }
        let at = self.rng.below(self.unnoticed.len());
        let (session, connection) = self.unnoticed[at];
        if self.clients[session].is_claimed {
            // The connection belongs to a session that is on its way: known when it has arrived.
            return;
        }
        self.unnoticed.swap_remove(at);
        let place = self.clients[session].place;
        self.send(place.0, place, Item::Noticed { session, connection });
    }

    pub(super) fn noticed(&mut self, (node, shard): Place, session: usize, connection: usize) {
        let shard = &mut self.nodes[node].shards[shard];
        match shard.residents.get_mut(&session) {
            Some(resident) if resident.connection == Some(connection) => {
                resident.connection = None;
                resident.session.park(shard.logs.last());
            }
            // It has another one by now, or has moved, which has cut this one off.
            _ => {}
        }
    }

    /// A client without a connection makes one, or one that has waited for its session asks again.
    pub(super) fn reconnect(&mut self) {
        let session = self.rng.below(self.clients.len());
        if self.clients[session].is_lost {
            return;
        }
        if self.clients[session].connection.is_none() {
            let place = self.some_place();
            let connection = self.connections.len();
            self.connections.push(Connection::default());
            let client = &mut self.clients[session];
            client.connection = Some(connection);
            client.attempt = Some((connection, place));
        }
        let client = &mut self.clients[session];
        if client.is_claimed {
            return;
        }
        let Some((connection, place)) = client.attempt.take() else { return };
        client.is_claimed = true;
        let (from, offset) = (client.place, client.offset);
        if from == place {
            self.send(place.0, place, Item::Resume { session, connection, offset });
        } else {
            self.begin_move(session, place, Some((connection, offset)));
        }
    }

    /// The session did not come. A client that is still there asks again.
    pub(super) fn try_again(&mut self, session: usize, connection: usize, place: Place) {
        let client = &mut self.clients[session];
        if client.connection == Some(connection) {
            client.attempt = Some((connection, place));
        }
    }

    /// The session is at the place of the client's connection.
    pub(super) fn resume(
        &mut self,
        (node, number): Place,
        session: usize,
        connection: usize,
        offset: Option<Position>,
    ) {
        let shard = &mut self.nodes[node].shards[number];
        self.clients[session].is_claimed = false;
        let Some(resident) = shard.residents.get_mut(&session) else {
            return self.fail(|| "the directory is wrong".to_owned());
        };
        let last = shard.logs.last();
        resident.session.park(last);
        if let Some(offset) = offset {
            resident.session.acknowledge(offset, last);
        }
        let Ok(missed) = resident.session.missed(&shard.logs) else {
            return self.lose((node, number), session);
        };
        resident.session.resume(last);
        resident.connection = Some(connection);
        missed.into_iter().for_each(|frame| self.connections[connection].queue(frame));
        self.played.recoveries += 1;
    }

    /// The client is told that it is not recovered: the play is over for it.
    fn lose(&mut self, (node, shard): Place, session: usize) {
        self.nodes[node].shards[shard].residents.remove(&session);
        let client = &mut self.clients[session];
        (client.is_lost, client.connection) = (true, None);
        for key in client.rooms.clone().into_iter().map(Some).chain([None]) {
            self.leave((node, shard), key);
        }
        self.unnoticed.retain(|(other, _)| *other != session);
        self.played.told += 1;
    }

    /// Some client receives its next packet.
    pub(super) fn receive(&mut self) {
        let number = self.rng.below(self.clients.len());
        let Client { connection: Some(connection), .. } = self.clients[number] else { return };
        let Some(frame) = self.connections[connection].in_flight.pop_front() else { return };
        let emit = &self.emits[frame.emit];
        let client = &mut self.clients[number];
        client.offset = Some(frame.offset);
        let stamp = emit.stamp;
        let before = client.lanes.insert(stamp.lane, stamp.number);
        if !client.got.insert(frame.emit) {
            self.fail(|| format!("client {number} got {stamp:?} twice"));
        } else if before.is_some_and(|before| before >= stamp.number) {
            self.fail(|| format!("client {number} got {stamp:?} after {before:?}"));
        } else if !emit.concerns(&client.rooms) {
            self.fail(|| format!("client {number} got {stamp:?}, which is not for it"));
        }
    }

    pub(super) fn clients_under_way(&self) -> String {
        let told = |client: &Client| {
            let frames = client.connection.map(|connection| self.connections[connection].in_flight.len());
            format!("frames {frames:?}, attempt {:?}, claimed {}", client.attempt, client.is_claimed)
        };
        self.clients.iter().map(told).collect::<Vec<_>>().join("; ")
    }

    pub(super) fn are_clients_quiet(&self) -> bool {
        self.clients.iter().filter(|client| !client.is_lost).all(|client| {
            client.connection.is_some_and(|connection| self.connections[connection].in_flight.is_empty())
                && client.attempt.is_none()
                && !client.is_claimed
        })
    }

    pub(super) fn missing_at_the_end(&self) -> Option<String> {
        let clients = self.clients.iter().enumerate().filter(|(_, client)| !client.is_lost);
        clients.into_iter().find_map(|(number, client)| {
            let is_missing = |(at, emit): &(usize, &super::emitting::Emit)| {
                !emit.is_volatile && emit.concerns(&client.rooms) && !client.got.contains(at)
            };
            let (_, emit) = self.emits.iter().enumerate().find(is_missing)?;
            Some(format!("client {number} never got {:?}", emit.stamp))
        })
    }
}
