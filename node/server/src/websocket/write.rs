//! The way out: what waits for a client is written from where it waits.
//!
//! A reactor has one buffer for all its connections, in which small packets are gathered for one system call. What the
//! network does not take stays in the queue, so that nothing is copied to wait.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::AttachmentForm;
use super::frames::{Gather, encoded_len};
use crate::outbox::Waiting;

/// Bytes gathered for one system call.
const BATCH_BYTES: usize = 16 * 1024;
/// Size from which writing a payload from where it is costs less than copying it.
const LARGE_BYTES: usize = 8 * 1024;

thread_local! {
    /// The write buffer of a reactor; empty between two writes.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Writes what waits. Ready when all of it is with the network.
pub(super) fn poll_write(
    stream: &mut (impl AsyncWrite + Unpin),
    cx: &mut Context<'_>,
    waiting: &mut Waiting,
    form: AttachmentForm,
) -> Poll<io::Result<()>> {
    while !waiting.is_empty() {
        let written = BUFFER.with_borrow_mut(|buffer| poll_batch(stream, cx, waiting, form, buffer));
        let written = ready!(written)?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        waiting.advance(written, |item| encoded_len(item, form));
    }
    Poll::Ready(Ok(()))
}

fn poll_batch(
    stream: &mut (impl AsyncWrite + Unpin),
    cx: &mut Context<'_>,
    waiting: &Waiting,
    form: AttachmentForm,
    buffer: &mut Vec<u8>,
) -> Poll<io::Result<usize>> {
    let mut gather = Gather::new(buffer, waiting.begun(), LARGE_BYTES);
    for item in waiting.items() {
        if gather.item(item, form).is_break() || gather.buffer().len() >= BATCH_BYTES {
            break;
        }
    }
    let (small, large) = (gather.buffer(), gather.behind);
    match (small.is_empty(), large.is_empty()) {
        (_, true) => Pin::new(stream).poll_write(cx, small),
        (true, false) => Pin::new(stream).poll_write(cx, large),
        (false, false) => {
            let slices = [IoSlice::new(small), IoSlice::new(large)];
            Pin::new(stream).poll_write_vectored(cx, &slices)
        }
    }
}
