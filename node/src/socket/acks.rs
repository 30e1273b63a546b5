//! Acknowledgements that this socket waits for.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll};

use rustc_hash::FxBuildHasher;
use tokio::sync::oneshot;

use super::core::SocketCore;
use crate::socketio::Arguments;

/// The socket was disconnected while the answer was awaited, or before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the socket was disconnected before the client acknowledged")]
pub struct NoAck;

/// Who waits for which answer.
#[derive(Debug, Default)]
pub struct Acks {
    waiting: HashMap<u64, oneshot::Sender<Arguments>, FxBuildHasher>,
}

impl Acks {
    /// Hands an answer to who waits for it; false if nobody does (any more).
    pub fn resolve(&mut self, id: u64, arguments: Arguments) -> bool {
        self.waiting.remove(&id).is_some_and(|waiting| waiting.send(arguments).is_ok())
    }

    pub fn wait(&mut self, id: u64) -> oneshot::Receiver<Arguments> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.insert(id, sender);
        receiver
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
