mod forgetting;

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::subjects::{TAILS_IN_TURN, TAILS_USED_MAX, TOLD_AGAIN};
use super::*;

fn outgoing() -> Outgoing {
    Outgoing::new(Identity { node: "aaaa".into(), instance: 7 })
}

fn bucket(number: u32) -> Subject {
    Subject::Bucket("/".into(), number)
}

fn decoded(frame: &Frame) -> wire::Envelope {
    wire::Envelope::decode(frame.bytes.clone()).expect("it was just encoded")
}

/// The tails of the next heartbeat.
fn tails(outgoing: &mut Outgoing) -> HashMap<String, u64> {
    let mut body = Body::Heartbeat(wire::Heartbeat::default());
    outgoing.complete(&mut body);
    let Body::Heartbeat(heartbeat) = body else { unreachable!("it was one") };
    let told = heartbeat.tails.len();
    let tails: HashMap<_, _> =
        heartbeat.tails.into_iter().map(|tail| (tail.subject, tail.subject_sequence)).collect();
    assert_eq!(tails.len(), told, "a subject is told twice");
    tails
}

#[test]
fn every_envelope_and_every_subject_counts_from_one() {
    let mut outgoing = outgoing();
    let mut numbers = |subjects: &[Subject]| -> Vec<_> {
        let numbered = outgoing.number(subjects);
        let frames = numbered.iter().flat_map(|copy| copy.frames(&Bytes::new(), 1024));
        let number = |frame: Frame| {
            let header = decoded(&frame);
            (frame.path.to_string(), header.sequence, header.subject_sequence, header.copies)
        };
        frames.map(number).collect()
    };
    let expected =
        |path: &str, sequence, subject_sequence, copies| (path.into(), sequence, subject_sequence, copies);
    assert_eq!(numbers(&[bucket(1)]), [expected("_.room.1", 1, 1, 0)]);
    assert_eq!(
        numbers(&[bucket(1), Subject::Nodes, bucket(2)]),
        [expected("_.room.1", 2, 2, 3), expected("nodes", 2, 1, 3), expected("_.room.2", 2, 1, 3)]
    );
    assert_eq!(numbers(&[bucket(2)]), [expected("_.room.2", 3, 2, 0)]);
}

#[test]
fn the_header_says_who_speaks() {
    let frame = outgoing().number(&[Subject::Nodes])[0]
        .frames(&encode(&Body::Goodbye(wire::Goodbye {})), 1024)
        .remove(0);
    let envelope = decoded(&frame);
    assert_eq!((envelope.version, &*envelope.node, envelope.instance), (1, "aaaa", 7));
    assert_eq!(envelope.body, Some(Body::Goodbye(wire::Goodbye {})));
}

#[test]
fn the_largest_header_leaves_room_for_the_frame() {
    let identity = Identity { node: "n".repeat(32).into(), instance: u64::MAX };
    let mut outgoing = Outgoing::new(identity);
    outgoing.sequence = u64::MAX - 1;
    let mut numbered = outgoing.number(&[bucket(1)]).remove(0);
    numbered.header.subject_sequence = u64::MAX;
    numbered.header.subject_start = u64::MAX;
    numbered.header.copies = u32::MAX;
    for body_bytes in [10, 1024 - HEADER_BYTES, 1025 - HEADER_BYTES, 1024, 5_000_000] {
        let body = Bytes::from(vec![0; body_bytes]);
        let frames = numbered.frames(&body, 1024);
        assert!(frames.iter().all(|frame| frame.bytes.len() <= 1024), "a body of {body_bytes} bytes");
        assert_eq!(frames.len() > 1, body_bytes > 1024 - HEADER_BYTES);
    }
}

#[test]
fn subjects_used_lately_are_told_in_three_heartbeats() {
    let mut outgoing = outgoing();
    // Many others that nothing happens on any more, so that these are not told by chance.
    let idle: Vec<_> = (0..4000).map(bucket).collect();
    outgoing.number(&idle);
    (0..30).for_each(|_| drop(tails(&mut outgoing)));
    let used = [Subject::Nodes, Subject::Node("bbbb".into())];
    outgoing.number(&used);
    outgoing.number(&used[..1]);
    for _ in 0..3 {
        let tails = tails(&mut outgoing);
        assert_eq!((tails["nodes"], tails["node.bbbb"]), (2, 1));
        assert_eq!(tails.len(), 2 + TAILS_IN_TURN);
    }
}

