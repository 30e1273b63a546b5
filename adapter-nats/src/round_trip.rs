//! A question to the server that it answers itself.

use std::time::Duration;

use async_nats::{Client, Request, RequestErrorKind};

use crate::subjects::Subjects;

/// Asks where nobody listens; the server says so at once. It reads one connection in order, so by then it has acted on
/// all subscriptions and messages sent before.
///
/// Says whether the answer came in time.
pub(crate) async fn round_trip(client: &Client, subjects: &Subjects, patience: Duration) -> bool {
    let request = Request::new().timeout(Some(patience));
    match client.send_request(subjects.nobody(), request).await {
        Ok(_) => true,
        Err(error) => error.kind() == RequestErrorKind::NoResponders,
    }
}
