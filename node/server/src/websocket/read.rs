//! The way in: whole frames are taken off the stream and handed to tungstenite, which does the protocol.
//!
//! A reactor has one read buffer and one tungstenite context for all its connections. A connection keeps bytes of its own
//! only while a frame is incomplete, or its turn ends before the frames that were read; it keeps a context only in the middle
//! of a message in several frames, and while it closes. What it keeps grows with what has arrived, not with what was
//! announced, as tungstenite's own buffer would.

use std::cell::RefCell;
use std::io::{self, Cursor, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use bytestring::ByteString;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame, FrameHeader};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::io::poll_read_buf;

use super::{Received, WebSocketError, classify};

/// Bytes read at a time, and at most what a connection keeps of frames that have to wait for its next turn.
const READ_BYTES: usize = 8 * 1024;
/// Capacity that tungstenite's context takes for frames at a time. Payloads share it while they live.
const CONTEXT_BYTES: usize = 1024;
/// Payload of the longest control frame (RFC 6455, section 5.5).
const CONTROL_BYTES_MAX: usize = 125;
/// A context that was given a larger frame has grown by it, and is not used again.
const REUSED_BYTES_MAX: usize = 16 * 1024;

thread_local! {
    /// The read buffer of a reactor.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
    /// The context of a reactor, while no connection has it.
    static CONTEXT: RefCell<Option<Box<WebSocketContext>>> = const { RefCell::new(None) };
}

/// The reading half of a WebSocket.
pub(super) struct Reader {
    /// Bytes of a message, at most.
    message_bytes_max: usize,
    /// Bytes that were read and not handled.
    unread: BytesMut,
    /// Bytes of the message whose last frame has not come yet.
    message: Option<usize>,
    /// Knows the frames of that message, or that this end has sent a Close frame.
    context: Option<Box<WebSocketContext>>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// This end has sent a Close frame.
    Closing,
    /// The client has broken the protocol: its bytes are thrown away until it closes, so that it gets to read our Close
    /// frame before the network resets the connection.
    Discarding,
    Closed,
}

/// A frame whose header has come.
struct Head {
    opcode: OpCode,
    is_final: bool,
    payload: usize,
    /// Length with the header.
    length: usize,
}

/// One frame, as a stream for tungstenite, and what it answers.
struct Exchange<'a> {
    frame: &'a [u8],
    answer: Vec<u8>,
}

impl Reader {
    /// A reader that was given the first bytes by the HTTP server.
    pub fn new(read_already: &[u8], message_bytes_max: usize) -> Self {
        let unread = if read_already.is_empty() { BytesMut::new() } else { read_already.into() };
        Self { message_bytes_max, unread, message: None, context: None, state: State::Open }
    }

    /// Bytes kept for messages that are not complete, or not handled.
    pub fn held_bytes(&self) -> usize {
        self.unread.capacity() + self.message.unwrap_or_default()
    }

    /// Whether the client has broken the protocol, so that nothing more can be read from it.
    pub fn is_discarding(&self) -> bool {
        self.state == State::Discarding
    }

