//! Acknowledgements that this socket waits for.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll};

use rustc_hash::FxBuildHasher;
use tokio::sync::oneshot;

use super::core::SocketCore;
use super::gather::Asked;
use fanfare_socketio::Arguments;

/// The socket was disconnected while the answer was awaited, or before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the socket was disconnected before the client acknowledged")]
pub struct NoAck;

/// Who waits for which answer.
#[derive(Debug, Default)]
pub struct Acks {
    waiting: HashMap<u64, Waiting, FxBuildHasher>,
}

#[derive(Debug)]
enum Waiting {
    /// For this socket's answer.
    Alone(oneshot::Sender<Arguments>),
    /// For the answers of many.
    Together(Asked),
}

impl Acks {
    /// Hands an answer to who waits for it; false if nobody does (any more).
    pub fn resolve(&mut self, id: u64, arguments: Arguments) -> bool {
        match self.waiting.remove(&id) {
            Some(Waiting::Alone(waiting)) => waiting.send(arguments).is_ok(),
            Some(Waiting::Together(asked)) => asked.answer(arguments),
            None => false,
        }
    }

    pub fn wait(&mut self, id: u64) -> oneshot::Receiver<Arguments> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.insert(id, Waiting::Alone(sender));
        receiver
    }

    pub fn wait_together(&mut self, id: u64, asked: Asked) {
        self.waiting.insert(id, Waiting::Together(asked));
    }

    pub fn forget(&mut self, id: u64) {
        self.waiting.remove(&id);
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }
}

/// The answer to one emit. Dropping it forgets the acknowledgement: nothing stays behind.
#[derive(Debug)]
pub struct PendingAck {
    pub(super) id: u64,
    pub(super) socket: Weak<SocketCore>,
    pub(super) answer: oneshot::Receiver<Arguments>,
}

impl PendingAck {
    /// Whoever waited gave up.
    pub fn count_timeout(&self) {
        if let Some(socket) = self.socket.upgrade() {
            socket.namespace.node.metrics.acks_timed_out.increment();
        }
    }
}

impl Future for PendingAck {
    type Output = Result<Arguments, NoAck>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.answer).poll(cx).map_err(|_| NoAck)
    }
}

impl Drop for PendingAck {
    fn drop(&mut self) {
        if let Some(socket) = self.socket.upgrade() {
            socket.forget_ack(self.id);
        }
    }
}
