//! Compression of answers, which must not keep a reactor from its other clients.
//!
//! Small answers are compressed at once. The others go to a thread for blocking work, a few at a time; when too many bytes
//! wait for that, further answers leave as they are.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression as Level;
use flate2::write::{GzEncoder, ZlibEncoder};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue, VARY};
use http::{HeaderMap, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use tokio::sync::Semaphore;

use crate::node::Node;

/// Bytes up to which an answer is compressed at once: less than half a millisecond.
const INLINE_BYTES_MAX: usize = 16 * 1024;
/// Bytes of answers that may wait for compression or be in it, or one answer.
const WAITING_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Marks an answer that may be compressed.
#[derive(Clone, Copy)]
pub(super) struct Compressible;

/// Compression of the answers of one node.
pub struct Compression {
    node: Arc<Node>,
    /// Bytes from which an answer is compressed; 0 = never.
    threshold: usize,
    /// Threads that may compress at a time: half as many as there are reactors, which go on beside them.
    threads: Arc<Semaphore>,
    #[cfg(any(test, feature = "fault-injection"))]
    threads_max: u32,
    /// Bytes that may wait for them.
    room: Arc<Semaphore>,
    room_max: usize,
}

impl Compression {
    /// Compression as a node's options have it.
    pub fn new(node: Arc<Node>) -> Self {
        let threads_max = u32::try_from(node.reactors() / 2).unwrap_or(u32::MAX).max(1);
        Self::with(node, threads_max, WAITING_BYTES_MAX)
    }

    fn with(node: Arc<Node>, threads_max: u32, room_max: usize) -> Self {
        Self {
            threshold: node.options.http_compression_threshold_bytes.into(),
            node,
            threads: Arc::new(Semaphore::new(threads_max as usize)),
            #[cfg(any(test, feature = "fault-injection"))]
            threads_max,
            room: Arc::new(Semaphore::new(room_max)),
            room_max,
        }
    }

    /// Compresses an answer that is marked for it and large enough, if the client accepts an encoding.
    pub(super) async fn apply(
        &self,
        encoding: Option<Encoding>,
        mut response: Response<Full<Bytes>>,
    ) -> Response<Full<Bytes>> {
        let is_marked = response.extensions_mut().remove::<Compressible>().is_some();
        let length = response.body().size_hint().lower() as usize;
        if !is_marked || self.threshold == 0 || length < self.threshold {
            return response;
        }
        response.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
        let Some(encoding) = encoding else { return response };
        let (mut head, body) = response.into_parts();
        let Ok(content) = body.collect().await.map(http_body_util::Collected::to_bytes);
        let compressed = match length {
            0..=INLINE_BYTES_MAX => encoding.encode(&content).ok(),
            _ => self.encode_elsewhere(encoding, content.clone()).await,
        };
        let body = match compressed {
            Some(compressed) => {
                head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
                compressed.into()
            }
            None => content,
        };
        Response::from_parts(head, Full::new(body))
    }

    /// Compresses on another thread. `None` if too much waits for that already.
    async fn encode_elsewhere(&self, encoding: Encoding, content: Bytes) -> Option<Vec<u8>> {
        let room = u32::try_from(content.len().min(self.room_max)).unwrap_or(u32::MAX);
        let Ok(room) = self.room.clone().try_acquire_many_owned(room) else {
            self.node.metrics.compressions_skipped.increment();
            return None;
        };
        let thread = self.threads.clone().acquire_owned().await.ok()?;
        let job = tokio::task::spawn_blocking(move || {
            let compressed = encoding.encode(&content);
            drop((thread, content));
            (compressed, room)
        });
        // An error means that the job panicked, or that the reactor ends.
        let (compressed, _room) = job.await.ok()?;
        compressed.ok()
    }

    /// Whether some answer waits for its compression.
    pub(super) fn is_busy(&self) -> bool {
        self.room.available_permits() < self.room_max
    }

    /// Keeps all threads from compressing until the result is dropped, or returns nothing while one compresses.
    #[cfg(any(test, feature = "fault-injection"))]
    pub fn hold(&self) -> Option<tokio::sync::OwnedSemaphorePermit> {
        self.threads.clone().try_acquire_many_owned(self.threads_max).ok()
    }
}

/// An encoding of the content of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Gzip,
    /// In the format of zlib, as HTTP has it.
    Deflate,
}

impl Encoding {
    /// The encoding that a client prefers, gzip among equals; `None` for the content as it is. (RFC 9110, 12.5.3)
    pub fn accepted(headers: &HeaderMap) -> Option<Self> {
        let (mut gzip, mut deflate, mut identity, mut any) = (None, None, None, None);
        let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
        for entry in lines.flat_map(|line| line.split(',')) {
            let (name, weight) = entry.split_once(';').unwrap_or((entry, "q=1"));
            let Some(weight) = parse_weight(weight) else { continue };
            let name = name.trim();
            let known = [
                ("gzip", &mut gzip),
                ("deflate", &mut deflate),
                ("identity", &mut identity),
                ("*", &mut any),
            ];
            if let Some((_, known)) = known.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)) {
                *known = Some(weight);
            }
        }
        let (gzip, deflate) = (gzip.or(any).unwrap_or(0.0), deflate.or(any).unwrap_or(0.0));
        let (best, preferred) = if gzip >= deflate { (gzip, Self::Gzip) } else { (deflate, Self::Deflate) };
        (best > 0.0 && best >= identity.unwrap_or(0.0)).then_some(preferred)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    fn encode(self, content: &[u8]) -> io::Result<Vec<u8>> {
        // Text shrinks to a fraction; a buffer that has to grow is copied.
        let buffer = Vec::with_capacity(content.len() / 4);
        match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(buffer, Level::default());
                encoder.write_all(content)?;
                encoder.finish()
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(buffer, Level::default());
                encoder.write_all(content)?;
                encoder.finish()
            }
        }
    }
}

/// A weight such as `q=0.5`; `None` for anything else.
fn parse_weight(text: &str) -> Option<f32> {
    let (name, weight) = text.trim().split_once('=')?;
    let weight: f32 = weight.trim().parse().ok()?;
    (name.trim().eq_ignore_ascii_case("q") && (0.0..=1.0).contains(&weight)).then_some(weight)
}

#[cfg(test)]
mod tests;
