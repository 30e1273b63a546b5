use super::*;

/// Plays arrivals; returns (late, doubled, missing of `sent`).
fn play(arrivals: &[u64], sent: u64) -> (u64, u64, u64) {
    let mut sequence = Sequence::default();
    let (mut late, mut doubled) = (0, 0);
    for number in arrivals {
        match sequence.arrived(*number) {
            Arrival::Fresh => {}
            Arrival::Late => late += 1,
            Arrival::Doubled => doubled += 1,
        }
    }
    (late, doubled, sequence.missing_of(sent))
}

#[test]
fn what_comes_in_order_is_flawless() {
    assert_eq!(play(&[0, 1, 2, 3], 4), (0, 0, 0));
    assert_eq!(play(&[], 0), (0, 0, 0));
}

#[test]
fn lost_messages_are_counted_wherever_they_were() {
    assert_eq!(play(&[1, 2, 3], 4), (0, 0, 1), "the first");
    assert_eq!(play(&[0, 3, 5], 6), (0, 0, 3), "in the middle");
    assert_eq!(play(&[0, 1], 4), (0, 0, 2), "the last");
    assert_eq!(play(&[], 4), (0, 0, 4), "all");
}

#[test]
fn doubled_messages_are_counted_at_once_and_long_after() {
    assert_eq!(play(&[0, 0, 1, 2], 3), (0, 1, 0));
    assert_eq!(play(&[0, 1, 2, 0, 1], 3), (0, 2, 0));
}

#[test]
fn a_swap_is_one_late_message_and_no_loss() {
    assert_eq!(play(&[0, 2, 1, 3], 4), (1, 0, 0));
    assert_eq!(play(&[3, 2, 1, 0], 4), (3, 0, 0), "turned round");
}

#[test]
fn a_gap_filled_from_its_middle_is_split() {
    assert_eq!(play(&[0, 9, 5], 10), (1, 0, 7));
    assert_eq!(play(&[0, 9, 5, 5], 10), (1, 1, 7), "late, then doubled");
    assert_eq!(play(&[0, 9, 5, 1, 8, 2, 3, 4, 6, 7], 10), (8, 0, 0));
}

#[test]
fn doubling_does_not_hide_a_loss() {
    assert_eq!(play(&[0, 0, 2, 2], 3), (0, 2, 1));
}

#[test]
fn what_was_sent_while_the_receiver_was_away_is_not_missed() {
    let mut sequence = Sequence::default();
    [0, 1, 3].into_iter().for_each(|number| _ = sequence.arrived(number));
    assert_eq!(sequence.end(6), 2, "messages 4 and 5 were under way");
    assert_eq!(sequence.missing_of(100), 1, "message 2 was lost before");
    sequence.begin(10);
    assert!(!sequence.owes(9) && sequence.owes(10));
    assert_eq!(sequence.arrived(8), Arrival::Fresh, "it may come");
    assert_eq!(sequence.arrived(8), Arrival::Doubled, "but only once");
    assert_eq!(sequence.missing_of(12), 3, "message 2 as before, and 10 and 11");
    assert_eq!(sequence.arrived(11), Arrival::Fresh);
    assert_eq!(sequence.arrived(10), Arrival::Late);
    assert_eq!(sequence.missing_of(12), 1);
}

#[test]
fn a_receiver_that_never_joined_misses_nothing() {
    let mut sequence = Sequence::absent();
    assert_eq!((sequence.missing_of(7), sequence.end(7)), (0, 0));
    sequence.begin(5);
    assert_eq!(sequence.missing_of(7), 2);
}
