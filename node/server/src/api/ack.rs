//! Acknowledgements in both directions.

use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use serde::Serialize;

use super::error::{AckError, EmitError};
use super::extract::FromContext;
use crate::outbox::Packet;
use crate::socket::{AckSlot, EventContext, PendingAck, Rejection};
use fanfare_socketio::{FromAnswer, encode};

/// Handle to answer an event. Extract it in a handler; it can be kept and used later, from any thread.
///
/// Sending consumes it, since a client takes one answer. A client that waits is answered with nothing if a handler of
/// its event failed and no other handler can answer any more: none has called [`send`](Self::send), and none keeps an
/// `Ack`.
#[must_use = "the client waits for an answer until `send` is called"]
pub struct Ack(Option<Arc<AckSlot>>);

impl Ack {
    pub(super) fn new(slot: Option<Arc<AckSlot>>) -> Self {
        Self(slot)
    }

    /// Whether the client wants an answer.
    pub fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Answers: a tuple is several arguments, `()` none, anything else is one. Does nothing if the client does not want
    /// an answer, or another handler of the event has answered.
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

/// A future of the client's answer. The event was sent already; dropping this forgets the answer.
///
/// With a timeout it must be awaited in a tokio runtime.
#[must_use = "await it for the client's answer; use `emit` if you need none"]
pub struct Acknowledgement<T> {
    /// `None` once the error was returned.
    state: Result<PendingAck, Option<EmitError>>,
    answer: PhantomData<fn() -> T>,
}

impl<T> Acknowledgement<T> {
    pub(super) fn new(sent: Result<PendingAck, EmitError>) -> Self {
        Self { state: sent.map_err(Some), answer: PhantomData }
    }
}

impl<T: FromAnswer> Future for Acknowledgement<T> {
    type Output = Result<T, AckError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.state {
            Ok(pending) => Pin::new(pending).poll(cx).map(|answer| Ok(T::from_answer(answer?)?)),
            Err(error) => Poll::Ready(Err(error.take().map_or(AckError::Disconnected, AckError::Emit))),
        }
    }
}
