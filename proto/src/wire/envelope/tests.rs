use proptest::prelude::*;
use prost::bytes::Bytes;

use super::*;
use crate::wire::arbitrary::{any_envelope, body};
use crate::wire::{membership, request};

/// A node takes it, up to the putting together of parts.
fn taken(frame: impl Into<Bytes>) -> Result<Content, EnvelopeError> {
    let envelope = decode(frame.into())?;
    content(envelope.part, envelope.body)
}

fn refused(envelope: wire::Envelope) -> EnvelopeError {
    taken(envelope.encode_to_vec()).expect_err("it is taken")
}

fn valid() -> wire::Envelope {
    wire::Envelope { version: 1, body: Some(Body::RollCall(wire::RollCall {})), ..Default::default() }
}

fn with(body: Body) -> wire::Envelope {
    wire::Envelope { body: Some(body), ..valid() }
}

fn part() -> wire::Part {
    wire::Part { index: 0, count: 2, total_bytes: 10, data: Bytes::from_static(b"12345") }
}

fn with_part(part: wire::Part) -> wire::Envelope {
    let (sequence, subject_sequence) = (1, 1);
    wire::Envelope { instance: 7, sequence, subject_sequence, part: Some(part), body: None, ..valid() }
}

fn target(namespace: &str) -> Option<wire::Target> {
    Some(wire::Target { namespace: namespace.into(), ..Default::default() })
}

fn broadcast(namespace: &str, packet: &str, attachments: usize) -> wire::Envelope {
    let attachments = vec![Bytes::from_static(b"x"); attachments];
    with(Body::Broadcast(wire::Broadcast {
        target: target(namespace),
        packet: packet.into(),
        attachments,
        ..Default::default()
    }))
}

#[test]
fn what_is_not_a_message_is_malformed() {
    for bytes in
        [&[0xff][..], &[0x08], &[0x08, 0x01, 0x12, 0x05, b'a'], &[0x0f], &[0x08, 0x01, 0x12, 0x01, 0xff]]
    {
        let refusal = taken(bytes).unwrap_err();
        assert!(matches!(refusal, EnvelopeError::Malformed(_)), "{bytes:?}: {refusal}");
        assert!(!refusal.is_from_the_future());
    }
}

#[test]
fn another_version_is_told_from_garbage_whatever_follows() {
    let of_version_2 = [&[0x08, 0x02][..], &[0x08, 0x02, 0xff], &[0x08, 0x02, 0x12, 0x7f, 0x00]];
    for bytes in of_version_2 {
        assert_eq!(taken(bytes).unwrap_err(), EnvelopeError::Version(2), "{bytes:?}");
    }
    assert_eq!(taken(&[0x08, 0xac, 0x02, 0xff][..]).unwrap_err(), EnvelopeError::Version(300));
    assert!(EnvelopeError::Version(2).is_from_the_future());
    // Its number must be readable itself.
    assert!(matches!(taken(&[0x08, 0xff][..]).unwrap_err(), EnvelopeError::Malformed(_)));
    assert!(matches!(
        taken([&[0x08][..], &[0xff; 20], &[0x01]].concat()).unwrap_err(),
        EnvelopeError::Malformed(_)
    ));
}

#[test]
fn an_empty_frame_is_not_a_message_from_the_future() {
    assert_eq!(taken(&[][..]).unwrap_err(), EnvelopeError::Version(0));
    assert!(!EnvelopeError::Version(0).is_from_the_future());
}

#[test]
fn a_body_of_no_known_kind_is_from_the_future() {
    let mut frame = wire::Envelope { body: None, ..valid() }.encode_to_vec();
    assert_eq!(taken(frame.clone()).unwrap_err(), EnvelopeError::Unknown);
    // Field 100 with the string "new".
    frame.extend([0xa2, 0x06, 3, b'n', b'e', b'w']);
    assert_eq!(taken(frame.clone()).unwrap_err(), EnvelopeError::Unknown);
    assert!(EnvelopeError::Unknown.is_from_the_future());
    // Beside a known one it is an addition.
    frame.extend(with(Body::Goodbye(wire::Goodbye {})).encode_to_vec());
    assert!(matches!(taken(frame), Ok(Content::Whole(Body::Goodbye(_)))));
}

