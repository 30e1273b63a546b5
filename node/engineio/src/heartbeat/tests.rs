//! The heartbeat, by a clock that the test winds.

use super::*;

const INTERVAL: Duration = Duration::from_secs(25);
const TIMEOUT: Duration = Duration::from_secs(20);
const SECOND: Duration = Duration::from_secs(1);

fn started() -> (Instant, Heartbeat) {
    let start = Instant::now();
    (start, Heartbeat::new(start, INTERVAL, TIMEOUT))
}

/// A heartbeat whose pong is awaited, and the time of its ping.
fn pinged() -> (Instant, Heartbeat) {
    let (start, mut heartbeat) = started();
    assert_eq!(heartbeat.on_deadline(start + INTERVAL), Beat::Ping);
    (start + INTERVAL, heartbeat)
}

#[test]
fn first_ping_is_due_one_interval_after_the_handshake() {
    let (start, mut heartbeat) = started();
    assert_eq!(heartbeat.deadline(), start + INTERVAL);
    assert_eq!(heartbeat.on_deadline(start + INTERVAL - SECOND), Beat::Early);
    assert_eq!(heartbeat.on_deadline(start + INTERVAL), Beat::Ping);
}

#[test]
fn session_times_out_without_a_pong() {
    let (pinged, mut heartbeat) = pinged();
    assert_eq!(heartbeat.deadline(), pinged + TIMEOUT);
    assert_eq!(heartbeat.on_deadline(pinged + TIMEOUT - SECOND), Beat::Early);
    assert_eq!(heartbeat.on_deadline(pinged + TIMEOUT), Beat::TimedOut);
}

#[test]
fn interval_is_counted_from_the_pong() {
    let (pinged, mut heartbeat) = pinged();
    heartbeat.on_pong(pinged + 7 * SECOND);
    assert_eq!(heartbeat.deadline(), pinged + 7 * SECOND + INTERVAL);
    assert_eq!(heartbeat.on_deadline(heartbeat.deadline()), Beat::Ping);
}

#[test]
fn timeout_is_counted_from_a_ping_that_comes_late() {
    let (start, mut heartbeat) = started();
    let late = start + INTERVAL + 3 * SECOND;
    assert_eq!(heartbeat.on_deadline(late), Beat::Ping);
    assert_eq!(heartbeat.deadline(), late + TIMEOUT);
}

#[test]
fn first_other_packet_extends_the_wait_once() {
    let (pinged, mut heartbeat) = pinged();
    heartbeat.on_other_packet(pinged + 5 * SECOND);
    assert_eq!(heartbeat.deadline(), pinged + 5 * SECOND + TIMEOUT);
    heartbeat.on_other_packet(pinged + 9 * SECOND);
    assert_eq!(heartbeat.deadline(), pinged + 5 * SECOND + TIMEOUT);
    assert_eq!(heartbeat.on_deadline(heartbeat.deadline()), Beat::TimedOut);
}

#[test]
fn each_ping_can_be_extended_again() {
    let (pinged, mut heartbeat) = pinged();
    heartbeat.on_other_packet(pinged + SECOND);
    heartbeat.on_pong(pinged + 2 * SECOND);
    let again = heartbeat.deadline();
    assert_eq!(heartbeat.on_deadline(again), Beat::Ping);
    heartbeat.on_other_packet(again + SECOND);
    assert_eq!(heartbeat.deadline(), again + SECOND + TIMEOUT);
}

#[test]
fn other_packets_do_not_move_the_next_ping() {
    let (start, mut heartbeat) = started();
    heartbeat.on_other_packet(start + SECOND);
    assert_eq!(heartbeat.deadline(), start + INTERVAL);
}

#[test]
fn unsolicited_pong_is_harmless() {
    let (start, mut heartbeat) = started();
    heartbeat.on_pong(start + SECOND);
    assert_eq!(heartbeat.deadline(), start + SECOND + INTERVAL);
    assert_eq!(heartbeat.on_deadline(heartbeat.deadline()), Beat::Ping);
}

#[test]
fn durations_without_bound_do_not_panic() {
    let now = Instant::now();
    let mut heartbeat = Heartbeat::new(now, Duration::MAX, Duration::MAX);
    assert_eq!(heartbeat.on_deadline(now), Beat::Early);
    assert_eq!(heartbeat.on_deadline(heartbeat.deadline()), Beat::Ping);
}

