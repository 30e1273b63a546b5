//! Acknowledgements in both directions.

use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::time::Sleep;

use super::error::{AckError, EmitError};
use super::extract::FromContext;
use crate::options::{MS_MAX, ms};
use crate::outbox::Packet;
use crate::socket::{AckSlot, EventContext, PendingAck, Rejection};
use fanfare_socketio::{Arguments, FromAnswer, encode};

/// The way to answer an event. Extract it in a handler; it can be kept and used later, from any thread.
///
/// Sending consumes it, since a client takes one answer. A client that waits is answered with nothing if a handler of
/// its event failed and no other handler can answer any more: none has called [`send`](Self::send), and none keeps an
/// `Ack`.
#[must_use = "the client waits for an answer until `send` is called"]
pub struct Ack(Option<Arc<AckSlot>>);

impl Ack {
    /// Whether the client wants an answer.
    pub fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Answers: a tuple is several arguments, `()` none, anything else is one. Does nothing if the client wants no
    /// answer, or another handler of the event has answered.
    ///
    /// # Errors
    /// Those of [`EmitError`]; nothing was sent then.
    pub fn send(self, arguments: impl Serialize) -> Result<(), EmitError> {
        let Some(slot) = self.0 else { return Ok(()) };
        let encoded = encode::ack(slot.socket().namespace.name(), slot.id(), &arguments)?;
        if !slot.claim() {
            return Ok(());
        }
        Ok(slot.socket().send(Packet::new(encoded, true), false)?)
    }
}

impl FromContext<EventContext> for Ack {
    fn from_context(context: &EventContext) -> Result<Self, Rejection> {
        Ok(Self(context.ack.clone()))
    }
}

/// The client's answer to come. The event was sent already; dropping this forgets the answer.
///
/// With a timeout it must be awaited in a tokio runtime.
#[must_use = "await it for the client's answer; use `emit` if you need none"]
pub struct Acknowledgement<T> {
    state: State,
    deadline: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
    answer: PhantomData<fn() -> T>,
}

enum State {
    Failed(Option<EmitError>),
    Waiting(PendingAck),
}

impl<T> Acknowledgement<T> {
    pub(super) fn new(sent: Result<PendingAck, EmitError>, timeout: Option<Duration>) -> Self {
        let state = match sent {
            Ok(pending) => State::Waiting(pending),
            Err(error) => State::Failed(Some(error)),
        };
        let deadline = timeout.map(|timeout| Instant::now() + timeout.min(ms(MS_MAX)));
        Self { state, deadline, sleep: None, answer: PhantomData }
    }
}

impl<T> Acknowledgement<T> {
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Arguments, AckError>> {
        let pending = match &mut self.state {
            State::Failed(error) => {
                let error = error.take().map_or(AckError::Disconnected, AckError::Emit);
                return Poll::Ready(Err(error));
            }
            State::Waiting(pending) => pending,
        };
        if let Poll::Ready(answer) = Pin::new(&mut *pending).poll(cx) {
            return Poll::Ready(answer.map_err(AckError::from));
        }
        let Some(deadline) = self.deadline else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.into())));
        ready!(sleep.as_mut().poll(cx));
        pending.count_timeout();
        Poll::Ready(Err(AckError::Timeout))
    }
}

impl<T: FromAnswer> Future for Acknowledgement<T> {
    type Output = Result<T, AckError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_answer(cx).map(|answer| Ok(T::from_answer(answer?)?))
    }
}
