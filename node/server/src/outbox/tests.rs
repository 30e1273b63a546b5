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
    assert_eq!(outbox.bytes(), 0);
}

#[test]
fn a_volatile_packet_goes_only_first_and_only_when_the_transport_is_ready() {
    let outbox = Outbox::new(1000);
    assert_eq!(outbox.push(&packet("busy"), true), Pushed::Dropped);
    assert_eq!(drained(&outbox), [""; 0]);
    assert_eq!(outbox.push(&packet("one"), true), Pushed::Queued);
    assert_eq!(outbox.push(&packet("two"), true), Pushed::Dropped);
}

#[test]
fn a_client_that_does_not_read_costs_at_most_its_bound() {
    let outbox = Outbox::new(10 * (PACKET_COST + 1));
    assert!(!outbox.set_blocked());
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
    assert!(outbox.set_blocked(), "over its bound, where it must not stay");
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
