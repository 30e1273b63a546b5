//! A node hears a subject from the moment that `synced` says so until some time after `unsubscribe`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use super::peer::{Peer, Scope, bucket, event, label, namespace};
use crate::wire;
use crate::wire::envelope::Body;
use crate::wire::subject::Subject;

/// Time that a bus may take to unsubscribe.
const UNSUBSCRIBE_DEADLINE: Duration = Duration::from_secs(60);

/// Interval at which the sender tries whether it is still heard.
const RETRY: Duration = Duration::from_millis(20);

/// Waits until the sender is not heard on this subject any more.
async fn until_unheard(sender: &Peer, receiver: &mut Peer, subject: &Subject) {
    let start = Instant::now();
    loop {
        sender.say(subject, event("unwanted"));
        sender.say(&receiver.own(), event("marker"));
        if receiver.hear_until("marker").await == ["marker"] {
            return;
        }
        assert!(
            start.elapsed() < UNSUBSCRIBE_DEADLINE,
            "{subject:?} is heard {UNSUBSCRIBE_DEADLINE:?} after `unsubscribe`"
        );
        tokio::time::sleep(RETRY).await;
    }
}

pub async fn a_node_hears_its_own_subject_from_the_start(scope: Scope<'_>) {
    let (sender, mut receiver) = (scope.join("send", &[]).await, scope.join("hear", &[]).await);
    sender.say(&receiver.own(), event("hello"));
    receiver.expect(["hello"]).await;
    sender.leave().await;
    receiver.leave().await;
}

pub async fn a_node_hears_only_what_it_subscribed_to(scope: Scope<'_>) {
    let heard = [namespace("/a"), bucket(7)];
    let foreign = [
        namespace("/"),
        namespace("/b"),
        namespace("/a/b"),
        bucket(0),
        bucket(77),
        Subject::Bucket("/a".into(), 7),
        Subject::Node("send".into()),
        Subject::Node("Hear".into()),
        Subject::Nodes,
    ];
    let (sender, mut receiver) = (scope.join("send", &[]).await, scope.join("hear", &heard).await);
    for (n, subject) in foreign.iter().enumerate() {
        sender.say(subject, event("for others"));
        sender.say(&heard[n % heard.len()], event(&n.to_string()));
    }
    receiver.expect((0..foreign.len()).map(|n| n.to_string())).await;
    sender.leave().await;
    receiver.leave().await;
}

pub async fn synced_means_heard(scope: Scope<'_>) {
    let (sender, mut receiver) = (scope.join("send", &[]).await, scope.join("hear", &[]).await);
    for n in 0..200 {
        let label = n.to_string();
        receiver.hear(&[bucket(n)]).await;
        sender.say(&bucket(n), event(&label));
        receiver.expect([label]).await;
    }
    sender.leave().await;
    receiver.leave().await;
}

