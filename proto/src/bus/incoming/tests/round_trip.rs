//! Everything that goes in comes out.

use proptest::prelude::*;

use super::*;
use crate::wire::arbitrary::body;

proptest! {
    #[test]
    fn any_body_comes_out_as_it_went_in(
        bodies in proptest::collection::vec((body(), 0..3_usize, 0..4000_usize), 1..8),
        frame_bytes_max in 1024..4000_usize,
    ) {
        let subjects = [subject(1), subject(2), own()];
        let (mut mouth, mut ear) = (Mouth::new(), Ear::new());
        let mut sent = Vec::new();
        for (mut body, which, padding) in bodies {
            if let Body::Reply(reply) = &mut body {
                reply.arguments = "x".repeat(padding);
            }
            let bytes = encode(&body);
            for copy in mouth.outgoing.number(&subjects[which..=which]) {
                ear.take_all(&copy.frames(&bytes, frame_bytes_max));
            }
            sent.push(body);
        }
        let mut out = VecDeque::new();
        ear.incoming.release(&mut out, ear.now);
        let heard: Vec<_> = out
            .into_iter()
            .filter_map(|inbound| match inbound {
                Inbound::Envelope(envelope) => Some((envelope.node, envelope.instance, envelope.body)),
                // A made-up heartbeat may tell of subjects that are subscribed to.
                Inbound::Lost { .. } => None,
                Inbound::State(_) => unreachable!("nothing is connected"),
            })
            .collect();
        let sent: Vec<_> = sent.into_iter().map(|body| ("send".into(), INSTANCE, body)).collect();
        prop_assert_eq!(heard, sent);
    }

    #[test]
    fn nothing_that_may_come_brings_it_down(
        frames in proptest::collection::vec((0..4_u32, crate::wire::arbitrary::any_envelope(), any::<bool>()), 0..40),
    ) {
        use prost::Message;
        let mut ear = Ear::new();
        for (which, envelope, release) in frames {
            let frame = Frame { path: subject(which).path().into(), bytes: envelope.encode_to_vec().into() };
            let _ = ear.take(&frame);
            if release {
                ear.incoming.release(&mut VecDeque::new(), ear.now);
            }
        }
    }
}
