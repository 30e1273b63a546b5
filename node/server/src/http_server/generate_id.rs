//! Ids of sessions from the program's own generator.
//!
//! The id of a session begins with the node and the reactor that it lives on; the program chooses the rest.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tracing::warn;

use super::handshake_request::HandshakeRequest;
use super::service::HttpService;
use crate::ids::SessionId;
use crate::socket::HandlerErrorKind;
use fanfare_engineio::{BadRequest, HandshakeError};

/// Generator of the part of a session's id that nobody may guess; an error is for the log.
pub type GenerateId = Arc<dyn Fn(&HandshakeRequest) -> Result<String, String> + Send + Sync>;

/// The id of a new session on a reactor.
pub(super) fn session_id(
    service: &HttpService,
    reactor: usize,
    request: &HandshakeRequest,
) -> Result<SessionId, HandshakeError> {
    let node = &service.hub.node;
    let Some(generate) = &service.generate_id else { return Ok(SessionId::generate(node.tag, reactor)) };
    let generated = catch_unwind(AssertUnwindSafe(|| generate(request))).unwrap_or_else(|panic| {
        node.metrics.handler_panics.increment();
        Err(HandlerErrorKind::panicked(&*panic).to_string())
    });
    let secret = generated.map_err(|error| {
        warn!(error, "generate_id failed: the handshake is refused");
        HandshakeError::BadRequest(BadRequest::IdGeneration("the program's generator failed"))
    })?;
    let id = SessionId::with_secret(node.tag, reactor, &secret);
    let id = id.ok_or_else(|| refuse("it must be 15 characters of A-Z, a-z, 0-9, - and _"))?;
    match service.hub.sessions.find(id) {
        None => Ok(id),
        Some(_) => Err(taken()),
    }
}

/// Another session has the id.
pub(super) fn taken() -> HandshakeError {
    refuse("another session has it")
}

fn refuse(fault: &'static str) -> HandshakeError {
    warn!(fault, "generate_id gave an id that cannot be used: the handshake is refused");
    HandshakeError::BadRequest(BadRequest::IdGeneration(fault))
}
