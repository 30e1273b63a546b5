//! The list of what the [merge](crate::merge) has to look at: changes of the subscriptions, and channels that may have
//! something.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use async_nats::Subscriber;
use parking_lot::Mutex;

/// Work for the merge, from the reconciler and from the wakers of the channels.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    pending: Mutex<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    /// Slots whose channel may have something.
    slots: Vec<usize>,
    changes: Vec<Change>,
    closed: bool,
    /// The merge's task, when it has nothing to do.
    task: Option<Waker>,
}

/// A change of what is merged.
#[derive(Debug)]
pub(crate) enum Change {
    /// Read this subscription, too.
    Add { path: Arc<str>, subscriber: Subscriber },
    /// The server is known to have subscribed us.
    Confirm { path: Arc<str> },
    /// Read what is there, and end the subscription.
    Remove { path: Arc<str> },
}

impl Arrivals {
    pub(crate) fn change(&self, change: Change) {
        self.update(|pending| pending.changes.push(change));
    }

    /// Takes everything there is. If there is nothing, says whether more may come, and wakes this task then.
    pub(crate) fn take(
        &self,
        slots: &mut Vec<usize>,
        changes: &mut Vec<Change>,
        cx: &mut Context<'_>,
    ) -> Option<bool> {
        let mut pending = self.pending.lock();
        std::mem::swap(&mut pending.slots, slots);
        std::mem::swap(&mut pending.changes, changes);
        if slots.is_empty() && changes.is_empty() {
            pending.task = Some(cx.waker().clone());
            return Some(pending.closed);
        }
        None
    }

    /// Ends the merge when it has taken what is there.
    pub(crate) fn close(&self) {
        self.update(|pending| pending.closed = true);
    }

    fn update(&self, update: impl FnOnce(&mut Pending)) {
        let mut pending = self.pending.lock();
        update(&mut pending);
        let task = pending.task.take();
        drop(pending);
        if let Some(task) = task {
            task.wake();
        }
    }
}

/// The waker of one channel.
#[derive(Debug)]
pub(crate) struct SlotWaker {
    arrivals: Arc<Arrivals>,
    slot: usize,
    /// Whether it stands in the list already.
    is_listed: AtomicBool,
}

impl SlotWaker {
    pub(crate) fn new(arrivals: Arc<Arrivals>, slot: usize) -> Arc<Self> {
        Arc::new(Self { arrivals, slot, is_listed: AtomicBool::new(false) })
    }

    /// Lets the slot be listed again when something comes from now on.
    pub(crate) fn unlist(&self) {
        self.is_listed.store(false, Ordering::Release);
    }
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_listed.swap(true, Ordering::AcqRel) {
            self.arrivals.update(|pending| pending.slots.push(self.slot));
        }
    }
}
