//! A WebSocket that may become the transport of a polling session.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;

use crate::outbox::{Item, Waiting};
use crate::websocket::{AttachmentForm, Received, WebSocket, WebSocketError};

/// Time that a refused WebSocket has to take its Close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A WebSocket that may become the transport, and what waits for it.
pub(super) struct ProbeSocket {
    pub websocket: Box<dyn WebSocket>,
    pub waiting: Waiting,
}

impl ProbeSocket {
    pub fn new(websocket: Box<dyn WebSocket>) -> Self {
        Self { websocket, waiting: Waiting::default() }
    }

    pub fn queue(&mut self, frame: Bytes) {
        if !frame.is_empty() {
            self.waiting.push(Item::Frame(frame));
        }
    }

    pub fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WebSocketError>> {
        self.websocket.poll_write(cx, &mut self.waiting, AttachmentForm::Binary)
    }

    /// Closes the WebSocket, which no session wants, in a task that ends by itself.
    pub fn close_gently(mut self, code: Option<u16>) {
        self.websocket.close(code).into_iter().for_each(|frame| self.queue(frame));
        actix_rt::spawn(async move {
            let closed = std::future::poll_fn(|cx| {
                ready!(self.poll_write(cx))?;
                while !matches!(ready!(self.websocket.poll_receive(cx))?, Received::Closed) {}
                Poll::Ready(Ok::<_, WebSocketError>(()))
            });
            // A client that does not answer the Close frame is cut off.
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, closed).await;
        });
    }
}
