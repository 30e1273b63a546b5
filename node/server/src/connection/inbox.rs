//! Packets of a POST on their way to the sockets.

use tokio::sync::oneshot;

use super::message::Precedence;
use fanfare_engineio::payload::Payload;

/// The packets of a POST that were not handled yet.
pub(super) struct Inbox {
    pub packets: Payload,
    /// Tells the POST that it can be answered, also by being dropped.
    pub done: oneshot::Sender<Precedence>,
}
