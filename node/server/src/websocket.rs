//! WebSocket engines, which carry frames over a TCP stream. A connection sees the trait alone, so that another engine
//! can stand beside the one on tokio-tungstenite.

mod subprotocol;
mod tungstenite;

use std::task::{Context, Poll};

use bytes::Bytes;
use bytestring::ByteString;

pub use tungstenite::{Plain, handshake_response};

/// Message of a client.
#[derive(Debug)]
pub enum Received {
    /// A text message.
    Text(ByteString),
    /// A binary message.
    Binary(Bytes),
    /// The closing handshake, or the end of the stream.
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
    Network(std::io::Error),
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

/// One WebSocket. It lives on one thread and is driven by one task.
pub trait WebSocket {
    /// The next message. After `Closed` or an error it is not called again.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, WebSocketError>>;

    /// Queues a text message. An error shows at the next flush.
    fn queue_text(&mut self, text: &ByteString);

    /// Queues a binary message.
    fn queue_binary(&mut self, data: &Bytes);

    /// Queues a Close frame, without a code or with one. Nothing can be queued after it.
    fn queue_close(&mut self, code: Option<u16>);

    /// Writes all queued messages, in as few system calls as the network takes.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WebSocketError>>;
}
