use proptest::prelude::*;

use super::*;
use crate::recovery::stamp::Lane;

const ROOMS: [&str; 4] = ["a", "b", "c", "d"];
const NO_BOUNDS: LogBounds =
    LogBounds { age: Duration::from_secs(1_000_000), room_bytes: usize::MAX, bytes: usize::MAX };

#[derive(Clone, Debug)]
enum Step {
    Emit { rooms: Vec<usize>, except: Vec<usize> },
    Join(usize),
    Leave(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let rooms = || prop::collection::vec(0..ROOMS.len(), 0..3);
    prop_oneof![
        4 => (rooms(), rooms()).prop_map(|(rooms, except)| Step::Emit { rooms, except }),
        1 => (0..ROOMS.len()).prop_map(Step::Join),
        1 => (0..ROOMS.len()).prop_map(Step::Leave),
    ]
}

fn named(rooms: &[usize]) -> SmallVec<[Room; 2]> {
    rooms.iter().map(|room| ROOMS[*room].into()).collect()
}

fn emit(logs: &mut Logs<Position>, rooms: &[usize], except: &[usize], second: u64, bytes: usize) -> Position {
    let stamp = Stamp { lane: Lane { instance: 1, number: 1 }, number: second };
    let scope = Scope { rooms: named(rooms), except: named(except) };
    let now = Duration::from_secs(second);
    logs.append(stamp, scope, now, |_| true, |position| (position, bytes)).position
}

/// Plays steps to logs. Returns the memberships of a session that was there from the beginning, and the positions that
/// concerned it.
fn play(logs: &mut Logs<Position>, steps: &[Step]) -> (Memberships, Vec<Position>) {
    let mut memberships = Memberships::new(logs.last(), ["a".into()]);
    let (mut inside, mut concerned) = (vec![0], Vec::new());
    for (second, step) in steps.iter().enumerate() {
        match step {
            Step::Emit { rooms, except } => {
                let position = emit(logs, rooms, except, second as u64, 10);
                let is_in = |rooms: &[usize]| rooms.iter().any(|room| inside.contains(room));
                if (rooms.is_empty() || is_in(rooms)) && !is_in(except) {
                    concerned.push(position);
                }
            }
            Step::Join(room) => {
                memberships.join(&ROOMS[*room].into(), logs.last());
                inside.push(*room);
            }
            Step::Leave(room) => {
                memberships.leave(&ROOMS[*room].into(), logs.last());
                inside.retain(|inside| inside != room);
            }
        }
    }
    (memberships, concerned)
}

proptest! {
    /// Union, except and once, by the rooms that the session was in when each packet was sent.
    #[test]
    fn a_session_missed_what_concerned_it_then(steps in prop::collection::vec(step(), 0..60), from in 0u64..60) {
        let mut logs = Logs::new(NO_BOUNDS, Position::new(100));
        let (memberships, mut concerned) = play(&mut logs, &steps);
        let from = Position::new(100 + from);
        concerned.retain(|position| *position > from);
        let missed = logs.missed(&memberships, from).expect("everything is kept");
        prop_assert_eq!(missed.iter().map(|entry| entry.packet).collect::<Vec<_>>(), concerned);
    }

    #[test]
    fn what_is_missing_is_told_whatever_the_bound(
        steps in prop::collection::vec(step(), 0..80),
        from in 0u64..80,
        age in 1u64..80,
        room in 1usize..20,
        all in 1usize..40,
        hole in prop::option::of(0usize..80),
    ) {
        let bounds = LogBounds { age: Duration::from_secs(age), room_bytes: room * 10, bytes: all * 10 };
        let mut logs = Logs::new(bounds, Position::new(100));
        let (before, after) = steps.split_at(hole.unwrap_or(0).min(steps.len()));
        let (memberships, mut concerned) = if hole.is_some() {
            play(&mut logs, before);
            logs.skip();
            let at = logs.last();
            let (memberships, concerned) = play(&mut logs, after);
            // A session that came after the hole has missed nothing by it.
            prop_assert!(memberships.start() >= at);
            (memberships, concerned)
        } else {
            play(&mut logs, after)
        };
        let from = Position::new(100 + from);
        concerned.retain(|position| *position > from);
        if let Ok(missed) = logs.missed(&memberships, from) {
            prop_assert_eq!(missed.iter().map(|entry| entry.packet).collect::<Vec<_>>(), concerned.clone());
        }
        let floor = logs.floor(&memberships, from);
        concerned.retain(|position| *position > floor);
        let kept = logs.missed(&memberships, floor).expect("everything after the floor is kept");
        prop_assert_eq!(kept.iter().map(|entry| entry.packet).collect::<Vec<_>>(), concerned);
    }

    #[test]
    fn bounds_hold_and_the_accounts_balance(
        emits in prop::collection::vec((prop::collection::vec(0..ROOMS.len(), 0..4), 1usize..300, 0u64..3), 0..200),
    ) {
        let bounds = LogBounds { age: Duration::from_secs(20), room_bytes: 500, bytes: 1_200 };
        let mut logs = Logs::new(bounds, Position::new(0));
        let mut second = 0;
        for (rooms, bytes, passed) in emits {
            second += passed;
            emit(&mut logs, &rooms, &[], second, bytes);
            let sums = logs.rooms.values().map(|log| log.entries.iter().map(|entry| entry.bytes).sum::<usize>());
            let (sums, counts): (Vec<_>, Vec<_>) =
                sums.zip(logs.rooms.values().map(|log| log.entries.len())).unzip();
            prop_assert!(sums.iter().all(|sum| *sum <= bounds.room_bytes));
            prop_assert!(logs.bytes() <= bounds.bytes);
            prop_assert_eq!(sums.iter().sum::<usize>(), logs.bytes());
            prop_assert_eq!(counts.iter().sum::<usize>(), logs.len());
            prop_assert!(logs.order.len() <= 2 * logs.len() + 34, "{} for {}", logs.order.len(), logs.len());
        }
        logs.shrink(Duration::from_secs(second + 21));
        prop_assert_eq!((logs.len(), logs.bytes(), logs.rooms.len(), logs.order.len()), (0, 0, 0, 0));
    }
}

#[test]
fn a_loud_room_takes_nothing_from_a_quiet_one() {
    let bounds = LogBounds { room_bytes: 100, ..NO_BOUNDS };
    let mut logs = Logs::new(bounds, Position::new(0));
    let start = logs.last();
    let quiet = emit(&mut logs, &[0], &[], 0, 10);
    for second in 0..1_000 {
        emit(&mut logs, &[1], &[], second, 10);
    }
    let of = |room: &str| Memberships::new(start, [room.into()]);
    let missed = logs.missed(&of("a"), start).expect("kept");
    assert_eq!(missed.iter().map(|entry| entry.position).collect::<Vec<_>>(), [quiet]);
    assert_eq!(logs.missed(&of("b"), start).map(|missed| missed.len()), Err(Lost));
    assert_eq!(logs.len(), 11);
}

#[test]
fn rooms_without_members_are_not_logged() {
    let mut logs = Logs::new(NO_BOUNDS, Position::new(0));
    let stamp = Stamp { lane: Lane { instance: 1, number: 1 }, number: 1 };
    let scope = Scope { rooms: named(&[0, 1]), except: named(&[]) };
    logs.append(stamp, scope, Duration::ZERO, |room| room.as_str() == "b", |position| (position, 1));
    assert_eq!((logs.len(), logs.bytes()), (1, 1));
}

#[test]
fn restoring_looks_at_nothing_but_the_rooms_of_the_session() {
    let mut logs = Logs::new(NO_BOUNDS, Position::new(0));
    let start = logs.last();
    for second in 0..10_000 {
        emit(&mut logs, &[1], &[], second, 10);
    }
    emit(&mut logs, &[0], &[], 10_000, 10);
    let memberships = Memberships::new(start, ["a".into()]);
    let mut found = Vec::new();
    logs.collect(Some("a".into()), start, logs.last(), &mut found).expect("kept");
    assert_eq!(found.len(), 1);
    assert_eq!(logs.missed(&memberships, start).expect("kept").len(), 1);
}