    /// The next frame, as what it means.
    pub fn poll_receive(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<Result<Received, WebSocketError>> {
        let received = match self.state {
            State::Closed => return Poll::Ready(Ok(Received::Closed)),
            State::Discarding => ready!(poll_discard(stream, cx)),
            State::Open | State::Closing => ready!(self.poll_frame(stream, cx)),
        };
        match &received {
            Ok(Received::Closed) => self.state = State::Closed,
            Ok(_) => {}
            Err(error) => {
                self.unread = BytesMut::new();
                self.state = if error.close_code().is_some() { State::Discarding } else { State::Closed };
            }
        }
        Poll::Ready(received)
    }

    fn poll_frame(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<Result<Received, WebSocketError>> {
        loop {
            if self.unread.is_empty() {
                if let Some(received) = ready!(self.poll_fresh(stream, cx))? {
                    return Poll::Ready(Ok(received));
                }
                continue;
            }
            let head = self.head(&self.unread)?;
            if let Some(head) = &head
                && head.length <= self.unread.len()
            {
                let mut unread = std::mem::take(&mut self.unread);
                let received = self.take(head, &unread[..head.length]);
                unread.advance(head.length);
                if !unread.is_empty() {
                    self.unread = unread;
                }
                return Poll::Ready(received);
            }
            if ready!(self.poll_more(head.map(|head| head.length), stream, cx))? == 0 {
                return Poll::Ready(Ok(Received::Closed));
            }
        }
    }

    /// Reads into the buffer of the reactor, and takes the first frame there; what is behind it is kept.
    fn poll_fresh(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Received>, WebSocketError>> {
        BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
            let read = buffer.filled();
            if read.is_empty() {
                return Poll::Ready(Ok(Some(Received::Closed)));
            }
            let head = self.head(read)?.filter(|head| head.length <= read.len());
            let Some(head) = head else {
                self.unread = read.into();
                return Poll::Ready(Ok(None));
            };
            let (frame, behind) = read.split_at(head.length);
            let received = self.take(&head, frame);
            if !behind.is_empty() {
                self.unread = behind.into();
            }
            Poll::Ready(received.map(Some))
        })
    }

    /// Reads more of a frame whose beginning is there, and nothing behind it if its `length` is known.
    fn poll_more(
        &mut self,
        length: Option<usize>,
        stream: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let missing = length.map_or(READ_BYTES, |length| length - self.unread.len());
        if self.unread.len() < READ_BYTES {
            // Room is made for what has come, not for what may come.
            return BUFFER.with_borrow_mut(|buffer| {
                let mut buffer = ReadBuf::new(&mut buffer[..missing.min(READ_BYTES)]);
                ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
                self.unread.extend_from_slice(buffer.filled());
                Poll::Ready(Ok(buffer.filled().len()))
            });
        }
        if self.unread.capacity() == self.unread.len() {
            self.unread.reserve(missing.min(self.unread.len()));
        }
        let room = missing.min(self.unread.capacity() - self.unread.len());
        poll_read_buf(Pin::new(stream), cx, &mut (&mut self.unread).limit(room))
    }

    /// Reads the header of a frame; `None` if it is not complete.
    fn head(&self, bytes: &[u8]) -> Result<Option<Head>, WebSocketError> {
        let mut cursor = Cursor::new(bytes);
        let Some((header, payload)) = FrameHeader::parse(&mut cursor).map_err(classify)? else {
            return Ok(None);
        };
        let payload = usize::try_from(payload).map_err(|_| WebSocketError::TooLarge)?;
        if matches!(header.opcode, OpCode::Control(_)) && payload > CONTROL_BYTES_MAX {
            return Err(WebSocketError::Protocol(ProtocolError::ControlFrameTooBig.to_string()));
        }
        let before = self.message.unwrap_or_default();
        if payload > self.message_bytes_max.saturating_sub(before) {
            return Err(WebSocketError::TooLarge);
        }
        let length = cursor.position() as usize + payload;
        Ok(Some(Head { opcode: header.opcode, is_final: header.is_final, payload, length }))
    }

    /// Hands a whole frame to tungstenite.
    fn take(&mut self, head: &Head, frame: &[u8]) -> Result<Received, WebSocketError> {
        let mut context = self.context.take().unwrap_or_else(|| lend(self.message_bytes_max));
        let mut exchange = Exchange { frame, answer: Vec::new() };
        let received = match context.read(&mut exchange) {
            Ok(Message::Text(text)) => {
                let text = ByteString::try_from(Bytes::from(text));
                Received::Text(text.map_err(|_| WebSocketError::InvalidText)?)
            }
            Ok(Message::Binary(data)) => Received::Binary(data),
            Ok(Message::Ping(_)) => {
                context.flush(&mut exchange).map_err(classify)?;
                Received::Control(exchange.answer.into())
            }
            Ok(Message::Close(_)) => {
                self.state = State::Closed;
                return match context.flush(&mut exchange) {
                    // The context has nothing more to say.
                    Ok(()) | Err(Error::ConnectionClosed) => Ok(Received::Control(exchange.answer.into())),
                    Err(error) => Err(classify(error)),
                };
            }
            Ok(Message::Pong(_) | Message::Frame(_)) => Received::Control(Bytes::new()),
            // The frame was taken, and is not the last of its message.
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                Received::Fragment { bytes: head.payload }
            }
            Err(error) => return Err(classify(error)),
        };
        if let OpCode::Data(kind) = head.opcode {
            let before = if kind == Data::Continue { self.message.unwrap_or_default() } else { 0 };
            self.message = (!head.is_final).then_some(before + head.payload);
        }
        if self.message.is_some() || self.state == State::Closing {
            self.context = Some(context);
        } else if head.length <= REUSED_BYTES_MAX {
            CONTEXT.set(Some(context));
        }
        Ok(received)
    }

    /// Notes that this end closes, and returns the Close frame; `None` if the client has closed already.
    pub fn close(&mut self, code: Option<u16>) -> Option<Bytes> {
        let close = code.map(|code| CloseFrame { code: code.into(), reason: "".into() });
        match self.state {
            State::Closed | State::Closing => None,
            State::Discarding => {
                let mut frame = Vec::new();
                Frame::close(close).format(&mut frame).ok()?;
                Some(frame.into())
            }
            State::Open => {
                self.state = State::Closing;
                let mut context = self.context.take().unwrap_or_else(|| lend(self.message_bytes_max));
                let mut exchange = Exchange { frame: &[], answer: Vec::new() };
                context.close(&mut exchange, close).ok()?;
                self.context = Some(context);
                Some(exchange.answer.into())
            }
        }
    }
}

/// The reactor's context, or a new one.
fn lend(message_bytes_max: usize) -> Box<WebSocketContext> {
    let idle = CONTEXT.take();
    idle.filter(|idle| idle.get_config().max_message_size == Some(message_bytes_max)).unwrap_or_else(|| {
        let config = WebSocketConfig::default()
            .read_buffer_size(CONTEXT_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(message_bytes_max))
            .max_frame_size(Some(message_bytes_max));
        Box::new(WebSocketContext::new(Role::Server, Some(config)))
    })
}

fn poll_discard(
    stream: &mut (impl AsyncRead + Unpin),
    cx: &mut Context<'_>,
) -> Poll<Result<Received, WebSocketError>> {
    BUFFER.with_borrow_mut(|buffer| {
        loop {
            let mut buffer = ReadBuf::new(buffer);
            let read = ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(Received::Closed));
            }
        }
    })
}

impl Read for Exchange<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.frame.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.frame.read(buffer)
    }
}

impl Write for Exchange<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.answer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
