//! Subjects that come and go, and what is remembered of them.

use super::subjects::{SUBJECTS_KEPT, SUBJECTS_MAX};
use super::*;

impl Outgoing {
    /// Remembers no more subjects than these: of those that were told, and of all.
    pub(crate) fn with_bounds(mut self, kept: usize, max: usize) -> Self {
        (self.subjects.kept, self.subjects.max) = (kept, max);
        self
    }
}

/// The numbers of the next envelope on a subject: before the first, and its own.
fn next(outgoing: &mut Outgoing, number: u32) -> (u64, u64) {
    let header = outgoing.number(&[bucket(number)]).remove(0).header;
    (header.subject_start, header.subject_sequence)
}

/// The tails of a heartbeat, which is numbered.
fn beat(outgoing: &mut Outgoing) -> HashMap<String, u64> {
    let tails = tails(outgoing);
    outgoing.number(&[Subject::Nodes]);
    tails
}

#[test]
fn subjects_that_were_told_are_forgotten_but_for_those_used_last() {
    let mut outgoing = outgoing().with_bounds(100, 10_000);
    for round in 0..20 {
        for n in 0..400 {
            next(&mut outgoing, round * 400 + n);
        }
        for _ in 0..TOLD_AGAIN {
            assert!(outgoing.subjects.len() >= 400, "forgotten before it was told");
            assert!(beat(&mut outgoing).len() >= 400);
        }
        // Receivers of earlier releases want some envelopes in between.
        (0..5).for_each(|_| drop(beat(&mut outgoing)));
        assert_eq!(outgoing.subjects.len(), 101, "those and that of heartbeats");
    }
    for n in 7_900..8_000 {
        assert!(next(&mut outgoing, n).1 > next(&mut outgoing, n).0 + 1, "the last ones count on");
    }
}

#[test]
fn what_a_node_that_falls_silent_remembers_shrinks() {
    let mut outgoing = outgoing();
    for n in 0..20_000 {
        for _ in 0..n % 7 {
            next(&mut outgoing, n);
        }
    }
    let told: HashSet<_> = (0..200).flat_map(|_| beat(&mut outgoing).into_keys()).collect();
    assert_eq!(told.len(), 20_000 / 7 * 6 + 1);
    assert!(outgoing.subjects.len() <= SUBJECTS_KEPT + 1, "{}", outgoing.subjects.len());
}

#[test]
fn subjects_have_a_bound_though_no_heartbeat_tells_them() {
    let mut outgoing = outgoing();
    for n in 0..4 * SUBJECTS_MAX as u32 {
        next(&mut outgoing, n);
        assert!(outgoing.subjects.len() <= SUBJECTS_MAX);
    }
    assert!(outgoing.subjects.len() >= SUBJECTS_MAX / 10 * 9);
}

#[test]
fn even_subjects_that_receivers_of_earlier_releases_need_have_a_bound() {
    let mut outgoing = outgoing().with_bounds(10, 100);
    // Each has come as far as everything together: whatever returns to any of them grows too fast.
    for n in 0..1000 {
        for _ in 0..=n {
            next(&mut outgoing, n);
        }
        beat(&mut outgoing);
        assert!(outgoing.subjects.len() <= 100);
    }
}

#[test]
fn a_subject_that_returns_counts_on_and_says_from_where() {
    let mut outgoing = outgoing().with_bounds(10, 10_000);
    for _ in 0..5 {
        next(&mut outgoing, 0);
    }
    assert_eq!(next(&mut outgoing, 0), (0, 6));
    for n in 1..=100 {
        next(&mut outgoing, n);
    }
    (0..20).for_each(|_| drop(beat(&mut outgoing)));
    assert_eq!(next(&mut outgoing, 0), (6, 7));
    assert_eq!(next(&mut outgoing, 0), (6, 8));
    assert_eq!(next(&mut outgoing, 200), (6, 7), "a new subject may be an old one");
    let mut body = Body::Heartbeat(wire::Heartbeat::default());
    outgoing.complete(&mut body);
    let Body::Heartbeat(heartbeat) = body else { unreachable!("it was one") };
    let tail = wire::Tail { subject: bucket(0).path(), subject_sequence: 8, subject_start: 6 };
    assert!(heartbeat.tails.contains(&tail), "{:?}", heartbeat.tails);
}

#[test]
fn the_subject_of_heartbeats_is_never_forgotten() {
    let mut outgoing = outgoing().with_bounds(2, 10);
    for n in 0..100 {
        next(&mut outgoing, n);
        beat(&mut outgoing);
        let header = outgoing.number(&[Subject::Nodes]).remove(0).header;
        assert_eq!((header.subject_start, header.subject_sequence), (0, 2 * u64::from(n) + 2));
    }
}
