//! Middlewares of a socket's events: asked in order before any handler runs, and while one of them waits later events
//! of the socket wait behind it (ORDER-1).

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytestring::ByteString;
use futures_util::FutureExt;
use tracing::debug;

use super::ack::AckSlot;
use super::core::{Phase, SocketCore};
use super::declared::Declaration;
use super::failure::{Failure, HandlerErrorKind};
use super::handlers::{Called, EventContext, run};
use super::message::{Event, Screened};
use super::rejection::Rejection;
use crate::spawn;
use fanfare_socketio::Arguments;

/// Decision of one middleware: the event goes on, changed or not, or is refused for this reason.
pub type Verdict = Result<Option<Rewritten>, String>;

/// Changes of an event by a middleware.
#[derive(Clone, Debug, Default)]
pub struct Rewritten {
    /// The new name, if it has one.
    pub name: Option<ByteString>,
    /// The new arguments, if it has some.
    pub arguments: Option<Arguments>,
}

/// Error of one socket, for [`Socket::on_error`](crate::Socket::on_error) and
/// [`Namespace::on_socket_error`](crate::Namespace::on_socket_error) (JavaScript's event `error`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// A middleware has refused an event of the client: no handler of the event has run.
    #[error("event {event:?} was refused: {reason}")]
    Refused {
        /// Name of the event.
        event: String,
        /// Reason that the middleware gave.
        reason: String,
    },
    /// The client has sent something that is not a Socket.IO packet: its connection is closed.
    #[error("the client sent something that is not a Socket.IO packet")]
    InvalidPacket,
}

/// Context of handlers of a socket's errors, for extractors.
#[derive(Clone)]
pub struct ErrorContext {
    /// Socket that has the error.
    pub(crate) socket: Arc<SocketCore>,
    /// The error.
    pub(crate) error: SocketError,
    /// Arguments of the refused event.
    pub(crate) arguments: Arguments,
    /// Slot for the answer to the refused event, if the client wants one.
    pub(crate) ack: Option<Arc<AckSlot>>,
}

/// An event on its way through the middlewares to the handlers. It counts as unfinished until it is dropped.
pub struct Incoming {
    core: Arc<SocketCore>,
    pub(super) name: ByteString,
    pub(super) arguments: Arguments,
    pub(super) ack: Option<Arc<AckSlot>>,
}

/// Decision of all middlewares about an event.
pub struct Decision {
    incoming: Incoming,
    /// Reason of the refusal, if it is refused.
    refusal: Option<String>,
}

/// Events that wait behind one that middlewares have not decided on. Bounded by `events_in_flight_max`, as they count as
/// unfinished.
#[derive(Default)]
pub(super) struct Held {
    pub events: VecDeque<Event>,
}

impl Incoming {
    fn new(core: &Arc<SocketCore>, event: Event) -> Self {
        let ack = event.ack.map(|id| AckSlot::new(core.clone(), id));
        let name = event.name.unwrap_or_default();
        Self { core: core.clone(), name, arguments: event.arguments, ack }
    }

    fn context(&self) -> EventContext {
        EventContext {
            socket: self.core.clone(),
            name: self.name.clone(),
            arguments: self.arguments.clone(),
            ack: self.ack.clone(),
        }
    }

    fn rewrite(&mut self, rewritten: Rewritten) {
        self.name = rewritten.name.unwrap_or_else(|| std::mem::take(&mut self.name));
        self.arguments = rewritten.arguments.unwrap_or_else(|| std::mem::take(&mut self.arguments));
    }

    fn report(&self, kind: HandlerErrorKind) {
        let (namespace, socket) = (self.core.namespace.clone(), Some(self.core.clone()));
        Failure { namespace, socket, event: self.name.to_string(), kind }.report();
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.core.handler_finished();
    }
}

/// Lets the middlewares decide about an event, each up to its first `await` at once. `None` if one of them waits: the
/// actor is sent the decision.
pub(super) fn screen(
    core: &Arc<SocketCore>,
    event: Event,
    middlewares: Vec<Declaration<EventContext, Verdict>>,
) -> Option<Decision> {
    let incoming = Incoming::new(core, event);
    let mut decision = Box::pin(decide(incoming, middlewares));
    if let Poll::Ready(decision) = decision.poll_unpin(&mut Context::from_waker(Waker::noop())) {
        return Some(decision);
    }
    let core = core.clone();
    core.namespace.node.metrics.handlers.increment();
    spawn::spawn(async move {
        let decision = decision.await;
        core.namespace.node.metrics.handlers.decrement();
        match core.actor() {
            Some(actor) if core.phase() <= Phase::Connected => actor.do_send(Screened(decision)),
            _ => core.namespace.node.metrics.late_packets.increment(),
        }
    });
    None
}

/// Asks the middlewares in order; the first refusal decides. A panic refuses too.
async fn decide(mut incoming: Incoming, middlewares: Vec<Declaration<EventContext, Verdict>>) -> Decision {
    for middleware in middlewares {
        let context = incoming.context();
        let asked = AssertUnwindSafe(async {
            Ok::<_, Rejection>(match middleware.callback().call(context)? {
                Called::Ended(verdict) => verdict,
                Called::Running(future) => future.await,
            })
        });
        let refusal = match asked.catch_unwind().await {
            Ok(Ok(Ok(None))) => continue,
            Ok(Ok(Ok(Some(rewritten)))) => {
                incoming.rewrite(rewritten);
                continue;
            }
            Ok(Ok(Err(reason))) => reason,
            Ok(Err(rejection)) => {
                incoming.report(rejection.clone().into());
                rejection.text_for_client()
            }
            Err(panic) => {
                incoming.report(HandlerErrorKind::panicked(&*panic));
                "a middleware panicked".to_owned()
            }
        };
        return Decision { incoming, refusal: Some(refusal) };
    }
    Decision { incoming, refusal: None }
}

impl Decision {
    /// The event, if it may go on. A refusal is counted and told. Must not be called by code of the program.
    pub(super) fn settle(self) -> Option<Incoming> {
        let Self { incoming, refusal } = self;
        let Some(reason) = refusal else { return Some(incoming) };
        let core = &incoming.core;
        core.namespace.node.metrics.events_refused.increment();
        debug!(%core.id, event = &*incoming.name, reason, "event refused");
        if let Some(ack) = &incoming.ack {
            // Answered with nothing, unless a middleware or a handler of the error answers.
            ack.reply().fail();
        }
        let error = SocketError::Refused { event: incoming.name.to_string(), reason };
        core.tell_error(error, &incoming.arguments, incoming.ack.as_ref());
        None
    }
}

impl SocketCore {
    /// Runs the handlers of the socket's errors. Must not be called by code of the program.
    pub(super) fn tell_error(
        self: &Arc<Self>,
        error: SocketError,
        arguments: &Arguments,
        ack: Option<&Arc<AckSlot>>,
    ) {
        let shared = self.namespace.handlers().errors.clone();
        let own = self.inner().handlers.as_ref().map(|own| own.errors.clone()).unwrap_or_default();
        for handler in shared.into_iter().chain(own) {
            let context = ErrorContext {
                socket: self.clone(),
                error: error.clone(),
                arguments: arguments.clone(),
                ack: ack.cloned(),
            };
            run(self, "error", None, || handler.callback().call(context));
        }
    }
}
