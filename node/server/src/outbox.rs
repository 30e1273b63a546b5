//! Packets that wait for one client: a bounded queue of shared packets, filled by room shards and sockets, written by
//! the connection's task. What the network does not take stays here, and counts.
//!
//! Filled only on the reactor that the connection lives on, so that emits made in order arrive in order
//! (ORDER-2). A client that does not read costs at most its bound (SLOW-1).

mod packet;
mod transcoder;
mod waiting;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::slow_consumer::hard_limit;

pub use packet::Packet;
pub use transcoder::Transcoder;
pub use waiting::{Item, Waiting};

/// Fate of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// The packet waits for the client.
    Queued,
    /// The packet was volatile and the transport was not ready.
    Dropped,
    /// The client is over its bound: it is being disconnected.
    Overflowed,
    /// The connection is closed or closing.
    Closed,
    /// The server's parser cannot write the packet.
    Unwritable,
}

/// Reason why the server closes a connection, once everything that waits has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// `socket.disconnect(true)`.
    Disconnect,
    /// The program closes the connection, with no packet for its namespaces: the client comes back by itself.
    Close,
    /// The server shuts down: waiting packets are dropped.
    Shutdown,
    /// An actor that served the client has died: the client should come back.
    Failure,
    /// The node drains: the client should come back elsewhere, once its running handlers have finished.
    Drain,
}

/// Whether the transport could take a packet at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    /// Nothing is on its way: a volatile packet may go.
    Ready,
    /// Something is being written, or no poll is pending.
    Busy,
    /// The client does not read: its network buffers are full.
    Blocked,
}

/// Notices for the connection's task, taken when it begins its turn.
#[derive(Clone, Copy, Debug)]
pub struct Notices {
    /// The client was found to be too slow.
    pub overflowed: bool,
    /// Way in which the server wants the connection closed, if it does.
    pub ending: Option<Ending>,
    /// An event of this client asked for more than the node can do now.
    pub slow_down: bool,
}

/// State of a transport after it was given what waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The network has taken everything.
    Clear,
    /// The network takes no more for now.
    Blocked {
        /// It took something before that.
        took: bool,
        /// More waits than may: the client must not stay like that.
        is_over: bool,
        /// Answers to what the client has sent are among what waits: it must be read no further.
        owes: bool,
    },
}

#[derive(Debug)]
struct State {
    waiting: Waiting,
    /// Bytes of the last answer to a poll, until the next poll shows that it has arrived.
    answered: usize,
    readiness: Readiness,
    closed: bool,
    overflowed: bool,
    ending: Option<Ending>,
    slow_down: bool,
    /// The connection's task, woken when there is something to do for it.
    task: Option<Waker>,
    /// Those that wait until nothing waits for the client; there while there are some.
    watchers: Option<Box<Watchers>>,
}

/// Tasks that wait until nothing waits for the client.
#[derive(Debug, Default)]
struct Watchers(Vec<Waker>);

/// The queue of one connection.
#[derive(Debug)]
pub struct Outbox {
    state: Mutex<State>,
    bytes_max: usize,
    /// Present if the format is not the default.
    transcoder: Option<Arc<Transcoder>>,
}

impl Outbox {
    /// An empty queue for at most `bytes_max` bytes of packets in the default format.
    #[cfg(test)]
    pub fn new(bytes_max: usize) -> Arc<Self> {
        Self::of(None, bytes_max)
    }

