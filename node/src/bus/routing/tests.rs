use std::time::Instant;

use fanfare_proto::wire::Heartbeat;

use super::*;

fn subjects(rooms: &[Room], own: NodeTag, peers: &Peers) -> Vec<String> {
    subjects_for(&"/".into(), rooms, own, peers, 1024).iter().map(Subject::path).collect()
}

fn room_of(node: NodeTag) -> Room {
    Room::from(SocketId::generate(node, 0))
}

fn node_subject(node: NodeTag) -> String {
    Subject::Node(node.as_str().into()).path()
}

#[test]
fn rooms_go_to_their_buckets_and_everything_else_to_the_namespace() {
    let (own, peers) = (NodeTag::random(), Peers::default());
    assert_eq!(subjects(&[], own, &peers), ["_.all"]);
    let two = subjects(&["foobar".into(), "a".into(), "foobar".into()], own, &peers);
    assert_eq!(two, ["_.room.360", "_.room.300"]);
    let many: Vec<Room> = (0..100).map(|n| Room::from(format!("room {n}"))).collect();
    assert_eq!(subjects(&many, own, &peers), ["_.all"]);
}

#[test]
fn a_private_message_goes_to_the_one_node_that_can_deliver_it() {
    let (own, other, mut peers) = (NodeTag::random(), NodeTag::random(), Peers::default());
    assert_eq!(subjects(&[room_of(own)], own, &peers), [] as [&str; 0]);
    peers.heard(&other.as_str().into(), 1, Heartbeat::default(), Instant::now());
    assert_eq!(subjects(&[room_of(other)], own, &peers), [node_subject(other)]);
}

#[test]
fn a_room_that_only_looks_like_a_socket_is_a_room() {
    let (own, peers) = (NodeTag::random(), Peers::default());
    let made_up: Room = "-NxYzAbCdEfGhIjKlMnO".into();
    let bucket = Subject::room(&"/".into(), made_up.as_str(), 1024).path();
    assert_eq!(subjects(&[made_up], own, &peers), [bucket]);
}

#[test]
fn a_node_that_is_silent_may_still_be_there() {
    let (own, other, mut peers) = (NodeTag::random(), NodeTag::random(), Peers::default());
    peers.remember(&other.as_str().into());
    let room = room_of(other);
    let bucket = Subject::room(&"/".into(), room.as_str(), 1024).path();
    assert_eq!(subjects(&[room], own, &peers), [node_subject(other), bucket]);
}

#[test]
fn who_hears_nobody_tells_everybody_what_may_be_for_one_socket() {
    let paths = |rooms: &[Room]| -> Vec<String> {
        subjects_from_outside(&"/".into(), rooms, 1024).iter().map(Subject::path).collect()
    };
    assert_eq!(paths(&[]), ["_.all"]);
    assert_eq!(paths(&["foobar".into()]), ["_.room.360"]);
    assert_eq!(paths(&["foobar".into(), room_of(NodeTag::random())]), ["_.all"]);
}

#[test]
fn a_socket_room_that_others_joined_is_theirs_too() {
    let (own, other, third, mut peers) =
        (NodeTag::random(), NodeTag::random(), NodeTag::random(), Peers::default());
    peers.heard(&other.as_str().into(), 1, Heartbeat::default(), Instant::now());
    let borrower = Heartbeat { borrowed_ids: 1, ..Heartbeat::default() };
    peers.heard(&third.as_str().into(), 2, borrower, Instant::now());
    assert_eq!(subjects(&[room_of(other)], own, &peers).len(), 2);
    assert_eq!(subjects(&[room_of(own)], own, &peers).len(), 1);
}
