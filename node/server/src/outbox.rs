//! Packets that wait for one client: a bounded queue of shared packets, filled by room shards and sockets, drained by
//! the connection's task.
//!
//! Filled only on the reactor that the connection lives on, so that emits made in order arrive in order
//! (ORDER-2). A client that does not read costs at most its bound (SLOW-1).

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Waker};

use bytes::Bytes;
use bytestring::ByteString;
use parking_lot::Mutex;

use crate::slow_consumer::hard_limit;
use fanfare_socketio::Encoded;

/// Cost of a queued packet in bytes, beside its content, which it may share with thousands of others.
const PACKET_COST: usize = 32;
/// A queue that grew beyond this is given back when it runs empty.
const IDLE_CAPACITY: usize = 16;

/// One encoded packet, shared by everybody it is for.
#[derive(Debug)]
pub struct Packet {
    /// The Engine.IO text message.
    pub text: ByteString,
    /// The Engine.IO binary messages that follow it, with nothing in between.
    pub attachments: Vec<Bytes>,
    /// Whether a polling answer that carries it may be compressed.
    pub compress: bool,
    size: usize,
}

impl Packet {
    /// A packet ready to be queued.
    pub fn new(encoded: Encoded, compress: bool) -> Arc<Self> {
        let Encoded { text, attachments } = encoded;
        let size = PACKET_COST + text.len() + attachments.iter().map(Bytes::len).sum::<usize>();
        Arc::new(Self { text, attachments, compress, size })
    }

    /// Bytes of its messages.
    pub fn bytes(&self) -> u64 {
        (self.size - PACKET_COST) as u64
    }

    /// Bytes that this packet counts for in a queue.
    pub fn size(&self) -> usize {
        self.size
    }
}

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
}

/// Reason why the server closes a connection, once everything that waits has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// `socket.disconnect(true)`.
    Disconnect,
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

#[derive(Debug)]
struct State {
    queue: VecDeque<Arc<Packet>>,
    bytes: usize,
    readiness: Readiness,
    closed: bool,
    overflowed: bool,
    ending: Option<Ending>,
    slow_down: bool,
    /// The connection's task, woken when there is something to do for it.
    task: Option<Waker>,
}

/// The queue of one connection.
#[derive(Debug)]
pub struct Outbox {
    state: Mutex<State>,
    bytes_max: usize,
}

impl Outbox {
    /// An empty queue for at most `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                bytes: 0,
                readiness: Readiness::Busy,
                closed: false,
                overflowed: false,
                ending: None,
                slow_down: false,
                task: None,
            }),
            bytes_max,
        })
    }

    /// Queues a packet. A volatile one only if the transport is ready and nothing waits before it.
    pub fn push(&self, packet: &Arc<Packet>, volatile: bool) -> Pushed {
        let mut state = self.state.lock();
        if state.closed || state.overflowed {
            return Pushed::Closed;
        }
        if volatile && !(state.readiness == Readiness::Ready && state.queue.is_empty()) {
            return Pushed::Dropped;
        }
        let is_blocked = state.readiness == Readiness::Blocked;
        if state.bytes + packet.size > hard_limit(self.bytes_max, is_blocked) {
            state.overflowed = true;
            state.wake();
            return Pushed::Overflowed;
        }
        // The task has something to do when it was idle, and when the client's grace begins.
        let was_over = state.bytes > self.bytes_max;
        state.bytes += packet.size;
        state.queue.push_back(packet.clone());
        if state.queue.len() == 1 || (!was_over && state.bytes > self.bytes_max) {
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

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.state.lock().bytes
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

    /// Hands over packets, oldest first, until they are `bytes_max` bytes or more. Returns how many it were: if
    /// there were none the transport counts as ready, else as busy.
    pub fn drain(&self, bytes_max: usize, mut take: impl FnMut(&Packet)) -> usize {
        let mut state = self.state.lock();
        let (mut packets, mut bytes) = (0, 0);
        while bytes < bytes_max {
            let Some(packet) = state.queue.pop_front() else { break };
            bytes += packet.size;
            packets += 1;
            take(&packet);
        }
        state.bytes -= bytes;
        state.readiness = if packets == 0 { Readiness::Ready } else { Readiness::Busy };
        if state.queue.is_empty() && state.queue.capacity() > IDLE_CAPACITY {
            state.queue = VecDeque::new();
        }
        packets
    }

    /// A poll waits, and nothing for it.
    pub fn set_ready(&self) {
        self.state.lock().readiness = Readiness::Ready;
    }

    /// The transport is at work, or waits for a poll.
    pub fn set_busy(&self) {
        self.state.lock().readiness = Readiness::Busy;
    }

    /// The client does not read. Returns whether it is over its bound, where it must not stay.
    pub fn set_blocked(&self) -> bool {
        let mut state = self.state.lock();
        state.readiness = Readiness::Blocked;
        state.bytes > self.bytes_max
    }

    /// Whether the client was found to be too slow.
    #[cfg(test)]
    pub fn has_overflowed(&self) -> bool {
        self.state.lock().overflowed
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.state.lock().queue.is_empty()
    }

    /// Refuses every further packet; queued ones can still be drained.
    pub fn close(&self) {
        self.state.lock().closed = true;
    }

    /// Drops the waiting packets, and forgets the task. Returns the number of packets dropped.
    pub fn clear(&self) -> usize {
        let mut state = self.state.lock();
        state.task = None;
        state.bytes = 0;
        std::mem::take(&mut state.queue).len()
    }
}

impl State {
    fn wake(&self) {
        if let Some(task) = &self.task {
            task.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests;
