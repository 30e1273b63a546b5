use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Wake, Waker};

use super::*;
use crate::node::Backlog;
use crate::options::ClusterOptions;

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn nothing() -> Delivery {
    Delivery::Run(Box::new(|| {}))
}

fn send(mailbox: &Mailbox) -> bool {
    mailbox.reserve().is_some_and(|place| place.send(nothing()))
}

#[test]
fn a_lane_takes_no_more_than_it_has_places_for() {
    let (mailbox, mut deliveries) = mailbox(3);
    let mut cx = Context::from_waker(Waker::noop());
    let reserved = mailbox.reserve().expect("a place");
    assert!(send(&mailbox) && send(&mailbox));
    assert!(mailbox.reserve().is_none(), "one is reserved and two are taken");
    drop(reserved);
    assert!(send(&mailbox));
    assert_eq!(mailbox.len(), 3);
    assert!(deliveries.poll_next(&mut cx).is_ready());
    // What the reader has taken along counts until it is handled.
    assert!(mailbox.reserve().is_none());
    deliveries.give_back();
    assert!(mailbox.reserve().is_some());
    assert!(deliveries.poll_next(&mut cx).is_ready());
    assert!(deliveries.poll_next(&mut cx).is_ready());
    assert!(deliveries.poll_next(&mut cx).is_pending());
    assert_eq!(mailbox.len(), 0);
}

#[test]
fn a_reader_that_sleeps_is_woken_once_for_a_burst() {
    let (mailbox, mut deliveries) = mailbox(8);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut cx = Context::from_waker(&waker);
    assert!(deliveries.poll_next(&mut cx).is_pending());
    assert!(send(&mailbox) && send(&mailbox) && send(&mailbox));
    assert_eq!(woken.0.load(SeqCst), 1);
    for _ in 0..3 {
        assert!(deliveries.poll_next(&mut cx).is_ready());
    }
    assert!(deliveries.poll_next(&mut cx).is_pending());
    assert!(send(&mailbox));
    assert_eq!(woken.0.load(SeqCst), 2);
}

#[test]
fn what_a_dead_reader_leaves_is_told_and_later_sends_fail() {
    let (mailbox, mut deliveries) = mailbox(8);
    let mut cx = Context::from_waker(Waker::noop());
    let reserved = mailbox.reserve().expect("a place");
    assert!(send(&mailbox) && send(&mailbox));
    assert!(deliveries.poll_next(&mut cx).is_ready());
    assert!(send(&mailbox));
    assert_eq!(deliveries.close(), 2);
    assert!(mailbox.reserve().is_none());
    assert!(!reserved.send(nothing()), "it was reserved before");
}

#[test]
fn what_other_nodes_say_waits_in_order_and_takes_no_place() {
    let (mailbox, mut deliveries) = mailbox(1);
    let mut cx = Context::from_waker(Waker::noop());
    let (backlog, options) = (Arc::new(Backlog::default()), ClusterOptions::default());
    let taken = Arc::new(Mutex::new(Vec::new()));
    let note = |n: u32| {
        let taken = taken.clone();
        Delivery::Run(Box::new(move || taken.lock().push(n)))
    };
    let share = || backlog.enter(10, &options).expect("there is room");
    assert_eq!(mailbox.queue(note(1), share()), Some(0));
    assert!(mailbox.reserve().expect("the only place").send(note(2)));
    assert!(mailbox.reserve().is_none());
    for n in 3..10 {
        assert_eq!(mailbox.queue(note(n), share()), Some(n as usize - 1));
    }
    assert_eq!(mailbox.len(), 9);
    while let Poll::Ready(delivery) = deliveries.poll_next(&mut cx) {
        let Delivery::Run(work) = delivery else { panic!("something else was sent") };
        work();
    }
    assert_eq!(*taken.lock(), (1..10).collect::<Vec<_>>());
    assert_eq!(mailbox.len(), 0);
    assert!(mailbox.queue(note(10), share()).is_some());
    drop(deliveries);
    assert!(mailbox.queue(note(11), share()).is_none());
    assert_eq!(Arc::strong_count(&backlog), 1, "all shares are given back");
}
