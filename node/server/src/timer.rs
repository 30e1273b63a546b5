//! One timer wheel for a reactor: a connection's deadlines cost an entry, not a timer of its own.
//!
//! An [`Alarm`] wakes the task that set it. It may ring early (its deadline moved on) and then is set again:
//! putting a deadline off, as every pong does, touches nothing.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio_util::time::DelayQueue;
use tokio_util::time::delay_queue::Key;

/// The deadline of one task.
#[derive(Default)]
pub struct Alarm(Rc<Entry>);

#[derive(Default)]
struct Entry {
    /// Position of this entry in the wheel, while it is there.
    slot: Cell<Option<(Key, Instant)>>,
    rang: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

struct Wheel {
    queue: RefCell<DelayQueue<Rc<Entry>>>,
    /// The task that turns the wheel.
    turner: RefCell<Option<Waker>>,
}

thread_local! {
    static WHEEL: Rc<Wheel> = {
        let wheel = Rc::new(Wheel { queue: RefCell::default(), turner: RefCell::default() });
        actix_rt::spawn(turn(wheel.clone()));
        wheel
    };
}

impl Alarm {
    /// Sees to it that the current task is woken at `deadline` or before.
    pub fn set(&self, deadline: Instant, cx: &Context<'_>) {
        let mut waker = self.0.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        match self.0.slot.get() {
            Some((_, at)) if at <= deadline => {}
            slot => WHEEL.with(|wheel| {
                let key = {
                    let mut queue = wheel.queue.borrow_mut();
                    if let Some((key, _)) = slot {
                        queue.try_remove(&key);
                    }
                    queue.insert_at(self.0.clone(), deadline.into())
                };
                self.0.slot.set(Some((key, deadline)));
                if let Some(turner) = &*wheel.turner.borrow() {
                    turner.wake_by_ref();
                }
            }),
        }
    }

    /// Whether the alarm rang since it was asked last.
    pub fn rang(&self) -> bool {
        self.0.rang.take()
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some((key, _)) = self.0.slot.take() {
            // The wheel of a thread that ends is gone before its last tasks are.
            let _ = WHEEL.try_with(|wheel| wheel.queue.borrow_mut().try_remove(&key));
        }
    }
}

async fn turn(wheel: Rc<Wheel>) {
    std::future::poll_fn(|cx| {
        *wheel.turner.borrow_mut() = Some(cx.waker().clone());
        loop {
            let expired = wheel.queue.borrow_mut().poll_expired(cx);
            let Poll::Ready(Some(expired)) = expired else { return Poll::<()>::Pending };
            let entry = expired.into_inner();
            entry.slot.set(None);
            entry.rang.set(true);
            if let Some(waker) = &*entry.waker.borrow() {
                waker.wake_by_ref();
            }
        }
    })
    .await;
}
