//! Senders that forget their subjects: what is missing is counted right, and receivers of earlier releases hear everything.

use proptest::prelude::*;

use super::*;

/// What happens to frames on their way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Arrives,
    Lost,
}

#[derive(Clone, Debug)]
enum Act {
    Say(u32, Way),
    /// A new subject, used once.
    Pass,
    Beat(Way),
}

fn act() -> impl Strategy<Value = Act> {
    let way = || prop_oneof![3 => Just(Way::Arrives), 1 => Just(Way::Lost)];
    prop_oneof![
        6 => (1..6_u32, way()).prop_map(|(which, way)| Act::Say(which, way)),
        4 => Just(Act::Pass),
        2 => way().prop_map(Act::Beat),
    ]
}

/// Heartbeats that arrive all, as one of three must.
fn without_lost_heartbeats(mut acts: Vec<Act>) -> Vec<Act> {
    for act in &mut acts {
        if let Act::Beat(way) = act {
            *way = Way::Arrives;
        }
    }
    acts
}

/// A sender that remembers few subjects, and a receiver.
struct Scene {
    mouth: Mouth,
    ear: Ear,
    /// Whether the receiver does not know `subject_start`.
    is_old: bool,
    /// Subjects that were used once.
    passed: u32,
    said: Vec<u64>,
    heard: Vec<u64>,
    lost: u64,
    restarts: u64,
}

impl Scene {
    fn new(kept: usize, max: usize, is_old: bool) -> Self {
        let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
        mouth.outgoing = mouth.outgoing.with_bounds(kept, max);
        (1..6).for_each(|which| ear.hears(&subject(which)));
        // Everything that is said from now on must come.
        ear.now += Duration::from_secs(60);
        let mut scene = Self {
            mouth,
            ear,
            is_old,
            passed: 1000,
            said: Vec::new(),
            heard: Vec::new(),
            lost: 0,
            restarts: 0,
        };
        scene.beat(Way::Arrives);
        scene
    }

    fn say(&mut self, which: u32, way: Way) {
        let number = self.said.len() as u64 + 1;
        self.said.push(number);
        let frame = self.mouth.say(&subject(which), number);
        if way == Way::Arrives {
            self.take(&frame);
        }
    }

    fn pass(&mut self) {
        self.passed += 1;
        self.mouth.say(&subject(self.passed), 0);
    }

    fn beat(&mut self, way: Way) {
        let heartbeat = self.mouth.heartbeat(0);
        if way == Way::Arrives {
            self.take(&heartbeat);
        }
        self.read();
    }

    fn take(&mut self, frame: &Frame) {
        let frame = altered(frame, |envelope| {
            self.restarts += u64::from(envelope.subject_start > 0);
            if self.is_old {
                envelope.subject_start = 0;
                if let Some(Body::Heartbeat(heartbeat)) = &mut envelope.body {
                    heartbeat.tails.iter_mut().for_each(|tail| tail.subject_start = 0);
                }
            }
        });
        self.ear.take(&frame).expect("it is taken");
    }

    fn read(&mut self) {
        for released in self.ear.released() {
            match released {
                Event(number) => self.heard.push(number),
                Lost(count) => self.lost += count,
                Released::Heartbeat => {}
            }
        }
    }

    fn play(&mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Say(which, way) => self.say(which, way),
                Act::Pass => self.pass(),
                Act::Beat(way) => self.beat(way),
            }
        }
        (0..3).for_each(|_| self.beat(Way::Arrives));
    }

    fn arrived(&self, acts: &[Act]) -> usize {
        acts.iter().filter(|act| matches!(act, Act::Say(_, Way::Arrives))).count()
    }
}

#[test]
fn the_return_of_a_subject_that_was_forgotten_is_not_a_loss_and_what_is_lost_then_is() {
    let mut scene = Scene::new(2, 1000, false);
    (0..5).for_each(|_| scene.say(1, Way::Arrives));
    scene.say(2, Way::Arrives);
    scene.say(2, Way::Lost);
    (0..20).for_each(|_| scene.pass());
    (0..20).for_each(|_| scene.beat(Way::Arrives));
    assert_eq!(scene.lost, 1);
    scene.say(1, Way::Arrives);
    scene.read();
    assert_eq!(scene.lost, 1, "numbers that were never given are missed");
    // The first one is lost: the second says that there was one.
    scene.say(2, Way::Lost);
    scene.say(2, Way::Arrives);
    scene.read();
    assert_eq!(scene.lost, 2);
    // And nothing follows: the heartbeat says so.
    scene.say(3, Way::Lost);
    scene.say(1, Way::Lost);
    scene.beat(Way::Arrives);
    assert_eq!((scene.heard.len(), scene.lost), (8, 4));
    assert!(scene.restarts >= 2);
    assert_eq!(scene.ear.counts()[1..], [0; 3]);
}

#[test]
fn receivers_of_earlier_releases_hear_what_returns_to_a_subject_that_a_late_heartbeat_told_of() {
    let mut restarts = 0;
    for beats in 0..30 {
        let mut scene = Scene::new(0, 1000, true);
        (0..10).for_each(|_| scene.say(1, Way::Arrives));
        scene.say(2, Way::Lost);
        scene.beat(Way::Lost);
        scene.beat(Way::Lost);
        (0..beats).for_each(|_| scene.beat(Way::Arrives));
        scene.say(2, Way::Arrives);
        scene.read();
        assert_eq!(scene.heard.len(), 11);
        restarts += scene.restarts;
    }
    assert!(restarts > 0, "the subject was never forgotten");
}

proptest! {
    #[test]
    fn every_envelope_is_heard_or_counted_once_whatever_its_sender_forgets(
        kept in 0..4_usize,
        acts in proptest::collection::vec(act(), 0..150),
    ) {
        let mut scene = Scene::new(kept, 10_000, false);
        let arrived = scene.arrived(&acts);
        scene.play(without_lost_heartbeats(acts));
        prop_assert_eq!(scene.heard.len(), arrived);
        prop_assert_eq!(scene.heard.len() as u64 + scene.lost, scene.said.len() as u64);
        prop_assert_eq!(&scene.ear.counts()[1..], &[0; 3]);
        prop_assert_eq!(scene.ear.meters.set_back.get(), 0);
    }

    /// Without room for what was not told some losses stay unknown; nothing else may go wrong.
    #[test]
    fn no_envelope_is_counted_as_lost_that_was_heard_though_there_is_no_room(
        max in 2..6_usize,
        acts in proptest::collection::vec(act(), 0..150),
    ) {
        let mut scene = Scene::new(1, max, false);
        let arrived = scene.arrived(&acts);
        scene.play(acts);
        prop_assert_eq!(scene.heard.len(), arrived);
        prop_assert!(scene.heard.len() as u64 + scene.lost <= scene.said.len() as u64);
        prop_assert_eq!(&scene.ear.counts()[1..], &[0; 3]);
    }

    #[test]
    fn receivers_of_earlier_releases_hear_whatever_arrives(
        kept in 0..4_usize,
        acts in proptest::collection::vec(act(), 0..150),
    ) {
        let mut scene = Scene::new(kept, 10_000, true);
        let arrived = scene.arrived(&acts);
        scene.play(acts);
        prop_assert_eq!(scene.heard.len(), arrived);
        prop_assert!(scene.heard.len() as u64 + scene.lost >= scene.said.len() as u64);
        prop_assert_eq!(&scene.ear.counts()[1..], &[0; 3]);
    }
}
