use std::time::{Duration, Instant};

use super::*;
use crate::error::{BadRequest, HandshakeError};
use crate::packet::{NOOP, PING, PONG};

mod orders;
mod protocol_3;

type Tested = Session<u32, u32>;

const MS: Duration = Duration::from_millis(1);
const INTERVAL: Duration = Duration::from_millis(25_000);
const TIMEOUT: Duration = Duration::from_millis(20_000);
const CONNECT: Duration = Duration::from_millis(45_000);

fn session(transport: TransportKind) -> (Tested, Instant) {
    let now = Instant::now();
    (Session::new(transport, Heartbeat::new(now, INTERVAL, TIMEOUT), now + CONNECT), now)
}

/// One over polling whose client has entered a namespace.
fn polling() -> (Tested, Instant) {
    let (mut session, now) = session(TransportKind::Polling);
    assert_eq!(session.on_connect(now), Some(CONNECT));
    (session, now)
}

fn text(packet: &str) -> Packet {
    Packet::decode_text(packet.into()).expect("a packet")
}

fn waits(session: &mut Tested, get: u32) -> bool {
    matches!(session.on_get(get), GetDecision::Waits)
}

fn upgraded(session: &mut Tested, now: Instant) -> Upgrade<u32> {
    assert!(session.on_probe(now + INTERVAL));
    assert!(matches!(session.on_probe_packet(Ok(&text("2probe")), now), ProbeStep::Answer));
    match session.on_probe_packet(Ok(&text("5")), now) {
        ProbeStep::Upgraded(upgrade) => upgrade,
        step => panic!("{step:?}"),
    }
}

#[test]
fn a_get_waits_until_there_is_something_to_say() {
    let (mut session, _) = polling();
    assert!(waits(&mut session, 1));
    assert!(session.take_get(false).is_none());
    let (get, control) = session.take_get(true).expect("it is answered");
    assert_eq!((get, control.packets().count()), (1, 0));
    assert!(session.take_get(true).is_none(), "it was answered");
}

#[test]
fn a_second_get_beside_the_first_is_an_overlap() {
    let (mut session, _) = polling();
    assert!(waits(&mut session, 1));
    assert!(matches!(session.on_get(2), GetDecision::Overlap(2)));
    assert_eq!(session.get_mut(), Some(&mut 1), "the first one waits on");
}

#[test]
fn a_second_post_beside_the_first_is_an_overlap_until_its_packets_were_handled() {
    let (mut session, _) = polling();
    assert_eq!(session.on_post(1), Ok(()));
    assert_eq!(session.on_post(2), Err(PostRejection::Overlap));
    assert_eq!(session.post(), Some(&1));
    assert!(session.on_post_body());
    assert_eq!(session.on_post(2), Err(PostRejection::Overlap));
    assert!(session.on_post_failed(), "of an earlier one, late");
    assert_eq!(session.on_post(2), Err(PostRejection::Overlap));
    session.on_post_handled();
    assert_eq!(session.on_post(2), Ok(()));
    assert!(session.on_post_failed());
    assert_eq!(session.on_post(3), Ok(()));
}

#[test]
fn pings_wait_for_a_poll_and_are_not_piled_up() {
    let (mut session, now) = polling();
    assert!(session.on_deadline(now + INTERVAL).ping);
    assert!(matches!(session.on_packet(Ok(&text("3")), now + INTERVAL), Meaning::Pong(Some(_))));
    assert!(session.on_deadline(now + 2 * INTERVAL).ping);
    assert!(waits(&mut session, 1));
    let (_, control) = session.take_get(false).expect("the ping");
    assert_eq!(control.packets().collect::<Vec<_>>(), [PING]);
}

