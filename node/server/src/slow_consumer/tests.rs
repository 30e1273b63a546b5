use super::*;

const PATIENCE: Patience = Patience { grace: Duration::from_secs(5), unread: Duration::from_secs(60) };

#[test]
#[allow(clippy::disallowed_methods)]
fn a_client_that_reads_and_stays_over_its_bound_is_too_slow_after_the_grace() {
    let start = Instant::now();
    let mut lag = Lag::default();
    for second in 0..5 {
        let now = start + Duration::from_secs(second);
        lag.on_blocked(true, true, now);
        assert!(!lag.is_too_slow(PATIENCE, now), "{second}");
    }
    assert!(lag.is_too_slow(PATIENCE, start + PATIENCE.grace));
    lag.on_blocked(true, false, start + PATIENCE.grace);
    assert!(!lag.is_too_slow(PATIENCE, start + PATIENCE.grace), "it got below its bound");
}

#[test]
#[allow(clippy::disallowed_methods)]
fn a_client_that_takes_nothing_is_too_slow_in_the_end_however_little_waits() {
    let start = Instant::now();
    let mut lag = Lag::default();
    lag.on_blocked(true, false, start);
    lag.on_blocked(false, false, start + Duration::from_secs(30));
    assert_eq!(lag.deadline(PATIENCE), Some(start + PATIENCE.unread));
    lag.on_blocked(true, false, start + Duration::from_secs(50));
    assert!(!lag.is_too_slow(PATIENCE, start + PATIENCE.unread));
    lag.clear();
    assert_eq!(lag.deadline(PATIENCE), None);
}

#[test]
#[allow(clippy::disallowed_methods)]
fn a_client_is_expected_back_for_a_moment_after_its_poll() {
    let start = Instant::now();
    let mut lag = Lag::default();
    assert!(lag.on_no_poll(start), "it never polled");
    lag.on_poll(start);
    assert!(!lag.on_no_poll(start));
    lag.look(true, start);
    assert_eq!(lag.deadline(PATIENCE), Some(start + POLL_GAP));
    assert!(lag.on_no_poll(start + POLL_GAP));
    assert_eq!(lag.deadline(PATIENCE), Some(start + PATIENCE.grace));
}

/// Else its connection would be woken without end, by a moment that has passed.
#[test]
#[allow(clippy::disallowed_methods)]
fn no_poll_is_expected_of_a_client_that_has_moved_to_a_websocket() {
    let start = Instant::now();
    let mut lag = Lag::default();
    lag.on_poll(start);
    let now = start + 10 * POLL_GAP;
    lag.on_blocked(true, true, now);
    assert_eq!(lag.deadline(PATIENCE), Some(now + PATIENCE.grace));
}
