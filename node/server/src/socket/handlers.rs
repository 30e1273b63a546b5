//! Users' handlers: where they are declared, and how one is run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytestring::ByteString;
use futures_util::FutureExt;
use serde_json::value::RawValue;

use super::ack::{AckSlot, Reply};
use super::core::SocketCore;
use super::failure::{Failure, HandlerErrorKind};
use super::rejection::Rejection;
use crate::namespace::NamespaceCore;
use crate::reason::DisconnectReason;
use crate::spawn;
use fanfare_socketio::{Arguments, Encoded};

/// The future of a handler. It stays on its reactor, so it need not be `Send`.
pub type HandlerFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// A handler that was called.
pub enum Called<T> {
    /// It has ended: it is not async. Costs no allocation.
    Ended(T),
    /// It ends with this future.
    Running(HandlerFuture<T>),
}

/// The error that a handler returned, as text.
#[derive(Debug)]
pub struct Returned(pub String);

/// Outcome of a handler, unless it panics.
pub type Outcome = Result<(), Returned>;

/// A middleware's refusal: becomes the client's `connect_error`.
#[derive(Debug)]
pub struct ConnectRejection {
    /// The error's message.
    pub message: String,
    /// The error's data, if any.
    pub data: Option<Box<RawValue>>,
}

/// A callback that takes a context, and yields a `T`.
pub trait Callback<C, T>: Send + Sync {
    /// Calls it, unless its parameters cannot be made of the context.
    fn call(&self, context: C) -> Result<Called<T>, Rejection>;
}

/// Context of middlewares and connect handlers, for extractors.
#[derive(Clone)]
pub struct ConnectContext {
    /// Socket that connects.
    pub(crate) socket: Arc<SocketCore>,
}

/// Context of event handlers, for extractors.
#[derive(Clone)]
pub struct EventContext {
    /// Socket that sent the event.
    pub(crate) socket: Arc<SocketCore>,
    /// Name of the event.
    pub(crate) name: ByteString,
    /// Arguments of the event.
    pub(crate) arguments: Arguments,
    /// Slot for the answer, if the client wants one.
    pub(crate) ack: Option<Arc<AckSlot>>,
}

/// Context of disconnecting and disconnect handlers, for extractors.
#[derive(Clone)]
pub struct DisconnectContext {
    /// Socket that was disconnected.
    pub(crate) socket: Arc<SocketCore>,
    /// Reason of the disconnect.
    pub(crate) reason: DisconnectReason,
    /// More about it, for people.
    pub(crate) detail: Option<&'static str>,
}

/// Context of handlers of other servers' events, for extractors.
#[derive(Clone)]
pub struct ServerContext {
    /// The namespace it concerns.
    pub(crate) namespace: Arc<NamespaceCore>,
    /// The event's name.
    pub(crate) name: ByteString,
    /// The node that sent it.
    pub(crate) from: String,
    /// Arguments of the event.
    pub(crate) arguments: Arguments,
    /// Answers, if the other server wants an answer; only the first one counts.
    pub(crate) reply: Option<Arc<dyn Fn(Encoded) + Send + Sync>>,
}

/// Runs one handler up to its first `await` at once (ORDER-1), and the rest of it, if there is any, as a task of this
/// reactor.
///
/// A failure ends the handler alone, and is reported. Must not be called by code of the program.
pub fn run(
    socket: &Arc<SocketCore>,
    what: &str,
    answer: Option<Arc<Reply>>,
    call: impl FnOnce() -> Result<Called<Outcome>, Rejection>,
) {
    let started = Instant::now();
    let future = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(Called::Running(future))) => future,
        Ok(Ok(Called::Ended(outcome))) => {
            return finish(socket, what, started, answer.as_deref(), Ok(outcome));
        }
        Ok(Err(rejection)) => return fail(socket, what, answer.as_deref(), rejection.into()),
        Err(panic) => return finish(socket, what, started, answer.as_deref(), Err(panic)),
    };
    let mut future = AssertUnwindSafe(future).catch_unwind();
    match future.poll_unpin(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => finish(socket, what, started, answer.as_deref(), outcome),
        Poll::Pending => {
            let (socket, what) = (socket.clone(), what.to_owned());
            socket.handler_started();
            socket.namespace.node.metrics.handlers.increment();
            spawn::spawn(async move {
                let outcome = future.await;
                finish(&socket, &what, started, answer.as_deref(), outcome);
                socket.handler_finished();
                socket.namespace.node.metrics.handlers.decrement();
            });
        }
    }
}

/// A handler has ended.
fn finish(
    socket: &Arc<SocketCore>,
    what: &str,
    started: Instant,
    answer: Option<&Reply>,
    outcome: std::thread::Result<Outcome>,
) {
    socket.namespace.node.metrics.handlings.record(started.elapsed());
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(Returned(error))) => fail(socket, what, answer, HandlerErrorKind::Returned(error)),
        Err(panic) => fail(socket, what, answer, HandlerErrorKind::panicked(&*panic)),
    }
}

fn fail(socket: &Arc<SocketCore>, what: &str, answer: Option<&Reply>, kind: HandlerErrorKind) {
    if let Some(answer) = answer {
        answer.fail();
    }
    let (namespace, socket) = (socket.namespace.clone(), Some(socket.clone()));
    Failure { namespace, socket, event: what.to_owned(), kind }.report();
}
