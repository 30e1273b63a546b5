use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn at(id: u64, server: &str) -> Known {
    Known { id: PeerId(id), server: server.into() }
}

fn ids(ids: &[u64]) -> Vec<PeerId> {
    ids.iter().copied().map(PeerId).collect()
}

fn awaited(peers: &Peers) -> Vec<(&str, Vec<PeerId>)> {
    peers.awaited().map(|(server, peers)| (&**server, peers.to_vec())).collect()
}

#[test]
fn a_bus_is_where_it_says_itself() {
    let (mut peers, now) = (Peers::new(Arc::default()), Instant::now());
    peers.told_of(at(1, "A"), now);
    assert!(peers.heard(at(1, "B"), now));
    assert!(!peers.heard(at(1, "B"), now), "that is not news");
    peers.told_of(at(1, "A"), now);
    assert_eq!(awaited(&peers), [("B", ids(&[1]))]);
}

#[test]
fn the_bus_that_answered_last_comes_first() {
    let (mut peers, now) = (Peers::new(Arc::default()), Instant::now());
    for id in 1..=3 {
        peers.heard(at(id, "A"), now);
    }
    peers.answered(at(2, "A"), now);
    peers.answered(at(3, "A"), now);
    peers.answered(at(3, "A"), now);
    assert_eq!(awaited(&peers), [("A", ids(&[3, 2, 1]))]);
    assert_eq!(peers.representatives().collect::<Vec<_>>(), [at(3, "A")]);
}

#[test]
fn a_silent_bus_is_not_waited_for_until_it_is_heard_and_asked_now_and_then() {
    let (mut peers, start) = (Peers::new(Arc::default()), Instant::now());
    peers.heard(at(1, "A"), start);
    assert!(peers.silence(PeerId(1), start));
    assert!(!peers.silence(PeerId(1), start), "that is not news");
    assert!(!peers.silence(PeerId(2), start), "nobody knows it");
    assert!(awaited(&peers).is_empty());
    assert!(peers.silent_to_ask(start + SECOND / 2).is_empty());
    assert_eq!(peers.silent_to_ask(start + SECOND), ids(&[1]));
    assert!(peers.silent_to_ask(start + SECOND).is_empty());
    peers.answered(at(1, "A"), start + SECOND);
    assert_eq!(awaited(&peers), [("A", ids(&[1]))]);
    assert!(peers.silent_to_ask(start + 10 * SECOND).is_empty());
}

#[test]
fn buses_that_are_gone_or_not_heard_for_long_are_forgotten() {
    let (mut peers, start) = (Peers::new(Arc::default()), Instant::now());
    peers.heard(at(1, "A"), start);
    peers.heard(at(2, "A"), start);
    peers.heard(at(2, "A"), start + FORGET_AFTER);
    peers.heard(at(3, "A"), start + FORGET_AFTER);
    peers.gone(PeerId(3));
    peers.expire(start + FORGET_AFTER);
    assert_eq!(awaited(&peers), [("A", ids(&[2]))]);
}

#[test]
fn more_than_the_bound_are_not_kept() {
    let (mut peers, now) = (Peers::new(Arc::default()), Instant::now());
    for id in 0..PEERS_MAX as u64 + 10 {
        peers.heard(at(id, "A"), now);
    }
    assert_eq!(awaited(&peers)[0].1.len(), PEERS_MAX);
}

#[test]
fn what_buses_say_of_themselves_is_read_as_far_as_it_can_be() {
    let known = [at(1, "A"), at(0xabc, "B")];
    let text = format!("{} {}", known[0], known[1]);
    assert_eq!(text, "0000000000000001 A 0000000000000abc B");
    assert_eq!(Known::read_all(&text).collect::<Vec<_>>(), known);
    for (text, count) in [("", 0), ("1", 0), ("x A", 0), ("1 A 2", 1), ("1 A x B", 1)] {
        assert_eq!(Known::read_all(text).count(), count, "{text}");
    }
    assert_eq!(Known::read_all(&format!("1 {}", "A".repeat(1000))).count(), 0);
    assert_eq!(Known::read_all(&"1 A ".repeat(1000)).count(), NAMED_MAX + 1);
}
