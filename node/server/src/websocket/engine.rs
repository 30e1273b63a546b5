//! The WebSocket engine, over any stream: [`read`](super::read) takes frames off it, [`write`](super::write) puts what
//! waits on it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::read::Reader;
use super::write::poll_write;
use super::{AttachmentForm, Received, WebSocket, WebSocketError, classify, subprotocol};
use crate::outbox::Waiting;

/// A WebSocket over a stream of bytes.
pub struct Engine<S> {
    stream: S,
    reader: Reader,
    /// A stream that buffers may hold something of what was written to it.
    unflushed: bool,
    goodbye: Goodbye,
}

/// The last word of this end to a client that broke the protocol.
#[derive(PartialEq, Eq)]
enum Goodbye {
    Unsaid,
    /// The Close frame waits to be written. Nothing that the client says is understood any more, its own Close frame
    /// neither, so the stream ends behind it (RFC 6455, section 7.1.7): a client that waited for that would hang.
    Queued,
    Said,
}

impl<S> Engine<S> {
    /// Takes over a stream after the HTTP upgrade, with the bytes that the HTTP server read too many. Messages of more
    /// than `message_bytes_max` bytes are refused.
    pub fn new(stream: S, read_already: &[u8], message_bytes_max: usize) -> Self {
        Self {
            stream,
            reader: Reader::new(read_already, message_bytes_max),
            unflushed: false,
            goodbye: Goodbye::Unsaid,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket for Engine<S> {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, WebSocketError>> {
        self.reader.poll_receive(&mut self.stream, cx)
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        waiting: &mut Waiting,
        form: AttachmentForm,
    ) -> Poll<Result<(), WebSocketError>> {
        self.unflushed |= !waiting.is_empty();
        ready!(poll_write(&mut self.stream, cx, waiting, form))?;
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        if self.goodbye == Goodbye::Queued {
            // Reading goes on, so that the network does not reset what it has not delivered yet.
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.goodbye = Goodbye::Said;
        }
        Poll::Ready(Ok(()))
    }

    fn close(&mut self, code: Option<u16>) -> Option<Bytes> {
        let frame = self.reader.close(code);
        if frame.is_some() && self.reader.is_discarding() {
            self.goodbye = Goodbye::Queued;
        }
        frame
    }

    fn held_bytes(&self) -> usize {
        self.reader.held_bytes()
    }
}

/// The 101 answer to an upgrade request, or the fault of the request.
pub fn handshake_response<B: Default>(
    request: &http::Request<impl Sized>,
) -> Result<http::Response<B>, WebSocketError> {
    let mut response = create_response_with_body(request, B::default).map_err(classify)?;
    if let Some(protocol) = subprotocol::choose(request.headers())? {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    Ok(response)
}
