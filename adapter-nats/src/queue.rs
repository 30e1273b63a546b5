//! The envelopes that wait to be published: numbered, bounded in bytes and age. No clock, no I/O.
//!
//! After an outage it is held until the other nodes are [back](crate::hold). What is about to be too old, or takes more
//! than half of the room, is published to those that are there; better than to nobody.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use fanfare_proto::prost::bytes::Bytes;
use fanfare_proto::wake::Waiter;
use fanfare_proto::wire::envelope::Body;
use fanfare_proto::{BusMeters, Numbered, Outgoing, PublishError, Subject};
use tokio::time::Instant;

use crate::hold::Hold;

/// Bytes of the header of one copy.
const COPY_OVERHEAD_BYTES: usize = 256;
/// Signs of life that wait while everything else is held; the older ones say nothing more.
const SIGNS_MAX: usize = 8;

/// Under one lock, so that envelopes are queued in the order of their numbers.
#[derive(Debug)]
pub(crate) struct Queue {
    outgoing: Outgoing,
    waiting: VecDeque<Waiting>,
    bytes: usize,
    bytes_max: usize,
    age_max: Duration,
    closed: bool,
    /// The nodes to wait for after an outage.
    pub(crate) hold: Hold,
    /// Signs of life, which do not wait for others: these wait for them. Without numbers, as they overtake the rest.
    signs: VecDeque<Waiting>,
    meters: Arc<BusMeters>,
    /// The writer, to be notified when something was pushed, or the queue was closed.
    pub(crate) writer: Waiter,
}

/// An envelope with all its copies.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) copies: Vec<Numbered>,
    pub(crate) body: Bytes,
    since: Instant,
}

/// Whether there is something to publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Now,
    /// When something is pushed or nobody is waited for any more, and at this time.
    Later(Option<Instant>),
    /// Never again.
    Over,
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
        hold: Hold,
        meters: Arc<BusMeters>,
    ) -> Self {
        Self {
            outgoing,
            waiting: VecDeque::new(),
            bytes: 0,
            bytes_max,
            age_max,
            closed: false,
            hold,
            signs: VecDeque::new(),
            meters,
            writer: Waiter::default(),
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

    /// Queues a sign of life, encoded, that goes out before everything that is held. What it overtakes has lower numbers,
    /// so it has none.
    pub(crate) fn push_sign(
        &mut self,
        subjects: &[Subject],
        body: Bytes,
        now: Instant,
    ) -> Result<(), PublishError> {
        if self.closed {
            return Err(PublishError::Closed);
        }
        if self.signs.len() >= SIGNS_MAX {
            self.signs.pop_front();
        }
        let copies = subjects.iter().map(|subject| self.outgoing.unnumbered(subject)).collect();
        self.signs.push_back(Waiting { copies, body, since: now });
        Ok(())
    }

    /// Returns the time until which the queue is held, if it is.
    pub(crate) fn held_until(&self, now: Instant) -> Option<Instant> {
        let until = self.hold.until(now).filter(|_| !self.closed && self.bytes <= self.bytes_max / 2)?;
        let due = self.waiting.front().map_or(until, |first| until.min(first.since + self.age_max / 10 * 9));
        (due > now).then_some(due)
    }

    /// Returns what the writer has to do.
    pub(crate) fn work(&self, now: Instant) -> Work {
        if !self.signs.is_empty() {
            return Work::Now;
        }
        match (self.waiting.is_empty(), self.closed) {
            (true, true) => Work::Over,
            (true, false) => Work::Later(None),
            (false, _) => self.held_until(now).map_or(Work::Now, |until| Work::Later(Some(until))),
        }
    }

    /// The next envelope that is not too old, if it is not held.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Waiting> {
        if let Some(sign) = self.signs.pop_front() {
            return Some(sign);
        }
        self.expire(now);
        if self.held_until(now).is_some() {
            return None;
        }
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

    /// Takes nothing more.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }
}

#[cfg(test)]
mod tests;
