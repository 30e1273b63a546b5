//! Hooks of the program around the answers to requests of Engine.IO.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;
use tracing::error;

use crate::metrics::Metrics;
use crate::socket::HandlerErrorKind;
use fanfare_engineio::HandshakeError;

/// A request that was refused, for [`Io::on_connection_error`](crate::Io::on_connection_error).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionError<'a> {
    /// The request as it came.
    pub request: &'a Parts,
    /// Code that the client was told, of the official `Server.errors` or of the program's own refusal.
    pub code: u16,
    /// Message that the client was told.
    pub message: &'a str,
    /// The cause in a sentence, for the log: more than the client was told.
    pub context: &'a str,
}

type HeaderHook = Arc<dyn Fn(&mut HeaderMap, &Parts) + Send + Sync>;
type ErrorHook = Arc<dyn Fn(&ConnectionError<'_>) + Send + Sync>;

/// The hooks of one server. They are only ever added.
#[derive(Default)]
pub struct Hooks(ArcSwap<Lists>);

#[derive(Clone, Default)]
struct Lists {
    initial_headers: Vec<HeaderHook>,
    headers: Vec<HeaderHook>,
    errors: Vec<ErrorHook>,
}

impl Lists {
    fn is_empty(&self) -> bool {
        self.initial_headers.is_empty() && self.headers.is_empty() && self.errors.is_empty()
    }
}

impl Hooks {
    /// Adds a hook for the first answer of a session.
    pub fn add_initial_headers(&self, hook: impl Fn(&mut HeaderMap, &Parts) + Send + Sync + 'static) {
        let hook: HeaderHook = Arc::new(hook);
        self.change(|lists| lists.initial_headers.push(hook.clone()));
    }

    /// Adds a hook for every answer of a session.
    pub fn add_headers(&self, hook: impl Fn(&mut HeaderMap, &Parts) + Send + Sync + 'static) {
        let hook: HeaderHook = Arc::new(hook);
        self.change(|lists| lists.headers.push(hook.clone()));
    }

    /// Adds a hook for requests that are refused.
    pub fn add_connection_error(&self, hook: impl Fn(&ConnectionError<'_>) + Send + Sync + 'static) {
        let hook: ErrorHook = Arc::new(hook);
        self.change(|lists| lists.errors.push(hook.clone()));
    }

    fn change(&self, change: impl Fn(&mut Lists)) {
        self.0.rcu(|lists| {
            let mut lists = Lists::clone(lists);
            change(&mut lists);
            lists
        });
    }

    /// The request, to be shown to the hooks once it is answered; `None` without hooks.
    pub(super) fn keep(&self, request: &Parts) -> Option<Parts> {
        (!self.0.load().is_empty()).then(|| {
            let mut kept = request.clone();
            kept.extensions.remove::<hyper::upgrade::OnUpgrade>();
            kept
        })
    }

    /// Calls the hooks that an answer concerns: those for headers where the official server does, which is where a request
    /// succeeds. `is_initial` says that the request opens a session.
    pub(super) fn on_answer(
        &self,
        request: &Parts,
        is_initial: bool,
        answer: &mut Response<Full<Bytes>>,
        metrics: &Metrics,
    ) {
        if let Some(error) = answer.extensions_mut().remove::<HandshakeError>() {
            return self.on_refusal(request, &error, metrics);
        }
        if !matches!(answer.status(), StatusCode::OK | StatusCode::SWITCHING_PROTOCOLS) {
            return;
        }
        let lists = self.0.load();
        let initial = lists.initial_headers.iter().filter(|_| is_initial);
        for hook in initial.chain(&lists.headers) {
            caught(metrics, || hook(answer.headers_mut(), request));
        }
    }

    /// Calls the hooks for a request that was refused.
    pub(super) fn on_refusal(&self, request: &Parts, error: &HandshakeError, metrics: &Metrics) {
        let context = error.to_string();
        let error =
            ConnectionError { request, code: error.code(), message: error.message(), context: &context };
        for hook in &self.0.load().errors {
            caught(metrics, || hook(&error));
        }
    }
}

/// Runs a hook; if it panics, the answer leaves all the same.
fn caught(metrics: &Metrics, hook: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(hook)) {
        metrics.handler_panics.increment();
        error!(panic = %HandlerErrorKind::panicked(&*panic), "a hook of the HTTP server panicked");
    }
}
