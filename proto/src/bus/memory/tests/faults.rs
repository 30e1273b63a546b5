//! Losses are counted exactly: by the nodes that miss something, or by the one that drops it.

use tokio::time::advance;

use super::*;

const EVENTS: u64 = 2000;

/// Outcome at one receiver.
#[derive(Debug, PartialEq)]
struct Tally {
    /// Numbers that it should have heard.
    sent: Vec<u64>,
    heard: Vec<u64>,
    lost: u64,
    late: u64,
    /// Frames that came beyond those that were published, or did not come.
    surplus: i64,
    refused: u64,
}

impl Tally {
    /// In order, each at most once, and what did not come is counted.
    fn assert_exact(&self) {
        assert!(self.heard.is_sorted_by(|a, b| a < b), "out of order or twice");
        assert!(self.heard.iter().all(|n| self.sent.binary_search(n).is_ok()), "something was made up");
        assert_eq!(self.sent.len() as u64, self.heard.len() as u64 + self.lost);
        assert_eq!(self.refused, 0);
    }
}

/// One sender, and one receiver of all its events, small ones and such in parts, on subjects without pattern.
async fn tell(seed: u64, faults: Faults) -> Tally {
    let hub = MemoryHub::new(seed).with_bounds(1024, 100_000, 1 << 20);
    let subjects = [bucket(0), bucket(1), bucket(2), bucket(3), Subject::Node("hear".into())];
    let sender = Node::join(&hub, "send", &[]);
    let mut receiver = Node::join(&hub, "hear", &subjects[..4]);
    receiver.bus.subscribe(Subject::Nodes);
    for (n, subject) in subjects.iter().enumerate() {
        sender.say(subject, n as u64);
    }
    let mut news = receiver.read();
    assert_eq!(news.len(), subjects.len());
    hub.set_faults(faults);
    let first = subjects.len() as u64;
    for n in first..EVENTS {
        let subject = &subjects[(n * n / 5 + n / 3) as usize % subjects.len()];
        let bytes = if n % 7 == 0 { 3000 } else { 10 };
        sender.say_to(std::slice::from_ref(subject), n, bytes);
        if n % 50 == 0 {
            advance(Duration::from_millis(3)).await;
        }
        if n % 3 == 0 {
            news.extend(receiver.read());
        }
    }
    hub.set_faults(Faults::default());
    sender.beat(EVENTS);
    advance(faults.delay_max).await;
    news.extend(receiver.read());
    let (heard, lost) = heard_of(sender.instance, &news);
    let meters = receiver.meters();
    assert_eq!(meters.lost.get(), lost, "counted and told");
    assert_eq!(heard.last(), Some(&EVENTS), "the heartbeat came");
    Tally {
        sent: (0..=EVENTS).collect(),
        heard,
        lost,
        late: meters.late.get(),
        surplus: meters.received.get() as i64 - sender.meters().published.get() as i64,
        refused: meters.refused.get(),
    }
}

