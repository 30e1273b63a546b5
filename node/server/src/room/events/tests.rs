use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Barrier;
use std::sync::atomic::AtomicUsize;
use std::task::Wake;
use std::thread;

use futures_util::FutureExt;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::options::Options;
use crate::outbox::Outbox;
use crate::room::Member;
use crate::room::interest::Interest;
use crate::room::shard::RoomShard;

const NOBODY: [(SocketId, fn() -> bool); 0] = [];

/// A namespace with shards that their test moves to threads.
struct House {
    node: Arc<Node>,
    index: Arc<RoomIndex>,
}

impl House {
    fn new(reactors: usize, room_events_max: usize) -> Self {
        let node = Node::alone(Options { reactors, room_events_max, ..Options::default() });
        let index = RoomIndex::new(&node, Interest::none());
        Self { node, index }
    }

    fn shard(&self, number: usize) -> RoomShard {
        RoomShard::new(number, self.node.clone(), self.index.clone())
    }

    fn subscribe(&self) -> RoomEvents {
        self.index.subscribe(|| NOBODY)
    }

    fn id(&self, reactor: usize) -> SocketId {
        SocketId::generate(self.node.tag, reactor)
    }
}

fn enter(shard: &mut RoomShard, id: SocketId) {
    shard.enter(Member { id, outbox: Outbox::new(1 << 20), in_own_room: true }, &[]);
}

/// Everything that waits, and whether more may come.
fn read(events: &mut RoomEvents) -> (Vec<RoomEvent>, bool) {
    let mut read = Vec::new();
    loop {
        match events.next().now_or_never() {
            Some(Some(event)) => read.push(event),
            ended => return (read, ended.is_none()),
        }
    }
}

/// The same as text, with names for the ids.
fn told(events: &mut RoomEvents, names: &[(SocketId, &str)]) -> Vec<String> {
    let name =
        |text: &str| names.iter().fold(text.to_owned(), |text, (id, name)| text.replace(id.as_str(), name));
    let line = |event| match event {
        RoomEvent::Created { room } => format!("+{room}"),
        RoomEvent::Deleted { room } => format!("-{room}"),
        RoomEvent::Joined { room, socket } => format!("{socket}>{room}"),
        RoomEvent::Left { room, socket } => format!("{socket}<{room}"),
        RoomEvent::Missed(events) => format!("?{events}"),
    };
    read(events).0.into_iter().map(|event| name(&line(event))).collect()
}

#[test]
fn rooms_are_created_before_they_are_joined_and_left_before_they_are_deleted() {
    let house = House::new(2, 100);
    let mut events = house.subscribe();
    let (mut here, mut there) = (house.shard(0), house.shard(1));
    let (a, b) = (house.id(0), house.id(1));
    enter(&mut here, a);
    enter(&mut there, b);
    let names = [(a, "a"), (b, "b")];
    assert_eq!(told(&mut events, &names), ["+a", "a>a", "+b", "b>b"]);
    here.join(a, &"r".into());
    here.join(a, &"r".into());
    there.join(b, &"r".into());
    assert_eq!(told(&mut events, &names), ["+r", "a>r", "b>r"]);
    here.leave(a, &"r".into());
    here.leave(a, &"r".into());
    assert_eq!(told(&mut events, &names), ["a<r"]);
    there.exit(b);
    here.exit(a);
    assert_eq!(told(&mut events, &names), ["b<b", "-b", "b<r", "-r", "a<a", "-a"]);
}

#[test]
fn the_room_of_a_socket_lives_while_its_owner_or_anybody_else_is_in_it() {
    let house = House::new(2, 100);
    let mut events = house.subscribe();
    let (mut here, mut there) = (house.shard(0), house.shard(1));
    let (a, b) = (house.id(0), house.id(1));
    let names = [(a, "a"), (b, "b")];
    let own = Room::from(a);
    enter(&mut there, b);
    there.join(b, &own);
    enter(&mut here, a);
    assert_eq!(told(&mut events, &names), ["+b", "b>b", "+a", "b>a", "a>a"]);
    there.leave(b, &own);
    here.leave(a, &own);
    here.leave(a, &own);
    here.join(a, &own);
    here.join(a, &own);
    assert_eq!(told(&mut events, &names), ["b<a", "a<a", "-a", "+a", "a>a"]);
    there.join(b, &own);
    here.exit(a);
    there.exit(b);
    assert_eq!(told(&mut events, &names), ["b>a", "a<a", "b<b", "-b", "b<a", "-a"]);
}