#[test]
fn a_client_that_answers_no_ping_times_out_and_any_packet_prolongs_once() {
    let (mut session, now) = session(TransportKind::WebSocket);
    session.on_connect(now);
    let pinged = now + INTERVAL;
    assert_eq!(session.on_deadline(pinged), Due { ping: true, ..Due::default() });
    assert_eq!(session.deadline(), Some(pinged + TIMEOUT));
    assert_eq!(session.on_packet(Ok(&text("4x")), pinged + MS), Meaning::Message);
    assert_eq!(session.on_deadline(pinged + TIMEOUT), Due::default());
    let due = session.on_deadline(pinged + MS + TIMEOUT);
    assert_eq!(due.timeout, Some(Timeout::Ping));
}

#[test]
fn a_client_that_is_not_read_is_excused_from_its_pong() {
    let (mut session, now) = session(TransportKind::WebSocket);
    session.on_connect(now);
    assert!(session.on_deadline(now + INTERVAL).ping);
    session.pause(now + INTERVAL + TIMEOUT);
    assert!(session.is_paused());
    assert_eq!(session.on_deadline(now + INTERVAL + TIMEOUT).timeout, None);
    assert!(!session.is_paused());
}

#[test]
fn a_client_must_enter_a_namespace_in_time() {
    let (mut session, now) = session(TransportKind::WebSocket);
    assert!(session.on_deadline(now + INTERVAL).ping);
    session.on_packet(Ok(&text("3")), now + INTERVAL);
    assert_eq!(session.deadline(), Some(now + CONNECT));
    assert_eq!(session.on_deadline(now + CONNECT).timeout, Some(Timeout::Connect));
}

#[test]
fn an_upgrade_answers_what_waits_and_takes_the_ping_along() {
    let (mut session, now) = polling();
    assert!(waits(&mut session, 1));
    assert!(session.on_deadline(now + INTERVAL).ping);
    let upgrade = upgraded(&mut session, now + INTERVAL);
    assert_eq!((upgrade.get, upgrade.ping), (Some(1), true));
    let mismatch = HandshakeError::BadRequest(BadRequest::TransportMismatch);
    assert!(matches!(session.on_get(2), GetDecision::Refused(2, error) if error == mismatch));
    assert_eq!(session.on_post(3), Err(PostRejection::Refused(mismatch)));
    assert!(!session.on_probe(now), "it is on WebSocket");
}

#[test]
fn a_post_that_began_before_an_upgrade_is_handled_after_it() {
    let (mut session, now) = polling();
    assert_eq!(session.on_post(1), Ok(()));
    upgraded(&mut session, now);
    assert!(session.on_post_body());
    session.on_post_handled();
    assert!(session.is_open());
}

#[test]
fn a_waiting_get_is_released_while_a_websocket_proves_itself() {
    let (mut session, now) = polling();
    assert!(session.on_probe(now + INTERVAL));
    assert!(!session.on_probe(now + INTERVAL), "one at a time");
    assert!(waits(&mut session, 1));
    assert!(session.on_deadline(now + 200 * MS) == Due::default() && session.take_get(false).is_none());
    assert!(matches!(session.on_probe_packet(Ok(&text("2probe")), now), ProbeStep::Answer));
    session.on_deadline(session.deadline().expect("the noop"));
    let (get, control) = session.take_get(false).expect("the noop");
    assert_eq!((get, control.packets().collect::<Vec<_>>()), (1, vec![NOOP]));
}

#[test]
fn a_probe_that_fails_or_takes_too_long_leaves_polling_as_it_was() {
    for packet in ["4x", "2", "3probe", "1"] {
        let (mut session, now) = polling();
        assert!(session.on_probe(now + INTERVAL) && waits(&mut session, 1));
        assert!(matches!(session.on_probe_packet(Ok(&text(packet)), now), ProbeStep::Failed), "{packet}");
        assert!(session.is_open() && !session.is_probing() && session.get_mut() == Some(&mut 1));
    }
    let (mut session, now) = polling();
    assert!(session.on_probe(now + 10 * MS));
    assert!(session.on_deadline(now + 10 * MS).probe_expired);
    assert!(session.is_open() && !session.is_probing() && !session.on_probe_failed());
    assert!(session.on_probe(now + 20 * MS), "another one may try");
}