#[test]
fn a_change_or_question_of_no_known_kind_is_from_the_future() {
    let membership = wire::Membership { target: target("/"), change: None, request: 0 };
    assert_eq!(refused(with(Body::Membership(membership))), EnvelopeError::Unknown);
    assert_eq!(refused(with(Body::Request(wire::Request { id: 1, question: None }))), EnvelopeError::Unknown);
}

#[test]
fn the_header_must_be_possible() {
    let invalid = |envelope| assert!(matches!(refused(envelope), EnvelopeError::Invalid(_)));
    invalid(wire::Envelope { node: "n".repeat(33), ..valid() });
    invalid(wire::Envelope { instance: 0, sequence: 1, subject_sequence: 1, ..valid() });
    invalid(wire::Envelope { instance: 1, sequence: 1, subject_sequence: 0, ..valid() });
    invalid(wire::Envelope { instance: 1, sequence: 0, subject_sequence: 1, ..valid() });
    invalid(wire::Envelope { part: Some(part()), ..valid() });
    assert!(taken(wire::Envelope { node: "n".repeat(32), copies: 9, ..valid() }.encode_to_vec()).is_ok());
}

/// Names of nodes stand in logs, on pages and in tables.
#[test]
fn the_name_of_a_node_cannot_pretend_to_be_anything_else() {
    let named = |node: &str| taken(wire::Envelope { node: node.into(), ..valid() }.encode_to_vec());
    for name in ["n\nERROR", "n\r", "\u{1b}[31m", "a b", "\u{7f}", "\0", "größe", "a\u{202e}b", "\u{2028}"]
    {
        assert!(matches!(named(name), Err(EnvelopeError::Invalid(_))), "{name:?}");
    }
    for name in ["", "aB-_", "0123", "a.node{of}\"another\"program"] {
        assert!(named(name).is_ok(), "{name:?}");
    }
}

#[test]
fn a_part_must_be_possible() {
    let invalid = |part| assert!(matches!(refused(with_part(part)), EnvelopeError::Invalid(_)));
    invalid(wire::Part { count: 1, ..part() });
    invalid(wire::Part { count: 0, ..part() });
    invalid(wire::Part { index: 2, ..part() });
    invalid(wire::Part { data: Bytes::new(), ..part() });
    invalid(wire::Part { total_bytes: 4, ..part() });
    invalid(wire::Part { count: 11, ..part() });
    assert!(matches!(taken(with_part(part()).encode_to_vec()), Ok(Content::Part(_))));
}

