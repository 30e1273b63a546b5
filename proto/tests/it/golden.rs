//! Version 1 on the wire, byte by byte. `golden/v1.txt` was written once and does not change: nodes of different releases
//! speak to each other, and emitters in other languages to all of them. A field that is added gets a line of its own.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use fanfare_proto::prost::Message;
use fanfare_proto::prost::bytes::Bytes;
use fanfare_proto::wire::envelope::Body;
use fanfare_proto::wire::membership::Change;
use fanfare_proto::wire::request::Question;
use fanfare_proto::{
    BusMeters, Envelope, Frame, Identity, Inbound, Incoming, Outgoing, Subject, encode, wire,
};

const INSTANCE: u64 = 0x0123_4567_89ab_cdef;
const FRAME_BYTES_MAX: usize = 1024;
/// What is said after the sender has forgotten subjects.
const RESTARTED: &str = "broadcast_on_restarted_subject";

/// Name and bytes of each frame, in the order of the file.
fn golden() -> Vec<(&'static str, Bytes)> {
    let lines =
        include_str!("../golden/v1.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let byte =
        |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).expect("hexadecimal digits");
    lines
        .map(|line| {
            let (name, hex) = line.split_once(' ').expect("a name and bytes");
            (name, hex.as_bytes().chunks(2).map(byte).collect())
        })
        .collect()
}

/// Everything that is sent, in this order, by one instance: a name, where to, and what.
fn said() -> Vec<(&'static str, Vec<Subject>, Body)> {
    let bucket = |number| Subject::Bucket("/chat".into(), number);
    let to_asker = || vec![Subject::Node("x-Y9".into())];
    let membership = |change, request| {
        let target = Some(target(&["lobby"], &[]));
        Body::Membership(wire::Membership { target, change: Some(change), request })
    };
    let rooms = || wire::Rooms { names: vec!["lobby".into(), "größe".into()] };
    let request = |id, question| Body::Request(wire::Request { id, question: Some(question) });
    let everybody = || target(&[], &[]);
    vec![
        ("broadcast", vec![Subject::Namespace("/chat".into())], Body::Broadcast(broadcast())),
        (
            "broadcast_of_two_rooms",
            vec![bucket(723), bucket(154)],
            Body::Broadcast(wire::Broadcast {
                target: Some(target(&["lobby", "größe"], &["aB3_kQ2mR8sT5uV1wX4y"])),
                packet: r#"452-/chat,["bytes",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#
                    .into(),
                attachments: vec![Bytes::from_static(&[0, 1, 254, 255]), Bytes::new()],
                ..Default::default()
            }),
        ),
        (
            "broadcast_answers",
            to_asker(),
            Body::BroadcastAnswers(wire::BroadcastAnswers {
                request: 1 << 40,
                asked: vec!["aB3_kQ2mR8sT5uV1wX4y".into()],
                answers: vec![wire::Answer {
                    socket: "aB3_kQ2mR8sT5uV1wX4y".into(),
                    arguments: r#"[{"_placeholder":true,"num":0}]"#.into(),
                    attachments: vec![Bytes::from_static(&[7])],
                }],
                complete: true,
            }),
        ),
        ("membership_join", vec![bucket(723)], membership(Change::Join(rooms()), 5)),
        ("membership_leave", vec![bucket(723)], membership(Change::Leave(rooms()), 0)),
        ("membership_disconnect", vec![bucket(723)], {
            membership(Change::Disconnect(wire::Disconnect { whole_connection: true }), 0)
        }),
        ("request_fetch", vec![Subject::Nodes], request(300, Question::Fetch(everybody()))),
        ("request_count", vec![Subject::Nodes], request(301, Question::Count(everybody()))),
        ("request_rooms", vec![Subject::Nodes], request(302, Question::Rooms(everybody()))),
        ("reply", to_asker(), Body::Reply(reply())),
        (
            "server_event",
            vec![Subject::Namespace("/chat".into())],
            Body::ServerEvent(wire::ServerEvent {
                namespace: "/chat".into(),
                event: "sync".into(),
                arguments: r#"[1,{"_placeholder":true,"num":0}]"#.into(),
                attachments: vec![Bytes::from_static(b"\xff")],
                request: 9,
            }),
        ),
        ("heartbeat", vec![Subject::Nodes], Body::Heartbeat(heartbeat())),
        ("goodbye", vec![Subject::Nodes], Body::Goodbye(wire::Goodbye {})),
        ("roll_call", vec![Subject::Nodes], Body::RollCall(wire::RollCall {})),
        (
            "parts",
            vec![bucket(723)],
            Body::Broadcast(wire::Broadcast {
                packet: r#"451-/chat,["large",{"_placeholder":true,"num":0}]"#.into(),
                attachments: vec![(0..1000).map(|n| n as u8).collect()],
                ..broadcast()
            }),
        ),
        ("heartbeat_borrowed", vec![Subject::Nodes], Body::Heartbeat(borrowing())),
        (
            "reply_of_several",
            to_asker(),
            Body::Reply(wire::Reply {
                request: 302,
                more: true,
                piece: 2,
                left_out: 1,
                ..Default::default()
            }),
        ),
        ("heartbeat_yielding", vec![Subject::Nodes], Body::Heartbeat(yielding())),
        (
            "reply_of_absent",
            to_asker(),
            Body::Reply(wire::Reply { request: 303, absent: true, ..Default::default() }),
        ),
        (
            "broadcast_to_children",
            vec![Subject::Namespace("pattern:/{tenant}".into())],
            Body::Broadcast(wire::Broadcast {
                target: Some(wire::Target { namespace: "/".into(), ..target(&["lobby"], &[]) }),
                packet: r#"42["message",1]"#.into(),
                parent: "pattern:/{tenant}".into(),
                ..Default::default()
            }),
        ),
        ("heartbeat_of_restarted_subject", vec![Subject::Nodes], Body::Heartbeat(restarted())),
        (RESTARTED, vec![Subject::Namespace("/again".into())], Body::Broadcast(again())),
    ]
}