#[test]
fn a_websocket_cannot_probe_for_ever() {
    let (mut session, now) = polling();
    assert!(session.on_probe(now + INTERVAL));
    let answered = (0..100)
        .take_while(|_| matches!(session.on_probe_packet(Ok(&text("2probe")), now), ProbeStep::Answer));
    assert_eq!(answered.count(), 16);
}

#[test]
fn the_last_answer_goes_to_the_poll_that_waits() {
    for (farewell, last_answer) in [
        (Farewell::Owed, LastAnswer::Close),
        (Farewell::Prompt, LastAnswer::Close),
        (Farewell::Refusal, LastAnswer::Refusal),
    ] {
        let (mut session, now) = polling();
        assert!(waits(&mut session, 1));
        let closing = session.close(farewell, now + TIMEOUT).expect("it was open");
        assert_eq!(closing.get, Some((1, last_answer)));
        assert!(session.is_closed() && session.close(farewell, now).is_none());
        assert!(matches!(session.on_get(2), GetDecision::Refused(2, HandshakeError::SessionUnknown)));
    }
}

#[test]
fn without_a_poll_the_last_answer_waits_for_one_as_the_farewell_says() {
    let (mut session, now) = polling();
    assert!(session.close(Farewell::Owed, now + TIMEOUT).is_some());
    assert!(!session.is_open() && !session.is_closed());
    assert!(matches!(session.on_get(1), GetDecision::Last(1)));
    assert!(matches!(session.on_get(2), GetDecision::Last(2)), "not everything fitted");
    session.end();
    assert!(matches!(session.on_get(3), GetDecision::Refused(3, HandshakeError::SessionUnknown)));

    let (mut session, now) = polling();
    assert!(session.close(Farewell::Prompt, now + TIMEOUT).is_some());
    assert!(session.is_closed());

    let (mut session, now) = polling();
    assert!(session.close(Farewell::Refusal, now + TIMEOUT).is_some());
    assert!(matches!(session.on_get(1), GetDecision::Refused(1, HandshakeError::SessionUnknown)));
    assert!(session.is_closed());
}

#[test]
fn nobody_waits_for_a_last_answer_for_ever() {
    for transport in [TransportKind::Polling, TransportKind::WebSocket] {
        let (mut session, now) = session(transport);
        assert!(session.close(Farewell::Owed, now + TIMEOUT).is_some());
        assert_eq!(session.deadline(), Some(now + TIMEOUT));
        session.on_deadline(now + TIMEOUT - MS);
        assert!(!session.is_closed());
        session.on_deadline(now + TIMEOUT);
        assert!(session.is_closed() && session.deadline().is_none());
    }
}

#[test]
fn what_is_posted_after_the_end_is_taken_and_ignored() {
    let (mut session, now) = polling();
    assert!(session.close(Farewell::Owed, now + TIMEOUT).is_some());
    assert_eq!(session.on_post(1), Ok(()));
    assert_eq!(session.on_post(2), Err(PostRejection::Overlap));
    assert!(!session.on_post_body());
    assert_eq!(session.on_post(3), Ok(()));
    assert!(!session.on_post_failed());
    session.end();
    assert_eq!(session.on_post(4), Err(PostRejection::Refused(HandshakeError::SessionUnknown)));
}

#[test]
fn a_close_tells_of_the_websocket_that_was_proving_itself() {
    let (mut session, now) = polling();
    assert!(session.on_probe(now + INTERVAL));
    let closing = session.close(Farewell::Owed, now + TIMEOUT).expect("it was open");
    assert!(closing.has_probe);
    assert!(matches!(session.on_probe_packet(Ok(&text("5")), now), ProbeStep::Failed));
}

#[test]
fn a_draining_node_sets_one_deadline() {
    let (mut session, now) = polling();
    assert_eq!(session.leaves_by(), None);
    assert_eq!(session.leave_by(now + 5 * MS), now + 5 * MS);
    assert_eq!(session.leave_by(now + 9 * MS), now + 5 * MS);
    assert_eq!(session.deadline(), Some(now + 5 * MS));
}
