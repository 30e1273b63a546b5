//! Acknowledgements that a socket waits for, each with its clock.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rustc_hash::FxBuildHasher;
use tokio::sync::oneshot;
use tokio::time::Sleep;

use super::local::AckSender;
use crate::options::{MS_MAX, ms};
use crate::socket::SocketCore;
use fanfare_socketio::Arguments;

/// Reason why a client gave no acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAck {
    /// The socket was disconnected while the answer was awaited, or before.
    #[error("the socket was disconnected before the client acknowledged")]
    Disconnected,
    /// The time was up.
    #[error("the client did not acknowledge in time")]
    Timeout,
}

/// Receivers of the answers that a socket is waited for, by the id of the event.
#[derive(Debug, Default)]
pub struct Acks {
    waiting: HashMap<u64, Waiting, FxBuildHasher>,
}

#[derive(Debug)]
enum Waiting {
    /// Waiter for this socket's answer.
    Alone(oneshot::Sender<Arguments>),
    /// Waiter for the answers of many sockets.
    Together(AckSender),
}

impl Acks {
    /// Hands an answer to its receiver; false if there is none (any more).
    pub fn resolve(&mut self, id: u64, arguments: Arguments) -> bool {
        match self.waiting.remove(&id) {
            Some(Waiting::Alone(waiting)) => waiting.send(arguments).is_ok(),
            Some(Waiting::Together(sender)) => sender.answer(arguments),
            None => false,
        }
    }

    pub fn wait(&mut self, id: u64) -> oneshot::Receiver<Arguments> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.insert(id, Waiting::Alone(sender));
        receiver
    }

    pub fn wait_together(&mut self, id: u64, sender: AckSender) {
        self.waiting.insert(id, Waiting::Together(sender));
    }

    pub fn forget(&mut self, id: u64) {
        self.waiting.remove(&id);
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }
}

/// The answer to one emit, until it comes, the socket goes or the time is up. Dropping it forgets the acknowledgement:
/// nothing stays behind.
///
/// With a timeout it must be awaited in a tokio runtime.
#[derive(Debug)]
pub struct PendingAck {
    id: u64,
    socket: Weak<SocketCore>,
    answer: oneshot::Receiver<Arguments>,
    deadline: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl PendingAck {
    /// The answer of a socket to the event with this id. The time begins now.
    pub(in crate::socket) fn new(
        socket: &Arc<SocketCore>,
        id: u64,
        answer: oneshot::Receiver<Arguments>,
        timeout: Option<Duration>,
    ) -> Self {
        let deadline = timeout.map(|timeout| Instant::now() + timeout.min(ms(MS_MAX)));
        Self { id, socket: Arc::downgrade(socket), answer, deadline, sleep: None }
    }
}

impl Future for PendingAck {
    type Output = Result<Arguments, NoAck>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(answer) = Pin::new(&mut self.answer).poll(cx) {
            return Poll::Ready(answer.map_err(|_| NoAck::Disconnected));
        }
        let Some(deadline) = self.deadline else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.into())));
        ready!(sleep.as_mut().poll(cx));
        if let Some(socket) = self.socket.upgrade() {
            socket.namespace.node.metrics.acks_timed_out.increment();
        }
        Poll::Ready(Err(NoAck::Timeout))
    }
}

impl Drop for PendingAck {
    fn drop(&mut self) {
        if let Some(socket) = self.socket.upgrade() {
            socket.forget_ack(self.id);
        }
    }
}
