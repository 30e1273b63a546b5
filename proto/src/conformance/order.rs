//! ORDER-2 and ONCE-1: what one thread publishes arrives in that order, each once, and never at the sender.

use std::sync::Arc;
use std::thread;

use super::peer::{Peer, Scope, bucket, event, label, namespace};
use crate::wire::subject::Subject;

/// Subjects of every kind, with that of the receiver.
fn subjects_of(receiver: &str) -> Vec<Subject> {
    let mut subjects =
        vec![namespace("/"), namespace("/admin"), Subject::Nodes, Subject::Node(receiver.into())];
    subjects.extend((0..8).map(bucket));
    subjects
}

/// One of these, for the `n`th time: all of them in an order without pattern.
fn pick(subjects: &[Subject], n: usize) -> &Subject {
    &subjects[(n * n / 3 + n / 7) % subjects.len()]
}

pub async fn envelopes_of_one_thread_arrive_in_order_across_subjects(scope: Scope<'_>) {
    let subjects = subjects_of("hear");
    let (sender, mut receiver) = (scope.join("send", &[]).await, scope.join("hear", &subjects).await);
    let labels: Vec<_> = (0..2000).map(|n| n.to_string()).collect();
    for (n, label) in labels.iter().enumerate() {
        sender.say(pick(&subjects, n), event(label));
    }
    receiver.expect(&labels).await;
    sender.leave().await;
    receiver.leave().await;
}

pub async fn each_of_many_threads_and_nodes_has_its_order(scope: Scope<'_>) {
    const NODES: [&str; 3] = ["nod1", "nod2", "nod3"];
    const THREADS: usize = 2;
    const EVENTS: usize = 300;
    // Nobody's own subject: everybody hears all of the others.
    let subjects = Arc::new(subjects_of("nobody"));
    let mut peers = Vec::new();
    for name in NODES {
        peers.push(scope.join(name, &subjects).await);
    }
    let publish = |peer: &Peer, node: usize, thread: usize| {
        let (bus, subjects) = (peer.bus.clone(), subjects.clone());
        thread::spawn(move || {
            for n in 0..EVENTS {
                let subject = pick(&subjects, n + thread).clone();
                bus.publish(&[subject], event(&format!("{node}.{thread}.{n}"))).expect("the bus takes it");
            }
        })
    };
    let threads: Vec<_> = peers
        .iter()
        .enumerate()
        .flat_map(|(node, peer)| (0..THREADS).map(move |thread| publish(peer, node, thread)))
        .collect();
    for (own, peer) in peers.iter_mut().enumerate() {
        let mut next = [[0; THREADS]; NODES.len()];
        for _ in 0..(NODES.len() - 1) * THREADS * EVENTS {
            let envelope = peer.next().await;
            let parts: Vec<usize> =
                label(&envelope.body).split('.').map(|part| part.parse().expect("a number")).collect();
            let (node, thread, n) = (parts[0], parts[1], parts[2]);
            assert_ne!(node, own, "a node hears itself");
            assert_eq!(&*envelope.node, NODES[node]);
            assert_eq!(n, next[node][thread], "out of order: thread {thread} of node {node}, heard by {own}");
            next[node][thread] += 1;
        }
    }
    threads.into_iter().for_each(|thread| thread.join().expect("nothing panics"));
    for peer in peers {
        peer.leave().await;
    }
}

pub async fn an_envelope_for_several_subjects_arrives_once(scope: Scope<'_>) {
    let all = subjects_of("hear");
    let (sender, mut receiver) = (scope.join("send", &[]).await, scope.join("hear", &all).await);
    let mut of_one = scope.join("one", &[bucket(3)]).await;
    for n in 0..200 {
        // From one to five subjects of the receiver's, and one more that only the other one hears.
        let some = (0..=n % 5).map(|k| all[(n + 2 * k) % all.len()].clone());
        let subjects: Vec<_> = some.chain([bucket(3)].into_iter().filter(|_| n % 3 == 0)).collect();
        let mut distinct = subjects.clone();
        distinct.sort();
        distinct.dedup();
        sender.say_to(&distinct, event(&n.to_string()));
    }
    sender.say(&bucket(3), event("end"));
    receiver.expect((0..200).map(|n| n.to_string())).await;
    receiver.expect(["end"]).await;
    let heard = of_one.hear_until("end").await;
    let numbers: Vec<usize> = heard.iter().filter_map(|label| label.parse().ok()).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "out of order or twice: {numbers:?}");
    assert!((0..200).filter(|n| n % 3 == 0).all(|n| numbers.contains(&n)), "some are missing: {numbers:?}");
    for peer in [sender, receiver, of_one] {
        peer.leave().await;
    }
}

pub async fn nobody_hears_itself(scope: Scope<'_>) {
    let subjects = [namespace("/"), bucket(1), Subject::Nodes];
    let (mut one, mut other) = (scope.join("one", &subjects).await, scope.join("othr", &subjects).await);
    for n in 0..50 {
        let own = one.own();
        one.say(&own, event("to itself"));
        one.say_to(&subjects, event(&n.to_string()));
        other.expect([n.to_string()]).await;
        other.say(&own, event("answer"));
        one.expect(["answer"]).await;
    }
    one.leave().await;
    other.leave().await;
}
