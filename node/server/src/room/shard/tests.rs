use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::node::Node;
use crate::options::Options;
use crate::room::interest::Interest;
use fanfare_socketio::Encoded;

struct Hall {
    shard: RoomShard,
    index: Arc<RoomIndex>,
    node: Arc<Node>,
}

struct Guest {
    id: SocketId,
    outbox: Arc<Outbox>,
}

impl Hall {
    fn new() -> Self {
        let node = Node::alone(Options { reactors: 1, ..Options::default() });
        let index = RoomIndex::new(&node, Interest::none());
        Self { shard: RoomShard::new(0, node.clone(), index.clone()), index, node }
    }

    fn guest(&mut self, rooms: &[&str]) -> Guest {
        let guest = Guest { id: SocketId::generate(self.node.tag, 0), outbox: Outbox::new(1 << 20) };
        let rooms: Vec<_> = rooms.iter().map(|room| Room::from(*room)).collect();
        self.shard.enter(Member { id: guest.id, outbox: guest.outbox.clone(), in_own_room: true }, &rooms);
        guest
    }

    fn emit(&mut self, rooms: &[&str], except: &[&str]) {
        let names = |names: &[&str]| names.iter().map(|name| Room::from(*name)).collect();
        let target = Target { rooms: names(rooms), except: names(except) };
        let packet = Packet::new(Encoded { text: "x".into(), attachments: Vec::new() }, true);
        self.shard.broadcast(&target, &packet, false);
    }
}

impl Guest {
    fn heard(&self) -> usize {
        self.outbox.drain(usize::MAX, |_| {})
    }
}

#[test]
fn a_union_of_rooms_reaches_each_member_once() {
    let mut hall = Hall::new();
    let (a, ab, none) = (hall.guest(&["a"]), hall.guest(&["a", "b"]), hall.guest(&[]));
    hall.emit(&["a", "b", "a"], &[]);
    assert_eq!((a.heard(), ab.heard(), none.heard()), (1, 1, 0));
}

#[test]
fn except_wins_over_every_room_and_also_takes_ids() {
    let mut hall = Hall::new();
    let (a, ab) = (hall.guest(&["a"]), hall.guest(&["a", "b"]));
    hall.emit(&["a"], &["b"]);
    assert_eq!((a.heard(), ab.heard()), (1, 0));
    hall.emit(&[], &[a.id.as_str()]);
    assert_eq!((a.heard(), ab.heard()), (0, 1));
}

#[test]
fn an_id_is_a_room_that_others_can_join_and_the_owner_can_leave() {
    let mut hall = Hall::new();
    let owner = hall.guest(&[]);
    let spy = hall.guest(&[owner.id.as_str()]);
    hall.emit(&[owner.id.as_str()], &[]);
    assert_eq!((owner.heard(), spy.heard()), (1, 1));
    hall.shard.leave(owner.id, &Room::from(owner.id));
    hall.emit(&[owner.id.as_str()], &[]);
    assert_eq!((owner.heard(), spy.heard()), (0, 1));
}

#[test]
fn a_room_vanishes_when_its_last_member_leaves() {
    let mut hall = Hall::new();
    let (first, second) = (hall.guest(&["a"]), hall.guest(&["a"]));
    hall.shard.leave(first.id, &"a".into());
    assert_eq!(hall.index.rooms(), ["a".into()]);
    hall.shard.exit(second.id);
    assert!(hall.index.rooms().is_empty());
    assert_eq!(hall.shard.size(), (1, 0));
}

#[test]
fn who_takes_the_place_of_a_member_that_went_is_in_none_of_its_rooms() {
    let mut hall = Hall::new();
    let gone = hall.guest(&["a", "b"]);
    let stays = hall.guest(&["a"]);
    hall.shard.exit(gone.id);
    let heir = hall.guest(&[]);
    hall.emit(&["a", "b"], &[]);
    assert_eq!((gone.heard(), stays.heard(), heir.heard()), (0, 1, 0));
}