#[test]
fn a_target_must_be_a_namespace() {
    let rooms = || Some(membership::Change::Join(wire::Rooms::default()));
    for target in [None, target(""), target("admin")] {
        let membership = wire::Membership { target: target.clone(), change: rooms(), request: 0 };
        assert!(matches!(refused(with(Body::Membership(membership))), EnvelopeError::Invalid(_)));
        let broadcast =
            wire::Broadcast { target: target.clone(), packet: r#"42["e"]"#.into(), ..Default::default() };
        assert!(matches!(refused(with(Body::Broadcast(broadcast))), EnvelopeError::Invalid(_)));
        let Some(target) = target else { continue };
        let event = wire::ServerEvent { namespace: target.namespace.clone(), ..Default::default() };
        assert!(matches!(refused(with(Body::ServerEvent(event))), EnvelopeError::Invalid(_)));
        for question in [request::Question::Fetch, request::Question::Count, request::Question::Rooms] {
            let request = wire::Request { id: 1, question: Some(question(target.clone())) };
            assert!(matches!(refused(with(Body::Request(request))), EnvelopeError::Invalid(_)));
        }
    }
}

#[test]
fn a_packet_must_be_an_event_of_its_namespace() {
    let fine = [
        ("/", r#"42["e"]"#, 0),
        ("/admin", r#"42/admin,["e",{"a":[1]}]"#, 0),
        ("/", r#"451-["e",{"_placeholder":true,"num":0}]"#, 1),
        ("/a", r#"4510-/a,["e"]"#, 10),
    ];
    for (namespace, packet, attachments) in fine {
        let frame = broadcast(namespace, packet, attachments).encode_to_vec();
        assert!(taken(frame).is_ok(), "{packet} for {namespace}");
    }
    let wrong = [
        ("/", "", 0),
        ("/", "42", 0),
        ("/", "42[]", 0),
        ("/", "42[1]", 0),
        ("/", r#"42["e""#, 0),
        ("/", r#"40["e"]"#, 0),
        ("/", r#"2["e"]"#, 0),
        ("/", r#"427["e"]"#, 0),
        ("/", r#"42/admin,["e"]"#, 0),
        ("/admin", r#"42["e"]"#, 0),
        ("/admin", r#"42/adm,["e"]"#, 0),
        ("/admin", r#"42/admin["e"]"#, 0),
        ("/admin", r#"42/admin,7["e"]"#, 0),
        ("/", r#"451-["e"]"#, 0),
        ("/", r#"42["e"]"#, 1),
        ("/", r#"452-["e"]"#, 1),
        ("/", r#"45["e"]"#, 1),
        ("/", r#"4511-["e"]"#, 11),
        ("/", "42[\"e\x1e4\"]", 0),
    ];
    for (namespace, packet, attachments) in wrong {
        let refusal = refused(broadcast(namespace, packet, attachments));
        assert!(matches!(refusal, EnvelopeError::Invalid(_)), "{packet} for {namespace}: {refusal}");
    }
}

/// Checks that all later code relies on.
fn assert_reliable(envelope: &wire::Envelope) {
    assert_eq!(envelope.version, 1);
    assert!(envelope.node.len() <= 32);
    assert_eq!(envelope.sequence == 0, envelope.subject_sequence == 0);
    let namespace_of =
        |target: &Option<wire::Target>| target.as_ref().expect("it has a target").namespace.clone();
    let namespace = match envelope.body.as_ref() {
        None => {
            let part = envelope.part.as_ref().expect("one of both");
            assert!(part.index < part.count && part.count >= 2);
            assert!((1..=part.total_bytes).contains(&(part.data.len() as u64)));
            return;
        }
        Some(Body::Broadcast(broadcast)) => {
            let attachments = broadcast.attachments.len();
            assert!(attachments <= 10);
            let kind = if attachments == 0 { "42".into() } else { format!("45{attachments}-") };
            let namespace = namespace_of(&broadcast.target);
            let name = if namespace == "/" { String::new() } else { format!("{namespace},") };
            assert!(
                broadcast.packet.starts_with(&format!("{kind}{name}[\"")) && broadcast.packet.ends_with(']')
            );
            namespace
        }
        Some(Body::Membership(membership)) => {
            assert!(membership.change.is_some());
            namespace_of(&membership.target)
        }
        Some(Body::Request(request)) => match request.question.as_ref().expect("it asks something") {
            request::Question::Fetch(target)
            | request::Question::Count(target)
            | request::Question::Rooms(target) => target.namespace.clone(),
        },
        Some(Body::ServerEvent(event)) => event.namespace.clone(),
        Some(_) => return,
    };
    assert!(namespace.starts_with('/'));
    assert!(envelope.part.is_none());
}

/// Any envelope is refused, or is as it must be; and nothing panics.
fn assert_refused_or_reliable(frame: Vec<u8>) {
    if taken(frame.clone()).is_ok() {
        assert_reliable(&wire::Envelope::decode(&*frame).expect("it was taken"));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_reliable(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        assert_refused_or_reliable(bytes.clone());
        let mut as_version_1 = vec![0x08, 0x01];
        as_version_1.extend(&bytes);
        assert_refused_or_reliable(as_version_1);
        let _ = decode_body(bytes.into());
    }

    #[test]
    fn any_envelope_is_refused_or_reliable(envelope in any_envelope()) {
        assert_refused_or_reliable(envelope.encode_to_vec());
    }

    #[test]
    fn a_damaged_envelope_is_refused_or_reliable(
        body in body(),
        length in any::<prop::sample::Index>(),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 0..8_u32), 0..4),
    ) {
        let mut frame = with(body).encode_to_vec();
        for (byte, bit) in flips {
            let byte = byte.index(frame.len());
            frame[byte] ^= 1 << bit;
        }
        assert_refused_or_reliable(frame.clone());
        frame.truncate(length.index(frame.len() + 1));
        assert_refused_or_reliable(frame);
    }

    #[test]
    fn any_body_that_a_node_says_is_taken(body in body()) {
        let taken = taken(with(body.clone()).encode_to_vec());
        prop_assert!(matches!(&taken, Ok(Content::Whole(taken)) if *taken == body), "{taken:?}");
    }
}