#[test]
fn a_join_on_its_way_is_not_an_event_and_keeps_no_room() {
    let house = House::new(2, 100);
    let mut events = house.subscribe();
    let mut shard = house.shard(0);
    let a = house.id(0);
    enter(&mut shard, a);
    let (before, other) = (house.index.hold(&"r".into(), 0), house.index.hold(&"r".into(), 1));
    shard.join(a, &"r".into());
    drop(before);
    let after = house.index.hold(&"r".into(), 0);
    shard.leave(a, &"r".into());
    drop((after, other));
    let names = [(a, "a")];
    assert_eq!(told(&mut events, &names), ["+a", "a>a", "+r", "a>r", "a<r", "-r"]);
    assert!(house.index.rooms().is_empty());
}

/// What was there before is not created again when somebody joins it.
#[test]
fn who_listens_later_is_told_of_changes_alone() {
    let house = House::new(1, 100);
    let mut shard = house.shard(0);
    let (a, b) = (house.id(0), house.id(0));
    let names = [(a, "a"), (b, "b")];
    enter(&mut shard, a);
    shard.join(a, &"r".into());
    let mut events = house.index.subscribe(|| [(a, true), (b, false)].map(|(id, is_in)| (id, move || is_in)));
    enter(&mut shard, b);
    shard.join(b, &"r".into());
    shard.join(b, &Room::from(a));
    assert_eq!(told(&mut events, &names), ["+b", "b>b", "b>r", "b>a"]);
    shard.exit(b);
    shard.exit(a);
    assert_eq!(told(&mut events, &names), ["b<b", "-b", "b<r", "b<a", "a<a", "-a", "a<r", "-r"]);
}

#[test]
fn a_reader_that_is_too_slow_learns_how_much_it_has_missed_and_goes_on() {
    let house = House::new(1, 4);
    let (mut slow, mut fast) = (house.subscribe(), house.subscribe());
    let mut shard = house.shard(0);
    let a = house.id(0);
    let names = [(a, "a")];
    enter(&mut shard, a);
    assert_eq!(told(&mut fast, &names), ["+a", "a>a"]);
    shard.join(a, &"r".into());
    shard.join(a, &"s".into());
    assert_eq!(house.node.metrics.room_events_missed.get(), 2);
    assert_eq!(told(&mut fast, &names), ["+r", "a>r", "+s", "a>s"]);
    // Nothing is queued behind a gap before the reader knows of it.
    assert_eq!(slow.next().now_or_never().flatten(), Some(RoomEvent::Created { room: a.into() }));
    shard.leave(a, &"s".into());
    assert_eq!(told(&mut slow, &names), ["a>a", "+r", "a>r", "?4"]);
    shard.leave(a, &"r".into());
    assert_eq!(told(&mut slow, &names), ["a<r", "-r"]);
    assert_eq!(told(&mut fast, &names), ["a<s", "-s", "a<r", "-r"]);
    assert_eq!(house.node.metrics.room_events_missed.get(), 4);
}

