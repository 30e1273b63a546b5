//! Which requests are admitted, and as what: `verify` of engine.io as a function of facts.
//!
//! Pure: the caller passes a function that looks the sessions up.

mod query;

pub use query::Query;

use super::error::{BadRequest, HandshakeError};

/// The facts about a request that decide its admission.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The HTTP method.
    pub method: Method,
    /// Whether it asks for a WebSocket.
    pub is_websocket_upgrade: bool,
    /// The `Origin` header as it came.
    pub origin: Option<&'a [u8]>,
    /// The parsed query.
    pub query: &'a Query,
}

/// The methods that make a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// Any other.
    Other,
}

/// Transports that the server offers.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Polling is enabled.
    pub polling: bool,
    /// WebSocket is enabled.
    pub websocket: bool,
    /// A polling session may move to WebSocket.
    pub allow_upgrades: bool,
}

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// That of Socket.IO 1 and 2.
    V3,
    /// That of Socket.IO 3 and 4.
    V4,
}

/// The facts about an existing session that the decision needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionView {
    /// The transport that it is on now.
    pub transport: TransportKind,
    /// The protocol of its handshake. A session never changes it.
    pub protocol: Protocol,
}

/// A transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransportKind {
    /// HTTP long-polling.
    Polling,
    /// WebSocket.
    WebSocket,
}

/// Kinds of admitted requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// A new session. The caller now asks the application and then calls [`Query::check_version`]: the
    /// official server looks at `EIO` last.
    Handshake(TransportKind),
    /// A GET that waits for packets of the session.
    Poll(String),
    /// A POST with packets for the session.
    Post(String),
    /// A WebSocket for the session. One for a session that is on WebSocket already is to be opened and then
    /// closed: clients depend on it.
    Upgrade(String),
    /// Another method on a live polling session: answered 500 with an empty body, and the session lives.
    MethodNotSupported,
}

impl TransportKind {
    /// As it stands in the query and in the open packet.
    pub fn as_str(self) -> &'static str {
        match self {
            TransportKind::Polling => "polling",
            TransportKind::WebSocket => "websocket",
        }
    }
}

impl From<&http::Method> for Method {
    fn from(method: &http::Method) -> Self {
        match *method {
            http::Method::GET => Method::Get,
            http::Method::POST => Method::Post,
            _ => Method::Other,
        }
    }
}

/// Decides about a request, in the order of engine.io `verify`: transport, origin, session, transport and
/// `EIO` against the session, method, and whether the transport needs an upgrade request.
///
/// An upgrade request that does not fit is refused here, before the 101 of the official server.
pub fn admit(
    head: &Head<'_>,
    options: &Options,
    session: impl FnOnce(&str) -> Option<SessionView>,
) -> Result<Admission, HandshakeError> {
    let transport = offered_transport(head.query.transport.as_deref(), options)?;
    if head.origin.is_some_and(|origin| origin.iter().any(is_invalid_in_header)) {
        return Err(HandshakeError::BadRequest(BadRequest::InvalidOrigin));
    }
    match &head.query.sid {
        Some(sid) => {
            let session = session(sid).ok_or(HandshakeError::SessionUnknown)?;
            admit_to_session(head, options, transport, sid, session)
        }
        None if head.method != Method::Get => Err(HandshakeError::BadHandshakeMethod),
        None => {
            check_transport_fits(head, transport)?;
            Ok(Admission::Handshake(transport))
        }
    }
}

fn offered_transport(name: Option<&str>, options: &Options) -> Result<TransportKind, HandshakeError> {
    match name {
        Some("polling") if options.polling => Ok(TransportKind::Polling),
        Some("websocket") if options.websocket => Ok(TransportKind::WebSocket),
        _ => Err(HandshakeError::TransportUnknown),
    }
}

fn admit_to_session(
    head: &Head<'_>,
    options: &Options,
    transport: TransportKind,
    sid: &str,
    session: SessionView,
) -> Result<Admission, HandshakeError> {
    let mismatch = HandshakeError::BadRequest(BadRequest::TransportMismatch);
    if !head.is_websocket_upgrade && session.transport != transport {
        return Err(mismatch);
    }
    if head.query.protocol() != session.protocol {
        return Err(HandshakeError::BadRequest(BadRequest::ProtocolMismatch));
    }
    // The official server leaves a plain request for a WebSocket session unanswered.
    check_transport_fits(head, transport)?;
    match (head.is_websocket_upgrade, head.method) {
        (true, Method::Get) if session.transport == TransportKind::Polling && !options.allow_upgrades => {
            Err(mismatch)
        }
        (true, Method::Get) => Ok(Admission::Upgrade(sid.to_owned())),
        (true, _) => Err(HandshakeError::BadHandshakeMethod),
        (false, Method::Get) => Ok(Admission::Poll(sid.to_owned())),
        (false, Method::Post) => Ok(Admission::Post(sid.to_owned())),
        (false, Method::Other) => Ok(Admission::MethodNotSupported),
    }
}

fn check_transport_fits(head: &Head<'_>, transport: TransportKind) -> Result<(), HandshakeError> {
    if head.is_websocket_upgrade == (transport == TransportKind::WebSocket) {
        Ok(())
    } else {
        Err(HandshakeError::BadRequest(BadRequest::TransportHandshake))
    }
}

/// `checkInvalidHeaderChar` of engine.io: a control character other than the tab.
fn is_invalid_in_header(byte: &u8) -> bool {
    (*byte < b' ' && *byte != b'\t') || *byte == 0x7f
}

#[cfg(test)]
mod tests;
