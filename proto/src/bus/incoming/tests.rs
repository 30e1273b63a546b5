mod counting;
mod forgetting;
mod lies;
mod parts;
mod round_trip;

use super::heard::FAR;
use super::origin::SENT_IN_A_SECOND_MAX;
use super::origins::{ORIGINS_MAX, PARTS_AGE_MAX};
use super::*;
use crate::bus::outgoing::{Frame, Outgoing, encode};

const INSTANCE: u64 = 7;

/// A sender.
struct Mouth {
    outgoing: Outgoing,
}

/// A receiver.
struct Ear {
    incoming: Incoming,
    meters: Arc<BusMeters>,
    /// A little later with each frame.
    now: Instant,
}

/// Released items, in short.
#[derive(Debug, PartialEq)]
enum Released {
    Event(u64),
    Heartbeat,
    Lost(u64),
}
use Released::{Event, Lost};

impl Mouth {
    fn new() -> Self {
        Self::of(INSTANCE)
    }

    fn of(instance: u64) -> Self {
        Self { outgoing: Outgoing::new(Identity { node: "send".into(), instance }) }
    }

    fn say(&mut self, subject: &Subject, n: u64) -> Frame {
        self.say_to(std::slice::from_ref(subject), n).remove(0)
    }

    fn say_to(&mut self, subjects: &[Subject], n: u64) -> Vec<Frame> {
        self.frames(subjects, &event(n, 0))
    }

    /// An event in so many parts.
    fn say_in_parts(&mut self, subject: &Subject, n: u64, parts: usize) -> Vec<Frame> {
        let frames = self.frames(std::slice::from_ref(subject), &event(n, (parts - 1) * 900));
        assert_eq!(frames.len(), parts);
        frames
    }

    fn heartbeat(&mut self, interval_ms: u64) -> Frame {
        let mut body = Body::Heartbeat(wire::Heartbeat { interval_ms, ..Default::default() });
        self.outgoing.complete(&mut body);
        self.frames(&[Subject::Nodes], &body).remove(0)
    }

    fn frames(&mut self, subjects: &[Subject], body: &Body) -> Vec<Frame> {
        let body = encode(body);
        self.outgoing.number(subjects).iter().flat_map(|copy| copy.frames(&body, 1024)).collect()
    }
}

impl Ear {
    fn new() -> Self {
        let meters = Arc::new(BusMeters::default());
        let identity = Identity { node: "hear".into(), instance: 1 };
        let incoming = Incoming::new(&identity, 20_000, meters.clone());
        // Later than any interval, so that what was before can be told.
        let mut ear = Self { incoming, meters, now: Instant::now() + Duration::from_secs(3600) };
        [subject(1), subject(2), Subject::Nodes, own()].iter().for_each(|subject| ear.hears(subject));
        ear
    }

    fn hears(&mut self, subject: &Subject) {
        self.incoming.subscribed(&subject.path(), self.now);
    }

    fn forgets(&mut self, subject: &Subject) {
        self.incoming.unsubscribed(&subject.path());
    }

    fn take(&mut self, frame: &Frame) -> Result<(), EnvelopeError> {
        self.now += Duration::from_micros(1);
        self.incoming.take(&frame.path, frame.bytes.clone(), self.now)
    }

    fn take_all<'a>(&mut self, frames: impl IntoIterator<Item = &'a Frame>) {
        for frame in frames {
            self.take(frame).expect("it is taken");
        }
    }

    fn released(&mut self) -> Vec<Released> {
        let mut out = VecDeque::new();
        self.incoming.release(&mut out, self.now);
        let short = |inbound| match inbound {
            Inbound::Envelope(Envelope { body: Body::Reply(reply), .. }) => Event(reply.request),
            Inbound::Envelope(Envelope { body: Body::Heartbeat(_), .. }) => Released::Heartbeat,
            Inbound::Lost { count, .. } => Lost(count),
            other => panic!("nobody said this: {other:?}"),
        };
        out.into_iter().map(short).collect()
    }

    /// Lost, late, refused, unknown.
    fn counts(&self) -> [u64; 4] {
        [&self.meters.lost, &self.meters.late, &self.meters.refused, &self.meters.unknown]
            .map(|meter| meter.get())
    }
}

fn event(request: u64, bytes: usize) -> Body {
    Body::Reply(wire::Reply { request, arguments: "x".repeat(bytes), ..Default::default() })
}

/// The `n`th subject: the first two are subscribed to.
fn subject(n: u32) -> Subject {
    Subject::Bucket("/".into(), n)
}

fn own() -> Subject {
    Subject::Node("hear".into())
}

