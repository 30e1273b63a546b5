//! The answer to one event of the client: given once, by a handler; or empty, if a handler failed and no other one
//! can answer any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use crate::outbox::Packet;
use crate::socket::SocketCore;
use fanfare_socketio::encode;

/// The answer was given.
const GIVEN: u8 = 1;
/// A handler of the event failed.
const FAILED: u8 = 2;
/// No handler is left that could answer.
const ABANDONED: u8 = 4;

/// State of the answer to one event. Holding it does not keep the client waiting.
pub struct Reply {
    socket: Arc<SocketCore>,
    id: u64,
    state: AtomicU8,
}

impl Reply {
    /// A handler of the event failed: if no handler answers, the client is answered with nothing, so that it does not
    /// wait for ever.
    pub(in crate::socket) fn fail(&self) {
        if self.state.fetch_or(FAILED, Relaxed) & ABANDONED != 0 {
            self.give_nothing();
        }
    }

    /// Claims the answer. Returns whether it was not given yet.
    fn claim(&self) -> bool {
        self.state.fetch_or(GIVEN, Relaxed) & GIVEN == 0
    }

    fn give_nothing(&self) {
        if !self.claim() {
            return;
        }
        if let Ok(encoded) = encode::ack(self.socket.namespace.name(), self.id, &()) {
            // A socket that is gone waits for nothing.
            let _ = self.socket.send(Packet::new(encoded, true), false);
        }
    }
}

/// The slot where one event can be answered, once. Shared by all handlers that may still answer: its end means that
/// none will.
pub struct AckSlot(Arc<Reply>);

impl AckSlot {
    /// A place for the answer to the event with this id.
    pub(in crate::socket) fn new(socket: Arc<SocketCore>, id: u64) -> Arc<Self> {
        Arc::new(Self(Arc::new(Reply { socket, id, state: AtomicU8::new(0) })))
    }

    /// The answer; holding it does not keep the client waiting.
    pub(in crate::socket) fn reply(&self) -> &Arc<Reply> {
        &self.0
    }

    /// The socket that waits.
    pub fn socket(&self) -> &Arc<SocketCore> {
        &self.0.socket
    }

    /// The id of the event.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// Claims the answer. Returns whether it was not given yet.
    pub fn claim(&self) -> bool {
        self.0.claim()
    }
}

impl Drop for AckSlot {
    fn drop(&mut self) {
        if self.0.state.fetch_or(ABANDONED, Relaxed) & FAILED != 0 {
            self.0.give_nothing();
        }
    }
}