#[test]
fn nothing_a_shard_held_outlives_it_in_the_index() {
    let mut hall = Hall::new();
    let _guests = [hall.guest(&["a"]), hall.guest(&["b"])];
    let index = hall.index.clone();
    drop(hall);
    assert!(index.rooms().is_empty());
    assert_eq!(index.occupied(), Default::default());
}

#[test]
fn a_hold_routes_a_room_until_it_is_dropped() {
    let node = Node::alone(Options { reactors: 4, ..Options::default() });
    let index = RoomIndex::new(&node, Interest::none());
    let (first, second) = (index.hold(&"a".into(), 3), index.hold(&"a".into(), 3));
    drop(first);
    assert_eq!(index.shards_of("a").iter().collect::<Vec<_>>(), [3]);
    drop(second);
    assert!(index.rooms().is_empty());
}

// Leaving.

/// Processor time of this thread, whatever else the machine does.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Processor time for each of a few leaves of a socket that is in so many rooms, the latest rooms first. The least of
/// several measurements.
fn leave_takes(rooms: usize) -> Duration {
    const LEAVES: usize = 50;
    let mut hall = Hall::new();
    let names: Vec<Room> = (0..rooms).map(|n| Room::from(format!("room {n}"))).collect();
    let guest = hall.guest(&[]);
    names.iter().for_each(|room| hall.shard.join(guest.id, room));
    let measure = |leaving: &[Room]| {
        let start = processor_time();
        leaving.iter().for_each(|room| hall.shard.leave(guest.id, room));
        (processor_time() - start) / LEAVES as u32
    };
    names.rchunks_exact(LEAVES).take(5).map(measure).min().expect("there are five")
}

#[test]
fn leaving_takes_the_same_time_however_many_rooms_a_socket_is_in() {
    let (few, many) = (leave_takes(250), leave_takes(100_000));
    // Searching four hundred times as many rooms would take hundreds of times as long; caches account for a few.
    assert!(many < 20 * few, "{few:?} of 250 rooms, {many:?} of 100,000");
}

proptest! {
    /// Memberships are what a model says after any joins, leaves, arrivals and departures.
    #[test]
    fn memberships_are_what_was_joined_and_not_left(steps in vec((0..4_usize, 0..6_usize, 0..8_usize), 1..200)) {
        let mut hall = Hall::new();
        let mut guests: Vec<Guest> = (0..4).map(|_| hall.guest(&[])).collect();
        let mut expected: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); 4];
        for (guest, room, step) in steps {
            let name = Room::from(format!("room {room}"));
            match step {
                0 => {
                    hall.shard.exit(guests[guest].id);
                    guests[guest] = hall.guest(&["room 0"]);
                    expected[guest] = BTreeSet::from([0]);
                }
                1..4 => {
                    hall.shard.leave(guests[guest].id, &name);
                    expected[guest].remove(&room);
                }
                _ => {
                    hall.shard.join(guests[guest].id, &name);
                    expected[guest].insert(room);
                }
            }
            let mut sizes = BTreeMap::new();
            expected.iter().flatten().for_each(|room| *sizes.entry(format!("room {room}")).or_default() += 1);
            let census = hall.shard.census(&Target::default());
            let found: BTreeMap<String, u64> =
                census.into_iter().map(|(room, count)| (room.to_string(), count)).collect();
            prop_assert_eq!(&found, &sizes);
            prop_assert_eq!(hall.index.rooms().len(), sizes.len());
            prop_assert_eq!(hall.node.metrics.memberships.get() as u64, sizes.values().sum::<u64>());
        }
        for room in 0..6 {
            hall.emit(&[&format!("room {room}")], &[]);
            for (guest, rooms) in guests.iter().zip(&expected) {
                prop_assert_eq!(guest.heard(), usize::from(rooms.contains(&room)));
            }
        }
        guests.iter().for_each(|guest| hall.shard.exit(guest.id));
        prop_assert_eq!((hall.shard.size(), hall.index.rooms().len()), ((0, 0), 0));
    }
}
