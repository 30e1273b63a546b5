//! The receiving half that all buses share: restores the order of each sender, drops copies, puts parts together, and
//! counts what is missing.
//!
//! A bus keeps the order of one sender on one subject, but hands several subjects over side by side. Whoever sees a
//! message can have everything that was sent before it by emptying all of them. So: [`take`](Incoming::take) whatever
//! is there until all subjects are empty, then [`release`](Incoming::release) the batch, in order.

mod heard;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::bytes::Bytes;

use crate::bus::{Identity, Inbound};
use crate::envelope::{Content, Envelope, Refusal, content, decode, decode_body};
use crate::meters::BusMeters;
use crate::outgoing::HEADER_BYTES;
use crate::subject::Subject;
use crate::wire;
use crate::wire::envelope::Body;
use heard::{Heard, Step};

/// Senders remembered; beyond it those that were silent longest are forgotten.
const ORIGINS_MAX: usize = 10_000;

/// What one node has heard so far.
#[derive(Debug)]
pub struct Incoming {
    own_instance: u64,
    /// The subject of this node: heard from the start, so that even the first number can be missed.
    own_path: String,
    envelope_bytes_max: usize,
    meters: Arc<BusMeters>,
    origins: HashMap<u64, Origin>,
    /// The subjects listened to, and since when that is in force.
    heard: HashMap<String, Instant>,
    /// Taken, and not released yet.
    batch: Vec<Whole>,
    /// Missed, and not told yet: whose, and how many.
    lost: Vec<(u64, u64)>,
    /// Counts the frames: tells who was silent longest.
    clock: u64,
}

/// One sender.
#[derive(Debug, Default)]
struct Origin {
    /// The sequence of the last envelope that was released.
    released: u64,
    subjects: HashMap<Box<str>, Heard>,
    /// It has told all its subjects. On others that were heard at this time already, nothing was missed so far.
    complete_for: Option<Instant>,
    /// When it was heard last.
    heard_at: u64,
}

/// An envelope to be released.
#[derive(Debug)]
struct Whole {
    instance: u64,
    sequence: u64,
    copies: u32,
    node: String,
    body: Body,
}

impl Incoming {
    /// For the node of this identity. Envelopes of more than `envelope_bytes_max` bytes are refused.
    pub fn new(identity: &Identity, envelope_bytes_max: usize, meters: Arc<BusMeters>) -> Self {
        Self {
            own_instance: identity.instance,
            own_path: Subject::Node(identity.node.clone()).path(),
            envelope_bytes_max,
            meters,
            origins: HashMap::new(),
            heard: HashMap::new(),
            batch: Vec::new(),
            lost: Vec::new(),
            clock: 0,
        }
    }

    /// From now on everything published on this subject comes.
    pub fn hears(&mut self, path: &str) {
        if self.heard.contains_key(path) {
            return;
        }
        self.heard.insert(path.to_owned(), Instant::now());
        // What came before, or was still on its way when the subject was forgotten, is no reason to miss the rest.
        self.origins
            .values_mut()
            .filter_map(|origin| origin.subjects.get_mut(path))
            .for_each(Heard::interrupt);
    }

    /// The subject is not listened to any more: what is missed on it is no loss.
    pub fn forgets(&mut self, path: &str) {
        self.heard.remove(path);
        self.origins.values_mut().for_each(|origin| drop(origin.subjects.remove(path)));
    }

    /// Takes a frame that came on a subject. The error says why it was not taken; it is counted already.
    pub fn take(&mut self, path: &str, frame: Bytes) -> Result<(), Refusal> {
        self.meters.received.increment();
        self.meters.received_bytes.add(frame.len() as u64);
        self.read(path, frame).inspect_err(|refusal| {
            let meter =
                if refusal.is_from_the_future() { &self.meters.unknown } else { &self.meters.refused };
            meter.increment();
        })
    }

    fn read(&mut self, path: &str, frame: Bytes) -> Result<(), Refusal> {
        let bytes = frame.len();
        let envelope = decode(frame)?;
        if envelope.instance == self.own_instance {
            return Ok(());
        }
        let wire::Envelope { node, instance, sequence, subject_sequence, copies, part, body, .. } = envelope;
        let content = content(part, body).and_then(|content| self.within_bounds(content, bytes));
        let body = if sequence == 0 {
            match content? {
                Content::Whole(body) => body,
                // It could not be told from others'.
                Content::Part(_) => return Err(Refusal::Invalid("a part without a number")),
            }
        } else {
            let (step, lost) = self.step(path, instance, subject_sequence, content);
            self.count_lost(instance, lost);
            match step? {
                Step::Late => {
                    self.meters.late.increment();
                    return Ok(());
                }
                Step::Waiting => return Ok(()),
                Step::Whole(body) => body,
                Step::Assembled(bytes) => {
                    self.meters.assembled.increment();
                    decode_body(bytes)?
                }
            }
        };
        self.batch.push(Whole { instance, sequence, copies, node, body });
        Ok(())
    }

