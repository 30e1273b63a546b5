use std::sync::Arc;

use super::*;
use crate::limits::Options;
use crate::node::Node;
use crate::room::interest::Interest;
use crate::socketio::Encoded;

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
        let index = RoomIndex::new(1, Interest::none());
        Self { shard: RoomShard::new(0, node.clone(), index.clone()), index, node }
    }

    fn guest(&mut self, rooms: &[&str]) -> Guest {
        let guest = Guest { id: SocketId::generate(self.node.tag, 0), outbox: Outbox::new(1 << 20) };
        let rooms: Vec<_> = rooms.iter().map(|room| Room::from(*room)).collect();
        self.shard.enter(Seat { id: guest.id, outbox: guest.outbox.clone(), in_own_room: true }, &rooms);
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
    let index = RoomIndex::new(4, Interest::none());
    let (first, second) = (index.hold(&"a".into(), 3), index.hold(&"a".into(), 3));
    drop(first);
    assert_eq!(index.shards_of("a").iter().collect::<Vec<_>>(), [3]);
    drop(second);
    assert!(index.rooms().is_empty());
}
