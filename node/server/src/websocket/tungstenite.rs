//! The WebSocket engine on tokio-tungstenite.
//!
//! Its buffers are small, since its defaults cost 128 KiB a connection. No permessage-deflate.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use bytestring::ByteString;
use futures_util::{FutureExt, Sink, Stream};
use http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, error::CapacityError};

use super::subprotocol;
use super::{Received, WebSocket, WebSocketError};

/// Bytes read from the network at a time, and what an idle connection keeps for it. Most events are smaller; larger
/// messages take a system call for each of these.
const READ_BUFFER: usize = 1024;
/// Bytes queued before tungstenite writes on its own; a connection flushes well before.
const WRITE_BUFFER: usize = 64 * 1024;

/// A WebSocket over an unencrypted TCP stream.
pub struct Plain {
    stream: WebSocketStream<TcpStream>,
    /// An error met while queueing; the next flush reports it.
    fault: Option<Error>,
    /// Messages may be buffered, or an answer to a ping may wait to be written: look whether or not more has come.
    unfinished: bool,
    /// A ping was answered since the last complete flush.
    owes_pong: bool,
    /// After a fault of the client's, its bytes are thrown away until it closes, so that it gets to read our
    /// Close frame before the network resets the connection.
    discarding: bool,
}

impl Plain {
    /// Takes over a stream after the HTTP upgrade, with the bytes that the HTTP server read too many.
    pub fn new(stream: TcpStream, read_already: &[u8], message_bytes_max: usize) -> io::Result<Self> {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_message_size(Some(message_bytes_max))
            .max_frame_size(Some(message_bytes_max));
        let opening =
            WebSocketStream::from_partially_read(stream, read_already.to_vec(), Role::Server, Some(config));
        let stream =
            opening.now_or_never().ok_or_else(|| io::Error::other("WebSocket handshake was not done"))?;
        Ok(Self { stream, fault: None, unfinished: true, owes_pong: false, discarding: false })
    }

    fn queue(&mut self, message: Message) {
        if self.fault.is_none() {
            self.fault = Pin::new(&mut self.stream).start_send(message).err();
        }
    }

    fn queue_data(&mut self, kind: Data, payload: Bytes) {
        self.queue(Message::Frame(Frame::message(payload, OpCode::Data(kind), true)));
    }

    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, WebSocketError>> {
        let mut chunk = [0; 4096];
        loop {
            let mut chunk = ReadBuf::new(&mut chunk);
            let read = ready!(Pin::new(self.stream.get_mut()).poll_read(cx, &mut chunk));
            if read.is_err() || chunk.filled().is_empty() {
                return Poll::Ready(Ok(Received::Closed));
            }
        }
    }
}

impl WebSocket for Plain {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, WebSocketError>> {
        if self.discarding {
            return self.poll_discard(cx);
        }
        // Most turns are there to write: they do not wake what it takes to read.
        if !self.unfinished && self.stream.get_ref().poll_read_ready(cx).is_pending() {
            return Poll::Pending;
        }
        self.unfinished = true;
        loop {
            let next = match Pin::new(&mut self.stream).poll_next(cx) {
                Poll::Ready(next) => next,
                Poll::Pending => {
                    self.unfinished = self.owes_pong;
                    return Poll::Pending;
                }
            };
            let message = match next {
                None => return Poll::Ready(Ok(Received::Closed)),
                Some(Ok(message)) => message,
                Some(Err(error)) => {
                    let error = classify(error);
                    self.discarding = error.close_code().is_some();
                    return Poll::Ready(Err(error));
                }
            };
            return Poll::Ready(Ok(match message {
                Message::Text(text) => match ByteString::try_from(Bytes::from(text)) {
                    Ok(text) => Received::Text(text),
                    Err(_) => return Poll::Ready(Err(WebSocketError::InvalidText)),
                },
                Message::Binary(data) => Received::Binary(data),
                // The engine answers pings and Close frames itself, when it is asked again; after a Close the stream ends.
                Message::Ping(_) | Message::Close(_) => {
                    self.owes_pong = true;
                    continue;
                }
                Message::Pong(_) | Message::Frame(_) => continue,
            }));
        }
    }

    fn queue_text(&mut self, text: &ByteString) {
        self.queue_data(Data::Text, text.as_bytes().clone());
    }

    fn queue_binary(&mut self, data: &Bytes) {
        self.queue_data(Data::Binary, data.clone());
    }

    fn queue_close(&mut self, code: Option<u16>) {
        let frame = code.map(|code| CloseFrame { code: CloseCode::from(code), reason: "".into() });
        self.queue(Message::Close(frame));
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WebSocketError>> {
        if let Some(fault) = self.fault.take() {
            return Poll::Ready(Err(classify(fault)));
        }
        let flushed = Pin::new(&mut self.stream).poll_flush(cx).map_err(classify);
        self.owes_pong &= flushed.is_pending();
        flushed
    }
}

fn classify(error: Error) -> WebSocketError {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => WebSocketError::TooLarge,
        Error::Utf8(_) => WebSocketError::InvalidText,
        Error::Io(error) => WebSocketError::Network(error),
        Error::ConnectionClosed | Error::AlreadyClosed => {
            WebSocketError::Network(io::ErrorKind::ConnectionAborted.into())
        }
        Error::Protocol(
            tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake
            | tokio_tungstenite::tungstenite::error::ProtocolError::SendAfterClosing,
        ) => WebSocketError::Network(io::ErrorKind::ConnectionReset.into()),
        other => WebSocketError::Protocol(other.to_string()),
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