#[test]
fn nothing_is_kept_once_nobody_listens() {
    let house = House::new(1, 100);
    let mut shard = house.shard(0);
    let ids: Vec<_> = (0..10).map(|_| house.id(0)).collect();
    ids.iter().for_each(|id| enter(&mut shard, *id));
    assert_eq!(house.index.owner_count(), 0);
    let (first, mut second) = (house.index.subscribe(|| [(ids[0], || true)]), house.subscribe());
    enter(&mut shard, house.id(0));
    assert_eq!(house.index.owner_count(), 2);
    drop(first);
    enter(&mut shard, house.id(0));
    assert_eq!((house.index.owner_count(), read(&mut second).0.len()), (3, 4));
    drop(second);
    assert_eq!(house.index.owner_count(), 0);
    assert!(!house.index.watchers().are_there());
    enter(&mut shard, house.id(0));
    assert_eq!(house.index.owner_count(), 0);
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[test]
fn a_reader_is_woken_by_events_and_by_the_end() {
    let house = House::new(1, 100);
    let mut events = house.subscribe();
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(count.clone());
    let poll = |events: &mut RoomEvents| {
        Pin::new(events).poll_next(&mut Context::from_waker(&waker)).map(|event| event.is_some())
    };
    assert_eq!(poll(&mut events), Poll::Pending);
    let mut shard = house.shard(0);
    enter(&mut shard, house.id(0));
    assert_eq!(count.0.load(Relaxed), 1, "once for all that waits");
    assert_eq!([poll(&mut events), poll(&mut events)], [Poll::Ready(true), Poll::Ready(true)]);
    assert_eq!(poll(&mut events), Poll::Pending);
    house.index.watchers().end();
    assert_eq!((count.0.load(Relaxed), poll(&mut events)), (2, Poll::Ready(false)));
    assert_eq!(read(&mut house.subscribe()), (Vec::new(), false), "nobody listens to what has ended");
    let mut other = House::new(1, 100).subscribe();
    assert_eq!(read(&mut other), (Vec::new(), false), "it ends with its rooms");
}

#[test]
fn a_shard_that_dies_takes_its_members_out_of_their_rooms() {
    let house = House::new(2, 100);
    let mut events = house.subscribe();
    let (mut here, mut there) = (house.shard(0), house.shard(1));
    let (a, b) = (house.id(0), house.id(1));
    let names = [(a, "a"), (b, "b")];
    enter(&mut here, a);
    enter(&mut there, b);
    here.join(a, &"r".into());
    there.join(b, &"r".into());
    read(&mut events);
    drop(here);
    assert_eq!(told(&mut events, &names), ["a<a", "-a", "a<r"]);
    drop(there);
    assert_eq!(told(&mut events, &names), ["b<b", "-b", "b<r", "-r"]);
}

// Members of the same rooms on several threads.

type Rooms = BTreeMap<Room, BTreeSet<String>>;

/// State of rooms by what a reader was told; nothing in it was illegal.
fn replay(events: &[RoomEvent], mut rooms: Rooms) -> Rooms {
    for (at, event) in events.iter().enumerate() {
        let is_legal = match event {
            RoomEvent::Created { room } => rooms.insert(room.clone(), BTreeSet::new()).is_none(),
            RoomEvent::Deleted { room } => rooms.remove(room).is_some_and(|members| members.is_empty()),
            RoomEvent::Joined { room, socket } => {
                rooms.get_mut(room).is_some_and(|members| members.insert(socket.to_string()))
            }
            RoomEvent::Left { room, socket } => {
                rooms.get_mut(room).is_some_and(|members| members.remove(socket.as_str()))
            }
            RoomEvent::Missed(_) => false,
        };
        assert!(is_legal, "{event:?} is event {at}; before it: {rooms:?}");
    }
    rooms
}

/// One reactor: sockets that come, join and leave at random, and the rooms that they are in at the end.
fn bustle(house: &House, number: usize, owners: &[SocketId], steps: usize) -> (RoomShard, Rooms) {
    let mut random = StdRng::seed_from_u64(number as u64);
    let mut shard = house.shard(number);
    let mut guests: HashMap<SocketId, BTreeSet<Room>> = HashMap::new();
    let mut rooms: Vec<Room> = ["a", "b", "c"].map(Room::from).into();
    rooms.extend(owners.iter().map(|id| Room::from(*id)));
    for _ in 0..steps {
        let id = owners[number * 4 + random.random_range(0..4)];
        let room = &rooms[random.random_range(0..rooms.len())];
        match (random.random_range(0..8), guests.get_mut(&id)) {
            (_, None) => {
                enter(&mut shard, id);
                guests.insert(id, [Room::from(id)].into());
            }
            (0, Some(_)) => {
                shard.exit(id);
                guests.remove(&id);
            }
            (1..=3, Some(joined)) => {
                // As a join from another thread has one.
                let _hold = house.index.hold(room, number);
                shard.join(id, room);
                joined.insert(room.clone());
            }
            (_, Some(joined)) => {
                shard.leave(id, room);
                joined.remove(room);
            }
        }
    }
    let mut members = Rooms::new();
    for (id, joined) in guests {
        for room in joined {
            members.entry(room).or_default().insert(id.to_string());
        }
    }
    (shard, members)
}

#[test]
fn the_replay_of_many_threads_is_legal_at_any_time_and_is_the_state_of_all_shards() {
    const REACTORS: usize = 3;
    for round in 0..10 {
        let house = House::new(REACTORS, usize::MAX);
        let owners: Vec<_> = (0..REACTORS * 4).map(|n| house.id(n / 4)).collect();
        let mut events = house.subscribe();
        let (pause, members) = (Barrier::new(REACTORS + 1), Mutex::new(Vec::new()));
        let state = thread::scope(|scope| {
            for number in 0..REACTORS {
                let (house, owners, pause, members) = (&house, &owners, &pause, &members);
                scope.spawn(move || {
                    let (shard, rooms) = bustle(house, number, owners, 2_000 + round);
                    members.lock().extend(rooms);
                    pause.wait();
                    pause.wait();
                    drop(shard);
                });
            }
            pause.wait();
            let told = replay(&read(&mut events).0, Rooms::new());
            pause.wait();
            told
        });
        let mut true_state = Rooms::new();
        for (room, members) in members.into_inner() {
            true_state.entry(room).or_default().extend(members);
        }
        assert_eq!(state, true_state);
        assert_eq!(replay(&read(&mut events).0, state), Rooms::new(), "all shards have gone");
    }
}
