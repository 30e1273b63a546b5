//! Envelopes in parts, with everything that can be wrong with these.

use super::*;

/// An envelope in four parts between two small ones, of which this part is altered or missing (`None`).
fn with_part(index: usize, alter: impl FnOnce(&Frame) -> Option<Frame>) -> (Ear, Vec<Released>) {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    ear.take_all(&[mouth.say(&subject(1), 1)]);
    let mut parts: Vec<_> = mouth.say_in_parts(&subject(1), 2, 4).into_iter().map(Some).collect();
    parts[index] = parts[index].as_ref().and_then(alter);
    for part in parts.into_iter().flatten() {
        // Some are refused.
        let _ = ear.take(&part);
    }
    ear.take_all(&[mouth.say(&subject(1), 3)]);
    ear.take_all(&mouth.say_in_parts(&subject(1), 4, 3));
    ear.take_all(&[mouth.heartbeat(0)]);
    let released = ear.released();
    (ear, released)
}

fn with_altered_part(index: usize, alter: impl FnOnce(&mut wire::Part)) -> (Ear, Vec<Released>) {
    with_part(index, |frame| {
        Some(altered(frame, |envelope| alter(envelope.part.as_mut().expect("it is a part"))))
    })
}

#[test]
fn parts_make_a_whole() {
    let (ear, released) = with_part(0, |frame| Some(frame.clone()));
    assert_eq!(released, [Event(1), Event(2), Event(3), Event(4), Released::Heartbeat]);
    assert_eq!(ear.counts(), [0; 4]);
    assert_eq!(ear.meters.assembled.get(), 2);
}

#[test]
fn an_envelope_without_one_of_its_parts_is_one_loss() {
    for index in 0..4 {
        let (ear, released) = with_part(index, |_| None);
        assert_eq!(released, [Event(1), Event(3), Event(4), Released::Heartbeat, Lost(1)], "without {index}");
        assert_eq!(ear.counts(), [1, 0, 0, 0], "without {index}");
    }
}

#[test]
fn a_heartbeat_tells_of_parts_that_nothing_follows() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    let parts = mouth.say_in_parts(&subject(1), 1, 4);
    ear.take_all(&parts[..3]);
    ear.take_all(&[mouth.heartbeat(1000)]);
    assert_eq!(ear.released(), [Released::Heartbeat, Lost(1)]);
    ear.take_all(&[parts[3].clone(), mouth.say(&subject(1), 2)]);
    assert_eq!(ear.released(), [Event(2)]);
    assert_eq!(ear.counts(), [1, 0, 0, 0]);
}

#[test]
fn parts_that_contradict_each_other_are_refused_and_not_lost() {
    let lies: [fn(&mut wire::Part); 6] = [
        |part| part.total_bytes += 1,
        |part| part.total_bytes -= 1,
        |part| part.count += 1,
        |part| part.data = vec![b'x'; 4000].into(),
        |part| part.data = Bytes::new(),
        |part| part.total_bytes = 1 << 40,
    ];
    for (which, lie) in lies.into_iter().enumerate() {
        for index in 0..4 {
            let (ear, released) = with_altered_part(index, lie);
            let case = format!("lie {which} in part {index}");
            assert_eq!(released, [Event(1), Event(3), Event(4), Released::Heartbeat], "{case}");
            let [lost, late, refused, unknown] = ear.counts();
            assert!(lost == 0 && late == 0 && refused >= 1 && unknown == 0, "{case}: {:?}", ear.counts());
        }
    }
}

#[test]
fn a_part_that_is_too_short_is_noticed_at_the_end() {
    for index in 0..4 {
        let (ear, released) = with_altered_part(index, |part| part.data.truncate(part.data.len() - 1));
        assert_eq!(released, [Event(1), Event(3), Event(4), Released::Heartbeat]);
        assert_eq!(ear.counts(), [0, 0, 1, 0]);
    }
}

#[test]
fn parts_of_an_envelope_over_the_bound_are_refused() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    ear.take_all(&[mouth.say(&subject(1), 1)]);
    for part in mouth.say_in_parts(&subject(1), 2, 30) {
        assert!(matches!(ear.take(&part), Err(EnvelopeError::TooLarge(_))));
    }
    ear.take_all(&[mouth.say(&subject(1), 3)]);
    assert_eq!(ear.released(), [Event(1), Event(3)]);
    assert_eq!(ear.counts(), [0, 0, 30, 0]);
}

#[test]
fn parts_that_hold_no_body_are_refused_once() {
    let (ear, released) = with_altered_part(2, |part| part.data = vec![0xff; part.data.len()].into());
    assert_eq!(released, [Event(1), Event(3), Event(4), Released::Heartbeat]);
    assert_eq!(ear.counts(), [0, 0, 1, 0]);
}

#[test]
fn parts_that_come_twice_are_late() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    let parts = mouth.say_in_parts(&subject(1), 1, 4);
    ear.take_all(parts.iter().flat_map(|part| [part, part]));
    ear.take_all(&parts);
    assert_eq!(ear.released(), [Event(1)]);
    assert_eq!(ear.counts(), [0, 8, 0, 0]);
}

