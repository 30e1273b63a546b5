use fanfare_proto::Identity;
use fanfare_proto::wire::{Goodbye, Heartbeat};

use super::*;

const AGE_MAX: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(3);

fn queue(bytes_max: usize) -> (Queue, Arc<BusMeters>) {
    let meters = Arc::new(BusMeters::default());
    let outgoing = Outgoing::new(Identity::new("node"));
    (Queue::new(outgoing, bytes_max, AGE_MAX, Hold::new(PATIENCE), meters.clone()), meters)
}

fn body(bytes: usize) -> Bytes {
    vec![7; bytes].into()
}

/// The last number of the queue on a subject, as the next heartbeat says.
fn last_number(queue: &mut Queue, subject: &Subject) -> u64 {
    let mut body = Body::Heartbeat(Heartbeat::default());
    queue.complete(&mut body);
    let Body::Heartbeat(heartbeat) = body else { unreachable!("it was one") };
    let path = subject.path();
    heartbeat.tails.iter().find(|tail| tail.subject == path).expect("it was used").subject_sequence
}

#[test]
fn envelopes_come_out_in_order_with_all_their_copies() {
    let (mut queue, meters) = queue(10_000);
    let now = Instant::now();
    assert_eq!(queue.push(&[Subject::Nodes], body(1), now), Ok(()));
    assert_eq!(queue.push(&[Subject::Nodes, Subject::Node("a".into())], body(2), now), Ok(()));
    let first = queue.pop(now).expect("it waits");
    assert_eq!((first.body.len(), first.copies.len()), (1, 1));
    let second = queue.pop(now).expect("it waits");
    assert_eq!((second.body.len(), second.copies.len()), (2, 2));
    assert!(queue.pop(now).is_none());
    assert_eq!(queue.work(now), Work::Later(None));
    assert_eq!((meters.queued_bytes.get(), meters.dropped.get()), (0, 0));
    assert_eq!(queue.push(&[Subject::Nodes], body(1), now), Ok(()));
}

#[test]
fn what_has_no_room_is_dropped_and_its_number_is_used() {
    let (mut queue, meters) = queue(1000);
    let now = Instant::now();
    for _ in 0..10 {
        queue.push(&[Subject::Nodes], body(100), now).expect("it is not closed");
    }
    assert_eq!((meters.dropped.get(), meters.queued_bytes.get()), (8, 2 * 356));
    assert_eq!(last_number(&mut queue, &Subject::Nodes), 10);
}

#[test]
fn what_is_too_old_makes_room() {
    let (mut queue, meters) = queue(1000);
    let start = Instant::now();
    queue.push(&[Subject::Nodes], body(500), start).expect("it is not closed");
    queue.push(&[Subject::Nodes], body(501), start + AGE_MAX).expect("it is not closed");
    assert_eq!(meters.dropped.get(), 1);
    queue
        .push(&[Subject::Nodes], body(502), start + AGE_MAX + Duration::from_millis(1))
        .expect("it is not closed");
    assert_eq!(meters.dropped.get(), 2);
    assert!(queue.pop(start + 3 * AGE_MAX).is_none());
    assert_eq!((meters.dropped.get(), meters.queued_bytes.get()), (3, 0));
}

#[test]
fn a_closed_queue_takes_nothing_and_gives_what_it_has() {
    let (mut queue, meters) = queue(1000);
    let now = Instant::now();
    queue.push(&[Subject::Nodes], body(1), now).expect("it is not closed");
    queue.close();
    assert_eq!(queue.push(&[Subject::Nodes], body(1), now), Err(PublishError::Closed));
    assert_eq!(last_number(&mut queue, &Subject::Nodes), 1);
    assert!(queue.pop(now).is_some());
    assert_eq!(meters.dropped.get(), 0);
}

#[test]
fn other_bodies_than_heartbeats_stay_as_they_are() {
    let (mut queue, _) = queue(1000);
    let mut body = Body::Goodbye(Goodbye {});
    queue.complete(&mut body);
    assert_eq!(body, Body::Goodbye(Goodbye {}));
}

