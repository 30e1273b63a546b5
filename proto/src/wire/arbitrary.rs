//! Any valid body, and envelopes that may be anything: for property tests.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use prost::bytes::Bytes;

use crate::wire;
use crate::wire::envelope::ATTACHMENTS_MAX;
use crate::wire::envelope::Body;

/// A body that receivers take.
pub fn body() -> impl Strategy<Value = Body> {
    let reply = || (any::<u64>(), text(), attachments(4));
    let answer = (text(), text(), attachments(3)).prop_map(|(socket, arguments, attachments)| wire::Answer {
        socket,
        arguments,
        attachments,
    });
    let answers = (any::<u64>(), vec(text(), 0..4), vec(answer, 0..3), any::<bool>()).prop_map(
        |(request, asked, answers, complete)| wire::BroadcastAnswers { request, asked, answers, complete },
    );
    let tail = (text(), any::<u64>(), any::<u64>()).prop_map(|(subject, subject_sequence, subject_start)| {
        wire::Tail { subject, subject_sequence, subject_start }
    });
    let heartbeat = (text(), any::<u64>(), vec(text(), 0..3), vec(tail, 0..4));
    prop_oneof![
        4 => broadcast().prop_map(Body::Broadcast),
        1 => answers.prop_map(Body::BroadcastAnswers),
        1 => membership().prop_map(Body::Membership),
        1 => request().prop_map(Body::Request),
        1 => reply().prop_map(|(request, arguments, attachments)| {
            Body::Reply(wire::Reply { request, arguments, attachments, ..Default::default() })
        }),
        1 => (namespace(), text(), reply()).prop_map(|(namespace, event, (request, arguments, attachments))| {
            Body::ServerEvent(wire::ServerEvent { namespace, event, arguments, attachments, request })
        }),
        1 => heartbeat.prop_map(|(release, interval_ms, namespaces, tails)| {
            Body::Heartbeat(wire::Heartbeat { release, interval_ms, namespaces, tails, ..Default::default() })
        }),
        1 => Just(Body::Goodbye(wire::Goodbye {})),
        1 => Just(Body::RollCall(wire::RollCall {})),
    ]
}

fn broadcast() -> impl Strategy<Value = wire::Broadcast> {
    let flags = (any::<bool>(), any::<bool>(), option::of((any::<u64>(), any::<u64>())));
    (target(), flags, attachments(ATTACHMENTS_MAX), text()).prop_map(
        |(target, flags, attachments, argument)| {
            let (volatile, uncompressed, answers) = flags;
            let kind = if attachments.is_empty() { "42".into() } else { format!("45{}-", attachments.len()) };
            let namespace =
                if target.namespace == "/" { "".into() } else { format!("{},", target.namespace) };
            wire::Broadcast {
                packet: format!(r#"{kind}{namespace}["event",{argument:?}]"#),
                target: Some(target),
                volatile,
                uncompressed,
                attachments,
                answers_wanted: answers
                    .map(|(request, timeout_ms)| wire::AnswersWanted { request, timeout_ms }),
                ..wire::Broadcast::default()
            }
        },
    )
}

fn membership() -> impl Strategy<Value = wire::Membership> {
    use wire::membership::Change;
    let rooms = || vec(text(), 0..4).prop_map(|names| wire::Rooms { names });
    let change = prop_oneof![
        rooms().prop_map(Change::Join),
        rooms().prop_map(Change::Leave),
        any::<bool>().prop_map(|whole_connection| Change::Disconnect(wire::Disconnect { whole_connection })),
    ];
    (target(), change, any::<u64>()).prop_map(|(target, change, request)| wire::Membership {
        target: Some(target),
        change: Some(change),
        request,
    })
}

fn request() -> impl Strategy<Value = wire::Request> {
    use wire::request::Question;
    let question = prop_oneof![
        target().prop_map(Question::Fetch),
        target().prop_map(Question::Count),
        target().prop_map(Question::Rooms),
    ];
    (any::<u64>(), question).prop_map(|(id, question)| wire::Request { id, question: Some(question) })
}

fn target() -> impl Strategy<Value = wire::Target> {
    (namespace(), vec(text(), 0..4), vec(text(), 0..3)).prop_map(|(namespace, rooms, except)| wire::Target {
        namespace,
        rooms,
        except,
    })
}

fn namespace() -> impl Strategy<Value = String> {
    prop_oneof![Just("/".to_owned()), "/[a-z0-9/._ü]{1,12}"]
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,12}"
}

fn attachments(most: usize) -> impl Strategy<Value = Vec<Bytes>> {
    vec(vec(any::<u8>(), 0..40).prop_map(Bytes::from), 0..=most)
}

/// An envelope whose fields have the values that they may have, and others.
pub fn any_envelope() -> impl Strategy<Value = wire::Envelope> {
    let head = (0..3_u32, "[a-z]{0,40}", 0..2_u64, 0..3_u64, 0..3_u64, 0..3_u64, 0..4_u32);
    let part = (0..4_u32, 0..4_u32, 0..30_u64, vec(any::<u8>(), 0..20));
    let part = part.prop_map(|(index, count, total_bytes, data)| wire::Part {
        index,
        count,
        total_bytes,
        data: data.into(),
    });
    (head, option::of(part), option::of(any_body())).prop_map(|(head, part, body)| {
        let (version, node, instance, sequence, subject_sequence, subject_start, copies) = head;
        wire::Envelope {
            version,
            node,
            instance,
            sequence,
            subject_sequence,
            subject_start,
            copies,
            part,
            body,
        }
    })
}

/// A body that receivers need not take.
fn any_body() -> impl Strategy<Value = Body> {
    let wild = "(42|45[0-9]{0,2}-)?(/a,)?\\[?(\"e\")?\\]?";
    let wild = (body(), wild, namespace().prop_map(|name| name.replace('/', "")), 0..14_usize);
    prop_oneof![
        body(),
        wild.prop_map(|(body, packet, namespace, attachments)| spoiled(body, packet, namespace, attachments))
    ]
}

/// The body with other values where receivers look.
fn spoiled(body: Body, packet: String, namespace: String, attachments: usize) -> Body {
    let keeps_target = attachments.is_multiple_of(2);
    match body {
        Body::Broadcast(broadcast) => Body::Broadcast(wire::Broadcast {
            target: broadcast.target.filter(|_| keeps_target),
            packet,
            attachments: vec![Bytes::new(); attachments],
            ..broadcast
        }),
        Body::Membership(membership) => Body::Membership(wire::Membership {
            change: membership.change.filter(|_| attachments.is_multiple_of(3)),
            target: membership.target.filter(|_| keeps_target),
            ..membership
        }),
        Body::Request(request) => Body::Request(wire::Request { question: None, ..request }),
        Body::ServerEvent(event) => Body::ServerEvent(wire::ServerEvent { namespace, ..event }),
        body => body,
    }
}
