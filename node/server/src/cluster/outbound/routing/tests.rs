use std::time::{Duration, Instant};

use fanfare_proto::wire::Heartbeat;

use super::super::borrowed::LISTED_MAX;
use super::*;

const INTERVAL: Duration = Duration::from_secs(2);
const SILENCE: Duration = Duration::from_secs(6);

/// A node and what it knows of others; time passes as the test says.
struct View {
    own: NodeTag,
    peers: Peers,
    now: Instant,
}

impl View {
    /// Of a node that has been hearing for long.
    fn new() -> Self {
        let own = NodeTag::random();
        let mut view = Self { own, peers: Peers::new(own, INTERVAL), now: Instant::now() };
        view.peers.set_hearing(true, view.now);
        view.pass(INTERVAL);
        view
    }

    /// Of a node that has been hearing these nodes for long.
    fn of(nodes: &[NodeTag]) -> Self {
        let mut view = Self::new();
        nodes.iter().for_each(|node| view.hear(*node, &[]));
        view.pass(INTERVAL);
        view
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.peers.update_synced(self.now);
    }

    fn hear(&mut self, node: NodeTag, borrowed: &[Room]) {
        let borrowed: Vec<_> = borrowed.iter().map(ToString::to_string).collect();
        self.hear_heartbeat(node, Heartbeat { borrowed_ids: borrowed.len() as u64, borrowed, ..serving() });
    }

    fn hear_heartbeat(&mut self, node: NodeTag, heartbeat: Heartbeat) {
        self.peers.heard(&node.as_str().into(), 1, heartbeat, self.now);
    }

    fn directory(&mut self) -> Directory {
        // Something changes, so that there is one to be taken.
        self.peers.remember(NodeTag::random().as_str());
        self.peers.take_directory().expect("it has changed")
    }

    fn subjects(&mut self, rooms: &[Room]) -> Vec<String> {
        subjects_for(&"/".into(), rooms, &self.directory(), 1024).iter().map(Subject::path).collect()
    }

    fn audience(&mut self, room: Room) -> Audience {
        audience_for("/", &[room], &self.directory(), &self.peers, false)
    }
}

fn serving() -> Heartbeat {
    Heartbeat { namespaces: vec!["/".into()], ..Heartbeat::default() }
}

fn room_of(node: NodeTag) -> Room {
    Room::from(SocketId::generate(node, 0))
}

fn node_subject(node: NodeTag) -> String {
    Subject::Node(node.as_str().into()).path()
}

fn bucket_subject(room: &Room) -> String {
    Subject::room(&"/".into(), room.as_str(), 1024).path()
}

fn nodes(nodes: &[NodeTag]) -> Audience {
    Audience::Nodes(nodes.iter().map(|node| node.as_str().into()).collect())
}

#[test]
fn rooms_go_to_their_buckets_and_everything_else_to_the_namespace() {
    let mut view = View::new();
    assert_eq!(view.subjects(&[]), ["_.all"]);
    assert_eq!(view.subjects(&["foobar".into(), "a".into(), "foobar".into()]), ["_.room.360", "_.room.300"]);
    let many: Vec<Room> = (0..100).map(|n| Room::from(format!("room {n}"))).collect();
    assert_eq!(view.subjects(&many), ["_.all"]);
}

#[test]
fn a_private_message_goes_to_the_one_node_that_can_deliver_it() {
    let other = NodeTag::random();
    let mut view = View::of(&[other, NodeTag::random()]);
    let own = view.own;
    assert_eq!(view.subjects(&[room_of(own)]), [] as [&str; 0]);
    assert_eq!(view.subjects(&[room_of(other)]), [node_subject(other)]);
    assert_eq!(view.audience(room_of(own)), Audience::Here);
    assert_eq!(view.audience(room_of(other)), nodes(&[other]));
}

#[test]
fn a_room_that_only_looks_like_a_socket_is_a_room_and_concerns_no_other() {
    let (other, third) = (NodeTag::random(), NodeTag::random());
    let mut view = View::of(&[other, third]);
    let made_up: Room = "-NxYzAbCdEfGhIjKlMnO".into();
    // Others may take it for an id, if they have heard of such a node.
    view.hear(third, std::slice::from_ref(&made_up));
    assert_eq!(view.subjects(std::slice::from_ref(&made_up)), [bucket_subject(&made_up)]);
    assert_eq!(view.audience(made_up), Audience::All);
    assert_eq!(view.subjects(&[room_of(other)]), [node_subject(other)]);
    assert_eq!(view.audience(room_of(other)), nodes(&[other]));
}

#[test]
fn a_socket_room_that_others_joined_is_theirs_too_and_no_other_room_is() {
    let (other, third) = (NodeTag::random(), NodeTag::random());
    let mut view = View::of(&[other, third]);
    let (borrowed, own) = (room_of(other), room_of(view.own));
    view.hear(third, &[borrowed.clone(), own.clone(), room_of(third)]);
    assert_eq!(view.subjects(std::slice::from_ref(&borrowed)), [node_subject(other), node_subject(third)]);
    assert_eq!(view.subjects(std::slice::from_ref(&own)), [node_subject(third)]);
    assert_eq!(view.subjects(&[room_of(other)]), [node_subject(other)]);
    assert_eq!(view.subjects(&[room_of(third)]), [node_subject(third)]);
    assert_eq!(view.audience(borrowed.clone()), nodes(&[other, third]));
    assert_eq!(view.audience(own), nodes(&[third]));
    view.hear(third, &[]);
    assert_eq!(view.subjects(&[borrowed]), [node_subject(other)]);
}

