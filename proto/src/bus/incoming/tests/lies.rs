//! Numbers that are not true, in the name of a sender that lives.

use proptest::prelude::*;

use super::*;

/// Frames that a program may publish once it has seen one frame of a sender.
fn forged(frame: &Frame, sequence: u64, subject_sequence: u64) -> Frame {
    altered(frame, |envelope| {
        (envelope.sequence, envelope.subject_sequence) = (sequence, subject_sequence);
        if envelope.body.as_ref().is_some_and(|body| matches!(body, Body::Reply(_))) {
            envelope.body = Some(event(0, 0));
        }
    })
}

impl Ear {
    fn set_back(&self) -> u64 {
        self.meters.set_back.get()
    }
}

#[test]
fn a_sequence_that_cannot_be_is_refused_and_silences_nobody() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    let first = mouth.say(&subject(1), 1);
    ear.take_all([&first]);
    for sequence in [u64::MAX, u64::MAX - 1, 1 << 40, SENT_IN_A_SECOND_MAX + 2] {
        for number in [1, 2, 1 << 20] {
            ear.take(&forged(&first, sequence, number)).unwrap_err();
        }
    }
    let lost = mouth.say(&subject(1), 2);
    ear.take_all(&[mouth.say(&subject(1), 3), mouth.heartbeat(1000)]);
    assert_eq!(ear.released(), [Event(1), Event(3), Released::Heartbeat, Lost(1)]);
    ear.take_all([&lost]);
    assert_eq!(ear.counts(), [1, 1, 12, 0]);
    assert_eq!(ear.set_back(), 0);
}

#[test]
fn a_number_that_contradicts_the_sequence_is_refused() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    ear.take_all(&[mouth.say(&subject(1), 1), mouth.say(&subject(2), 2)]);
    let next = mouth.say(&subject(1), 3);
    for (sequence, number) in [(3, u64::MAX), (3, 4), (4, 5), (1 << 20, (1 << 20) + 1)] {
        ear.take(&forged(&next, sequence, number)).unwrap_err();
    }
    ear.take_all(&[next, mouth.say(&subject(1), 4)]);
    assert_eq!(ear.released(), [Event(1), Event(2), Event(3), Event(4)]);
    assert_eq!(ear.counts(), [0, 0, 4, 0]);
}

#[test]
fn a_sender_that_was_away_may_have_come_far() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    ear.take_all(&[mouth.say(&subject(1), 1)]);
    ear.released();
    ear.now += Duration::from_secs(3600);
    let hour = 3600 * SENT_IN_A_SECOND_MAX / 2;
    let far = forged(&mouth.say(&subject(1), 2), hour, hour);
    ear.take_all([&far]);
    assert_eq!(ear.released(), [Event(0), Lost(hour - 2)]);
}

#[test]
fn a_heartbeat_of_the_true_sender_sets_right_what_could_have_been_true() {
    for (ahead, number) in [(1000, 1), (1_000_000, 1), (1_000_000, 1_000_000)] {
        let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
        let first = mouth.say(&subject(1), 1);
        ear.take_all([&first]);
        ear.take_all(&[forged(&mouth.say(&subject(1), 2), 2 + ahead, 1 + number)]);
        ear.released();
        let muted = [mouth.say(&subject(1), 3), mouth.say(&subject(2), 4)];
        // These are behind what was believed.
        muted.iter().for_each(|frame| drop(ear.take(frame)));
        ear.take_all(&[mouth.heartbeat(1000)]);
        let released = ear.released();
        assert!(released.contains(&Released::Heartbeat), "{ahead}, {number}: {released:?}");
        ear.take_all(&[mouth.say(&subject(1), 5), mouth.say(&subject(2), 6), mouth.heartbeat(1000)]);
        assert_eq!(ear.released(), [Event(5), Event(6), Released::Heartbeat], "{ahead}, {number}");
        assert!(ear.set_back() > 0);
    }
}

#[test]
fn a_number_on_the_subject_of_heartbeats_does_not_hide_them() {
    for ahead in [1, 60, 70, 1_000_000] {
        let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
        let first = mouth.heartbeat(1000);
        ear.take_all(&[first.clone(), forged(&first, 1 + ahead, 1 + ahead)]);
        for _ in 0..3 {
            ear.take_all(&[mouth.heartbeat(1000)]);
        }
        let heartbeats =
            |released: Vec<Released>| released.iter().filter(|one| **one == Released::Heartbeat).count();
        // One may have the very number that was forged.
        assert!(heartbeats(ear.released()) >= 4, "{ahead}");
    }
}

#[test]
fn what_was_forged_before_its_sender_was_known_is_set_right() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    let first = mouth.say(&subject(1), 1);
    ear.take(&forged(&first, u64::MAX, 7)).unwrap_err();
    ear.take_all(&[forged(&first, 1 << 53, 1 << 53), forged(&first, 1 << 53, 7)]);
    assert_eq!(ear.released(), [Event(0)]);
    ear.take_all(&[mouth.heartbeat(1000)]);
    ear.released();
    ear.take_all(&[mouth.say(&subject(1), 2), mouth.say(&subject(2), 3)]);
    assert_eq!(ear.released(), [Event(2), Event(3)]);
}

