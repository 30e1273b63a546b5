//! Sessions of protocol 3, whose clients ping.

use super::*;

fn session_of_3(transport: TransportKind) -> (Tested, Instant) {
    let now = Instant::now();
    let heartbeat = Heartbeat::awaiting_pings(now, INTERVAL, TIMEOUT);
    let mut session = Session::new(transport, heartbeat, now + CONNECT);
    session.on_connect(now);
    (session, now)
}

#[test]
fn ping_of_a_polling_client_is_answered_with_one_pong_by_the_next_poll() {
    let (mut session, now) = session_of_3(TransportKind::Polling);
    assert_eq!(session.on_packet(Ok(&text("2")), now), Meaning::Ping);
    assert_eq!(session.on_packet(Ok(&text("2")), now), Meaning::Ping);
    assert!(waits(&mut session, 1));
    let (_, control) = session.take_get(false).expect("a pong");
    assert_eq!(control.packets().collect::<Vec<_>>(), [PONG]);
    assert!(waits(&mut session, 2) && session.take_get(false).is_none());
}

#[test]
fn client_that_pings_lives_and_one_that_stops_times_out() {
    let (mut session, now) = session_of_3(TransportKind::WebSocket);
    let mut at = now;
    for _ in 0..5 {
        at += INTERVAL;
        assert_eq!(session.on_deadline(at), Due::default(), "no ping of the server");
        assert_eq!(session.on_packet(Ok(&text("2")), at), Meaning::Ping);
    }
    assert_eq!(session.on_deadline(at + INTERVAL + TIMEOUT).timeout, Some(Timeout::Ping));
}

#[test]
fn session_that_was_upgraded_still_times_out() {
    let (mut session, now) = session_of_3(TransportKind::Polling);
    let late = now + INTERVAL;
    assert!(session.on_probe(late + INTERVAL));
    assert!(matches!(session.on_probe_packet(Ok(&text("2probe")), late), ProbeStep::Answer));
    assert!(matches!(session.on_probe_packet(Ok(&text("5")), late), ProbeStep::Upgraded(_)));
    assert_eq!(session.deadline(), Some(late + INTERVAL + TIMEOUT), "armed anew by the upgrade");
    assert_eq!(session.on_deadline(late + INTERVAL + TIMEOUT).timeout, Some(Timeout::Ping));
}

#[test]
fn pong_that_no_poll_has_fetched_moves_along_with_an_upgrade() {
    let (mut session, now) = session_of_3(TransportKind::Polling);
    session.on_packet(Ok(&text("2")), now);
    let upgrade = upgraded(&mut session, now);
    assert!(upgrade.pong && !upgrade.ping);
}

#[test]
fn heartbeat_in_the_wrong_direction_is_a_violation_in_both_protocols() {
    let (mut old, now) = session_of_3(TransportKind::WebSocket);
    assert_eq!(old.on_packet(Ok(&text("3")), now), Meaning::WrongHeartbeat);
    let (mut session, now) = session(TransportKind::WebSocket);
    assert_eq!(session.on_packet(Ok(&text("2")), now), Meaning::WrongHeartbeat);
}

#[test]
fn paused_client_is_excused_from_its_ping_once() {
    let (mut session, now) = session_of_3(TransportKind::WebSocket);
    let due = now + INTERVAL + TIMEOUT;
    session.pause(due);
    assert_eq!(session.on_deadline(due), Due::default());
    assert_eq!(session.on_deadline(due + TIMEOUT).timeout, Some(Timeout::Ping));
}
