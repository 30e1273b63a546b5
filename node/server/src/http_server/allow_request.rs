//! The program's decision about a handshake, before there is a session.
//!
//! It runs as a task of a reactor, wherever the request came in, so that it needs not be `Send`; the request waits for it
//! without holding anybody up, and takes it along when it is dropped.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use http::StatusCode;
use tokio::sync::oneshot;
use tracing::{error, warn};

use super::entrance::Entrance;
use super::handshake_request::HandshakeRequest;
use super::service::HttpService;
use crate::node::Node;
use crate::options::ms;
use crate::socket::HandlerErrorKind;
use fanfare_engineio::{Forbidden, HandshakeError};

/// Seconds after which a client may try again whose handshake the program did not decide in time.
const RETRY_AFTER_S: u32 = 5;

/// Refusal of a handshake by [`IoBuilder::allow_request`](crate::IoBuilder::allow_request). Made of text it is that of the
/// official server: status 403 (400 for a WebSocket), code 4, and the text as its message, or `Forbidden` if that is empty.
///
/// ```
/// use fanfare::HandshakeRefusal;
/// use fanfare::http::StatusCode;
///
/// let refusal = HandshakeRefusal::new("log in first").status(StatusCode::UNAUTHORIZED).code(1001);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandshakeRefusal(Forbidden);

impl HandshakeRefusal {
    /// A refusal with this message for the client.
    pub fn new(message: impl Into<String>) -> Self {
        Self(Forbidden { message: message.into(), ..Forbidden::default() })
    }

    /// The same with an HTTP status. One that is not an error (4xx or 5xx) is ignored.
    pub fn status(mut self, status: StatusCode) -> Self {
        let is_error = status.is_client_error() || status.is_server_error();
        self.0.status = is_error.then_some(status.as_u16());
        self
    }

    /// The same with a code of the program's own, in the JSON that clients get: `{"code":…,"message":…}`.
    pub fn code(mut self, code: u16) -> Self {
        self.0.code = code;
        self
    }
}

impl From<String> for HandshakeRefusal {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl From<&str> for HandshakeRefusal {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

type Deciding<'a> = Pin<Box<dyn Future<Output = Result<(), HandshakeRefusal>> + 'a>>;

/// A decision about handshakes.
pub trait AllowRequest: Send + Sync {
    /// Decides about one.
    fn decide<'a>(&'a self, request: &'a mut HandshakeRequest) -> Deciding<'a>;
}

impl<F, E> AllowRequest for F
where
    F: AsyncFn(&mut HandshakeRequest) -> Result<(), E> + Send + Sync,
    E: Into<HandshakeRefusal>,
{
    fn decide<'a>(&'a self, request: &'a mut HandshakeRequest) -> Deciding<'a> {
        Box::pin(async move { self(request).await.map_err(Into::into) })
    }
}

/// The request, as the program has left it, and its decision.
type Decided = (HandshakeRequest, Result<(), HandshakeError>);

/// Asks the program, if it wants to be asked. `None` if the reactor ends.
pub(super) async fn ask(
    service: &HttpService,
    entrance: Entrance,
    reactor: usize,
    request: HandshakeRequest,
) -> Option<Decided> {
    let Some(allow) = &service.allow_request else { return Some((request, Ok(()))) };
    let (answer, answered) = oneshot::channel();
    let asking = Asking { allow: allow.clone(), node: service.hub.node.clone(), request, answer };
    asking.start(entrance, reactor).then_some(())?;
    answered.await.ok()
}

/// A question to the program.
struct Asking {
    allow: Arc<dyn AllowRequest>,
    node: Arc<Node>,
    request: HandshakeRequest,
    /// Closed when the client has hung up.
    answer: oneshot::Sender<Decided>,
}

impl Asking {
    /// Starts a task for it on a reactor. False if that has ended.
    fn start(self, entrance: Entrance, reactor: usize) -> bool {
        if entrance.is_of_reactor() {
            drop(actix_rt::spawn(self.run()));
            return true;
        }
        let node = self.node.clone();
        node.spawn_on(reactor, move || drop(actix_rt::spawn(self.run())))
    }

    async fn run(mut self) {
        let decided = tokio::select! {
            decided = decide(&*self.allow, &self.node, &mut self.request) => decided,
            () = self.answer.closed() => return,
        };
        // The client may have hung up.
        let _ = self.answer.send((self.request, decided));
    }
}

async fn decide(
    allow: &dyn AllowRequest,
    node: &Node,
    request: &mut HandshakeRequest,
) -> Result<(), HandshakeError> {
    let timeout_ms = node.options.connect_timeout_ms;
    let decided = AssertUnwindSafe(async { allow.decide(request).await }).catch_unwind();
    match tokio::time::timeout(ms(timeout_ms), decided).await {
        Ok(Ok(decided)) => decided.map_err(|refusal| HandshakeError::Forbidden(refusal.0)),
        Ok(Err(panic)) => {
            node.metrics.handler_panics.increment();
            error!(panic = %HandlerErrorKind::panicked(&*panic), "allow_request panicked: the handshake is refused");
            Err(HandshakeError::Forbidden(Forbidden::default()))
        }
        Err(_) => {
            warn!(timeout_ms, "allow_request did not decide in time: the handshake is refused");
            Err(HandshakeError::Busy { message: "handshake timed out", retry_after_s: RETRY_AFTER_S })
        }
    }
}
