//! The body of a POST, within its limits.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;

use super::response::BoxError;

/// Reason why a body cannot be used. All of it is the client's fault, or its network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyFault {
    /// Over the limit.
    TooLarge,
    /// Not complete in time.
    TooSlow,
    /// The client hung up.
    Aborted,
}

/// Reads a whole body.
pub(super) async fn read<B>(body: B, bytes_max: usize, timeout: Duration) -> Result<Bytes, BodyFault>
where
    B: Body<Error: Into<BoxError>>,
{
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(BodyFault::TooLarge);
    }
    let collected = tokio::time::timeout(timeout, Limited::new(body, bytes_max).collect());
    match collected.await {
        Err(_) => Err(BodyFault::TooSlow),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyFault::TooLarge),
        Ok(Err(_)) => Err(BodyFault::Aborted),
        Ok(Ok(body)) => Ok(body.to_bytes()),
    }
}
