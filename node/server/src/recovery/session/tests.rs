use std::time::Duration;

use super::*;
use crate::recovery::log::{LogBounds, Scope};
use crate::recovery::stamp::{Lane, Stamp};

const BOUNDS: LogBounds = LogBounds { age: Duration::from_secs(100), room_bytes: 1_000, bytes: 1_000 };

fn logs(start: u64) -> Logs<u64> {
    Logs::new(BOUNDS, Position::new(start))
}

/// Sends the emit `number` to the room `a` at a second.
fn emit_at(logs: &mut Logs<u64>, number: u64, second: u64) -> Position {
    let stamp = Stamp { lane: Lane { instance: 1, number: 1 }, number };
    let scope = Scope { rooms: ["a".into()].into_iter().collect(), except: Default::default() };
    logs.append(stamp, scope, Duration::from_secs(second), |_| true, |_| (number, 1)).position
}

fn emit(logs: &mut Logs<u64>, number: u64) -> Position {
    emit_at(logs, number, 0)
}

fn session(logs: &Logs<u64>) -> Session<u64> {
    Session::new(Memberships::new(logs.last(), ["a".into()]))
}

#[test]
fn a_client_that_has_seen_nothing_is_sent_everything() {
    let mut logs = logs(50);
    emit(&mut logs, 1);
    let mut session = session(&logs);
    session.sent(emit(&mut logs, 2));
    session.park(logs.last());
    emit(&mut logs, 3);
    assert_eq!(session.missed(&logs), Ok(vec![2, 3]));
    // The offset of an earlier session, or of another place.
    session.acknowledge(Position::new(49), logs.last());
    session.acknowledge(Position::new(1_000), logs.last());
    assert_eq!(session.missed(&logs), Ok(vec![2, 3]));
}

#[test]
fn a_client_is_sent_what_follows_its_offset() {
    let mut logs = logs(50);
    let mut session = session(&logs);
    let offsets: Vec<_> = (1..=3).map(|number| emit(&mut logs, number)).collect();
    session.sent(offsets[2]);
    session.park(logs.last());
    emit(&mut logs, 4);
    session.acknowledge(offsets[1], logs.last());
    assert_eq!(session.missed(&logs), Ok(vec![3, 4]));
}

/// A client that was idle for longer than the log reaches back has missed nothing by that.
#[test]
fn an_idle_client_is_recovered_however_long_it_was_idle() {
    let mut logs = logs(50);
    let mut idle = session(&logs);
    let offset = emit_at(&mut logs, 1, 0);
    idle.sent(offset);
    logs.shrink(Duration::from_secs(10_000));
    idle.park(logs.last());
    emit_at(&mut logs, 2, 10_000);
    idle.acknowledge(offset, logs.last());
    assert_eq!(idle.missed(&logs), Ok(vec![2]));
}

#[test]
fn a_client_that_missed_what_is_gone_is_told() {
    let mut logs = logs(50);
    let mut session = session(&logs);
    session.sent(emit_at(&mut logs, 1, 0));
    session.park(logs.last());
    emit_at(&mut logs, 2, 200);
    assert_eq!(session.missed(&logs), Err(Lost));
    assert!(session.hand_over(&logs, Marks::default()).segments[0].lost_until.is_some());
}

/// Of what reached both places the new one sends nothing again, and of what reached it alone nothing is missing.
#[test]
fn a_session_that_moves_takes_what_it_missed_along_once() {
    let (mut old, mut new) = (logs(50), logs(9_000));
    let mut session_there = session(&old);
    let offset = emit(&mut old, 1);
    session_there.sent(offset);
    session_there.park(old.last());
    let mut session_here = session(&new);
    session_here.park(new.last());
    let mut marks = Marks::default();
    emit(&mut old, 2);
    emit(&mut old, 3);
    marks.note(Stamp { lane: Lane { instance: 1, number: 1 }, number: 3 });
    let of_new: Vec<_> = (2..=4).map(|number| emit(&mut new, number)).collect();
    session_here.take_over(session_there.hand_over(&old, marks), &new, &mut Marks::default());
    let last = emit(&mut new, 5);
    let mut seen_one = session_here.clone();
    seen_one.acknowledge(offset, new.last());
    assert_eq!(seen_one.missed(&new), Ok(vec![2, 3, 4, 5]));
    assert_eq!(
        session_here.missed(&new),
        Ok(vec![1, 2, 3, 4, 5]),
        "the client says that it has seen nothing"
    );
    // It comes back once more, having seen a part of what it was sent then.
    seen_one.resume(new.last());
    seen_one.park(new.last());
    for (offset, rest) in [(Position::new(52), vec![3, 4, 5]), (of_new[2], vec![5]), (last, vec![])] {
        let mut back = seen_one.clone();
        back.acknowledge(offset, new.last());
        assert_eq!(back.missed(&new), Ok(rest), "{offset}");
    }
}

#[test]
fn segments_that_were_forgotten_are_missed_only_by_a_client_that_has_not_seen_them() {
    let (mut old, mut new) = (logs(50), logs(9_000));
    let mut there = session(&old);
    there.sent(emit(&mut old, 1));
    let mut here = session(&new);
    here.take_over(there.hand_over(&old, Marks::default()), &new, &mut Marks::default());
    here.resume(new.last());
    here.forget_segments();
    let mut back = here.clone();
    back.acknowledge(emit(&mut new, 2), new.last());
    assert_eq!(back.missed(&new), Ok(vec![]));
    assert_eq!(here.missed(&new), Err(Lost));
}

/// Rooms count as they were when each packet was sent; those left long ago are forgotten.
#[test]
fn a_client_that_has_left_a_room_still_gets_what_it_missed_there() {
    let mut logs = logs(50);
    let mut session = session(&logs);
    session.sent(emit(&mut logs, 1));
    session.memberships_mut().leave(&"a".into(), logs.last());
    emit(&mut logs, 2);
    session.memberships_mut().join(&"a".into(), logs.last());
    session.sent(emit(&mut logs, 3));
    session.park(logs.last());
    assert_eq!(session.missed(&logs), Ok(vec![1, 3]));
    session.memberships_mut().forget_before(Position::new(51));
    assert_eq!(session.missed(&logs), Ok(vec![3]));
}

/// Nothing was logged here meanwhile: without a position of its own the second stay would begin where the first one ended.
#[test]
fn a_session_that_returns_to_a_place_tells_its_stays_apart() {
    let (mut first, mut second) = (logs(50), logs(9_000));
    let mut stay = session(&first);
    let offset = emit(&mut first, 1);
    stay.sent(offset);
    stay.park(first.last());
    let mut away = session(&second);
    away.take_over(stay.hand_over(&first, Marks::default()), &second, &mut Marks::default());
    emit(&mut second, 2);
    let mut back = Session::new(Memberships::new(first.advance(), ["a".into()]));
    back.take_over(away.hand_over(&second, Marks::default()), &first, &mut Marks::default());
    back.acknowledge(offset, first.last());
    assert_eq!(back.missed(&first), Ok(vec![2]));
}