#[test]
fn a_guest_of_another_namespace_need_not_answer() {
    let (other, third) = (NodeTag::random(), NodeTag::random());
    let mut view = View::of(&[other]);
    let borrowed = room_of(other);
    let elsewhere = Heartbeat { namespaces: vec!["/elsewhere".into()], ..Heartbeat::default() };
    let list = vec![borrowed.to_string()];
    view.hear_heartbeat(third, Heartbeat { borrowed_ids: 1, borrowed: list, ..elsewhere });
    assert_eq!(view.audience(borrowed), nodes(&[other]));
}

#[test]
fn a_node_that_lists_less_than_it_has_may_have_members_in_the_room_of_any_id() {
    let (other, older, full) = (NodeTag::random(), NodeTag::random(), NodeTag::random());
    let mut view = View::of(&[other, older, full]);
    view.hear_heartbeat(older, Heartbeat { borrowed_ids: 1, ..serving() });
    assert_eq!(view.subjects(&[room_of(other)]), [node_subject(other), node_subject(older)]);
    assert_eq!(view.subjects(&[room_of(older)]), [node_subject(older)]);
    let own = room_of(view.own);
    assert_eq!(view.audience(own), nodes(&[older]));
    view.hear(older, &[]);
    assert_eq!(view.subjects(&[room_of(other)]), [node_subject(other)]);
    // More than anybody may list.
    let list: Vec<Room> = (0..=LISTED_MAX).map(|_| room_of(other)).collect();
    view.hear(full, &list);
    assert_eq!(view.subjects(&[room_of(other)]), [node_subject(other), node_subject(full)]);
}

#[test]
fn a_node_that_is_silent_may_still_be_there() {
    let (other, third) = (NodeTag::random(), NodeTag::random());
    let mut view = View::of(&[other, third]);
    view.pass(SILENCE);
    view.hear(third, &[]);
    view.peers.sweep(view.now, view.now - 2 * SILENCE, SILENCE);
    let room = room_of(other);
    assert_eq!(view.subjects(std::slice::from_ref(&room)), [node_subject(other), bucket_subject(&room)]);
    assert_eq!(view.audience(room), Audience::All);
    assert_eq!(view.subjects(&[room_of(third)]), [node_subject(third)]);
}

/// Until then other nodes may have members in rooms that they take for ordinary ones, or that they have not told of.
#[test]
fn the_rooms_of_a_node_are_ordinary_rooms_too_until_everybody_knows_it() {
    let (first, second) = (NodeTag::random(), NodeTag::random());
    let mut view = View::of(&[first]);
    let (of_first, of_second, own) = (room_of(first), room_of(second), room_of(view.own));
    let is_synced = |view: &mut View, room: &Room| {
        !view.subjects(std::slice::from_ref(room)).contains(&bucket_subject(room))
    };
    view.hear(second, &[]);
    assert!(is_synced(&mut view, &of_first));
    assert!(!is_synced(&mut view, &of_second), "it is new");
    view.pass(INTERVAL);
    assert!(is_synced(&mut view, &of_second));
    // After an outage of the bus everybody has to tell again.
    view.peers.set_hearing(false, view.now);
    assert!(!is_synced(&mut view, &own));
    let asked = |room: &Room, view: &mut View| {
        audience_for("/", std::slice::from_ref(room), &view.directory(), &view.peers, true)
    };
    assert_eq!(asked(&own, &mut view), Audience::Here, "nobody else can be asked");
    assert_eq!(asked(&of_first, &mut view), Audience::All);
    view.pass(INTERVAL);
    view.peers.set_hearing(true, view.now);
    view.hear(second, &[]);
    assert!(!is_synced(&mut view, &of_second), "the first one has not told");
    view.hear(first, &[]);
    assert!([&of_first, &of_second, &own].iter().all(|room| is_synced(&mut view, room)));
}

#[test]
fn a_node_that_has_just_started_knows_nothing_for_certain() {
    let own = NodeTag::random();
    let mut view = View { own, peers: Peers::new(own, INTERVAL), now: Instant::now() };
    view.peers.set_hearing(true, view.now);
    let room = room_of(own);
    assert_eq!(view.subjects(std::slice::from_ref(&room)), [bucket_subject(&room)]);
    view.pass(INTERVAL);
    assert_eq!(view.subjects(&[room]), [] as [&str; 0]);
}

#[test]
fn a_sender_that_hears_nobody_tells_everybody_what_may_be_for_one_socket() {
    let paths = |rooms: &[Room]| -> Vec<String> {
        subjects_from_outside(&"/".into(), rooms, 1024).iter().map(Subject::path).collect()
    };
    assert_eq!(paths(&[]), ["_.all"]);
    assert_eq!(paths(&["foobar".into()]), ["_.room.360"]);
    assert_eq!(paths(&["foobar".into(), room_of(NodeTag::random())]), ["_.all"]);
}
