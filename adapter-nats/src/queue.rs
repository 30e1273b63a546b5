//! What waits to be published: numbered, bounded in bytes and age. No clock, no I/O.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use fanfare_proto::courier::Sleeper;
use fanfare_proto::prost::bytes::Bytes;
use fanfare_proto::wire::envelope::Body;
use fanfare_proto::{BusMeters, Numbered, Outgoing, PublishError, Subject};
use tokio::time::Instant;

/// What the header of one copy takes.
const COPY_OVERHEAD_BYTES: usize = 256;

/// Under one lock, so that envelopes are queued in the order of their numbers.
#[derive(Debug)]
pub(crate) struct Queue {
    outgoing: Outgoing,
    waiting: VecDeque<Waiting>,
    bytes: usize,
    bytes_max: usize,
    age_max: Duration,
    closed: bool,
    meters: Arc<BusMeters>,
    /// The publisher, to be called when something was pushed, or the queue was closed.
    pub(crate) publisher: Sleeper,
}

/// An envelope with all its copies.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) copies: Vec<Numbered>,
    pub(crate) body: Bytes,
    since: Instant,
}

impl Waiting {
    fn bytes(&self) -> usize {
        self.body.len() + self.copies.len() * COPY_OVERHEAD_BYTES
    }
}

impl Queue {
    pub(crate) fn new(
        outgoing: Outgoing,
        bytes_max: usize,
        age_max: Duration,
        meters: Arc<BusMeters>,
    ) -> Self {
        Self {
            outgoing,
            waiting: VecDeque::new(),
            bytes: 0,
            bytes_max,
            age_max,
            closed: false,
            meters,
            publisher: Sleeper::default(),
        }
    }

    /// Completes a body with what only the queue knows, before it is encoded.
    pub(crate) fn complete(&mut self, body: &mut Body) {
        self.outgoing.complete(body);
    }

    /// Queues an encoded body, or drops it if there is no room; its numbers are used either way, so that receivers
    /// notice.
    pub(crate) fn push(
        &mut self,
        subjects: &[Subject],
        body: Bytes,
        now: Instant,
    ) -> Result<(), PublishError> {
        if self.closed {
            return Err(PublishError::Closed);
        }
        let envelope = Waiting { copies: self.outgoing.number(subjects), body, since: now };
        self.expire(now);
        if self.bytes + envelope.bytes() > self.bytes_max {
            self.meters.dropped.increment();
            return Ok(());
        }
        self.count(self.bytes + envelope.bytes());
        self.waiting.push_back(envelope);
        Ok(())
    }

    /// The next envelope that is not too old.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Waiting> {
        self.expire(now);
        let envelope = self.waiting.pop_front()?;
        self.count(self.bytes - envelope.bytes());
        Some(envelope)
    }

    /// Drops what is too old.
    pub(crate) fn expire(&mut self, now: Instant) {
        while self.waiting.front().is_some_and(|envelope| now.duration_since(envelope.since) > self.age_max) {
            self.drop_first();
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        while !self.waiting.is_empty() {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(envelope) = self.waiting.pop_front() {
            self.meters.dropped.increment();
            self.count(self.bytes - envelope.bytes());
        }
    }

    fn count(&mut self, bytes: usize) {
        self.bytes = bytes;
        self.meters.queued_bytes.set(bytes as u64);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes nothing more.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }
}

#[cfg(test)]
mod tests;
