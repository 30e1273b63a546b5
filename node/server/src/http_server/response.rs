//! Short answers, and none at all.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;

/// Any error of a body.
pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request that gets no answer: its connection is cut.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Cut(pub &'static str);

/// A short answer in plain text.
pub(super) fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
}
