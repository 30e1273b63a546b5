//! Events of rooms, for readers in the program: rooms that come to be and go, and their members.
//!
//! The [index](super::index) tells when a room is created and deleted, under the lock of the room; the
//! [shards](super::shard) tell of members while they keep the room in the index. So the events of each room have an order
//! that can be replayed, on whatever threads its members live
//! ([decision 37](../../../docs/decisions/0037-room-events-are-ordered-by-the-index.md)).

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed, Ordering::SeqCst, fence};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use arc_swap::ArcSwap;
use futures_util::Stream;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use smallvec::SmallVec;

use super::index::RoomIndex;
use crate::ids::{Room, SocketId};
use crate::node::Node;

/// A change of the rooms of a namespace, on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoomEvent {
    /// A room is about to have its first member (JavaScript's `create-room`).
    Created {
        /// The room.
        room: Room,
    },
    /// The last member of a room has left it (`delete-room`).
    Deleted {
        /// The room.
        room: Room,
    },
    /// A socket is in a room (`join-room`).
    Joined {
        /// The room.
        room: Room,
        /// The socket.
        socket: SocketId,
    },
    /// A socket is not in a room any more (`leave-room`).
    Left {
        /// The room.
        room: Room,
        /// The socket.
        socket: SocketId,
    },
    /// Number of events that are missing here, since the reader was too slow.
    Missed(u64),
}

/// Stream of the [events](RoomEvent) of a namespace's rooms, made by [`Namespace::room_events`](crate::Namespace::room_events).
/// Dropping it ends the subscription.
#[must_use = "events are queued for it until it is dropped"]
pub struct RoomEvents {
    queue: Arc<Queue>,
    /// Does not keep the rooms: they may end before.
    index: Weak<RoomIndex>,
}

/// Events that wait for one reader.
struct Queue {
    waiting: Mutex<Waiting>,
    reader: AtomicWaker,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<RoomEvent>,
    /// Events left out since there was no room for them. None is queued before the reader has been told.
    missed: u64,
    /// Whether nothing more comes.
    is_over: bool,
}

/// The readers of the events of one namespace.
pub(super) struct Watchers {
    node: Arc<Node>,
    /// Whether there are any: all that is read while nobody listens.
    are_there: AtomicBool,
    queues: ArcSwap<Vec<Arc<Queue>>>,
    /// Held while a reader comes or goes: whether the namespace has ended.
    has_ended: Mutex<bool>,
}

/// Readers to be woken when no lock is held: code of the program may run at once.
#[derive(Default)]
#[must_use = "readers sleep on until they are woken"]
pub(super) struct Wakes(SmallVec<[Waker; 1]>);

impl RoomEvents {
    /// The next event; `None` when the namespace has ended. May be dropped before it is ready: no event is lost.
    pub async fn next(&mut self) -> Option<RoomEvent> {
        poll_fn(|cx| self.queue.poll(cx)).await
    }
}

impl Stream for RoomEvents {
    type Item = RoomEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<RoomEvent>> {
        self.queue.poll(cx)
    }
}

impl std::fmt::Debug for RoomEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let waiting = self.queue.waiting.lock().events.len();
        f.debug_struct("RoomEvents").field("waiting", &waiting).finish_non_exhaustive()
    }
}

impl Drop for RoomEvents {
    fn drop(&mut self) {
        if let Some(index) = self.index.upgrade() {
            index.unsubscribe(&self.queue);
        }
        // Whoever else lets go of the queue may hold a lock.
        drop(self.queue.reader.take());
    }
}

impl Queue {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<RoomEvent>> {
        self.reader.register(cx.waker());
        let mut waiting = self.waiting.lock();
        if let Some(event) = waiting.events.pop_front() {
            return Poll::Ready(Some(event));
        }
        match std::mem::take(&mut waiting.missed) {
            0 if waiting.is_over => Poll::Ready(None),
            0 => Poll::Pending,
            missed => Poll::Ready(Some(RoomEvent::Missed(missed))),
        }
    }

