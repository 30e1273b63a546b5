//! Failures of users' handlers: counted, logged, and passed to the program's hooks.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use arc_swap::ArcSwap;
use tracing::{debug, error, warn};

use super::core::SocketCore;
use crate::namespace::NamespaceCore;

/// Rejected arguments are a warning at most this often, and else worth a debug message: clients must not fill the log.
const WARNING_INTERVAL_MS: u64 = 1_000;

/// Kinds of failures of a handler.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandlerErrorKind {
    /// The handler was not called, because its parameters cannot be made of the data sent. The fault of the sender, or of
    /// a handler that asks for something else than it gets.
    #[error("the handler was not called: {0}")]
    Rejected(String),
    /// The handler was not called, because the program has not provided a state or an extension that it takes. The
    /// program's fault.
    #[error("the handler was not called: {0}")]
    Missing(String),
    /// The handler returned this error.
    #[error("the handler failed: {0}")]
    Returned(String),
    /// The handler panicked, with this message.
    #[error("the handler panicked: {0}")]
    Panicked(String),
}

impl HandlerErrorKind {
    /// A panic, from its payload.
    pub fn panicked(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self::Panicked(text.unwrap_or("no message").to_owned())
    }
}

/// One failure of one handler.
pub struct Failure {
    /// Namespace whose handler failed.
    pub namespace: Arc<NamespaceCore>,
    /// The socket it ran for; `None` if it was for an event of another server.
    pub socket: Option<Arc<SocketCore>>,
    /// The event that it handles; `middleware`, `connect`, `disconnecting` or `disconnect` if it does not handle an
    /// event.
    pub event: String,
    /// Kind of the failure, with its cause.
    pub kind: HandlerErrorKind,
}

type Hook = Arc<dyn Fn(&Failure) + Send + Sync>;

/// Reaction to the failures of one node's handlers.
#[derive(Default)]
pub struct Failures {
    hooks: ArcSwap<Vec<Hook>>,
    /// When rejected arguments may be a warning again, in milliseconds of the node's life.
    warn_at_ms: AtomicU64,
}

impl Failures {
    /// Adds something to be called with each failure.
    pub fn add_hook(&self, hook: impl Fn(&Failure) + Send + Sync + 'static) {
        let hook: Hook = Arc::new(hook);
        self.hooks.rcu(|hooks| hooks.iter().cloned().chain([hook.clone()]).collect::<Vec<_>>());
    }

    fn may_warn(&self, now_ms: u64) -> bool {
        let at = self.warn_at_ms.load(Relaxed);
        let next = now_ms + WARNING_INTERVAL_MS;
        now_ms >= at && self.warn_at_ms.compare_exchange(at, next, Relaxed, Relaxed).is_ok()
    }
}

impl Failure {
    /// Counts it, logs it, and calls the hooks; a hook that panics does not affect the socket.
    ///
    /// No code of the program may be running on this thread, since a hook may take its locks.
    pub fn report(&self) {
        self.count();
        self.log();
        for hook in self.namespace.failures().hooks.load().iter() {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| hook(self))) {
                let panic = HandlerErrorKind::panicked(&*panic);
                self.namespace.node.metrics.handler_panics.increment();
                error!(event = self.event, %panic, "an error hook panicked");
            }
        }
    }

    fn count(&self) {
        let metrics = &self.namespace.node.metrics;
        match &self.kind {
            HandlerErrorKind::Rejected(_) => metrics.events_invalid.increment(),
            HandlerErrorKind::Missing(_) | HandlerErrorKind::Returned(_) => {
                metrics.handler_errors.increment()
            }
            HandlerErrorKind::Panicked(_) => metrics.handler_panics.increment(),
        }
    }

    fn log(&self) {
        let socket = self.socket.as_ref().map(|socket| socket.id);
        let socket = socket.as_ref().map(|id| id.as_str());
        let (namespace, event) = (self.namespace.name(), self.event.as_str());
        match &self.kind {
            HandlerErrorKind::Rejected(error) => {
                let now_ms = self.namespace.node.started.elapsed().as_millis() as u64;
                if self.namespace.failures().may_warn(now_ms) {
                    warn!(
                        socket.id = socket,
                        namespace, event, error, "the arguments sent do not fit the handler"
                    );
                } else {
                    debug!(
                        socket.id = socket,
                        namespace, event, error, "the arguments sent do not fit the handler"
                    );
                }
            }
            HandlerErrorKind::Missing(error) => {
                error!(socket.id = socket, namespace, event, error, "handler cannot be called");
            }
            HandlerErrorKind::Returned(error) => {
                warn!(socket.id = socket, namespace, event, error, "handler failed");
            }
            HandlerErrorKind::Panicked(panic) => {
                error!(socket.id = socket, namespace, event, panic, "handler panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejected_arguments_are_a_warning_once_in_a_while() {
        let failures = Failures::default();
        let warned: Vec<u64> = (0..4_000).step_by(10).filter(|now_ms| failures.may_warn(*now_ms)).collect();
        assert_eq!(warned, [0, 1_000, 2_000, 3_000]);
    }

    #[test]
    fn a_panic_tells_its_message_whatever_it_was_made_of() {
        let message = |payload: Box<dyn Any + Send>| HandlerErrorKind::panicked(&*payload).to_string();
        assert_eq!(message(Box::new("text")), "the handler panicked: text");
        assert_eq!(message(Box::new("text".to_owned())), "the handler panicked: text");
        assert_eq!(message(Box::new(7)), "the handler panicked: no message");
    }
}