/// The frame with another header or content.
fn altered(frame: &Frame, alter: impl FnOnce(&mut wire::Envelope)) -> Frame {
    use prost::Message;
    let mut envelope = wire::Envelope::decode(frame.bytes.clone()).expect("it was just encoded");
    alter(&mut envelope);
    Frame { path: frame.path.clone(), bytes: envelope.encode_to_vec().into() }
}

// Gaps

#[test]
fn a_gap_in_the_numbers_of_a_subject_is_counted_and_told() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    let frames: Vec<_> = (1..=6).map(|n| mouth.say(&subject(1), n)).collect();
    ear.take_all([&frames[0], &frames[1], &frames[4]]);
    assert_eq!(ear.released(), [Event(1), Event(2), Event(5), Lost(2)]);
    ear.take_all([&frames[5]]);
    assert_eq!(ear.released(), [Event(6)]);
    assert_eq!(ear.counts(), [2, 0, 0, 0]);
}

#[test]
fn even_the_first_number_of_the_own_subject_can_be_missed() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    let frames: Vec<_> = (1..=3).map(|n| mouth.say(&own(), n)).collect();
    ear.take_all([&frames[2]]);
    assert_eq!(ear.released(), [Event(3), Lost(2)]);
}

#[test]
fn what_came_before_the_first_envelope_heard_is_not_a_loss() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    let frames: Vec<_> = (1..=3).map(|n| mouth.say(&subject(1), n)).collect();
    ear.take_all([&frames[2]]);
    assert_eq!(ear.released(), [Event(3)]);
    assert_eq!(ear.counts(), [0; 4]);
}

// Heartbeats

#[test]
fn a_heartbeat_tells_of_losses_that_nothing_follows() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    ear.take_all(&[mouth.say(&subject(1), 1), mouth.say(&subject(2), 2)]);
    let _lost = [mouth.say(&subject(1), 3), mouth.say(&subject(1), 4), mouth.say(&subject(2), 5)];
    let _foreign = mouth.say(&subject(3), 6);
    ear.take_all(&[mouth.heartbeat(1000)]);
    assert_eq!(ear.released(), [Event(1), Event(2), Released::Heartbeat, Lost(3)]);
    ear.take_all(&[mouth.heartbeat(1000), mouth.say(&subject(1), 7)]);
    assert_eq!(ear.released(), [Released::Heartbeat, Event(7)]);
    assert_eq!(ear.counts(), [3, 0, 0, 0]);
}

#[test]
fn a_heartbeat_finds_what_is_taken_after_it_in_the_same_batch() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    ear.take_all(&[mouth.say(&subject(1), 1)]);
    let before = mouth.say(&subject(1), 2);
    let heartbeat = mouth.heartbeat(1000);
    ear.take_all([&heartbeat, &before, &mouth.say(&subject(1), 3)]);
    assert_eq!(ear.released(), [Event(1), Event(2), Released::Heartbeat, Event(3)]);
}

#[test]
fn after_a_heartbeat_even_the_first_envelope_of_a_subject_can_be_missed() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    mouth.say(&subject(1), 1);
    // Two intervals after subscribing, which are none here.
    ear.take_all(&[mouth.heartbeat(0)]);
    assert_eq!(ear.released(), [Released::Heartbeat]);
    let _lost = mouth.say(&subject(1), 2);
    ear.take_all(&[mouth.say(&subject(1), 3)]);
    assert_eq!(ear.released(), [Event(3), Lost(1)]);
}

#[test]
fn soon_after_listening_a_heartbeat_promises_nothing() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    mouth.say(&subject(1), 1);
    ear.take_all(&[mouth.heartbeat(u64::MAX)]);
    assert_eq!(ear.released(), [Released::Heartbeat]);
    let _under_way = mouth.say(&subject(1), 2);
    ear.take_all(&[mouth.say(&subject(1), 3)]);
    assert_eq!(ear.released(), [Event(3)]);
}

#[test]
fn a_heartbeat_without_number_tells_nothing_of_losses() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    ear.take_all(&[mouth.say(&subject(1), 1)]);
    let under_way = mouth.say(&subject(1), 2);
    let unnumbered = |envelope: &mut wire::Envelope| (envelope.sequence, envelope.subject_sequence) = (0, 0);
    let heartbeat = altered(&mouth.heartbeat(0), unnumbered);
    ear.take_all([&heartbeat]);
    assert_eq!(ear.released(), [Released::Heartbeat, Event(1)]);
    ear.take_all([&under_way]);
    assert_eq!(ear.released(), [Event(2)]);
}

// Copies and order

