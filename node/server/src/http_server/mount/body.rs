//! The body of an answer on its way through somebody else's HTTP server.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::runtime::Handle;

use crate::connection::Precedence;
use crate::http_server::response::Cut;

/// The body of an answer of Fanfare.
pub struct AnswerBody {
    content: Content,
    /// Kept for its drop.
    _precedence: HandedOver,
}

enum Content {
    Whole(Full<Bytes>),
    /// An error instead of a body makes the server around cut the connection.
    Cut(Cut),
}

/// The precedence of an answer, until this is dropped, which servers do when the answer is in their buffer.
struct HandedOver(Option<Precedence>);

impl AnswerBody {
    /// An answer with its content.
    pub(super) fn of(mut response: Response<Full<Bytes>>) -> Response<Self> {
        let precedence = HandedOver(response.extensions_mut().remove());
        response.map(|content| Self { content: Content::Whole(content), _precedence: precedence })
    }

    /// The same, where the answer may still reach somebody who waits until it has been written.
    pub(in crate::http_server) fn with_precedence(response: Response<Full<Bytes>>) -> Response<Self> {
        let precedence = response.extensions().get::<Precedence>().cloned();
        let mut response = Self::of(response);
        if let Some(precedence) = precedence {
            response.extensions_mut().insert(precedence);
        }
        response
    }

    /// No answer.
    pub(in crate::http_server) fn cut(cut: Cut) -> Response<Self> {
        let mut response = Response::new(Self { content: Content::Cut(cut), _precedence: HandedOver(None) });
        *response.status_mut() = StatusCode::BAD_REQUEST;
        response
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match &mut self.content {
            Content::Whole(content) => Pin::new(content)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            Content::Cut(Cut(reason)) => Poll::Ready(Some(Err(Cut(reason)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(content) => content.is_end_stream(),
            Content::Cut(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(content) => content.size_hint(),
            Content::Cut(_) => SizeHint::default(),
        }
    }
}

impl Drop for HandedOver {
    /// The task that drops it is about to write what is in its buffer. So the end of the precedence is left to a task behind
    /// that one.
    fn drop(&mut self) {
        if let (Some(precedence), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(async move { drop(precedence) });
        }
    }
}