/// Fields that were added to a body later, in a line of their own.
fn borrowing() -> wire::Heartbeat {
    wire::Heartbeat {
        borrowed_ids: 2,
        borrowed: vec!["x-Y9AqQ2mR8sT5uV1wX4".into(), "x-Y9BqQ2mR8sT5uV1wX4".into()],
        request: 400,
        confirms: true,
        ..Default::default()
    }
}

fn yielding() -> wire::Heartbeat {
    wire::Heartbeat {
        room_buckets: 512,
        started_at_ms: 1_795_000_000_000,
        yields: true,
        ..Default::default()
    }
}

fn restarted() -> wire::Heartbeat {
    let tail = wire::Tail { subject: "chat.room.723".into(), subject_sequence: 5000, subject_start: 4990 };
    wire::Heartbeat { tails: vec![tail], tails_complete: true, ..Default::default() }
}

fn target(rooms: &[&str], except: &[&str]) -> wire::Target {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    wire::Target { namespace: "/chat".into(), rooms: names(rooms), except: names(except) }
}

fn broadcast() -> wire::Broadcast {
    wire::Broadcast {
        target: Some(target(&[], &[])),
        volatile: true,
        uncompressed: true,
        packet: r#"42/chat,["message","hello \"world\"",1.5,null]"#.into(),
        attachments: Vec::new(),
        answers_wanted: Some(wire::AnswersWanted { request: 77, timeout_ms: 10_000 }),
        // Frozen before it existed.
        parent: String::new(),
    }
}

fn again() -> wire::Broadcast {
    wire::Broadcast {
        target: Some(wire::Target { namespace: "/again".into(), ..target(&[], &[]) }),
        packet: r#"42/again,["message",1]"#.into(),
        ..Default::default()
    }
}

fn reply() -> wire::Reply {
    wire::Reply {
        request: 300,
        sockets: vec![wire::RemoteSocket {
            id: "aB3_kQ2mR8sT5uV1wX4y".into(),
            rooms: vec!["aB3_kQ2mR8sT5uV1wX4y".into(), "lobby".into()],
            data: r#"{"user":1}"#.into(),
            address: "192.0.2.1:40000".into(),
            connected_at_ms: 1_795_000_000_000,
            url: "/socket.io/?EIO=4&transport=websocket".into(),
            headers: "host: example.org\nuser-agent: test".into(),
            auth: r#"{"token":"t"}"#.into(),
            // Frozen before it existed.
            secure: false,
        }],
        count: 2,
        rooms: vec![wire::RoomSize { name: "lobby".into(), members: 3 }],
        arguments: "[true]".into(),
        attachments: vec![Bytes::from_static(&[1, 2, 3])],
        // Frozen before it existed.
        more: false,
        piece: 0,
        left_out: 0,
        absent: false,
    }
}

fn heartbeat() -> wire::Heartbeat {
    wire::Heartbeat {
        release: "0.1.0".into(),
        uptime_ms: 123_456,
        connections: 10,
        sockets: 20,
        rooms: 30,
        lost: 40,
        interval_ms: 5000,
        room_buckets: 1024,
        namespaces: vec!["/".into(), "/chat".into()],
        borrowed_ids: 50,
        hello: true,
        tails: vec![wire::Tail {
            subject: "chat.room.723".into(),
            subject_sequence: 4,
            // Frozen before it existed.
            subject_start: 0,
        }],
        // Frozen before the others existed.
        ..Default::default()
    }
}