#[test]
fn what_others_say_between_parts_does_not_matter() {
    let (mut mouth, mut other, mut ear) = (Mouth::new(), Mouth::of(8), Ear::new());
    let (parts, others) = (mouth.say_in_parts(&subject(1), 1, 4), other.say_in_parts(&subject(1), 2, 4));
    for (part, others) in parts.iter().zip(&others) {
        ear.take_all([part, others]);
        ear.take(&Frame { path: part.path.clone(), bytes: Bytes::from_static(b"garbage") }).unwrap_err();
        ear.take_all(&[mouth.say(&subject(2), 3)]);
    }
    assert_eq!(ear.released(), [Event(1), Event(3), Event(3), Event(3), Event(3), Event(2)]);
    assert_eq!(ear.counts(), [0, 0, 4, 0]);
}

#[test]
fn a_node_that_subscribes_within_an_envelope_does_not_miss_it() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    let parts = mouth.say_in_parts(&subject(1), 1, 4);
    ear.take_all(&parts[1..]);
    ear.take_all(&[mouth.say(&subject(1), 2)]);
    assert_eq!(ear.released(), [Event(2)]);
    assert_eq!(ear.counts(), [0; 4]);
    // The own subject is heard from the start.
    let parts = mouth.say_in_parts(&own(), 3, 4);
    ear.take_all(&parts[1..]);
    assert_eq!(ear.released(), [Lost(1)]);
}

#[test]
fn a_whole_with_the_number_of_parts_is_not_a_part_of_them() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    let parts = mouth.say_in_parts(&subject(1), 1, 2);
    let whole = altered(&parts[1], |envelope| (envelope.part, envelope.body) = (None, Some(event(9, 0))));
    ear.take_all([&parts[0], &whole, &parts[1]]);
    assert_eq!(ear.released(), [Event(1)]);
    assert_eq!(ear.counts(), [0, 1, 0, 0]);
}

#[test]
fn an_envelope_in_parts_for_several_subjects_is_released_once() {
    let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
    let frames = mouth.frames(&[subject(1), subject(2)], &event(1, 3000));
    ear.take_all(frames.iter().rev().filter(|frame| *frame.path == *"_.room.9"));
    ear.take_all(&frames);
    assert_eq!(ear.released(), [Event(1)]);
    assert_eq!(ear.counts(), [0; 4]);
}

// Bounds

#[test]
fn unfinished_parts_have_a_bound_in_bytes_over_all_senders() {
    let mut ear = Ear::new();
    let mut mouths: Vec<_> = (0..100).map(|n| Mouth::of(100 + n)).collect();
    let parts: Vec<_> = mouths.iter_mut().map(|mouth| mouth.say_in_parts(&subject(1), 1, 12)).collect();
    for part in 0..11 {
        ear.take_all(parts.iter().map(|parts| &parts[part]));
        assert!(ear.meters.parts_bytes.get() <= 80_000);
    }
    let lost = ear.meters.lost.get();
    assert!((88..100).contains(&lost), "{lost}");
    // The oldest went first: those that were begun last are whole now.
    ear.take_all(parts.iter().map(|parts| &parts[11]));
    let whole = ear.released().iter().filter(|one| **one == Event(1)).count() as u64;
    assert_eq!((whole + lost, ear.meters.parts_bytes.get()), (100, 0));
    // Each was counted once, whatever follows.
    for mouth in &mut mouths {
        ear.take_all(&[mouth.say(&subject(1), 2), mouth.heartbeat(1000)]);
    }
    assert_eq!(ear.released().len(), 200);
    assert_eq!(ear.counts(), [lost, 0, 0, 0]);
}

#[test]
fn parts_that_nothing_follows_are_given_up_with_time() {
    let (mut mouth, mut other, mut ear) = (Mouth::new(), Mouth::of(8), Ear::new());
    let parts = mouth.say_in_parts(&subject(1), 1, 4);
    ear.take_all(&parts[..3]);
    ear.now += PARTS_AGE_MAX - Duration::from_secs(1);
    ear.take_all(&[other.say(&subject(1), 2)]);
    assert_eq!(ear.released(), [Event(2)]);
    ear.now += Duration::from_secs(2);
    assert_eq!(ear.released(), [Lost(1)]);
    assert_eq!(ear.meters.parts_bytes.get(), 0);
    ear.take_all(&[parts[3].clone(), mouth.say(&subject(1), 3), mouth.heartbeat(1000)]);
    assert_eq!(ear.released(), [Event(3), Released::Heartbeat]);
    assert_eq!(ear.counts(), [1, 0, 0, 0]);
}

#[test]
fn what_is_noted_of_parts_that_made_a_whole_is_dropped() {
    let (mut mouth, mut waiting, mut ear) = (Mouth::new(), Mouth::of(8), Ear::new());
    ear.take_all(&waiting.say_in_parts(&subject(1), 1, 2)[..1]);
    for n in 1..=5000 {
        ear.take_all(&mouth.say_in_parts(&subject(1), n, 2));
        ear.released();
    }
    assert!(ear.incoming.origins.begun() < 2000);
    assert!(ear.meters.parts_bytes.get() < 2000);
}