    /// An empty queue for at most `bytes_max` bytes of packets in the format of the transcoder.
    pub fn of(transcoder: Option<Arc<Transcoder>>, bytes_max: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                waiting: Waiting::default(),
                answered: 0,
                readiness: Readiness::Busy,
                closed: false,
                overflowed: false,
                ending: None,
                slow_down: false,
                task: None,
                watchers: None,
            }),
            bytes_max,
            transcoder,
        })
    }

    /// Queues a packet. A volatile one only if the transport is ready and nothing waits before it.
    pub fn push(&self, packet: &Arc<Packet>, volatile: bool) -> Pushed {
        if let Some(transcoder) = &self.transcoder
            && !packet.transcode(transcoder)
        {
            return Pushed::Unwritable;
        }
        let mut state = self.state.lock();
        if state.closed || state.overflowed {
            return Pushed::Closed;
        }
        if volatile && !(state.readiness == Readiness::Ready && state.waiting.is_empty()) {
            return Pushed::Dropped;
        }
        let is_blocked = state.readiness == Readiness::Blocked;
        let before = state.bytes();
        if before + packet.size() > hard_limit(self.bytes_max, is_blocked) {
            state.overflowed = true;
            state.wake();
            return Pushed::Overflowed;
        }
        // The task has something to do when it was idle, and when the client's grace begins.
        let was_over = before > self.bytes_max;
        state.waiting.push(Item::Packet(packet.clone()));
        if state.waiting.len() == 1 || (!was_over && state.bytes() > self.bytes_max) {
            state.wake();
        }
        Pushed::Queued
    }

    /// Asks the connection's task to close the connection. Draining replaces no other way to end: those leave less to
    /// be finished.
    pub fn end(&self, ending: Ending) {
        let mut state = self.state.lock();
        if ending != Ending::Drain || state.ending.is_none() {
            state.ending = Some(ending);
        }
        state.wake();
    }

    /// Whether the connection was asked to close.
    pub fn is_ending(&self) -> bool {
        self.state.lock().ending.is_some()
    }

    /// Asks the connection's task to read more slowly for a moment.
    pub fn slow_down(&self) {
        let mut state = self.state.lock();
        state.slow_down = true;
        state.wake();
    }

    /// Wakes the connection's task, so that it looks again whether it may read on.
    pub fn wake(&self) {
        self.state.lock().wake();
    }

    /// Whether the connection can still carry packets.
    pub fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Ready once the client has taken everything; false if the connection closes before.
    pub fn poll_taken(&self, cx: &Context<'_>) -> Poll<bool> {
        let mut state = self.state.lock();
        if state.is_taken() {
            return Poll::Ready(!state.closed);
        }
        let Watchers(watchers) = &mut **state.watchers.get_or_insert_default();
        if !watchers.iter().any(|watcher| watcher.will_wake(cx.waker())) {
            watchers.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Number of packets that wait, frames of the connection itself among them.
    pub fn packets(&self) -> usize {
        self.state.lock().waiting.len()
    }

    /// Bytes that wait, or are on their way in the answer to a poll.
    pub fn bytes(&self) -> usize {
        self.state.lock().bytes()
    }

    // The side of the connection's task.

    /// Declares the current task to be the one that drains this queue, and returns the notices for it.
    pub fn attend(&self, cx: &Context<'_>) -> Notices {
        let mut state = self.state.lock();
        if !state.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            state.task = Some(cx.waker().clone());
        }
        Notices {
            overflowed: state.overflowed,
            ending: state.ending,
            slow_down: std::mem::take(&mut state.slow_down),
        }
    }

    /// Queues something of the connection itself. It is written in this turn of the task or later, also when the outbox is
    /// closed.
    pub fn push_own(&self, item: Item) {
        self.state.lock().waiting.push(item);
    }

    /// Lets a transport write what waits; `write` is ready when nothing is left.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn write<E>(&self, write: impl FnOnce(&mut Waiting) -> Poll<Result<(), E>>) -> Result<Flow, E> {
        let mut state = self.state.lock();
        let before = (state.waiting.len(), state.waiting.begun());
        match write(&mut state.waiting) {
            Poll::Ready(written) => {
                written?;
                state.readiness = Readiness::Ready;
                state.wake_watchers();
                Ok(Flow::Clear)
            }
            Poll::Pending => {
                state.readiness = Readiness::Blocked;
                Ok(Flow::Blocked {
                    took: before != (state.waiting.len(), state.waiting.begun()),
                    is_over: state.bytes() > self.bytes_max,
                    owes: state.waiting.has_answers(),
                })
            }
        }
    }

    /// Hands over packets for the answer to a poll, oldest first, until they are `bytes_max` bytes or more. Returns how
    /// many it were. They count until the client polls again.
    pub fn drain(&self, bytes_max: usize, take: impl FnMut(&Packet)) -> usize {
        let mut state = self.state.lock();
        let (packets, bytes) = state.waiting.drain(bytes_max, take);
        state.answered = bytes;
        state.readiness = Readiness::Busy;
        packets
    }

    /// A poll has come: the answer to the one before has arrived.
    pub fn on_poll(&self) {
        let mut state = self.state.lock();
        state.answered = 0;
        state.wake_watchers();
    }

    /// A poll waits, and nothing for it.
    pub fn set_ready(&self) {
        self.state.lock().readiness = Readiness::Ready;
    }

    /// No poll waits; the client is about to come again, or `is_late`. Returns whether it is over its bound, where it must
    /// not stay.
    pub fn await_poll(&self, is_late: bool) -> bool {
        let mut state = self.state.lock();
        state.readiness = if is_late { Readiness::Blocked } else { Readiness::Busy };
        if is_late && state.bytes() > hard_limit(self.bytes_max, true) {
            state.overflowed = true;
            state.wake();
        }
        state.bytes() > self.bytes_max
    }

    /// The client has moved to a WebSocket, on which something may wait already.
    pub fn upgrade(&self, first: Waiting) {
        let mut state = self.state.lock();
        state.answered = 0;
        state.readiness = Readiness::Busy;
        state.waiting.put_before(first);
    }

    /// Whether the client was found to be too slow.
    #[cfg(test)]
    pub fn has_overflowed(&self) -> bool {
        self.state.lock().overflowed
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.state.lock().waiting.is_empty()
    }

    /// Refuses every further packet; those that wait can still be written.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.wake_watchers();
    }

    /// Drops the packets that wait, but for one of which the client has got a part. Returns the number dropped.
    pub fn drop_unbegun(&self) -> usize {
        self.state.lock().waiting.drop_unbegun()
    }

    /// Drops everything that waits, and forgets the task. Returns the number of packets dropped.
    pub fn clear(&self) -> usize {
        let mut state = self.state.lock();
        state.task = None;
        state.answered = 0;
        let waiting = std::mem::take(&mut state.waiting);
        waiting.items().filter(|item| matches!(item, Item::Packet(_))).count()
    }
}

impl State {
    /// Whether nothing waits for the client, or ever will.
    fn is_taken(&self) -> bool {
        self.closed || self.bytes() == 0
    }

    fn wake_watchers(&mut self) {
        if self.watchers.is_some() && self.is_taken() {
            self.watchers.take().into_iter().flat_map(|watchers| watchers.0).for_each(Waker::wake);
        }
    }

    fn bytes(&self) -> usize {
        self.waiting.bytes() + self.answered
    }

    fn wake(&self) {
        if let Some(task) = &self.task {
            task.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests;
