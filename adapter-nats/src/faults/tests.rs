//! Faults as operators are told of them, and their end.

use super::*;

fn subjects() -> Subjects {
    Subjects::new("fanfare")
}

#[test]
fn a_bus_has_a_fault_until_its_server_has_answered() {
    let faults = Faults::default();
    assert_eq!(faults.describe().len(), 1);
    faults.came_back();
    assert_eq!(faults.describe(), [""; 0]);
}

/// Otherwise no node of a cluster would want clients while its broker pauses.
#[test]
fn silence_is_not_a_fault_of_a_connection_that_worked() {
    let faults = Faults::default();
    faults.came_back();
    faults.did_not_come_back(&subjects());
    assert_eq!(faults.describe(), [""; 0]);
    faults.forgive();
    assert_eq!(faults.describe(), [""; 0], "it has just connected again");
    faults.did_not_come_back(&subjects());
    assert_eq!(faults.describe().len(), 1, "this one never worked");
    faults.forgive();
    assert_eq!(faults.describe().len(), 1, "nor did this");
    faults.came_back();
    assert_eq!(faults.describe(), [""; 0]);
}

#[test]
fn what_the_server_refuses_is_named_until_there_is_another_connection() {
    let faults = Faults::default();
    faults.came_back();
    faults.complaint("Permissions Violation for Publish to \"fanfare.v1.nodes\"", &subjects());
    faults.complaint("Permissions Violation for Publish to \"fanfare.v1._.all\"", &subjects());
    faults.complaint("something else", &subjects());
    assert!(!faults.is_mute());
    let described = faults.describe();
    assert_eq!(described.len(), 1, "one of a kind: {described:?}");
    assert!(
        described[0].contains("publish to `fanfare.v1.nodes`") && described[0].contains("`fanfare.v1.>`")
    );
    faults.complaint("Permissions Violation for Subscription to \"fanfare.v1._inbox.x.>\"", &subjects());
    assert!(faults.is_mute(), "the barrier would wait in vain");
    assert_eq!(faults.describe().len(), 2);
    faults.came_back();
    assert_eq!(faults.describe().len(), 2, "other messages are still refused");
    faults.forgive();
    assert!(!faults.is_mute());
    assert_eq!(faults.describe().len(), 2, "the next connection need not be better");
    faults.complaint("Permissions Violation for Publish to \"fanfare.v1._barrier\"", &subjects());
    assert_eq!(faults.describe().len(), 1, "but is another one");
    faults.forgive();
    faults.came_back();
    assert_eq!(faults.describe(), [""; 0]);
}

/// Subjects that the barrier does not need do not make it give up a connection, so there is no other one soon.
#[test]
fn what_else_was_refused_is_forgotten_with_its_connection() {
    let faults = Faults::default();
    faults.came_back();
    faults.complaint("Permissions Violation for Publish to \"fanfare.v1.nodes\"", &subjects());
    faults.forgive();
    assert_eq!(faults.describe(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_mute_connects_anew_now_and_then() {
    let faults = Faults::default();
    assert!(!faults.is_retry_due(Instant::now() + RETRY_INTERVAL));
    faults.complaint("Permissions Violation for Publish to \"fanfare.v1._barrier\"", &subjects());
    assert!(!faults.is_retry_due(Instant::now()));
    assert!(faults.is_retry_due(Instant::now() + RETRY_INTERVAL));
}
