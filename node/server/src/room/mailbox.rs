//! The way into a room shard from other threads: a bounded queue of deliveries. A delivery of this program needs a
//! place; one of another node brings its [share](Share) of the reactor's backlog, and waits in the same order.
//!
//! Its reader is woken by the sender's [wake task](fanfare_proto::wake), so that it finds a burst whole.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use fanfare_proto::wake::Waiter;
use parking_lot::{Mutex, MutexGuard};

use super::message::Delivery;
use crate::node::Share;

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
    deliveries: VecDeque<Queued>,
    /// Deliveries that wait or were taken out by the reader and not handled yet; places reserved for others too.
    count: Count,
    reader: Waiter,
    /// The reader is gone.
    closed: bool,
}

/// A delivery that waits, with its share of the backlog if another node sent it.
struct Queued(Delivery, Option<Share>);

#[derive(Default)]
struct Count {
    /// Places reserved or used.
    places: usize,
    /// Deliveries of other nodes.
    shares: usize,
}

/// A place in a mailbox. Dropping it gives it back.
pub struct Place<'a>(&'a Shared);

/// The reading side.
pub struct Deliveries {
    shared: Arc<Shared>,
    /// Taken out of the mailbox in one go, so that its lock is not needed for each.
    taken: VecDeque<Queued>,
    /// Number of deliveries handled, not yet subtracted from the mailbox's count.
    handled: Count,
}

/// Creates a mailbox with `places` places for deliveries of this program, and its reading side.
pub fn mailbox(places: usize) -> (Mailbox, Deliveries) {
    let shared = Arc::new(Shared { waiting: Mutex::default(), places });
    (Mailbox(shared.clone()), Deliveries { shared, taken: VecDeque::new(), handled: Count::default() })
}

impl Mailbox {
    /// A place for one delivery; `None` if there is none, or the reader is gone.
    pub fn reserve(&self) -> Option<Place<'_>> {
        let mut waiting = self.0.waiting.lock();
        if waiting.closed || waiting.count.places >= self.0.places {
            return None;
        }
        waiting.count.places += 1;
        Some(Place(&self.0))
    }

    /// Queues a message of another node. Returns the number of deliveries before it; `None` if the reader is gone.
    pub fn queue(&self, delivery: Delivery, share: Share) -> Option<usize> {
        let mut waiting = self.0.waiting.lock();
        if waiting.closed {
            return None;
        }
        let before = waiting.count.all();
        waiting.count.shares += 1;
        self.0.push(waiting, Queued(delivery, Some(share)));
        Some(before)
    }

    /// Number of deliveries that wait.
    pub fn len(&self) -> usize {
        self.0.waiting.lock().count.all()
    }
}

impl Shared {
    fn push(&self, mut waiting: MutexGuard<'_, Waiting>, queued: Queued) {
        waiting.deliveries.push_back(queued);
        let wake = waiting.reader.notify();
        drop(waiting);
        if let Some(wake) = wake {
            wake.send();
        }
    }
}

impl Count {
    fn all(&self) -> usize {
        self.places + self.shares
    }

    fn give_back(&mut self, handled: &mut Self) {
        let Self { places, shares } = std::mem::take(handled);
        self.places -= places;
        self.shares -= shares;
    }
}

impl Place<'_> {
    /// Puts a delivery there. Returns false if the reader is gone.
    pub fn send(self, delivery: Delivery) -> bool {
        let waiting = self.0.waiting.lock();
        if waiting.closed {
            drop(waiting);
            return false;
        }
        self.0.push(waiting, Queued(delivery, None));
        // The delivery has it now.
        std::mem::forget(self);
        true
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.waiting.lock().count.places -= 1;
    }
}

impl Deliveries {
    /// The next one, in the order in which they were put there.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Delivery> {
        if self.taken.is_empty() {
            let mut waiting = self.shared.waiting.lock();
            waiting.count.give_back(&mut self.handled);
            std::mem::swap(&mut waiting.deliveries, &mut self.taken);
            match self.taken.is_empty() {
                true => waiting.reader.wait(cx.waker()),
                false => waiting.reader.stop_waiting(),
            }
        }
        match self.taken.pop_front() {
            Some(Queued(delivery, share)) => {
                match share {
                    Some(_) => self.handled.shares += 1,
                    None => self.handled.places += 1,
                }
                Poll::Ready(delivery)
            }
            None => Poll::Pending,
        }
    }

    /// Gives back the places of handled deliveries: at the end of each turn, so that senders need not wait until all that
    /// was taken out is handled.
    pub fn give_back(&mut self) {
        if self.handled.all() > 0 {
            self.shared.waiting.lock().count.give_back(&mut self.handled);
        }
    }

    /// Closes the mailbox, and returns the number of deliveries lost by that.
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
