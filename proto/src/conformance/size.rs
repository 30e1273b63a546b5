//! Envelopes of any size up to a bound are carried, and counted.

use std::task::Poll;

use super::peer::{Scope, bucket, event, label, large_event, namespace};
use crate::bus::PublishError;
use crate::bus::meters::BusMeters;
use crate::wire::subject::Subject;

/// Larger than one frame of any bus.
const LARGE: [usize; 3] = [1 << 20, (1 << 20) + 1, (1 << 20) - 1];

/// Larger than what any bus carries.
const TOO_LARGE: usize = 64 << 20;

pub async fn a_large_envelope_arrives_whole_and_in_order(scope: Scope<'_>) {
    let subjects = [bucket(1), bucket(2), Subject::Nodes];
    let (sender, mut receiver) = (scope.join("send", &[]).await, scope.join("hear", &subjects).await);
    for n in 0..10 {
        sender.say(&subjects[n % 3], event("small"));
        sender.say(&subjects[(n + 1) % 3], large_event("large", &LARGE));
    }
    sender.say(&bucket(1), event("end"));
    for _ in 0..10 {
        receiver.expect(["small"]).await;
        let envelope = receiver.next().await;
        assert_eq!(label(&envelope.body), "large");
        assert!(envelope.body == large_event("large", &LARGE), "it is not what was sent");
    }
    receiver.expect(["end"]).await;
    sender.leave().await;
    receiver.leave().await;
}

pub async fn a_large_envelope_for_several_subjects_arrives_once(scope: Scope<'_>) {
    let subjects = [bucket(1), bucket(2), namespace("/")];
    let (sender, mut receiver) = (scope.join("send", &[]).await, scope.join("hear", &subjects).await);
    sender.say_to(&subjects, large_event("first", &LARGE));
    sender.say_to(&subjects[1..], large_event("second", &LARGE));
    sender.say(&subjects[0], event("end"));
    receiver.expect(["first", "second", "end"]).await;
    sender.leave().await;
    receiver.leave().await;
}

pub async fn an_envelope_over_the_bound_is_refused_as_a_whole(scope: Scope<'_>) {
    let (sender, mut receiver) = (scope.join("send", &[]).await, scope.join("hear", &[bucket(1)]).await);
    sender.say(&bucket(1), event("before"));
    let refused = sender.bus.publish(&[bucket(1)], large_event("too large", &[TOO_LARGE]));
    let Err(PublishError::TooLarge { bytes, max }) = refused else { panic!("taken: {refused:?}") };
    assert!(bytes > TOO_LARGE && bytes > max, "{refused:?}");
    assert_eq!(max, sender.bus.envelope_bytes_max());
    let just_over = sender.bus.publish(&[bucket(1)], large_event("just over", &[max]));
    assert!(matches!(just_over, Err(PublishError::TooLarge { .. })), "taken: {just_over:?}");
    sender.say(&bucket(1), large_event("just below", &[max - 1024]));
    sender.say(&bucket(1), event("after"));
    receiver.expect(["before", "just below", "after"]).await;
    sender.leave().await;
    receiver.leave().await;
}

pub async fn meters_count_what_went_and_what_came(scope: Scope<'_>) {
    let (mut sender, mut receiver) = (scope.join("send", &[]).await, scope.join("hear", &[bucket(1)]).await);
    let went = |meters: &BusMeters| [meters.published.get(), meters.published_bytes.get()];
    let came = |meters: &BusMeters| [meters.received.get(), meters.received_bytes.get()];
    let (before, received) = (went(sender.bus.meters()), came(receiver.bus.meters()));
    sender.say(&bucket(1), large_event("large", &LARGE));
    for _ in 0..10 {
        sender.say(&bucket(1), event("small"));
    }
    receiver.expect(["large"].into_iter().chain(["small"; 10])).await;
    let received = std::array::from_fn(|n| came(receiver.bus.meters())[n] - received[n]);
    let [frames, bytes] = received;
    assert!(frames >= 11 && bytes as usize > LARGE.iter().sum(), "{frames} frames of {bytes} bytes");
    assert_eq!(receiver.bus.meters().assembled.get(), u64::from(frames > 11));
    assert!(receiver.bus.meters().interests.get() >= 2, "its own subject and the bucket");
    // A frame may arrive before its sender has counted it.
    sender
        .wait("it does not count what it publishes", |sender, cx| {
            let now = went(sender.bus.meters());
            if std::array::from_fn(|n| now[n] - before[n]) == received {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    assert_eq!(sender.bus.meters().queued_bytes.get(), 0);
    sender.leave().await;
    receiver.leave().await;
}
