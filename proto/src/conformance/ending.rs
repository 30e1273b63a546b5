//! A bus is left in good order, and the others do without the node that has left.

use std::time::Duration;

use super::peer::{Scope, bucket, event};
use crate::bus::{PublishError, State};
use crate::wire::subject::Subject;

pub async fn close_publishes_what_was_queued_and_ends_the_subscription(scope: Scope<'_>) {
    let (mut sender, mut receiver) = (scope.join("send", &[]).await, scope.join("hear", &[bucket(1)]).await);
    let labels: Vec<_> = (0..500).map(|n| n.to_string()).collect();
    for label in &labels {
        sender.say(&bucket(1), event(label));
    }
    sender.close().await;
    sender.expect_end().await;
    assert_eq!(sender.bus.state(), State::Closed);
    assert_eq!(sender.bus.publish(&[bucket(1)], event("too late")), Err(PublishError::Closed));
    assert_eq!(sender.bus.meters().dropped.get(), 0);
    receiver.expect(labels).await;
    let other = scope.join("othr", &[]).await;
    other.say(&bucket(1), event("end"));
    receiver.expect(["end"]).await;
    other.leave().await;
    receiver.leave().await;
}

pub async fn a_bus_can_be_closed_at_once_and_twice(scope: Scope<'_>) {
    let mut peer = scope.start("peer");
    // Dropped: it has no effect.
    drop(peer.bus.close(Duration::ZERO));
    peer.close().await;
    peer.expect_end().await;
    peer.bus.subscribe(bucket(1));
    peer.bus.unsubscribe(&bucket(1));
    peer.hear(&[]).await;
    assert_eq!(peer.bus.publish(&[Subject::Nodes], event("too late")), Err(PublishError::Closed));
    peer.leave().await;
}

pub async fn others_can_do_without_a_closed_node(scope: Scope<'_>) {
    let subjects = [bucket(1), Subject::Nodes];
    let mut gone = scope.join("gone", &subjects).await;
    let (mut one, mut other) = (scope.join("one", &subjects).await, scope.join("othr", &subjects).await);
    gone.say_to(&subjects, event("farewell"));
    gone.close().await;
    one.expect(["farewell"]).await;
    other.expect(["farewell"]).await;
    for n in 0..50 {
        // One of them has not noticed yet.
        one.say(&gone.own(), event("to nobody"));
        one.say_to(&[gone.own(), bucket(1)], event(&n.to_string()));
        other.expect([n.to_string()]).await;
        other.say(&Subject::Nodes, event("answer"));
        one.expect(["answer"]).await;
    }
    one.bus.unsubscribe(&gone.own());
    gone.expect_end().await;
    one.leave().await;
    other.leave().await;
}
