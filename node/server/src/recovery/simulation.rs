//! Simulation of sessions that move while everybody emits: threads, reactors, nodes and clients as actors that take steps
//! in an order drawn from a seed.
//!
//! The logs, marks and sessions are the real ones. Around them is the least that can go wrong in a cluster: threads that are
//! interrupted between any two mailboxes, mailboxes and links that are slow, subscriptions that are on their way,
//! clients that are cut off with packets in flight and come back anywhere.

mod clients;
mod emitting;
mod moving;
mod world;

use world::World;

/// Rules of the protocol. Each is switched off once, to see that it is needed.
#[derive(Clone, Copy, Debug)]
struct Rules {
    /// An emit is numbered, put into mailboxes and published while its lane is locked.
    lanes_are_locked: bool,
    /// The new place takes what concerns the session before it asks for the first fence.
    seat_before_fence: bool,
    /// Everybody's emits that began before the seat have reached the old place before it hands over.
    fence_before_cut: bool,
    /// Everybody's emits that the old place has heard have reached the new place before it takes over.
    fence_before_take_over: bool,
    /// The new place leaves out what the old place has heard.
    marks_filter: bool,
    /// A seat takes a position of the log.
    seats_have_positions: bool,
    /// The new place has heard whatever the old place had heard: a third place is told so.
    marks_are_inherited: bool,
    /// Volatile packets carry the position of the log.
    volatile_have_offsets: bool,
}

const ALL: Rules = Rules {
    lanes_are_locked: true,
    seat_before_fence: true,
    fence_before_cut: true,
    fence_before_take_over: true,
    marks_filter: true,
    marks_are_inherited: true,
    seats_have_positions: true,
    volatile_have_offsets: true,
};

/// Seeds that a test plays; `RECOVERY_SEEDS` asks for more.
fn seeds(default: u64) -> u64 {
    std::env::var("RECOVERY_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(default)
}

#[test]
fn sessions_move_without_losing_doubling_or_reordering_anything() {
    let (mut moves, mut recoveries, mut released) = (0, 0, 0);
    for seed in 0..seeds(1_200) {
        let played = World::new(seed, ALL, usize::MAX).play();
        let played = played.unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
        assert_eq!(played.told, 0, "seed {seed}: everything is kept, and somebody was not recovered");
        moves += played.moves;
        released += played.released;
        recoveries += played.recoveries;
    }
    assert!(moves > 1_000 && recoveries > 1_000, "{moves} moves, {recoveries} recoveries");
    assert!(released > 100, "{released} moves were given up");
}

#[test]
fn sessions_whose_packets_are_not_kept_are_told_and_nobody_else_loses_anything() {
    let (mut told, mut recoveries) = (0, 0);
    for seed in 0..seeds(600) {
        let played = World::new(seed, ALL, 4).play();
        let played = played.unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
        told += played.told;
        recoveries += played.recoveries;
    }
    assert!(told > 100 && recoveries > 100, "{told} told, {recoveries} recoveries");
}

#[test]
fn the_simulation_finds_what_each_rule_prevents() {
    // With a seed to begin with, since some faults are rare.
    type Break = fn(&mut Rules);
    let breaks: [(&str, u64, Break); 8] = [
        ("lanes_are_locked", 0, |rules| rules.lanes_are_locked = false),
        ("seat_before_fence", 0, |rules| rules.seat_before_fence = false),
        ("fence_before_cut", 0, |rules| rules.fence_before_cut = false),
        ("fence_before_take_over", 0, |rules| rules.fence_before_take_over = false),
        ("marks_filter", 0, |rules| rules.marks_filter = false),
        ("marks_are_inherited", 2_100, |rules| rules.marks_are_inherited = false),
        ("seats_have_positions", 16_600, |rules| rules.seats_have_positions = false),
        ("volatile_have_offsets", 0, |rules| rules.volatile_have_offsets = false),
    ];
    for (name, first, broken) in breaks {
        let mut rules = ALL;
        broken(&mut rules);
        let found = (first..first + seeds(3_000))
            .find_map(|seed| World::new(seed, rules, usize::MAX).play().err().map(|fault| (seed, fault)));
        let (seed, fault) = found.unwrap_or_else(|| panic!("nothing goes wrong without {name}"));
        println!("without {name}, seed {seed}: {fault}");
    }
}