/// JOIN-1 at a start: the bus may still be connecting when it is asked to subscribe.
pub async fn synced_means_heard_by_a_node_that_has_just_started(scope: Scope<'_>) {
    let sender = scope.join("send", &[]).await;
    // Wherever nodes of this scope are, it is heard.
    let mut others = [scope.join("one", &[bucket(0)]).await, scope.join("two", &[bucket(0)]).await];
    for other in &mut others {
        let mut next = Instant::now();
        other
            .wait("the sender is not heard", |other, cx| {
                if next <= Instant::now() {
                    next = Instant::now() + RETRY;
                    sender.say(&bucket(0), event("probe"));
                }
                cx.waker().wake_by_ref();
                if other.has_heard() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
    }
    for n in 1..=20 {
        let mut fresh = scope.start("new");
        fresh.hear(&[bucket(n)]).await;
        sender.say(&bucket(n), event("heard"));
        fresh.expect(["heard"]).await;
        fresh.leave().await;
    }
    sender.leave().await;
    for other in others {
        other.leave().await;
    }
}

pub async fn a_node_that_subscribes_in_the_middle_misses_nothing_from_then_on(scope: Scope<'_>) {
    let (sender, mut receiver) = (scope.join("send", &[]).await, scope.join("hear", &[]).await);
    let (said, stop) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let (bus, saying, stopped) = (sender.bus.clone(), said.clone(), stop.clone());
    let publisher = thread::spawn(move || {
        while !stopped.load(Relaxed) {
            let n = saying.load(Relaxed);
            bus.publish(&[bucket(n % 2)], event(&n.to_string())).expect("the bus takes it");
            saying.store(n + 1, Relaxed);
            // Busy, and nothing that has to be queued for long.
            thread::sleep(Duration::from_micros(200));
        }
        bus.publish(&[bucket(0)], event("end")).expect("the bus takes it");
    });
    receiver.hear(&[bucket(0), bucket(1)]).await;
    // The one of this number may have been on its way when that was in force.
    let since = said.load(Relaxed) + 1;
    let mut labels = Vec::new();
    for _ in 0..300 {
        labels.push(label(&receiver.next().await.body).to_owned());
    }
    stop.store(true, Relaxed);
    labels.extend(receiver.hear_until("end").await);
    labels.pop();
    publisher.join().expect("it does not panic");
    let heard: Vec<u32> = labels.iter().map(|label| label.parse().expect("a number")).collect();
    assert!(heard.is_sorted_by(|a, b| a < b), "out of order: {heard:?}");
    let heard_since: Vec<u32> = heard.into_iter().filter(|n| *n >= since).collect();
    assert!(heard_since.iter().copied().eq(since..said.load(Relaxed)), "gaps since {since}: {heard_since:?}");
    sender.leave().await;
    receiver.leave().await;
}

pub async fn envelopes_stop_some_time_after_unsubscribe(scope: Scope<'_>) {
    let (sender, mut receiver) = (scope.join("send", &[]).await, scope.join("hear", &[bucket(1)]).await);
    receiver.bus.unsubscribe(&bucket(1));
    // Subjects that were never subscribed to may be unsubscribed.
    receiver.bus.unsubscribe(&bucket(2));
    until_unheard(&sender, &mut receiver, &bucket(1)).await;
    sender.leave().await;
    receiver.leave().await;
}

pub async fn what_was_missed_while_not_subscribed_is_not_a_loss(scope: Scope<'_>) {
    let (sender, mut receiver) = (scope.join("send", &[]).await, scope.join("hear", &[bucket(1)]).await);
    sender.say(&bucket(1), event("before"));
    receiver.expect(["before"]).await;
    sender.say(&bucket(1), event("unwanted"));
    receiver.bus.unsubscribe(&bucket(1));
    until_unheard(&sender, &mut receiver, &bucket(1)).await;
    sender.say(&bucket(1), event("unheard"));
    receiver.hear(&[bucket(1)]).await;
    sender.say(&bucket(1), event("after"));
    // What was said a moment before may still have been on its way.
    receiver.hear_until("after").await;
    sender.leave().await;
    receiver.leave().await;
}

pub async fn a_node_that_subscribes_again_at_once_goes_on_hearing(scope: Scope<'_>) {
    let (sender, mut receiver) = (scope.join("send", &[]).await, scope.join("hear", &[bucket(1)]).await);
    for n in 0..100 {
        sender.say(&bucket(1), event("before"));
        receiver.expect(["before"]).await;
        receiver.bus.unsubscribe(&bucket(1));
        receiver.hear(&[bucket(1)]).await;
        sender.say(&bucket(1), event(&n.to_string()));
        receiver.expect([n.to_string()]).await;
    }
    sender.leave().await;
    receiver.leave().await;
}

pub async fn subscribing_twice_counts_once(scope: Scope<'_>) {
    let (sender, mut receiver) = (scope.join("send", &[]).await, scope.join("hear", &[bucket(1)]).await);
    receiver.hear(&[bucket(1), bucket(1)]).await;
    sender.say(&bucket(1), event("once"));
    sender.say(&receiver.own(), event("marker"));
    receiver.expect(["once", "marker"]).await;
    receiver.bus.unsubscribe(&bucket(1));
    until_unheard(&sender, &mut receiver, &bucket(1)).await;
    sender.leave().await;
    receiver.leave().await;
}

pub async fn a_heartbeat_finds_nothing_missing(scope: Scope<'_>) {
    let subjects = [Subject::Nodes, bucket(1), bucket(2), namespace("/")];
    let (sender, mut receiver) = (scope.join("send", &[]).await, scope.join("hear", &subjects[..2]).await);
    let heartbeat = || Body::Heartbeat(wire::Heartbeat { interval_ms: 1, ..Default::default() });
    for round in 0..20 {
        for subject in &subjects {
            sender.say(subject, event("ignored"));
        }
        sender.say_to(&subjects, event("also ignored"));
        sender.say(&Subject::Nodes, heartbeat());
        let heartbeat = loop {
            if let Body::Heartbeat(heartbeat) = receiver.next().await.body {
                break heartbeat;
            }
        };
        assert!(heartbeat.tails.len() >= subjects.len(), "round {round}: {:?}", heartbeat.tails);
        if round == 10 {
            receiver.hear(&subjects[2..]).await;
        }
    }
    sender.leave().await;
    receiver.leave().await;
}