#[test]
fn a_goodbye_in_the_name_of_another_does_not_end_it() {
    for ahead in [1, 1000] {
        let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
        ear.take_all(&[mouth.say(&subject(1), 1), mouth.heartbeat(1000)]);
        let goodbye = mouth.frames(&[Subject::Nodes], &Body::Goodbye(wire::Goodbye {})).remove(0);
        ear.take_all(&[forged(&goodbye, 2 + ahead, 2)]);
        let mut out = VecDeque::new();
        ear.incoming.release(&mut out, ear.now);
        ear.take_all(&[mouth.heartbeat(1000)]);
        ear.released();
        ear.take_all(&[mouth.say(&subject(1), 2)]);
        assert_eq!(ear.released(), [Event(2)], "{ahead}");
    }
}

#[test]
fn a_heartbeat_that_lies_about_other_subjects_is_not_believed() {
    let (mut liar, mut other, mut ear) = (Mouth::new(), Mouth::of(8), Ear::new());
    let first = [liar.say(&subject(1), 1), liar.say(&subject(2), 1), other.say(&subject(1), 2)];
    ear.take_all(&first);
    let tail = |n| wire::Tail { subject: subject(n).path(), subject_sequence: u64::MAX, subject_start: 0 };
    let tails = vec![tail(1), tail(2), tail(1), tail(3)];
    let lie = Body::Heartbeat(wire::Heartbeat { tails, interval_ms: u64::MAX, ..Default::default() });
    ear.take_all(&liar.frames(&[Subject::Nodes], &lie));
    assert_eq!(ear.released(), [Event(1), Event(1), Released::Heartbeat, Event(2)]);
    ear.take_all(&[liar.say(&subject(1), 3), other.say(&subject(1), 4)]);
    assert_eq!(ear.released(), [Event(3), Event(4)]);
    assert_eq!(ear.counts(), [0, 0, 1, 0]);
}

#[test]
fn sums_stop_at_the_end_and_do_not_begin_again() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    ear.meters.lost.set(u64::MAX - 1);
    ear.take_all(&[mouth.say(&subject(1), 1)]);
    let _lost: Vec<_> = (2..=5).map(|n| mouth.say(&subject(1), n)).collect();
    ear.take_all(&[mouth.say(&subject(1), 6)]);
    assert_eq!(ear.released(), [Event(1), Event(6), Lost(4)]);
    assert_eq!(ear.meters.lost.get(), u64::MAX);
}

#[derive(Clone, Debug)]
enum Act {
    Say(u32),
    Beat,
    /// Something in the name of the sender: whether it is a heartbeat, how far ahead, on a subject, and whether that has
    /// begun again.
    Forge(bool, u64, u64, u32, bool),
    Release,
}

fn act() -> impl Strategy<Value = Act> {
    let ahead = || prop_oneof![0..4_u64, 0..200_u64, 0..1_u64 << 25, any::<u64>()];
    prop_oneof![
        4 => (1..3_u32).prop_map(Act::Say),
        1 => Just(Act::Beat),
        2 => (any::<bool>(), ahead(), ahead(), 1..3_u32, any::<bool>()).prop_map(
            |(beats, sequence, number, subject, restarts)| Act::Forge(beats, sequence, number, subject, restarts)
        ),
        2 => Just(Act::Release),
    ]
}

proptest! {
    #[test]
    fn whatever_is_forged_a_sender_that_beats_is_heard_again(acts in proptest::collection::vec(act(), 0..60)) {
        let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
        let (mut n, mut heard) = (0, Vec::new());
        let hear = |ear: &mut Ear, heard: &mut Vec<u64>| {
            heard.extend(ear.released().into_iter().filter_map(|one| if let Event(n) = one { Some(n) } else { None }));
        };
        for act in acts {
            match act {
                Act::Say(which) => {
                    n += 1;
                    let _ = ear.take(&mouth.say(&subject(which), n));
                }
                Act::Beat => drop(ear.take(&mouth.heartbeat(1000))),
                Act::Forge(beats, sequence, number, which, restarts) => {
                    let start = if restarts { number.saturating_sub(1) } else { 0 };
                    // With numbers of its own, which the true sender uses later.
                    let mut liar = Mouth::new();
                    let tail = wire::Tail { subject: subject(which).path(), subject_sequence: number, subject_start: start };
                    let heartbeat = wire::Heartbeat { interval_ms: 1000, tails: vec![tail], ..Default::default() };
                    let frame = if beats {
                        liar.frames(&[Subject::Nodes], &Body::Heartbeat(heartbeat)).remove(0)
                    } else {
                        liar.say(&subject(which), 0)
                    };
                    let last = mouth.outgoing.sequence();
                    let forged = forged(&frame, last.saturating_add(sequence), number.max(1));
                    let forged = altered(&forged, |envelope| envelope.subject_start = start);
                    let _ = ear.take(&forged);
                }
                Act::Release => hear(&mut ear, &mut heard),
            }
        }
        hear(&mut ear, &mut heard);
        heard.retain(|n| *n != 0);
        let mut once = heard.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), heard.len(), "something was heard twice");
        // The first envelope on a subject may find its number taken.
        (1..=2).for_each(|which| drop(ear.take(&mouth.say(&subject(which), 0))));
        // What is ahead by less than `FAR` is reached by then.
        for _ in 0..FAR + 2 {
            let _ = ear.take(&mouth.heartbeat(1000));
            ear.released();
        }
        let last: Vec<_> = (1..=2).map(|which| mouth.say(&subject(which), 1_000_000)).collect();
        last.iter().for_each(|frame| drop(ear.take(frame)));
        prop_assert_eq!(&ear.released()[..2], &[Event(1_000_000), Event(1_000_000)]);
        prop_assert!(ear.meters.lost.get() < 1 << 60);
    }
}