    fn within_bounds(&self, content: Content, frame_bytes: usize) -> Result<Content, Refusal> {
        let (bytes, max) = match &content {
            Content::Whole(_) => (frame_bytes as u64, self.envelope_bytes_max + HEADER_BYTES),
            Content::Part(part) => (part.total_bytes, self.envelope_bytes_max),
        };
        if bytes <= max as u64 { Ok(content) } else { Err(Refusal::TooLarge(bytes)) }
    }

    /// Notes that the envelope of this number came, or a part of it; also if it has to be refused. Returns how many must
    /// be missing.
    fn step(
        &mut self,
        path: &str,
        instance: u64,
        number: u64,
        content: Result<Content, Refusal>,
    ) -> (Result<Step, Refusal>, u64) {
        let heard_since = self.heard.get(path).copied();
        let is_own = *path == self.own_path;
        let origin = self.origin(instance);
        let was_heard = origin.complete_for.zip(heard_since).is_some_and(|(at, since)| since <= at);
        let from_the_start = is_own || was_heard;
        let heard = match origin.subjects.get_mut(path) {
            Some(heard) => heard,
            None if from_the_start => origin.subjects.entry(path.into()).or_insert(Heard::from_the_start()),
            None => origin.subjects.entry(path.into()).or_insert(Heard::from_here()),
        };
        let mut lost = 0;
        (heard.step(number, content, &mut lost), lost)
    }

    fn origin(&mut self, instance: u64) -> &mut Origin {
        self.clock += 1;
        if self.origins.len() >= ORIGINS_MAX && !self.origins.contains_key(&instance) {
            self.forget_silent_origins();
        }
        let origin = self.origins.entry(instance).or_default();
        origin.heard_at = self.clock;
        origin
    }

    /// Several at once, so that a flood of senders does not search all of them again for each.
    fn forget_silent_origins(&mut self) {
        let mut heard_at: Vec<_> = self.origins.values().map(|origin| origin.heard_at).collect();
        let (_, oldest_kept, _) = heard_at.select_nth_unstable(ORIGINS_MAX / 10);
        let oldest_kept = *oldest_kept;
        self.origins.retain(|_, origin| origin.heard_at >= oldest_kept);
    }

    /// Hands out what was taken, each sender's envelopes in the order of their publication. To be called when every
    /// subject was found empty after the last `take`.
    pub fn release(&mut self, out: &mut VecDeque<Inbound>) {
        let mut batch = std::mem::take(&mut self.batch);
        if !batch.is_sorted_by_key(|whole| (whole.instance, whole.sequence)) {
            // Stable, so that unnumbered ones stay as they came.
            batch.sort_by_key(|whole| (whole.instance, whole.sequence));
        }
        for whole in batch.drain(..) {
            if let Some(envelope) = self.release_one(whole) {
                out.push_back(Inbound::Envelope(envelope));
            }
        }
        self.batch = batch;
        out.extend(self.lost.drain(..).map(|(instance, count)| Inbound::Lost { instance, count }));
    }

    fn release_one(&mut self, whole: Whole) -> Option<Envelope> {
        let Whole { instance, sequence, copies, node, body } = whole;
        if let Some(origin) = self.origins.get_mut(&instance).filter(|_| sequence != 0) {
            if sequence <= origin.released {
                // A copy is what nothing else was released after. Else the bus broke the order of its sender, and it is
                // as good as lost.
                if copies < 2 || sequence < origin.released {
                    self.meters.late.increment();
                    self.count_lost(instance, 1);
                }
                return None;
            }
            origin.released = sequence;
        }
        if let Body::Heartbeat(heartbeat) = &body
            && sequence != 0
        {
            self.compare(instance, heartbeat);
        }
        Some(Envelope { node: node.into(), instance, body })
    }

    /// Everything that the sender published before its heartbeat was taken, if it came: what is missing is lost.
    fn compare(&mut self, instance: u64, heartbeat: &wire::Heartbeat) {
        let Some(origin) = self.origins.get_mut(&instance) else { return };
        let mut lost = 0_u64;
        let patience = Duration::from_millis(heartbeat.interval_ms.saturating_mul(2));
        if heartbeat.tails_complete {
            // The interest must have had the time to reach the sender.
            origin.complete_for = Instant::now().checked_sub(patience);
        }
        for tail in &heartbeat.tails {
            let Some(since) = self.heard.get(&tail.subject) else { continue };
            let heard = match origin.subjects.get_mut(tail.subject.as_str()) {
                Some(heard) => heard,
                None => origin.subjects.entry(tail.subject.as_str().into()).or_insert(Heard::from_here()),
            };
            if heard.is_uninterrupted() {
                lost = lost.saturating_add(heard.catch_up(tail.subject_sequence));
            } else if since.elapsed() > patience {
                // What it publishes from now on must come: the interest has had the time to reach it.
                heard.resume(tail.subject_sequence);
            }
        }
        self.count_lost(instance, lost);
    }

    fn count_lost(&mut self, instance: u64, count: u64) {
        if count > 0 {
            self.meters.lost.add(count);
            self.lost.push((instance, count));
        }
    }
}

#[cfg(test)]
mod tests;
