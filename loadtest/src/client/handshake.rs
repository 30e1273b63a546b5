//! The WebSocket opening handshake of both roles (RFC 6455 section 4). Pure: bytes in, bytes out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// Key of every connection: the RFC's own example. A nonce protects against caching intermediaries, and
/// the tester talks to none it would mind.
const CLIENT_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// Answer that a server must give to [`CLIENT_KEY`] (RFC 6455 section 1.3).
const CLIENT_KEY_ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// Appended to the key before hashing (RFC 6455 section 1.3).
const ACCEPT_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const HEADERS_MAX: usize = 64;

/// The peer's part of the handshake was not as RFC 6455 wants it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Something other than HTTP.
    #[error("peer did not speak HTTP: {0}")]
    Http(#[from] httparse::Error),
    /// The server answered something other than 101.
    #[error("server answered {status} instead of switching protocols: {body}")]
    Status {
        /// The HTTP status code.
        status: u16,
        /// The beginning of what followed.
        body: String,
    },
    /// A header that must be there is absent or says something else.
    #[error("peer sent no valid {0} header")]
    Header(&'static str),
}

/// Makes the request that opens a WebSocket: its first line as given, then what RFC 6455 wants, then further `headers`.
pub(crate) fn request(line: &str, authority: &str, headers: &str) -> Vec<u8> {
    format!(
        "{line}\r\nHost: {authority}\r\n{headers}Upgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {CLIENT_KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}

/// Checks the server's answer to [`request`]; its length in bytes, or `None` while it is incomplete.
pub(crate) fn parse_response(bytes: &[u8]) -> Result<Option<usize>, HandshakeError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(bytes)? else { return Ok(None) };
    let status = response.code.unwrap_or(0);
    if status != 101 {
        let rest = &bytes[length..];
        let body = String::from_utf8_lossy(&rest[..rest.len().min(200)]).into_owned();
        return Err(HandshakeError::Status { status, body });
    }
    let upgrade = header(response.headers, "Upgrade").unwrap_or_default();
    if !upgrade.eq_ignore_ascii_case(b"websocket") {
        return Err(HandshakeError::Header("Upgrade"));
    }
    if header(response.headers, "Sec-WebSocket-Accept") != Some(CLIENT_KEY_ACCEPT.as_bytes()) {
        return Err(HandshakeError::Header("Sec-WebSocket-Accept"));
    }
    Ok(Some(length))
}

/// Reads a client's upgrade request: its length in bytes and its key, or `None` while it is incomplete.
pub fn parse_request(bytes: &[u8]) -> Result<Option<(usize, &[u8])>, HandshakeError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = request.parse(bytes)? else { return Ok(None) };
    let key = header(request.headers, "Sec-WebSocket-Key");
    Ok(Some((length, key.ok_or(HandshakeError::Header("Sec-WebSocket-Key"))?)))
}

/// Appends the 101 response to a client that sent this key.
pub fn push_switching_protocols(out: &mut Vec<u8>, client_key: &[u8]) {
    let hash = Sha1::new().chain_update(client_key).chain_update(ACCEPT_SUFFIX).finalize();
    let accept = STANDARD.encode(hash);
    out.extend_from_slice(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ",
    );
    out.extend_from_slice(accept.as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
}

fn header<'a>(headers: &[httparse::Header<'a>], name: &str) -> Option<&'a [u8]> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_and_server_agree_on_the_example_key() {
        let request = request("GET /socket.io/ HTTP/1.1", "example.test:80", "");
        let (length, key) = parse_request(&request).expect("valid").expect("complete");
        assert_eq!((length, key), (request.len(), CLIENT_KEY.as_bytes()));

        let mut response = Vec::new();
        push_switching_protocols(&mut response, key);
        let complete = response.len();
        response.extend_from_slice(b"\x81\x01");
        assert_eq!(parse_response(&response), Ok(Some(complete)));
        assert_eq!(parse_response(&response[..complete - 1]), Ok(None));
    }

    #[test]
    fn a_refusal_tells_status_and_body() {
        let refusal = b"HTTP/1.1 400 Bad Request\r\n\r\n{\"code\":0}";
        let expected = HandshakeError::Status { status: 400, body: "{\"code\":0}".to_owned() };
        assert_eq!(parse_response(refusal), Err(expected));
    }

    #[test]
    fn a_wrong_accept_value_is_refused() {
        let mut response = Vec::new();
        push_switching_protocols(&mut response, b"another key");
        assert_eq!(parse_response(&response), Err(HandshakeError::Header("Sec-WebSocket-Accept")));
    }
}
