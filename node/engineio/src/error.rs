//! Reasons why a request is refused: the codes, messages and bodies of `Server.errors` in engine.io.

use serde::Serialize;

/// A refused request, as the client sees it. Exhaustive, so that a server that counts refusals by kind misses none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// Code 0: `transport` is missing, unknown, or not enabled.
    #[error("the client asked for a transport that is unknown or not enabled")]
    TransportUnknown,
    /// Code 1: no session has this `sid`.
    #[error("the client named a session that does not exist")]
    SessionUnknown,
    /// Code 2: a handshake is a GET.
    #[error("the client sent a handshake that is not a GET")]
    BadHandshakeMethod,
    /// Code 3.
    #[error("the client sent a bad request: {0}")]
    BadRequest(BadRequest),
    /// Code 4, unless the application chose another: it refused the handshake.
    #[error("the application refused the handshake: {}", .0.message)]
    Forbidden(Forbidden),
    /// Code 4 too, as the official server has none for it: the node does not take more sessions now. The message goes
    /// to the client.
    #[error("the node does not take more sessions now: {message}")]
    Busy {
        /// Which limit was reached.
        message: &'static str,
        /// Seconds after which it is worth another try.
        retry_after_s: u32,
    },
    /// Code 4 too: a page of this origin may open no WebSocket.
    #[error("a page of another origin asked for a WebSocket")]
    OriginNotAllowed,
    /// Code 5: `EIO` is not 4, and other clients are not served; a missing `EIO` counts as 3.
    #[error("the client speaks an unsupported protocol version")]
    UnsupportedProtocolVersion,
}

/// Refusal of a handshake by the application. By default it is that of the official server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forbidden {
    /// The code for the client.
    pub code: u16,
    /// The message for the client; an empty one reads `Forbidden`.
    pub message: String,
    /// The HTTP status; by default that of the official server, 403, or 400 for an upgrade.
    pub status: Option<u16>,
}

impl Default for Forbidden {
    fn default() -> Self {
        Self { code: 4, message: String::new(), status: None }
    }
}

/// Fault of a request that is refused with code 3. The client sees `Bad request` only; this is for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRequest {
    /// The `Origin` header holds characters that a header must not.
    #[error("invalid origin")]
    InvalidOrigin,
    /// The session is on another transport.
    #[error("transport mismatch")]
    TransportMismatch,
    /// The session was opened with another `EIO`.
    #[error("protocol mismatch")]
    ProtocolMismatch,
    /// A plain request for `websocket`, or an upgrade request for `polling`.
    #[error("the request does not fit its transport")]
    TransportHandshake,
    /// The application's hook gave no id for the session. Its own fault, as the next one; the code is the official one.
    #[error("no id for the session: {0}")]
    IdGeneration(&'static str),
    /// A layer of the application around the server failed.
    #[error("a layer of the application failed")]
    MiddlewareFailure,
}

impl HandshakeError {
    /// The code of `Server.errors`, or the application's own for [`HandshakeError::Forbidden`].
    pub fn code(&self) -> u16 {
        match self {
            HandshakeError::TransportUnknown => 0,
            HandshakeError::SessionUnknown => 1,
            HandshakeError::BadHandshakeMethod => 2,
            HandshakeError::BadRequest(_) => 3,
            HandshakeError::Forbidden(forbidden) => forbidden.code,
            HandshakeError::Busy { .. } | HandshakeError::OriginNotAllowed => 4,
            HandshakeError::UnsupportedProtocolVersion => 5,
        }
    }

    /// The message of `Server.errorMessages`, or the application's own for [`HandshakeError::Forbidden`].
    pub fn message(&self) -> &str {
        match self {
            HandshakeError::TransportUnknown => "Transport unknown",
            HandshakeError::SessionUnknown => "Session ID unknown",
            HandshakeError::BadHandshakeMethod => "Bad handshake method",
            HandshakeError::BadRequest(_) => "Bad request",
            HandshakeError::Forbidden(forbidden) if forbidden.message.is_empty() => "Forbidden",
            HandshakeError::Forbidden(forbidden) => &forbidden.message,
            HandshakeError::Busy { message, .. } => message,
            HandshakeError::OriginNotAllowed => "Origin not allowed",
            HandshakeError::UnsupportedProtocolVersion => "Unsupported protocol version",
        }
    }

    /// The HTTP status of the answer. The official server answers every refused upgrade request with 400.
    pub fn status(&self, is_upgrade: bool) -> u16 {
        match self {
            // Proxies count it, and it is nobody's fault.
            HandshakeError::Busy { .. } => 503,
            HandshakeError::OriginNotAllowed => 403,
            HandshakeError::Forbidden(Forbidden { status: Some(status), .. }) => *status,
            _ if is_upgrade => 400,
            HandshakeError::Forbidden(_) => 403,
            _ => 400,
        }
    }

    /// The JSON body, `{"code":n,"message":"…"}`.
    pub fn body(&self) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            code: u16,
            message: &'a str,
        }
        serde_json::to_string(&Body { code: self.code(), message: self.message() })
            .expect("a number and a string are always JSON")
    }
}