#[test]
fn every_idle_subject_is_told_in_turn() {
    let mut outgoing = outgoing();
    let idle: Vec<_> = (0..1000).map(bucket).collect();
    outgoing.number(&idle);
    (0..3).for_each(|_| drop(tails(&mut outgoing)));
    for _ in 0..3 {
        let round: HashSet<_> =
            (0..1000_usize.div_ceil(TAILS_IN_TURN)).flat_map(|_| tails(&mut outgoing)).collect();
        assert_eq!(round.len(), 1000);
    }
}

#[test]
fn a_heartbeat_stays_small_however_many_subjects_are_used() {
    let mut outgoing = outgoing();
    let used: Vec<_> = (0..5_000).map(bucket).collect();
    let mut told = HashSet::new();
    // In use all the time: the heartbeats tell all of them, each some.
    for _ in 0..5_000_usize.div_ceil(TAILS_USED_MAX) {
        outgoing.number(&used);
        let tails = tails(&mut outgoing);
        assert!(tails.len() <= TAILS_USED_MAX + TAILS_IN_TURN);
        told.extend(tails.into_keys());
    }
    assert_eq!(told.len(), 5_000);
}

#[test]
fn a_heartbeat_tells_all_that_was_used_when_there_is_room_though_more_is_used_than_before() {
    let mut outgoing = outgoing();
    for count in 1..=100 {
        outgoing.number(&[bucket(count)]);
        // Those that are idle have room too.
        assert_eq!(tails(&mut outgoing).len(), count as usize);
    }
}

#[test]
fn a_heartbeat_says_whether_it_tells_every_subject() {
    let complete = |subjects: u32| {
        let mut outgoing = outgoing();
        outgoing.number(&(0..subjects).map(bucket).collect::<Vec<_>>());
        let mut body = Body::Heartbeat(wire::Heartbeat::default());
        outgoing.complete(&mut body);
        matches!(body, Body::Heartbeat(heartbeat) if heartbeat.tails_complete)
    };
    assert!(complete(0));
    assert!(complete(TAILS_USED_MAX as u32));
    assert!(!complete(TAILS_USED_MAX as u32 + 1));
}

#[test]
fn only_heartbeats_are_completed() {
    let mut outgoing = outgoing();
    outgoing.number(&[bucket(1)]);
    let mut body = Body::Reply(wire::Reply { request: 3, ..Default::default() });
    outgoing.complete(&mut body);
    assert_eq!(body, Body::Reply(wire::Reply { request: 3, ..Default::default() }));
}

proptest! {
    #[test]
    fn parts_hold_the_body_in_order(bytes in 0..40_000_usize, frame_bytes_max in 0..9000_usize) {
        let body: Bytes = (0..bytes).map(|n| (n * 7 / 3) as u8).collect();
        let frames = outgoing().number(&[bucket(1)])[0].frames(&body, frame_bytes_max);
        prop_assert!(frames.iter().all(|frame| frame.bytes.len() <= frame_bytes_max.max(1024)));
        if let [_] = &*frames {
            prop_assert!(bytes + HEADER_BYTES <= frame_bytes_max.max(1024));
            return Ok(());
        }
        let mut whole = Vec::new();
        for (index, frame) in frames.iter().enumerate() {
            let envelope = decoded(frame);
            let part = envelope.part.expect("it is one of several");
            prop_assert_eq!((part.index as usize, part.count as usize), (index, frames.len()));
            prop_assert_eq!(part.total_bytes as usize, bytes);
            prop_assert_eq!((envelope.sequence, envelope.subject_sequence), (1, 1));
            whole.extend_from_slice(&part.data);
        }
        prop_assert_eq!(whole, body);
    }
}
