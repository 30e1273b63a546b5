//! The subprotocols that a WebSocket client offers (RFC 6455, section 4.2.1). Ours speak none; but a client that offers
//! some fails the connection if none of them is chosen.

use std::collections::HashSet;

use http::header::SEC_WEBSOCKET_PROTOCOL;
use http::{HeaderMap, HeaderValue};

use super::WebSocketError;

/// The first subprotocol that a client offers, as the official server chooses it; `None` without an offer.
///
/// # Errors
/// If the client's offer is not a list of different tokens.
pub(super) fn choose(headers: &HeaderMap) -> Result<Option<HeaderValue>, WebSocketError> {
    let invalid = || WebSocketError::Protocol("the client's Sec-WebSocket-Protocol is invalid".into());
    let (mut first, mut seen) = (None, HashSet::new());
    for line in headers.get_all(SEC_WEBSOCKET_PROTOCOL) {
        for protocol in line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if protocol.is_empty() || !protocol.iter().all(is_token) || !seen.insert(protocol) {
                return Err(invalid());
            }
            first = first.or(Some(protocol));
        }
    }
    first.map(HeaderValue::from_bytes).transpose().map_err(|_| invalid())
}

/// `tchar` of RFC 9110, section 5.6.2.
fn is_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

#[cfg(test)]
mod tests;
