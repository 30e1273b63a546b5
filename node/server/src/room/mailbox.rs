//! The way into a room shard from other threads: a bounded queue of deliveries.
//!
//! Its reader is woken by the sender's [courier](fanfare_proto::courier), so that it finds a burst whole.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use fanfare_proto::courier::Sleeper;
use parking_lot::Mutex;

use super::message::Delivery;

/// The sending side; cheap to clone.
#[derive(Clone)]
pub struct Mailbox(Arc<Shared>);

struct Shared {
    waiting: Mutex<Waiting>,
    /// Deliveries that may wait, those included that a place was reserved for.
    places: usize,
}

#[derive(Default)]
struct Waiting {
    deliveries: VecDeque<Delivery>,
    /// Places reserved and not used yet, or taken out by the reader and not handled yet.
    reserved: usize,
    reader: Sleeper,
    /// The reader is gone.
    closed: bool,
}

/// A place in a mailbox. Dropping it gives it back.
pub struct Place<'a>(&'a Shared);

/// The reading side.
pub struct Deliveries {
    shared: Arc<Shared>,
    /// Taken out of the mailbox in one go, so that its lock is not needed for each.
    taken: VecDeque<Delivery>,
    /// How many places that freed, which the mailbox does not know yet.
    freed: usize,
}

/// A mailbox that holds so many deliveries, and its end.
pub fn mailbox(places: usize) -> (Mailbox, Deliveries) {
    let shared = Arc::new(Shared { waiting: Mutex::default(), places });
    (Mailbox(shared.clone()), Deliveries { shared, taken: VecDeque::new(), freed: 0 })
}

impl Mailbox {
    /// A place for one delivery; `None` if there is none, or nobody reads any more.
    pub fn reserve(&self) -> Option<Place<'_>> {
        let mut waiting = self.0.waiting.lock();
        if waiting.closed || waiting.len() >= self.0.places {
            return None;
        }
        waiting.reserved += 1;
        Some(Place(&self.0))
    }

    /// How many deliveries wait.
    pub fn len(&self) -> usize {
        self.0.waiting.lock().len()
    }
}

impl Waiting {
    fn len(&self) -> usize {
        self.deliveries.len() + self.reserved
    }
}

impl Place<'_> {
    /// Puts a delivery there. False if nobody will ever take it.
    pub fn send(self, delivery: Delivery) -> bool {
        let mut waiting = self.0.waiting.lock();
        if waiting.closed {
            return false;
        }
        waiting.deliveries.push_back(delivery);
        let errand = waiting.reader.call();
        drop(waiting);
        if let Some(errand) = errand {
            errand.run();
        }
        true
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.waiting.lock().reserved -= 1;
    }
}

impl Deliveries {
    /// The next one, in the order in which they were put there.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Delivery> {
        if self.taken.is_empty() {
            let mut waiting = self.shared.waiting.lock();
            waiting.reserved -= std::mem::take(&mut self.freed);
            std::mem::swap(&mut waiting.deliveries, &mut self.taken);
            waiting.reserved += self.taken.len();
            match self.taken.is_empty() {
                true => waiting.reader.sleep(cx.waker()),
                false => waiting.reader.wake_up(),
            }
        }
        match self.taken.pop_front() {
            Some(delivery) => {
                self.freed += 1;
                Poll::Ready(delivery)
            }
            None => Poll::Pending,
        }
    }

    /// Gives back the places of what was handled: at the end of each turn, so that senders need not wait until all that
    /// was taken out is handled.
    pub fn give_back(&mut self) {
        if self.freed > 0 {
            self.shared.waiting.lock().reserved -= std::mem::take(&mut self.freed);
        }
    }

    /// Takes nothing more, and says how many deliveries are lost by that.
    pub fn close(&mut self) -> usize {
        let mut waiting = self.shared.waiting.lock();
        waiting.closed = true;
        let lost = std::mem::take(&mut waiting.deliveries);
        drop(waiting);
        lost.len() + std::mem::take(&mut self.taken).len()
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests;
