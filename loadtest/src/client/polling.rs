//! Engine.IO over HTTP long-polling as a client sees it: requests, responses, and the packets in their bodies. Pure.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::client::handshake::HandshakeError;

/// Separator of two packets in one body.
const SEPARATOR: u8 = 0x1E;
const HEADERS_MAX: usize = 64;

/// One packet of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// A packet in text form.
    Text(&'a [u8]),
    /// The bytes of a binary attachment.
    Binary(Vec<u8>),
}

/// A complete HTTP response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response<'a> {
    pub(crate) body: Cow<'a, [u8]>,
    /// Length in bytes, head included.
    pub(crate) length: usize,
    /// The server will close the connection after it.
    pub(crate) is_last: bool,
}

/// Reads the response at the front of `bytes`; `None` while it is incomplete.
pub(crate) fn parse_response(bytes: &[u8]) -> Result<Option<Response<'_>>, HandshakeError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(None) };
    let header = |name: &str| {
        let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| String::from_utf8_lossy(header.value).to_ascii_lowercase())
    };
    let is_last = header("connection").is_some_and(|value| value == "close");
    let (body, length) = if header("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
        match parse_chunks(&bytes[head..])? {
            Some((body, length)) => (Cow::Owned(body), head + length),
            None => return Ok(None),
        }
    } else {
        let length = header("content-length").and_then(|value| value.parse::<usize>().ok());
        let length = head + length.ok_or(HandshakeError::Header("Content-Length"))?;
        match bytes.get(head..length) {
            Some(body) => (Cow::Borrowed(body), length),
            None => return Ok(None),
        }
    };
    match response.code {
        Some(200) => Ok(Some(Response { body, length, is_last })),
        status => {
            let body = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
            Err(HandshakeError::Status { status: status.unwrap_or(0), body })
        }
    }
}

/// Undoes the chunked coding (RFC 9112 section 7.1): the body and how many bytes it took.
fn parse_chunks(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, HandshakeError> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let size = httparse::parse_chunk_size(&bytes[at..]);
        let (line, size) = match size.map_err(|_| HandshakeError::Header("chunk"))? {
            httparse::Status::Complete((line, size)) => (line, size as usize),
            httparse::Status::Partial => return Ok(None),
        };
        let (start, end) = (at + line, at + line + size);
        let Some(chunk) = bytes.get(start..end + 2) else { return Ok(None) };
        body.extend_from_slice(&chunk[..size]);
        at = end + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

/// The packets of a body, in order; `None` in place of one that cannot be read.
pub(crate) fn parts(body: &[u8]) -> impl Iterator<Item = Option<Part<'_>>> {
    body.split(|byte| *byte == SEPARATOR).map(|packet| match packet {
        [b'b', base64 @ ..] => STANDARD.decode(base64).ok().map(Part::Binary),
        text => Some(Part::Text(text)),
    })
}

/// Appends a packet to the body of the next POST.
pub(crate) fn push_text(body: &mut Vec<u8>, text: &[u8]) {
    if !body.is_empty() {
        body.push(SEPARATOR);
    }
    body.extend_from_slice(text);
}

/// Appends a binary attachment to the body of the next POST.
pub(crate) fn push_binary(body: &mut Vec<u8>, bytes: &[u8]) {
    push_text(body, format!("b{}", STANDARD.encode(bytes)).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_complete_with_its_last_byte_and_not_before() {
        let plain: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n2\x1e40{}";
        let chunked: &[u8] =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n2\x1e\r\n3\r\n40{\r\n0\r\n\r\n";
        for bytes in [&plain[..plain.len() - 1], chunked] {
            for length in 0..bytes.len() {
                assert_eq!(parse_response(&bytes[..length]), Ok(None), "at {length}");
            }
            let response = parse_response(bytes).expect("valid").expect("complete");
            assert_eq!((&*response.body, response.length), (&b"2\x1e40{"[..], bytes.len()));
        }
    }

    #[test]
    fn bodies_are_split_and_attachments_decoded() {
        let mut body = Vec::new();
        push_text(&mut body, b"451-[\"msg\",{\"_placeholder\":true,\"num\":0}]");
        push_binary(&mut body, &[0, 0x1E, 255]);
        let read: Vec<_> = parts(&body).collect();
        assert_eq!(read.len(), 2);
        assert_eq!(read[1], Some(Part::Binary(vec![0, 0x1E, 255])));
        assert_eq!(parts(b"b!!").next(), Some(None));
    }

    #[test]
    fn anything_but_200_is_told() {
        let refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nno!";
        let expected = HandshakeError::Status { status: 400, body: "no!".to_owned() };
        assert_eq!(parse_response(refusal), Err(expected));
    }
}
