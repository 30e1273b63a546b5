//! Messages of other nodes that one reactor has not taken yet: bounded in number and bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::options::ClusterOptions;

/// Messages that wait for one reactor, in the mailboxes of all its shards.
#[derive(Debug, Default)]
pub struct Backlog {
    messages: AtomicUsize,
    bytes: AtomicUsize,
}

/// A message's share of a backlog. Dropping it gives it back.
#[derive(Debug)]
pub struct Share {
    backlog: Arc<Backlog>,
    bytes: usize,
}

impl Backlog {
    /// Room for one more message; `None` if too much waits already. Nothing is too large for an empty backlog.
    pub fn enter(self: &Arc<Self>, bytes: usize, options: &ClusterOptions) -> Option<Share> {
        let share = Share { backlog: self.clone(), bytes };
        let messages = self.messages.fetch_add(1, Relaxed);
        let waiting = self.bytes.fetch_add(bytes, Relaxed);
        let fits = messages < options.backlog_messages_max
            && (waiting == 0 || waiting.saturating_add(bytes) <= options.backlog_bytes_max);
        fits.then_some(share)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.backlog.messages.fetch_sub(1, Relaxed);
        self.backlog.bytes.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests;