#[test]
fn what_comes_twice_is_late() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    let frames = [mouth.say(&subject(1), 1), mouth.say(&subject(1), 2)];
    ear.take_all(frames.iter().chain(&frames));
    assert_eq!(ear.released(), [Event(1), Event(2)]);
    ear.take_all(&frames);
    assert_eq!(ear.released(), []);
    assert_eq!(ear.counts(), [0, 4, 0, 0]);
}

#[test]
fn copies_on_several_subjects_are_released_once() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    let subjects = [subject(1), subject(2), Subject::Nodes];
    let (first, second) = (mouth.say_to(&subjects, 1), mouth.say_to(&subjects, 2));
    ear.take_all(first.iter().chain(&second[..1]));
    assert_eq!(ear.released(), [Event(1), Event(2)]);
    // Nothing else of the sender was in between: the bus may hand the rest over later.
    ear.take_all(&second[1..]);
    ear.take_all(&[mouth.say(&subject(2), 3)]);
    assert_eq!(ear.released(), [Event(3)]);
    assert_eq!(ear.counts(), [0; 4]);
}

#[test]
fn a_copy_that_is_missing_counts_even_if_another_came() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    ear.take_all(&mouth.say_to(&[subject(1), subject(2)], 1));
    ear.take_all(&mouth.say_to(&[subject(1), subject(2)], 2)[..1]);
    ear.take_all(&mouth.say_to(&[subject(1), subject(2)], 3));
    assert_eq!(ear.released(), [Event(1), Event(2), Event(3), Lost(1)]);
}

#[test]
fn subjects_may_be_handed_over_in_any_order() {
    let (mut mouth, mut other, mut ear) = (Mouth::new(), Mouth::of(8), Ear::new());
    let frames: Vec<_> = (1..=20).map(|n| mouth.say(&subject(1 + n as u32 % 2), n)).collect();
    let others = [other.say(&subject(1), 101), other.say(&subject(2), 102)];
    let (odd, even): (Vec<_>, Vec<_>) =
        frames.iter().chain(&others).partition(|frame| *frame.path == *"_.room.2");
    ear.take_all(odd);
    ear.take_all(even);
    assert_eq!(ear.released(), (1..=20).chain([101, 102]).map(Event).collect::<Vec<_>>());
    assert_eq!(ear.counts(), [0; 4]);
}

#[test]
fn what_a_bus_without_order_hands_over_too_late_is_lost() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    let first = [mouth.say(&subject(1), 1), mouth.say(&subject(2), 2)];
    let of_one_subject = [mouth.say(&subject(1), 3), mouth.say(&subject(1), 4)];
    let of_two = [mouth.say(&subject(1), 5), mouth.say(&subject(2), 6)];
    let copy = mouth.say_to(&[subject(1), subject(3)], 7).remove(0);
    let after_copy = mouth.say(&subject(2), 8);
    ear.take_all(&first);
    assert_eq!(ear.released(), [Event(1), Event(2)]);
    ear.take_all(of_one_subject.iter().rev());
    assert_eq!(ear.released(), [Event(4), Lost(1)]);
    ear.take_all(&of_two[1..]);
    assert_eq!(ear.released(), [Event(6)]);
    ear.take_all(&of_two[..1]);
    assert_eq!(ear.released(), [Lost(1)]);
    ear.take_all([&after_copy]);
    assert_eq!(ear.released(), [Event(8)]);
    ear.take_all([&copy]);
    assert_eq!(ear.released(), [Lost(1)]);
    assert_eq!(ear.counts(), [3, 3, 0, 0]);
}

#[test]
fn nobody_hears_itself() {
    let (mut mouth, mut ear) = (Mouth::of(1), Ear::new());
    ear.take_all(&[mouth.say(&subject(1), 1), mouth.say(&own(), 5)]);
    assert_eq!(ear.released(), []);
    assert_eq!(ear.counts(), [0; 4]);
}

// What is no use

#[test]
fn the_number_of_what_is_refused_counts_as_seen() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    ear.take_all(&[mouth.say(&subject(1), 1)]);
    let unknown = altered(&mouth.say(&subject(1), 2), |envelope| envelope.body = None);
    assert_eq!(ear.take(&unknown), Err(EnvelopeError::Unknown));
    let invalid = Body::ServerEvent(wire::ServerEvent::default());
    let invalid = altered(&mouth.say(&subject(1), 3), |envelope| envelope.body = Some(invalid));
    assert!(matches!(ear.take(&invalid), Err(EnvelopeError::Invalid(_))));
    let large = Body::Reply(wire::Reply { arguments: "x".repeat(20_200), ..Default::default() });
    let large = altered(&mouth.say(&subject(1), 4), |envelope| envelope.body = Some(large));
    assert!(matches!(ear.take(&large), Err(EnvelopeError::TooLarge(_))));
    ear.take_all(&[mouth.say(&subject(1), 5)]);
    assert_eq!(ear.released(), [Event(1), Event(5)]);
    assert_eq!(ear.counts(), [0, 0, 2, 1]);
}

