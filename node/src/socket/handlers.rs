//! Users' handlers: where they are declared, and how one is run.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytestring::ByteString;
use futures_util::FutureExt;
use serde_json::value::RawValue;
use tracing::{debug, error, warn};

use super::core::SocketCore;
use crate::namespace::NamespaceCore;
use crate::nursery;
use crate::outbox::Packet;
use crate::reason::DisconnectReason;
use crate::socketio::{Arguments, Encoded, encode};

/// The future of a handler. It stays on its reactor, so it need not be `Send`.
pub type HandlerFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// What a handler returned as its error; logged and counted.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct HandlerError(pub String);

/// What the client sent does not fit what a handler takes. The client's fault, or a handler that asks for too much.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Misfit(pub String);

/// A middleware's refusal: becomes the client's `connect_error`.
#[derive(Debug)]
pub struct Refusal {
    /// The error's message.
    pub message: String,
    /// The error's data, if any.
    pub data: Option<Box<RawValue>>,
}

/// Something to be called with a context; `T` is what its future yields.
pub trait Callback<C, T>: Send + Sync {
    /// Makes the future, or says why the context does not fit.
    fn call(&self, context: C) -> Result<HandlerFuture<T>, Misfit>;
}

/// For middlewares and connect handlers.
#[derive(Clone)]
pub struct ConnectContext {
    /// Who connects.
    pub socket: Arc<SocketCore>,
}

/// For event handlers.
#[derive(Clone)]
pub struct EventContext {
    /// Who sent the event.
    pub socket: Arc<SocketCore>,
    /// Its name.
    pub name: ByteString,
    /// What came with it.
    pub arguments: Arguments,
    /// Where to answer, if the client wants an answer.
    pub ack: Option<Arc<AckSlot>>,
}

/// For disconnect handlers.
#[derive(Clone)]
pub struct DisconnectContext {
    /// Who was disconnected.
    pub socket: Arc<SocketCore>,
    /// Why.
    pub reason: DisconnectReason,
    /// More about it, for people.
    pub detail: Option<&'static str>,
}

/// For handlers of other servers' events.
#[derive(Clone)]
pub struct ServerContext {
    /// The namespace it concerns.
    pub namespace: Arc<NamespaceCore>,
    /// The event's name.
    pub name: ByteString,
    /// The node that sent it.
    pub from: String,
    /// What came with it.
    pub arguments: Arguments,
    /// Answers, if the other server wants an answer; only the first one counts.
    pub reply: Option<Arc<dyn Fn(Encoded) + Send + Sync>>,
}

type Shared<C, T = Result<(), HandlerError>> = Arc<dyn Callback<C, T>>;

/// The handlers of a namespace, or those of one socket.
#[derive(Clone, Default)]
pub struct Handlers {
    /// Decide whether a client may connect, in order.
    pub middlewares: Vec<Shared<ConnectContext, Result<(), Refusal>>>,
    /// Run when a client is admitted.
    pub connect: Vec<Shared<ConnectContext>>,
    /// By event.
    pub events: HashMap<Box<str>, Vec<Shared<EventContext>>>,
    /// Run for every event, before its own handlers.
    pub any: Vec<Shared<EventContext>>,
    /// Run before a socket leaves its rooms.
    pub disconnecting: Vec<Shared<DisconnectContext>>,
    /// Run after it.
    pub disconnect: Vec<Shared<DisconnectContext>>,
    /// Run for events of other servers, by event.
    pub server_events: HashMap<Box<str>, Vec<Shared<ServerContext>>>,
}

impl Handlers {
    /// Those that concern one event, in the order they are to run.
    pub fn for_event(&self, name: &str) -> Vec<Shared<EventContext>> {
        let own = self.events.get(name).map(Vec::as_slice).unwrap_or_default();
        self.any.iter().chain(own).cloned().collect()
    }

    /// Those that concern one event of another server.
    pub fn for_server_event(&self, name: &str) -> Vec<Shared<ServerContext>> {
        self.server_events.get(name).cloned().unwrap_or_default()
    }
}

/// The place where one event can be answered, once.
pub struct AckSlot {
    /// Who waits.
    pub socket: Arc<SocketCore>,
    /// The id of the event.
    pub id: u64,
    sent: AtomicBool,
}

impl AckSlot {
    /// A place for the answer to the event with this id.
    pub fn new(socket: Arc<SocketCore>, id: u64) -> Arc<Self> {
        Arc::new(Self { socket, id, sent: AtomicBool::new(false) })
    }

    /// Whether nobody has answered yet; from now on somebody has.
    pub fn claim(&self) -> bool {
        !self.sent.swap(true, Relaxed)
    }

    /// Answers with nothing, if nobody has answered yet.
    fn settle(&self) {
        if !self.claim() {
            return;
        }
        if let Ok(encoded) = encode::ack(self.socket.namespace.name(), self.id, &()) {
            // A socket that is gone waits for nothing.
            let _ = self.socket.send(Packet::new(encoded, true), false);
        }
    }
}

/// Runs one handler up to its first `await` at once (ORDER-1), and the rest of it as a task of this reactor.
///
/// A panic ends the handler alone: it is logged and counted, and an unanswered ack is answered with nothing.
pub fn run(
    socket: &Arc<SocketCore>,
    what: &str,
    ack: Option<Arc<AckSlot>>,
    call: impl FnOnce() -> Result<HandlerFuture<Result<(), HandlerError>>, Misfit>,
) {
    let started = Instant::now();
    let called = std::panic::catch_unwind(AssertUnwindSafe(call));
    let future = match called {
        Ok(Ok(future)) => future,
        Ok(Err(misfit)) => {
            socket.namespace.node.metrics.events_misfit.increment();
            debug!(%socket.id, event = what, %misfit, "event does not fit its handler");
            return;
        }
        Err(_) => return report(socket, what, started, ack.as_deref(), Err(())),
    };
    let mut future = AssertUnwindSafe(future).catch_unwind();
    match future.poll_unpin(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => report(socket, what, started, ack.as_deref(), outcome.map_err(drop)),
        Poll::Pending => {
            let (socket, what) = (socket.clone(), what.to_owned());
            socket.handler_started();
            socket.namespace.node.metrics.handlers.increment();
            nursery::spawn(async move {
                let outcome = future.await;
                report(&socket, &what, started, ack.as_deref(), outcome.map_err(drop));
                socket.handler_finished();
                socket.namespace.node.metrics.handlers.decrement();
            });
        }
    }
}

fn report(
    socket: &SocketCore,
    what: &str,
    started: Instant,
    ack: Option<&AckSlot>,
    outcome: Result<Result<(), HandlerError>, ()>,
) {
    let metrics = &socket.namespace.node.metrics;
    metrics.handlings.record(started.elapsed());
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            metrics.handler_errors.increment();
            warn!(%socket.id, event = what, %error, "handler failed");
        }
        Err(()) => {
            metrics.handler_panics.increment();
            error!(%socket.id, event = what, "handler panicked");
            if let Some(ack) = ack {
                ack.settle();
            }
        }
    }
}