#[test]
fn heartbeat_is_small() {
    assert!(size_of::<Heartbeat>() <= 40);
}

#[test]
fn a_pause_counts_as_the_pong_that_is_awaited_and_as_no_more() {
    let (pinged, mut heartbeat) = pinged();
    heartbeat.on_pause(pinged + SECOND);
    // The next ping is sent when the pong was due, or an interval from now, whichever is sooner.
    assert_eq!(heartbeat.deadline(), pinged + TIMEOUT);
    // While none is awaited a pause puts nothing off, so that pings go on however often a client pauses.
    heartbeat.on_pause(pinged + 2 * SECOND);
    assert_eq!(heartbeat.deadline(), pinged + TIMEOUT);
    assert_eq!(heartbeat.on_deadline(pinged + TIMEOUT), Beat::Ping);
    assert_eq!(heartbeat.on_deadline(heartbeat.deadline()), Beat::TimedOut);
}

#[test]
fn a_pause_longer_than_the_wait_for_a_pong_is_pinged_through() {
    let (mut pinged, mut heartbeat) = pinged();
    for _ in 0..3 {
        let due = pinged + TIMEOUT;
        assert_eq!(heartbeat.on_deadline(due), Beat::TimedOut);
        heartbeat.on_pause(due);
        assert_eq!(heartbeat.on_deadline(due), Beat::Ping);
        pinged = due;
    }
    heartbeat.on_pong(pinged + SECOND);
    assert_eq!(heartbeat.deadline(), pinged + SECOND + INTERVAL);
}

#[test]
fn client_of_protocol_3_has_the_interval_and_the_timeout_for_a_ping() {
    let start = Instant::now();
    let mut heartbeat = Heartbeat::awaiting_pings(start, INTERVAL, TIMEOUT);
    assert!(heartbeat.is_awaiting_pings() && !started().1.is_awaiting_pings());
    assert_eq!(heartbeat.deadline(), start + INTERVAL + TIMEOUT);
    assert_eq!(heartbeat.on_deadline(start + INTERVAL), Beat::Early, "the server never pings");
    heartbeat.on_other_packet(start + INTERVAL);
    heartbeat.on_other_packet(start + INTERVAL + SECOND);
    assert_eq!(heartbeat.deadline(), start + 2 * INTERVAL + SECOND + TIMEOUT, "each packet counts");
    assert_eq!(heartbeat.on_deadline(heartbeat.deadline()), Beat::TimedOut);
}

#[test]
fn pong_of_a_client_that_pings_itself_means_nothing() {
    let start = Instant::now();
    let mut heartbeat = Heartbeat::awaiting_pings(start, INTERVAL, TIMEOUT);
    assert_eq!(heartbeat.on_pong(start + SECOND), None);
    assert!(heartbeat.is_awaiting_pings());
    assert_eq!(heartbeat.deadline(), start + INTERVAL + TIMEOUT);
}

#[test]
fn upgrade_is_a_sign_of_life_in_protocol_3_only() {
    let start = Instant::now();
    let mut heartbeat = Heartbeat::awaiting_pings(start, INTERVAL, TIMEOUT);
    heartbeat.on_upgrade(start + SECOND);
    assert_eq!(heartbeat.deadline(), start + SECOND + INTERVAL + TIMEOUT);
    let (pinged, mut heartbeat) = pinged();
    heartbeat.on_upgrade(pinged + SECOND);
    assert_eq!(heartbeat.deadline(), pinged + TIMEOUT);
}

#[test]
fn a_pause_leaves_a_client_of_protocol_3_time_to_be_read() {
    let start = Instant::now();
    let mut heartbeat = Heartbeat::awaiting_pings(start, INTERVAL, TIMEOUT);
    heartbeat.on_pause(start + SECOND);
    assert_eq!(heartbeat.deadline(), start + INTERVAL + TIMEOUT);
    let due = heartbeat.deadline();
    assert_eq!(heartbeat.on_deadline(due), Beat::TimedOut);
    heartbeat.on_pause(due);
    assert_eq!(heartbeat.on_deadline(due), Beat::Early);
    assert_eq!(heartbeat.on_deadline(due + TIMEOUT), Beat::TimedOut, "it ends all the same");
}
