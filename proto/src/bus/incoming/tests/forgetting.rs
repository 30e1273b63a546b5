//! Senders and numbers that a receiver forgets, and envelopes that come after that.

use super::*;

impl Mouth {
    /// One that tells many subjects.
    fn heartbeat_in_parts(&mut self) -> Vec<Frame> {
        let mut body = Body::Heartbeat(wire::Heartbeat { interval_ms: 1000, ..Default::default() });
        self.outgoing.complete(&mut body);
        self.frames(&[Subject::Nodes], &body)
    }

    fn goodbye(&mut self) -> Frame {
        self.frames(&[Subject::Nodes], &Body::Goodbye(wire::Goodbye {})).remove(0)
    }
}

impl Ear {
    /// Everything that was released, without looking at it.
    fn release(&mut self) -> usize {
        let mut out = VecDeque::new();
        self.incoming.release(&mut out, self.now);
        out.len()
    }

    /// Time passes in which others are heard.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            self.release();
        }
    }

    /// Senders, and subjects of them, that are remembered.
    fn remembered(&mut self) -> (u64, u64) {
        self.pass(6);
        (self.meters.senders.get(), self.meters.sender_subjects.get())
    }
}

#[test]
fn a_hundred_restarts_leave_no_more_than_a_hundred_numbers() {
    let mut ear = Ear::new();
    let subjects: Vec<_> = (1..=1000).map(subject).collect();
    subjects.iter().for_each(|subject| ear.hears(subject));
    let mut living = Mouth::of(10);
    for subject in &subjects {
        ear.take_all(&[living.say(subject, 1)]);
    }
    for run in 11..=110 {
        let mut mouth = Mouth::of(run);
        for subject in &subjects {
            ear.take_all(&[mouth.say(subject, 1)]);
        }
        ear.take_all(&mouth.heartbeat_in_parts());
        ear.take_all(&[mouth.goodbye()]);
        assert_eq!(ear.release(), if run == 11 { 2002 } else { 1002 });
    }
    assert_eq!(ear.remembered(), (101, 1000));
    ear.take_all(&[living.say(&subject(7), 2)]);
    assert_eq!(ear.released(), [Event(2)]);
    assert_eq!(ear.counts(), [0; 4]);
}

#[test]
fn what_comes_late_of_a_run_that_said_goodbye_is_not_handed_out() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    let frames = [mouth.say(&subject(1), 1), mouth.say(&own(), 2), mouth.say(&subject(2), 3)];
    ear.take_all(&frames[..2]);
    ear.take_all(&[mouth.heartbeat(1000), mouth.goodbye()]);
    assert_eq!(ear.release(), 4);
    // Twice, and for the first time.
    ear.take_all(&frames);
    assert_eq!(ear.released(), []);
    assert_eq!(ear.counts(), [0, 3, 0, 0]);
}

#[test]
fn a_node_that_says_goodbye_and_lives_on_is_heard() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    ear.take_all(&[mouth.say(&own(), 1), mouth.say(&subject(1), 2), mouth.goodbye()]);
    ear.take_all(&[mouth.say(&subject(1), 3)]);
    assert_eq!(ear.release(), 4);
    ear.take_all(&[mouth.goodbye()]);
    assert_eq!(ear.release(), 1);
    let _not_missed = mouth.say(&own(), 4);
    ear.take_all(&[mouth.say(&own(), 5), mouth.say(&subject(1), 6)]);
    assert_eq!(ear.released(), [Event(5), Event(6)]);
    let _lost = mouth.say(&own(), 7);
    ear.take_all(&[mouth.say(&own(), 8)]);
    assert_eq!(ear.released(), [Event(8), Lost(1)]);
}

#[test]
fn parts_of_who_says_goodbye_are_dropped_and_lost_once() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    let parts = mouth.say_in_parts(&subject(1), 1, 4);
    ear.take_all(&parts[..2]);
    assert!(ear.meters.parts_bytes.get() > 1800);
    ear.take_all(&[mouth.goodbye()]);
    assert_eq!(ear.release(), 2);
    assert_eq!((ear.meters.parts_bytes.get(), ear.meters.lost.get()), (0, 1));
    ear.take_all(&parts[2..]);
    assert_eq!(ear.released(), []);
    assert_eq!(ear.counts(), [1, 2, 0, 0]);
}

#[test]
fn a_node_that_is_silent_is_forgotten_with_its_parts() {
    let (mut mouth, mut other, mut ear) = (Mouth::new(), Mouth::of(8), Ear::new());
    ear.take_all(&[mouth.say(&subject(1), 1), mouth.heartbeat(1000), other.say(&subject(1), 1)]);
    ear.take_all(&mouth.say_in_parts(&subject(2), 2, 3)[..2]);
    let late = mouth.say(&subject(1), 3);
    assert_eq!(ear.release(), 3);
    assert_eq!(ear.remembered(), (2, 4));
    // Not if this node hears nobody at all.
    ear.now += Duration::from_secs(3600);
    assert_eq!(ear.remembered(), (2, 4));
    ear.pass(60);
    // The other one never said that it would show itself.
    assert_eq!(ear.remembered(), (2, 1));
    assert_eq!((ear.meters.parts_bytes.get(), ear.meters.lost.get()), (0, 1));
    ear.take_all(&[late, other.say(&subject(1), 2)]);
    assert_eq!(ear.released(), [Event(3), Event(2)]);
}

#[test]
fn silence_is_long_for_who_beats_seldom() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    ear.take_all(&[mouth.heartbeat(20_000)]);
    ear.pass(190);
    assert_eq!(ear.remembered().1, 1);
    ear.pass(20);
    assert_eq!(ear.remembered().1, 0);
}

#[test]
fn senders_that_are_silent_are_forgotten_when_there_are_too_many() {
    let (mut busy, mut ear) = (Mouth::of(u64::MAX), Ear::new());
    for n in 1..=3 * ORIGINS_MAX as u64 {
        ear.take_all(&[Mouth::of(10 + n).say(&subject(1), n)]);
        if n % 1000 == 0 {
            ear.take_all(&[busy.say(&subject(2), n)]);
            ear.release();
        }
    }
    assert!((ORIGINS_MAX * 9 / 10..=ORIGINS_MAX).contains(&ear.incoming.origins.len()));
    assert!(ear.incoming.origins.knows(u64::MAX));
    assert_eq!(ear.counts(), [0; 4]);
}

#[test]
fn subjects_of_silent_senders_are_forgotten_when_there_are_too_many() {
    let (mut busy, mut ear) = (Mouth::of(u64::MAX), Ear::new());
    ear.incoming.origins.subjects_max = 1000;
    let subjects: Vec<_> = (1..=100).map(subject).collect();
    for run in 10..40 {
        let mut mouth = Mouth::of(run);
        for subject in &subjects {
            ear.take_all(&[mouth.say(subject, 1)]);
        }
        ear.take_all(&[busy.say(&subject(1), 1)]);
        ear.release();
    }
    let (senders, remembered) = ear.remembered();
    assert_eq!(senders, 31);
    assert!((700..=1000).contains(&remembered), "{remembered}");
    let _lost = busy.say(&subject(1), 2);
    ear.take_all(&[busy.say(&subject(1), 3)]);
    assert_eq!(ear.released(), [Event(3), Lost(1)]);
}
