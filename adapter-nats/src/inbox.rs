//! Envelopes that came and wait for the node, bounded in bytes.
//!
//! The bound is kept by the one that fills it: the [merge](crate::merge) throws frames away, before they are numbered off, while
//! there is no room. Nothing that is in here is ever dropped.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use fanfare_proto::Inbound;
use futures_util::Stream;
use parking_lot::Mutex;

/// Filled by the merge and the link, emptied by the [`InboxReader`].
#[derive(Debug)]
pub(crate) struct Inbox {
    waiting: Mutex<Waiting>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<Inbound>,
    /// Bytes of these, and of those that the reader has taken and not handed out yet.
    bytes: usize,
    /// The reader's task.
    task: Option<Waker>,
    /// Nothing will come any more.
    closed: bool,
}

impl Inbox {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { waiting: Mutex::default(), bytes_max }
    }

    /// Bytes that may still be added.
    pub(crate) fn room(&self) -> usize {
        self.bytes_max.saturating_sub(self.waiting.lock().bytes)
    }

    /// Adds something that takes no room.
    pub(crate) fn push(&self, item: Inbound) {
        self.append(&mut VecDeque::from([item]), 0);
    }

    /// Adds all of these, which have so many bytes.
    pub(crate) fn append(&self, items: &mut VecDeque<Inbound>, bytes: usize) {
        let mut waiting = self.waiting.lock();
        waiting.items.append(items);
        waiting.bytes += bytes;
        wake(waiting.task.take());
    }

    /// The reader ends when it has read what there is.
    pub(crate) fn close(&self) {
        let mut waiting = self.waiting.lock();
        waiting.closed = true;
        wake(waiting.task.take());
    }
}

fn wake(task: Option<Waker>) {
    if let Some(task) = task {
        task.wake();
    }
}

/// The stream that the node reads.
#[derive(Debug)]
pub(crate) struct InboxReader {
    inbox: Arc<Inbox>,
    /// Taken out of the inbox in one go, so that its lock is not needed for each.
    taken: VecDeque<Inbound>,
    taken_bytes: usize,
}

impl InboxReader {
    pub(crate) fn new(inbox: Arc<Inbox>) -> Self {
        Self { inbox, taken: VecDeque::new(), taken_bytes: 0 }
    }
}

impl Stream for InboxReader {
    type Item = Inbound;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Inbound>> {
        let this = &mut *self;
        // A reader that finds one after the other must still let others have their turn.
        let turn = ready!(tokio::task::coop::poll_proceed(cx));
        if let Some(item) = this.taken.pop_front() {
            turn.made_progress();
            return Poll::Ready(Some(item));
        }
        let mut waiting = this.inbox.waiting.lock();
        waiting.bytes -= this.taken_bytes;
        this.taken_bytes = waiting.bytes;
        std::mem::swap(&mut waiting.items, &mut this.taken);
        if let Some(item) = this.taken.pop_front() {
            turn.made_progress();
            return Poll::Ready(Some(item));
        }
        if waiting.closed {
            return Poll::Ready(None);
        }
        waiting.task = Some(cx.waker().clone());
        Poll::Pending
    }
}
