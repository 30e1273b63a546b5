//! WebSockets (RFC 6455) over streams of bytes. A connection sees the trait alone, whatever stream is below.

mod engine;
mod frames;
mod read;
mod subprotocol;
mod write;

use std::io;
use std::task::{Context, Poll};

use bytes::Bytes;
use bytestring::ByteString;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};

use crate::outbox::Waiting;
use fanfare_engineio::v3;

pub use engine::{Engine, handshake_response};
#[cfg(feature = "fault-injection")]
pub use frames::binary as binary_frame;
pub use frames::text as text_frame;

/// One frame of a client.
#[derive(Debug)]
pub enum Received {
    /// A text message.
    Text(ByteString),
    /// A binary message.
    Binary(Bytes),
    /// A part of a message, of so many bytes.
    Fragment {
        /// Bytes of its payload.
        bytes: usize,
    },
    /// A control frame, and the encoded frame that must be sent as its answer; empty = none.
    Control(Bytes),
    /// The end: of the closing handshake, or of the stream.
    Closed,
}

/// Reason why a WebSocket cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum WebSocketError {
    /// The client's fault: a message over the limit. Close code 1009.
    #[error("message too large")]
    TooLarge,
    /// The client's fault: text that is not UTF-8. Close code 1007.
    #[error("text is not UTF-8")]
    InvalidText,
    /// The client's fault: not RFC 6455. Close code 1002.
    #[error("the client broke the WebSocket protocol: {0}")]
    Protocol(String),
    /// The network's.
    #[error("network: {0}")]
    Network(#[from] io::Error),
}

impl WebSocketError {
    /// The close code for the client, if it can still be sent.
    pub fn close_code(&self) -> Option<u16> {
        match self {
            Self::TooLarge => Some(1009),
            Self::InvalidText => Some(1007),
            Self::Protocol(_) => Some(1002),
            Self::Network(_) => None,
        }
    }
}

/// Form in which attachments travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachmentForm {
    /// Engine.IO 4: as they are.
    Binary,
    /// Engine.IO 4, for a client that asked for it: text, `b` and base64.
    Base64,
    /// Engine.IO 3: the type of the packet as a byte, then the data.
    TypedBinary,
    /// Engine.IO 3, for a client that asked for it: text, `b4` and base64.
    TypedBase64,
}

impl AttachmentForm {
    /// Bytes before the data.
    fn prefix(self) -> &'static [u8] {
        match self {
            Self::Binary => b"",
            Self::Base64 => b"b",
            Self::TypedBinary => &[v3::packet::BINARY_MESSAGE],
            Self::TypedBase64 => v3::packet::BASE64_MESSAGE.as_bytes(),
        }
    }

    fn is_base64(self) -> bool {
        matches!(self, Self::Base64 | Self::TypedBase64)
    }
}

/// One WebSocket. It lives on one thread and is driven by one task.
pub trait WebSocket {
    /// The next frame. After an error the client's bytes are thrown away until it closes.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, WebSocketError>>;

    /// Writes what waits, in as few system calls as the network takes. Ready when nothing is left. Attachments travel in
    /// this form.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        waiting: &mut Waiting,
        form: AttachmentForm,
    ) -> Poll<Result<(), WebSocketError>>;

    /// Begins to close. Returns the encoded Close frame, which must be queued behind what waits, and nothing behind it;
    /// `None` if the client has closed already.
    fn close(&mut self, code: Option<u16>) -> Option<Bytes>;

    /// Bytes that are kept of messages which are not complete, or not received yet.
    fn held_bytes(&self) -> usize;
}

fn classify(error: Error) -> WebSocketError {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => WebSocketError::TooLarge,
        Error::Utf8(_) => WebSocketError::InvalidText,
        Error::Io(error) => WebSocketError::Network(error),
        Error::ConnectionClosed | Error::AlreadyClosed => {
            WebSocketError::Network(io::ErrorKind::ConnectionAborted.into())
        }
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing) => {
            WebSocketError::Network(io::ErrorKind::ConnectionReset.into())
        }
        other => WebSocketError::Protocol(other.to_string()),
    }
}