#[test]
fn garbage_and_other_versions_are_counted_and_change_nothing() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    ear.take_all(&[mouth.say(&subject(1), 1)]);
    for garbage in [&[][..], &[0xff, 0xff], b"hello", &[0x08, 0x01, 0x12]] {
        ear.take(&Frame { path: subject(1).path().into(), bytes: Bytes::from_static(garbage) }).unwrap_err();
    }
    let future = altered(&mouth.say(&subject(1), 2), |envelope| envelope.version = 2);
    assert_eq!(ear.take(&future), Err(EnvelopeError::Version(2)));
    assert_eq!(ear.released(), [Event(1)]);
    assert_eq!(ear.counts(), [0, 0, 4, 1]);
}

#[test]
fn unnumbered_envelopes_come_as_they_come() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    let bare = |envelope: &mut wire::Envelope| {
        (envelope.sequence, envelope.subject_sequence, envelope.copies) = (0, 0, 0);
        (envelope.instance, envelope.node) = (0, String::new());
    };
    let frames: Vec<_> = [3, 1, 2, 2].iter().map(|n| altered(&mouth.say(&subject(1), *n), bare)).collect();
    ear.take_all(&frames);
    assert_eq!(ear.released(), [Event(3), Event(1), Event(2), Event(2)]);
    let part = altered(&mouth.say_in_parts(&subject(1), 9, 2)[0], bare);
    assert!(matches!(ear.take(&part), Err(EnvelopeError::Invalid(_))));
    assert_eq!(ear.counts(), [0, 0, 1, 0]);
    assert_eq!(ear.incoming.origins.len(), 0, "nothing is remembered of senders that nobody can tell apart");
}

// Interest

#[test]
fn what_is_missed_on_a_forgotten_subject_is_not_a_loss() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    ear.take_all(&[mouth.say(&subject(1), 1)]);
    let under_way = mouth.say(&subject(1), 2);
    ear.forgets(&subject(1));
    // What was on its way is still handed out.
    ear.take_all([&under_way]);
    let _unheard = mouth.say(&subject(1), 3);
    ear.take_all(&[mouth.heartbeat(0)]);
    ear.hears(&subject(1));
    let _not_in_force = mouth.say(&subject(1), 4);
    ear.take_all(&[mouth.say(&subject(1), 5)]);
    assert_eq!(ear.released(), [Event(1), Event(2), Released::Heartbeat, Event(5)]);
    // From here on it counts again.
    let _lost = mouth.say(&subject(1), 6);
    ear.take_all(&[mouth.say(&subject(1), 7)]);
    assert_eq!(ear.released(), [Event(7), Lost(1)]);
}

#[test]
fn a_heartbeat_tells_from_where_a_subject_counts_again() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    ear.forgets(&subject(1));
    ear.take_all(&[mouth.say(&subject(1), 1)]);
    let _unheard = mouth.say(&subject(1), 2);
    ear.hears(&subject(1));
    ear.take_all(&[mouth.heartbeat(0)]);
    assert_eq!(ear.released(), [Event(1), Released::Heartbeat]);
    let _lost = mouth.say(&subject(1), 3);
    ear.take_all(&[mouth.heartbeat(0)]);
    assert_eq!(ear.released(), [Released::Heartbeat, Lost(1)]);
}

#[test]
fn a_heartbeat_tells_which_subjects_start_from_the_beginning() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    ear.take_all(&[mouth.heartbeat(0)]);
    assert_eq!(ear.released(), [Released::Heartbeat]);
    let _lost = mouth.say(&subject(1), 1);
    ear.take_all(&[mouth.say(&subject(1), 2)]);
    assert_eq!(ear.released(), [Event(2), Lost(1)]);
    // Not if it was not heard then.
    ear.forgets(&subject(2));
    ear.hears(&subject(2));
    let _unheard = mouth.say(&subject(2), 3);
    ear.take_all(&[mouth.say(&subject(2), 4)]);
    assert_eq!(ear.released(), [Event(4)]);
}

#[test]
fn hearing_twice_counts_once() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    ear.take_all(&[mouth.say(&subject(1), 1)]);
    let _lost = mouth.say(&subject(1), 2);
    ear.hears(&subject(1));
    ear.take_all(&[mouth.say(&subject(1), 3)]);
    assert_eq!(ear.released(), [Event(1), Event(3), Lost(1)]);
}