    /// Queues events, of which at most `max` may wait. Returns how many were left out.
    fn push(&self, events: &[RoomEvent], max: usize) -> u64 {
        let mut waiting = self.waiting.lock();
        let free = if waiting.missed > 0 { 0 } else { max.saturating_sub(waiting.events.len()) };
        let (queued, missed) = events.split_at(free.min(events.len()));
        waiting.events.extend(queued.iter().cloned());
        waiting.missed += missed.len() as u64;
        missed.len() as u64
    }

    /// Nothing more comes.
    fn end(&self) {
        self.waiting.lock().is_over = true;
        self.reader.wake();
    }
}

impl Wakes {
    /// Wakes them.
    pub fn wake(self) {
        self.0.into_iter().for_each(Waker::wake);
    }
}

impl Watchers {
    /// Nobody yet.
    pub fn new(node: Arc<Node>) -> Self {
        Self {
            node,
            are_there: AtomicBool::new(false),
            queues: ArcSwap::default(),
            has_ended: Mutex::default(),
        }
    }

    /// Whether events have to be told.
    pub fn are_there(&self) -> bool {
        self.are_there.load(Relaxed)
    }

    /// The same, for what [`subscribe`](RoomIndex::subscribe) looks at when the first one comes: either it sees what this
    /// thread has changed before, or this thread sees that somebody is there.
    pub fn are_there_now(&self) -> bool {
        fence(SeqCst);
        self.are_there()
    }

    /// Tells events to all readers.
    pub fn tell(&self, events: &[RoomEvent]) -> Wakes {
        let max = self.node.options.room_events_max;
        let queues = self.queues.load();
        let missed = queues.iter().map(|queue| queue.push(events, max)).sum();
        if missed > 0 {
            self.node.metrics.room_events_missed.add(missed);
        }
        Wakes(queues.iter().filter_map(|queue| queue.reader.take()).collect())
    }

    /// Nothing happens any more, and nobody may come.
    pub fn end(&self) {
        *self.has_ended.lock() = true;
        self.queues.load().iter().for_each(|queue| queue.end());
    }
}

impl Drop for Watchers {
    fn drop(&mut self) {
        self.end();
    }
}

impl std::fmt::Debug for Watchers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watchers").field("are_there", &self.are_there()).finish_non_exhaustive()
    }
}

impl RoomIndex {
    /// Tells a new reader of all changes from now on. `sockets` tells who may be in its own room already, and whether it
    /// is; asked only if nobody has listened so far, since nothing is kept of that.
    pub fn subscribe<S, I>(self: &Arc<Self>, sockets: impl FnOnce() -> S) -> RoomEvents
    where
        S: IntoIterator<Item = (SocketId, I)>,
        I: FnOnce() -> bool,
    {
        let watchers = self.watchers();
        let queue = Arc::new(Queue { waiting: Mutex::default(), reader: AtomicWaker::new() });
        let has_ended = watchers.has_ended.lock();
        if *has_ended {
            queue.end();
        } else {
            if !watchers.are_there.swap(true, SeqCst) {
                fence(SeqCst);
                sockets().into_iter().for_each(|(id, is_in)| self.note_owner(id, is_in));
            }
            let queues = watchers.queues.load_full();
            watchers.queues.store(Arc::new(queues.iter().chain([&queue]).cloned().collect()));
        }
        drop(has_ended);
        RoomEvents { queue, index: Arc::downgrade(self) }
    }

    fn unsubscribe(&self, queue: &Arc<Queue>) {
        let watchers = self.watchers();
        let _changing = watchers.has_ended.lock();
        let queues = watchers.queues.load_full();
        let others: Vec<_> = queues.iter().filter(|other| !Arc::ptr_eq(other, queue)).cloned().collect();
        let was_last = others.is_empty();
        watchers.queues.store(Arc::new(others));
        if was_last && watchers.are_there.swap(false, SeqCst) {
            self.forget_owners();
        }
    }
}

#[cfg(test)]
mod tests;
