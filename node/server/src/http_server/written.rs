//! The moment at which an answer has been written to its TCP connection: packets that must not overtake it wait for that.
//!
//! hyper does not tell. It drops the body of an answer once the answer is in its buffer, and flushes its stream whenever
//! that buffer has been written out: so an answer whose body was dropped before a flush has been written by then.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Response;
use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::Activity;
use crate::connection::Precedence;

/// Answers of one TCP connection that hyper holds in its buffer.
#[derive(Clone, Default)]
pub(super) struct Unwritten {
    /// Those that something waits for.
    awaited: Arc<Mutex<Vec<Precedence>>>,
    /// Told what happens, where somebody asks for that.
    activity: Option<Activity>,
}

impl Unwritten {
    /// A connection without answers, whose activity is of interest.
    pub fn new(activity: Activity) -> Self {
        Self { awaited: Arc::default(), activity: Some(activity) }
    }

    /// Watches an answer on its way through hyper.
    pub fn watch<B>(&self, mut response: Response<B>) -> Response<WatchedBody<B>> {
        let precedence = response.extensions_mut().remove::<Precedence>();
        let guard = Guard { precedence, unwritten: self.clone() };
        response.map(|content| WatchedBody { content, _guard: guard })
    }

    fn tell(&self, event: impl Fn(&Activity)) {
        self.activity.iter().for_each(event);
    }
}

/// The body of an answer.
pub(super) struct WatchedBody<B> {
    content: B,
    /// Kept for its drop.
    _guard: Guard,
}

struct Guard {
    /// Present if something waits for this answer.
    precedence: Option<Precedence>,
    unwritten: Unwritten,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.unwritten.awaited.lock().extend(self.precedence.take());
        self.unwritten.tell(Activity::answered);
    }
}

impl<B: Body + Unpin> Body for WatchedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.content).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.content.size_hint()
    }
}

/// The stream below hyper. A flush releases everything that waited for the answers before it.
pub(super) struct WatchedStream<S> {
    stream: S,
    unwritten: Unwritten,
}

impl<S> WatchedStream<S> {
    /// Watches a stream for the answers that are `unwritten`.
    pub fn new(stream: S, unwritten: Unwritten) -> Self {
        Self { stream, unwritten }
    }

    /// The stream, for something else than HTTP.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.unwritten.tell(Activity::received);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WatchedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.unwritten.tell(Activity::wrote);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, buffers))?;
        self.unwritten.tell(Activity::wrote);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.unwritten.awaited.lock().clear();
        self.unwritten.tell(Activity::flushed);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
