use proptest::prelude::*;

use super::*;

const PATIENCE: Duration = Duration::from_secs(3);
const INTERVAL: Duration = Duration::from_secs(2);

fn node(name: &str) -> Arc<str> {
    name.into()
}

/// A hold that knows these nodes, and has just lost the connection.
fn broken(names: &[&str], now: Instant) -> Hold {
    let mut hold = Hold::new(PATIENCE);
    for name in names {
        assert!(!hold.heard(&node(name), INTERVAL, now));
    }
    assert_eq!(hold.until(now), None);
    hold.broken();
    hold
}

#[test]
fn nodes_that_were_there_are_waited_for() {
    let now = Instant::now();
    let mut hold = broken(&["a", "b"], now);
    // The last words of the old connection.
    assert!(!hold.heard(&node("a"), INTERVAL, now));
    hold.connected(now);
    assert_eq!(hold.until(now), Some(now + PATIENCE));
    assert!(!hold.heard(&node("new"), INTERVAL, now));
    assert!(!hold.heard(&node("a"), INTERVAL, now));
    assert!(!hold.heard(&node(""), INTERVAL, now));
    assert_eq!(hold.until(now), Some(now + PATIENCE));
    assert!(hold.heard(&node("b"), INTERVAL, now));
    assert_eq!(hold.until(now), None);
    assert!(!hold.heard(&node("b"), INTERVAL, now), "it is said once");
}

#[test]
fn a_node_that_knows_no_other_waits_for_none() {
    let now = Instant::now();
    let mut hold = Hold::new(PATIENCE);
    hold.connected(now);
    assert_eq!(hold.until(now), None);
    hold.broken();
    hold.connected(now);
    assert_eq!(hold.until(now), None);
}

#[test]
fn a_node_that_leaves_or_takes_too_long_is_not_waited_for() {
    let now = Instant::now();
    let mut hold = broken(&["a", "b"], now);
    hold.connected(now);
    assert!(!hold.left(&node("a")));
    assert_eq!(hold.give_up(now), 0);
    assert_eq!(hold.until(now + PATIENCE), None);
    assert_eq!((hold.give_up(now + PATIENCE), hold.give_up(now + PATIENCE)), (1, 0));
    // Nor the next time.
    hold.broken();
    hold.connected(now);
    assert_eq!(hold.until(now), None);
}

#[test]
fn a_node_that_was_silent_before_is_not_waited_for() {
    let start = Instant::now();
    let mut hold = broken(&["silent", "living"], start);
    hold.connected(start);
    hold.heard(&node("silent"), INTERVAL, start);
    let later = start + 3 * INTERVAL;
    hold.heard(&node("living"), INTERVAL, later);
    hold.broken();
    hold.connected(later);
    assert!(!hold.heard(&node("living"), INTERVAL, later));
    assert!(hold.heard(&node("silent"), INTERVAL, later));
    hold.heard(&node("living"), INTERVAL, later + 4 * INTERVAL);
    hold.broken();
    hold.connected(later);
    assert!(hold.heard(&node("living"), INTERVAL, later));
}

#[test]
fn a_node_that_was_not_back_yet_is_waited_for_after_the_next_break_too() {
    let now = Instant::now();
    let mut hold = broken(&["a", "b"], now);
    hold.connected(now);
    hold.heard(&node("a"), INTERVAL, now + 10 * INTERVAL);
    hold.broken();
    hold.connected(now);
    assert!(!hold.heard(&node("a"), INTERVAL, now));
    assert!(hold.heard(&node("b"), INTERVAL, now));
}

#[test]
fn a_flood_of_names_has_a_bound() {
    let now = Instant::now();
    let mut hold = Hold::new(PATIENCE);
    for n in 0..3 * PEERS_MAX {
        hold.heard(&node(&n.to_string()), INTERVAL, now);
        assert!(hold.peers.len() < PEERS_MAX);
    }
    // Nodes come and go.
    for n in 0..1000 {
        hold.heard(&node(&n.to_string()), INTERVAL, now + n * INTERVAL);
    }
    hold.broken();
    assert_eq!(hold.missing.len(), 4);
}

#[derive(Clone, Debug)]
enum Act {
    Heard(u8),
    Left(u8),
    Broken,
    Connected,
    Pass(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..4_u8).prop_map(Act::Heard),
        1 => (0..4_u8).prop_map(Act::Left),
        1 => Just(Act::Broken),
        2 => Just(Act::Connected),
        2 => (0..4000_u64).prop_map(Act::Pass),
    ]
}

proptest! {
    /// Whatever happens, nothing is held longer than the patience since the connection is back, nor when all that were
    /// there are back.
    #[test]
    fn nothing_is_held_for_longer_than_needed(acts in proptest::collection::vec(act(), 0..60)) {
        let mut now = Instant::now();
        let mut hold = Hold::new(PATIENCE);
        // Since when there is a connection again, and the nodes that were heard since.
        let (mut since, mut back): (Option<Instant>, HashSet<u8>) = (None, HashSet::new());
        for act in acts {
            match act {
                Act::Heard(n) => {
                    hold.heard(&node(&n.to_string()), INTERVAL, now);
                    back.insert(n);
                }
                Act::Left(n) => {
                    hold.left(&node(&n.to_string()));
                    back.insert(n);
                }
                Act::Broken => {
                    hold.broken();
                    since = None;
                }
                Act::Connected if since.is_none() => {
                    hold.connected(now);
                    (since, back) = (Some(now), HashSet::new());
                }
                Act::Connected => {}
                Act::Pass(ms) => now += Duration::from_millis(ms),
            }
            let held = hold.until(now);
            let may_hold = since.is_some_and(|since| now < since + PATIENCE && back.len() < 4);
            prop_assert!(may_hold || held.is_none());
            prop_assert_eq!(hold.give_up(now) > 0 && held.is_some(), false);
        }
    }
}
