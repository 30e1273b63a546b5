use bytes::Bytes;
use fanfare_socketio::Encoded;

use super::packet::PACKET_COST;
use super::*;

fn packet(text: &str) -> Arc<Packet> {
    Packet::new(Encoded { text: text.into(), attachments: Vec::new() }, true)
}

fn drained(outbox: &Outbox) -> Vec<String> {
    let mut texts = Vec::new();
    outbox.drain(usize::MAX, |packet| texts.push(packet.text.to_string()));
    texts
}

#[test]
fn packets_leave_in_the_order_they_came() {
    let outbox = Outbox::new(1000);
    for text in ["a", "b", "c"] {
        assert_eq!(outbox.push(&packet(text), false), Pushed::Queued);
    }
    assert_eq!(drained(&outbox), ["a", "b", "c"]);
    assert_eq!(outbox.bytes(), 3 * (PACKET_COST + 1), "the answer is on its way");
    outbox.on_poll();
    assert_eq!(outbox.bytes(), 0);
}

#[test]
fn a_volatile_packet_goes_only_first_and_only_when_the_transport_is_ready() {
    let outbox = Outbox::new(1000);
    assert_eq!(outbox.push(&packet("busy"), true), Pushed::Dropped);
    outbox.set_ready();
    assert_eq!(outbox.push(&packet("one"), true), Pushed::Queued);
    assert_eq!(outbox.push(&packet("two"), true), Pushed::Dropped);
}

#[test]
fn a_client_that_does_not_read_costs_at_most_its_bound() {
    let outbox = Outbox::new(10 * (PACKET_COST + 1));
    assert!(!outbox.await_poll(true));
    for _ in 0..10 * hard_limit(1, true) {
        assert_eq!(outbox.push(&packet("x"), false), Pushed::Queued);
    }
    assert_eq!(outbox.push(&packet("x"), false), Pushed::Overflowed);
    assert_eq!(outbox.push(&packet("x"), false), Pushed::Closed);
    assert!(outbox.has_overflowed());
    assert_eq!(outbox.clear(), 10 * hard_limit(1, true));
}

#[test]
fn a_client_that_had_no_turn_yet_may_run_ahead_until_it_turns_out_to_be_blocked() {
    let outbox = Outbox::new(10 * (PACKET_COST + 1));
    for _ in 0..11 {
        assert_eq!(outbox.push(&packet("x"), false), Pushed::Queued);
    }
    assert!(!outbox.has_overflowed());
    assert!(outbox.await_poll(true), "over its bound, where it must not stay");
}

#[test]
fn a_closed_outbox_takes_nothing_and_can_still_be_drained() {
    let outbox = Outbox::new(1000);
    outbox.push(&packet("a"), false);
    outbox.close();
    assert_eq!(outbox.push(&packet("b"), false), Pushed::Closed);
    assert_eq!(drained(&outbox), ["a"]);
}

#[test]
fn draining_replaces_no_other_ending_and_is_replaced_by_any() {
    let outbox = Outbox::new(1000);
    let ending = || outbox.attend(&Context::from_waker(Waker::noop())).ending;
    assert!(!outbox.is_ending());
    outbox.end(Ending::Drain);
    assert_eq!(ending(), Some(Ending::Drain));
    outbox.end(Ending::Disconnect);
    outbox.end(Ending::Drain);
    assert_eq!(ending(), Some(Ending::Disconnect));
    outbox.end(Ending::Shutdown);
    assert_eq!(ending(), Some(Ending::Shutdown));
}

/// Writes as many bytes as a network takes at once, and says whether that was all.
fn write(outbox: &Outbox, mut bytes: usize) -> Flow {
    let length = |item: &Item| match item {
        Item::Packet(packet) => packet.text.len(),
        Item::Frame(frame) | Item::Answer(frame) => frame.len(),
    };
    let written = outbox.write(|waiting| {
        let all: usize = waiting.items().map(length).sum::<usize>() - waiting.begun();
        bytes = bytes.min(all);
        waiting.advance(bytes, length);
        if bytes == all { Poll::Ready(Ok::<(), ()>(())) } else { Poll::Pending }
    });
    written.expect("nothing fails")
}

#[test]
fn a_packet_waits_and_counts_until_all_of_it_is_with_the_network() {
    let outbox = Outbox::new(2 * PACKET_COST);
    outbox.push(&packet("hello"), false);
    outbox.push(&packet("world"), false);
    let blocked = |took, is_over| Flow::Blocked { took, is_over, owes: false };
    assert_eq!(write(&outbox, 4), blocked(true, true));
    assert_eq!(write(&outbox, 0), blocked(false, true));
    assert_eq!(outbox.bytes(), 2 * (PACKET_COST + 5));
    assert_eq!(write(&outbox, 1), blocked(true, false));
    assert_eq!(outbox.bytes(), PACKET_COST + 5);
    assert_eq!(write(&outbox, 5), Flow::Clear);
    assert_eq!(outbox.bytes(), 0);
}

#[test]
fn answers_to_control_frames_count_and_are_told_of_while_they_wait() {
    let outbox = Outbox::new(1);
    outbox.close();
    outbox.push_own(Item::Answer(Bytes::from_static(b"pong")));
    assert_eq!(outbox.bytes(), PACKET_COST + 4);
    assert_eq!(write(&outbox, 2), Flow::Blocked { took: true, is_over: true, owes: true });
    assert_eq!(write(&outbox, 2), Flow::Clear);
}

#[test]
fn a_begun_packet_is_finished_before_anything_follows() {
    let outbox = Outbox::new(1000);
    for text in ["begun", "b", "c"] {
        outbox.push(&packet(text), false);
    }
    write(&outbox, 2);
    assert_eq!(outbox.drop_unbegun(), 2);
    assert_eq!(outbox.bytes(), PACKET_COST + 5);
    assert_eq!(write(&outbox, 3), Flow::Clear);
}

#[test]
fn what_waits_on_a_new_transport_goes_first() {
    let outbox = Outbox::new(1000);
    outbox.push(&packet("later"), false);
    let mut first = Waiting::default();
    first.push(Item::Frame(Bytes::from_static(b"3probe")));
    outbox.upgrade(first);
    assert_eq!(write(&outbox, 6), Flow::Blocked { took: true, is_over: false, owes: false });
    assert_eq!(drained(&outbox), ["later"]);
}
