use fanfare_proto::Identity;
use fanfare_proto::wire::{Goodbye, Heartbeat};

use super::*;

const AGE_MAX: Duration = Duration::from_secs(5);

fn queue(bytes_max: usize) -> (Queue, Arc<BusMeters>) {
    let meters = Arc::new(BusMeters::default());
    let outgoing = Outgoing::new(Identity::new("node"));
    (Queue::new(outgoing, bytes_max, AGE_MAX, meters.clone()), meters)
}

fn body(bytes: usize) -> Bytes {
    vec![7; bytes].into()
}

/// How far the queue has come on a subject, as the next heartbeat says.
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
    assert!(queue.is_empty() && queue.pop(now).is_none());
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
