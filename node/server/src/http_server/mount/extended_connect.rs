//! WebSockets over HTTP/2 (RFC 8441): the extended CONNECT is taken for the upgrade of HTTP/1.1 that it stands for.

use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, Version};

/// Makes an upgrade of a request that asks for a WebSocket that way; whether it does.
pub(super) fn into_upgrade(parts: &mut Parts) -> bool {
    let asks = parts.version >= Version::HTTP_2
        && parts.method == Method::CONNECT
        && parts.headers.contains_key(SEC_WEBSOCKET_VERSION);
    if asks {
        parts.method = Method::GET;
        parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        parts.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        // HTTP/2 has none. The answer to it is taken out again.
        parts.headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static("AAAAAAAAAAAAAAAAAAAAAA=="));
    }
    asks
}

/// Makes the answer to an extended CONNECT of the answer to an upgrade.
pub(super) fn answer<B>(response: &mut Response<B>) {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        *response.status_mut() = StatusCode::OK;
    }
    for header in [CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT] {
        response.headers_mut().remove(header);
    }
}