// Held

/// A queue that has just got its connection back and waits for another node.
fn held(now: Instant) -> (Queue, Arc<BusMeters>) {
    let (mut queue, meters) = queue(10_000);
    queue.hold.heard(&"other".into(), Duration::from_secs(2), now);
    queue.hold.broken();
    queue.push(&[Subject::Nodes], body(1), now).expect("it is not closed");
    // A publisher waits for the connection itself.
    assert_eq!(queue.work(now), Work::Now);
    queue.hold.connected(now);
    (queue, meters)
}

#[test]
fn what_waits_is_held_until_the_others_are_back_and_keeps_its_order() {
    let now = Instant::now();
    let (mut queue, meters) = held(now);
    assert_eq!(queue.work(now), Work::Later(Some(now + PATIENCE)));
    assert!(queue.pop(now).is_none());
    queue.push(&[Subject::Nodes], body(2), now + PATIENCE / 2).expect("it is not closed");
    assert!(queue.pop(now + PATIENCE / 2).is_none());
    assert!(queue.hold.heard(&"other".into(), Duration::from_secs(2), now));
    assert_eq!(queue.work(now), Work::Now);
    let sizes = [queue.pop(now), queue.pop(now)].map(|waiting| waiting.expect("it waits").body.len());
    assert_eq!(sizes, [1, 2]);
    assert_eq!(meters.dropped.get(), 0);
}

#[test]
fn signs_of_life_are_not_held_and_have_no_numbers() {
    let now = Instant::now();
    let (mut queue, _) = held(now);
    for size in 10..30 {
        queue.push_sign(&[Subject::Nodes], body(size), now).expect("it is not closed");
    }
    assert_eq!(queue.work(now), Work::Now);
    let mut sizes = Vec::new();
    while let Some(sign) = queue.pop(now) {
        assert_eq!(sign.copies.len(), 1);
        sizes.push(sign.body.len());
    }
    assert_eq!(sizes, (22..30).collect::<Vec<_>>(), "the latest");
    assert_eq!(queue.work(now), Work::Later(Some(now + PATIENCE)));
    assert_eq!(last_number(&mut queue, &Subject::Nodes), 1);
}

#[test]
fn what_is_about_to_be_too_old_is_published_to_those_who_are_there() {
    let now = Instant::now();
    let (mut queue, meters) = queue(10_000);
    queue.hold.heard(&"other".into(), Duration::from_secs(2), now);
    queue.hold.broken();
    (1..=2).for_each(|n| {
        let at = now + n * Duration::from_secs(1);
        queue.push(&[Subject::Nodes], body(n as usize), at).expect("it is not closed");
    });
    let back = now + Duration::from_secs(4);
    queue.hold.connected(back);
    let due = now + Duration::from_millis(5500);
    assert_eq!(queue.work(back), Work::Later(Some(due)));
    assert_eq!(queue.pop(due).expect("it is due").body.len(), 1);
    assert_eq!(queue.work(due), Work::Later(Some(due + Duration::from_secs(1))));
    assert!(queue.pop(due).is_none());
    assert_eq!(meters.dropped.get(), 0);
}

#[test]
fn what_takes_more_than_half_of_the_room_is_not_held() {
    let now = Instant::now();
    let (mut queue, meters) = held(now);
    while queue.held_until(now).is_some() {
        queue.push(&[Subject::Nodes], body(1000), now).expect("it is not closed");
    }
    assert!((5_000..7_000).contains(&meters.queued_bytes.get()));
    assert!(queue.pop(now).is_some());
    assert!(queue.pop(now).is_some());
    assert!(queue.pop(now).is_none());
}

#[test]
fn a_bus_that_leaves_waits_for_nobody() {
    let now = Instant::now();
    let (mut queue, _) = held(now);
    queue.close();
    assert!(queue.push_sign(&[Subject::Nodes], body(1), now).is_err());
    assert!(queue.pop(now).is_some());
    assert_eq!(queue.work(now), Work::Over);
}
