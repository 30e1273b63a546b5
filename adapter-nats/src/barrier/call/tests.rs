use super::*;

const OWN: &str = "OWN";

fn at(id: u64, server: &str) -> Known {
    Known { id: PeerId(id), server: server.into() }
}

fn peers(known: &[(u64, &str)], now: Instant) -> Peers {
    let mut peers = Peers::new(Arc::default());
    for (id, server) in known {
        peers.heard(at(*id, server), now);
    }
    peers
}

fn call(seeks: bool, now: Instant) -> Call {
    Call::new(7, OWN.into(), seeks, now)
}

fn sorted(mut ids: Vec<PeerId>) -> Vec<u64> {
    ids.sort_unstable();
    ids.into_iter().map(|id| id.0).collect()
}

#[test]
fn one_bus_of_each_other_server_is_asked_and_has_to_answer() {
    let now = Instant::now();
    let peers = peers(&[(1, OWN), (2, "A"), (3, "A"), (4, "B")], now);
    let mut call = call(false, now);
    let asked = call.ask(&peers, now);
    assert_eq!(asked.len(), 2);
    assert!(call.ask(&peers, now).is_empty(), "they were asked");
    assert!(call.own_server_is_proven(7));
    assert!(!call.is_over(&peers));
    call.answered(&at(3, "A"));
    assert!(!call.is_over(&peers));
    call.answered(&at(4, "B"));
    assert!(call.is_over(&peers));
    assert_eq!(call.finish(&peers, now), Outcome { silent: Vec::new(), is_complete: true });
}

#[test]
fn only_this_call_counts() {
    let now = Instant::now();
    let (mut call, peers) = (call(true, now), Peers::new(Arc::default()));
    assert!(!call.own_server_is_proven(6));
    call.nobody_is_there(6);
    call.nobody_is_there(7);
    assert!(!call.is_over(&peers));
    assert!(call.own_server_is_proven(7));
    assert!(!call.own_server_is_proven(7), "that is not news");
    assert!(call.is_over(&peers));
}

#[test]
fn a_call_that_seeks_waits_for_the_first_answer_and_for_the_buses_it_names() {
    let now = Instant::now();
    let (mut call, mut peers) = (call(true, now), Peers::new(Arc::default()));
    call.own_server_is_proven(7);
    assert!(!call.is_over(&peers));
    peers.heard(at(1, "A"), now);
    peers.told_of(at(2, "B"), now);
    call.answered(&at(1, "A"));
    assert_eq!(sorted(call.ask(&peers, now)), [2]);
    assert!(!call.is_over(&peers));
    call.answered(&at(2, "B"));
    assert!(call.is_over(&peers));
}

#[test]
fn a_frozen_bus_is_stood_in_for_by_its_neighbours() {
    let start = Instant::now();
    let peers = peers(&[(1, "A"), (2, "A"), (3, "A")], start);
    let mut call = call(false, start);
    call.own_server_is_proven(7);
    let first = call.ask(&peers, start);
    assert_eq!(call.next_step(), start + WIDEN_AFTER);
    let now = start + WIDEN_AFTER;
    assert!(!call.step(now));
    assert_eq!(call.ask(&peers, now).len(), 2);
    let neighbour = if first[0].0 == 1 { 2 } else { 1 };
    call.answered(&at(neighbour, "A"));
    assert!(call.is_over(&peers));
    // The third one has had no time.
    assert_eq!(call.finish(&peers, now), Outcome { silent: first, is_complete: true });
}

#[test]
fn a_server_whose_buses_are_all_frozen_is_given_up() {
    let start = Instant::now();
    let peers = peers(&[(1, "A"), (2, "A"), (3, "B")], start);
    let mut call = call(false, start);
    call.own_server_is_proven(7);
    call.ask(&peers, start);
    call.answered(&at(3, "B"));
    call.step(start + WIDEN_AFTER);
    call.ask(&peers, start + WIDEN_AFTER);
    assert_eq!(call.next_step(), start + PATIENCE);
    assert!(!call.is_over(&peers));
    call.step(start + PATIENCE);
    assert!(call.is_over(&peers));
    let outcome = call.finish(&peers, start + PATIENCE);
    assert_eq!((sorted(outcome.silent), outcome.is_complete), (vec![1, 2], false));
}

#[test]
fn the_own_server_is_asked_again_and_never_given_up() {
    let start = Instant::now();
    let (mut call, peers) = (call(false, start), Peers::new(Arc::default()));
    assert_eq!(call.next_step(), start + AGAIN_AFTER);
    assert!(call.step(start + AGAIN_AFTER));
    assert!(!call.step(start + WIDEN_AFTER));
    let now = start + PATIENCE + AGAIN_AFTER;
    assert!(call.step(now));
    assert!(!call.is_over(&peers));
    assert_eq!(call.next_step(), now + AGAIN_AFTER);
}

#[test]
fn a_bus_that_moves_or_goes_is_not_waited_for_where_it_was() {
    let now = Instant::now();
    let mut peers = peers(&[(1, "A"), (2, "B")], now);
    let mut call = call(false, now);
    call.own_server_is_proven(7);
    call.ask(&peers, now);
    peers.gone(PeerId(1));
    peers.heard(at(2, "C"), now);
    assert_eq!(sorted(call.ask(&peers, now)), [2], "what it was asked there may not have reached it");
    assert!(!call.is_over(&peers));
    call.answered(&at(2, "C"));
    assert!(call.is_over(&peers));
}