/// The frames that a node of today sends for all of that, each with its name; of several frames each has a number.
fn frames_of_today() -> Vec<(String, Frame)> {
    let mut outgoing = Outgoing::new(Identity { node: "aB3_".into(), instance: INSTANCE });
    let mut frames = Vec::new();
    for (name, subjects, body) in said() {
        if name == RESTARTED {
            // So many that the sender forgets some.
            for number in 0..40_000 {
                outgoing.number(&[Subject::Bucket("/passing".into(), number)]);
            }
        }
        let bytes = encode(&body);
        let numbered = outgoing.number(&subjects);
        let of_this: Vec<_> = numbered.iter().flat_map(|copy| copy.frames(&bytes, FRAME_BYTES_MAX)).collect();
        let several = of_this.len() > 1;
        let name = |n: usize| if several { format!("{name}.{n}") } else { name.to_owned() };
        frames.extend(of_this.into_iter().enumerate().map(|(n, frame)| (name(n), frame)));
    }
    frames
}

#[test]
fn a_node_of_today_sends_the_bytes_it_always_did() {
    let golden: HashMap<_, _> = golden().into_iter().collect();
    let of_today = frames_of_today();
    for (name, frame) in &of_today {
        let hex: String = frame.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(
            golden.get(&**name) == Some(&frame.bytes),
            "not the frame that it was; today it is\n{name} {hex}"
        );
    }
    let of_emitters = golden.keys().filter(|name| name.starts_with("emitter")).count();
    assert_eq!(golden.len(), of_today.len() + of_emitters, "a frame of the file is sent no more");
}

#[test]
fn the_bytes_mean_what_they_always_did() {
    let identity = Identity { node: "hear".into(), instance: 1 };
    let meters = Arc::new(BusMeters::default());
    let mut incoming = Incoming::new(&identity, 1 << 20, meters.clone());
    let numbered = golden().into_iter().filter(|(name, _)| !name.starts_with("emitter"));
    for ((_, bytes), (name, frame)) in numbered.zip(frames_of_today()) {
        incoming
            .take(&frame.path, bytes, Instant::now())
            .unwrap_or_else(|refusal| panic!("{name} is refused: {refusal}"));
    }
    let mut released = VecDeque::new();
    incoming.release(&mut released, Instant::now());
    let mut heard = released.into_iter().map(|inbound| match inbound {
        Inbound::Envelope(envelope) => envelope,
        other => panic!("not an envelope: {other:?}"),
    });
    for (name, _, body) in said() {
        let expected = Envelope { node: "aB3_".into(), instance: INSTANCE, body };
        assert_eq!(heard.next(), Some(expected), "{name}");
    }
    assert_eq!(heard.next(), None);
}

#[test]
fn headers_mean_what_they_always_did() {
    let golden: HashMap<_, _> = golden().into_iter().collect();
    let header = |name: &str| {
        let envelope = wire::Envelope::decode(golden[name].clone()).expect("it was checked in");
        assert_eq!((envelope.version, &*envelope.node, envelope.instance), (1, "aB3_", INSTANCE));
        let part = envelope.part.map(|part| (part.index, part.count, part.total_bytes, part.data.len()));
        ([envelope.sequence, envelope.subject_sequence, envelope.copies.into()], part)
    };
    assert_eq!(header("broadcast"), ([1, 1, 0], None));
    assert_eq!(header("broadcast_of_two_rooms.0"), ([2, 1, 2], None));
    assert_eq!(header("broadcast_of_two_rooms.1"), ([2, 1, 2], None));
    assert_eq!(header("membership_join"), ([4, 2, 0], None));
    assert_eq!(header("heartbeat"), ([12, 4, 0], None));
    assert_eq!(header("parts.0"), ([15, 5, 0], Some((0, 2, 1078, 896))));
    let restarted = wire::Envelope::decode(golden[RESTARTED].clone()).expect("it was checked in");
    assert_eq!((restarted.subject_start, restarted.subject_sequence), (9, 10));
    assert_eq!(header("parts.1"), ([15, 5, 0], Some((1, 2, 1078, 182))));
}

/// The least that an emitter in another language has to say: see `docs/cluster-protocol.md`.
#[test]
fn an_emitter_may_leave_out_whatever_it_has_not() {
    let emitter: Vec<_> = golden().into_iter().filter(|(name, _)| name.starts_with("emitter")).collect();
    assert_eq!(emitter.len(), 1);
    let identity = Identity { node: "hear".into(), instance: 1 };
    let mut incoming = Incoming::new(&identity, 1 << 20, Arc::default());
    incoming.take("_.room.723", emitter[0].1.clone(), Instant::now()).expect("it is taken");
    let mut released = VecDeque::new();
    incoming.release(&mut released, Instant::now());
    let target = wire::Target { namespace: "/".into(), rooms: vec!["lobby".into()], except: Vec::new() };
    let packet = r#"42["hello",1]"#.into();
    let body = Body::Broadcast(wire::Broadcast { target: Some(target), packet, ..Default::default() });
    let Some(Inbound::Envelope(envelope)) = released.pop_front() else { panic!("nothing is heard") };
    assert_eq!(envelope, Envelope { node: "".into(), instance: 0, body });
}