#[tokio::test(start_paused = true)]
async fn without_faults_everything_comes() {
    for shuffle_subjects in [false, true] {
        let tally = tell(1, Faults { shuffle_subjects, ..Faults::default() }).await;
        tally.assert_exact();
        assert_eq!((tally.lost, tally.late, tally.surplus), (0, 0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_is_counted_as_lost() {
    for (seed, drop) in [(1, 0.01), (2, 0.1), (3, 0.5), (4, 0.9), (5, 1.0)] {
        for shuffle_subjects in [false, true] {
            let tally = tell(seed, Faults { drop, shuffle_subjects, ..Faults::default() }).await;
            tally.assert_exact();
            assert!(
                tally.lost as f64 > drop * EVENTS as f64 / 2.0 && tally.surplus < 0,
                "{drop}: {}",
                tally.lost
            );
            assert_eq!(tally.late, 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_twice_is_handed_out_once_and_counted_as_late() {
    for shuffle_subjects in [false, true] {
        let tally = tell(6, Faults { duplicate: 0.3, shuffle_subjects, ..Faults::default() }).await;
        tally.assert_exact();
        assert_eq!(tally.lost, 0);
        assert!(tally.late > EVENTS / 5);
        assert_eq!(tally.late as i64, tally.surplus);
    }
}

#[tokio::test(start_paused = true)]
async fn what_overtakes_breaks_no_order_and_costs_what_it_overtook() {
    for shuffle_subjects in [false, true] {
        let tally = tell(7, Faults { overtake: 0.2, shuffle_subjects, ..Faults::default() }).await;
        tally.assert_exact();
        assert!(tally.lost > 0 && tally.late > 0);
        assert_eq!(tally.surplus, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_delayed_comes_in_order() {
    let faults =
        Faults { delay_max: Duration::from_millis(200), shuffle_subjects: true, ..Faults::default() };
    let tally = tell(8, faults).await;
    tally.assert_exact();
    assert_eq!((tally.lost, tally.late, tally.surplus), (0, 0, 0));
}

/// Everything at once.
fn chaos() -> Faults {
    let delay_max = Duration::from_millis(20);
    Faults { drop: 0.1, duplicate: 0.2, overtake: 0.1, delay_max, shuffle_subjects: true }
}

#[tokio::test(start_paused = true)]
async fn all_faults_at_once_are_accounted_for() {
    for seed in 10..20 {
        let tally = tell(seed, chaos()).await;
        tally.assert_exact();
        assert!(tally.lost > 0 && tally.late > 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_goes_wrong_in_the_same_way() {
    let (one, same, other) = (tell(20, chaos()).await, tell(20, chaos()).await, tell(21, chaos()).await);
    assert_eq!(one, same);
    assert_ne!(one, other);
}

#[test]
fn groups_hear_only_themselves_until_they_are_healed() {
    let hub = MemoryHub::new(1);
    let mut nodes = ["a", "b", "c", "d"].map(|name| Node::join(&hub, name, &[bucket(1)]));
    let all_say = |nodes: &[Node; 4], n| nodes.iter().for_each(|node| node.say(&bucket(1), n));
    /// Envelopes that `nodes[at]` hears: the sender, and how many are lost.
    fn hears(nodes: &mut [Node; 4], at: usize) -> Vec<(usize, u64)> {
        let instances: Vec<_> = nodes.iter().map(|node| node.instance).collect();
        let news = nodes[at].read();
        let of = |who: usize| (who, heard_of(instances[who], &news));
        (0..4)
            .map(of)
            .filter(|(_, (heard, _))| !heard.is_empty())
            .map(|(who, (_, lost))| (who, lost))
            .collect()
    }
    all_say(&nodes, 1);
    assert_eq!(hears(&mut nodes, 0), [(1, 0), (2, 0), (3, 0)]);
    (1..4).for_each(|at| drop(hears(&mut nodes, at)));
    hub.partition(&[&["a", "b"], &["c"]]);
    (2..5).for_each(|n| all_say(&nodes, n));
    assert_eq!(hears(&mut nodes, 0), [(1, 0)]);
    assert_eq!(hears(&mut nodes, 1), [(0, 0)]);
    assert_eq!(hears(&mut nodes, 2), []);
    assert_eq!(hears(&mut nodes, 3), []);
    hub.heal();
    all_say(&nodes, 5);
    assert_eq!(hears(&mut nodes, 0), [(1, 0), (2, 3), (3, 3)]);
    assert_eq!(hears(&mut nodes, 2), [(0, 3), (1, 3), (3, 3)]);
}

#[test]
fn a_node_that_is_cut_off_drops_what_it_says_and_others_miss_it() {
    let hub = MemoryHub::new(1);
    let (mut one, mut other) =
        (Node::join(&hub, "one", &[bucket(1)]), Node::join(&hub, "other", &[bucket(1)]));
    let both_say = |one: &Node, other: &Node, n| [one, other].iter().for_each(|node| node.say(&bucket(1), n));
    both_say(&one, &other, 1);
    hub.set_connected("one", false);
    hub.set_connected("one", false);
    assert_eq!(one.bus.state(), State::Disconnected);
    (2..5).for_each(|n| both_say(&one, &other, n));
    hub.set_connected("one", true);
    both_say(&one, &other, 5);
    let news = one.read();
    let states: Vec<_> = news.iter().filter(|inbound| matches!(inbound, Inbound::State(_))).collect();
    assert!(matches!(*states, [Inbound::State(State::Disconnected), Inbound::State(State::Connected)]));
    assert_eq!(heard_of(other.instance, &news), (vec![1, 5], 3));
    assert_eq!(heard_of(one.instance, &other.read()), (vec![1, 5], 3));
    assert_eq!([one.meters().dropped.get(), other.meters().dropped.get()], [3, 0]);
    assert_eq!([one.meters().disconnects.get(), one.meters().reconnects.get()], [1, 1]);
}

#[test]
fn a_node_that_does_not_read_loses_what_exceeds_the_bound() {
    let hub = MemoryHub::new(1).with_bounds(1024, 100_000, 10);
    let (sender, mut slow) = (Node::join(&hub, "send", &[]), Node::join(&hub, "slow", &[bucket(1)]));
    (1..=100).for_each(|n| sender.say(&bucket(1), n));
    let (heard, lost) = heard_of(sender.instance, &slow.read());
    assert_eq!((heard, lost), ((1..=10).collect(), 0));
    sender.say(&bucket(1), 101);
    assert_eq!(heard_of(sender.instance, &slow.read()), (vec![101], 90));
    assert_eq!(slow.meters().overruns.get(), 90);
}
