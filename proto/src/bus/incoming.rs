//! The receiving half that all buses share: restores the order of each sender, drops copies, puts parts together, and
//! counts what is missing.
//!
//! A bus keeps the order of one sender on one subject, but hands several subjects over side by side. A node that sees a
//! message can have everything that was sent before it by emptying all of them. So: [`take`](Incoming::take) whatever
//! is there until all subjects are empty, then [`release`](Incoming::release) the batch, in order.
//!
//! No number is believed that cannot be true, and a [heartbeat](crate::wire::Heartbeat) of the true sender corrects one
//! that was believed wrongly: numbers are input, and one that is forged or corrupted must not silence a node.

mod heard;
mod origin;
mod origins;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::bytes::Bytes;

use crate::bus::meters::BusMeters;
use crate::bus::outgoing::HEADER_BYTES;
use crate::bus::{Identity, Inbound};
use crate::wire;
use crate::wire::envelope::Body;
use crate::wire::envelope::{Content, Envelope, EnvelopeError, content, decode, decode_body};
use crate::wire::subject::Subject;
use heard::{Position, Step};
use origin::Arrival;
use origins::Origins;

/// State of everything that one node has received so far.
#[derive(Debug)]
pub struct Incoming {
    own_instance: u64,
    /// The subject of this node: heard from the start, so that even the first number can be missed.
    own_path: String,
    /// The subject of signs of life: nothing missed there was a message of a user.
    signs_path: String,
    envelope_bytes_max: usize,
    meters: Arc<BusMeters>,
    /// The senders.
    origins: Origins,
    /// The subjects subscribed to, and since when that is in force.
    heard: HashMap<Arc<str>, Instant>,
    /// Taken, and not released yet.
    batch: Vec<Whole>,
    /// Losses not told yet: the sender's instance, and how many envelopes.
    lost: Vec<(u64, u64)>,
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
    /// Creates the state for the node of this identity. Envelopes of more than `envelope_bytes_max` bytes are refused, and parts of
    /// envelopes that are not complete have four times as many in all.
    pub fn new(identity: &Identity, envelope_bytes_max: usize, meters: Arc<BusMeters>) -> Self {
        Self {
            own_instance: identity.instance,
            own_path: Subject::Node(identity.node.clone()).path(),
            signs_path: Subject::Nodes.path(),
            envelope_bytes_max,
            origins: Origins::new(envelope_bytes_max as u64 * 4, meters.clone()),
            meters,
            heard: HashMap::new(),
            batch: Vec::new(),
            lost: Vec::new(),
        }
    }

    /// Notes that from now on everything published on this subject comes.
    pub fn subscribed(&mut self, path: &str, now: Instant) {
        if !self.heard.contains_key(path) {
            self.heard.insert(path.into(), now);
            // What came before, or was still on its way when the subject was forgotten, does not make the rest missing.
            self.origins.interrupt(path);
        }
    }

    /// Notes that the subject is not subscribed to any more: nothing missed on it is a loss.
    pub fn unsubscribed(&mut self, path: &str) {
        self.heard.remove(path);
        self.origins.forget_subject(path);
    }

    /// Takes a frame that came on a subject. The error says why it was not taken; it is counted already.
    pub fn take(&mut self, path: &str, frame: Bytes, now: Instant) -> Result<(), EnvelopeError> {
        self.meters.received.increment();
        self.meters.received_bytes.add(frame.len() as u64);
        self.origins.pass(now);
        self.read(path, frame).inspect_err(|refusal| {
            let meter =
                if refusal.is_from_the_future() { &self.meters.unknown } else { &self.meters.refused };
            meter.increment();
        })
    }

    fn read(&mut self, path: &str, frame: Bytes) -> Result<(), EnvelopeError> {
        let bytes = frame.len();
        let envelope = decode(frame)?;
        if envelope.instance == self.own_instance {
            return Ok(());
        }
        let wire::Envelope { node, instance, sequence, copies, part, body, .. } = envelope;
        let at = Position { sequence, number: envelope.subject_sequence, start: envelope.subject_start };
        let content = content(part, body).and_then(|content| self.within_bounds(content, bytes));
        let body = if sequence == 0 {
            match content? {
                Content::Whole(body) => body,
                // It could not be told from others'.
                Content::Part(_) => return Err(EnvelopeError::Invalid("its part has no number")),
            }
        } else {
            match self.step(path, instance, at, content)? {
                Step::Late => {
                    self.meters.late.increment();
                    return Ok(());
                }
                Step::Waiting => {
                    self.give_up_parts(false);
                    return Ok(());
                }
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

    fn within_bounds(&self, content: Content, frame_bytes: usize) -> Result<Content, EnvelopeError> {
        let (bytes, max) = match &content {
            Content::Whole(_) => (frame_bytes as u64, self.envelope_bytes_max + HEADER_BYTES),
            Content::Part(part) => (part.total_bytes, self.envelope_bytes_max),
        };
        if bytes <= max as u64 { Ok(content) } else { Err(EnvelopeError::TooLarge(bytes)) }
    }

    /// Notes that the envelope of this number came, or a part of it; also if it has to be refused, unless the number
    /// cannot be true.
    fn step(
        &mut self,
        path: &str,
        instance: u64,
        at: Position,
        content: Result<Content, EnvelopeError>,
    ) -> Result<Step, EnvelopeError> {
        let unheard;
        let (path, since) = match self.heard.get_key_value(path) {
            Some((path, since)) => (path, Some(*since)),
            None => {
                unheard = Arc::from(path);
                (&unheard, None)
            }
        };
        let (now, batch) = (self.origins.now(), self.origins.batch());
        let (is_own, is_sign) = (**path == self.own_path, **path == self.signs_path);
        let origin = self.origins.touch(instance);
        let is_heartbeat = matches!(content, Ok(Content::Whole(Body::Heartbeat(_))));
        match origin.arrives(at.sequence, is_heartbeat, batch, now) {
            Arrival::Plausible => {}
            Arrival::Late => return Ok(Step::Late),
            Arrival::Implausible => {
                return Err(EnvelopeError::Invalid(
                    "its sequence is higher than its sender can have reached",
                ));
            }
        }
        let heard = origin.subject(path, is_own, since);
        let mut lost = 0;
        let before = heard.assembles();
        let step = heard.step(at, content, &mut lost, &self.meters);
        if let Some(number) = heard.assembles().filter(|number| before != Some(*number)) {
            self.origins.has_begun(instance, path.clone(), number);
        }
        self.count_lost(instance, is_sign, lost);
        step
    }

    /// Hands out what was taken, each sender's envelopes in the order of their publication. To be called when every
    /// subject was found empty after the last `take`.
    pub fn release(&mut self, out: &mut VecDeque<Inbound>, now: Instant) {
        self.origins.pass(now);
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
        self.origins.next_batch();
        self.give_up_parts(true);
        for (instance, lost) in self.origins.tidy() {
            self.count_lost(instance, false, lost);
        }
        out.extend(self.lost.drain(..).map(|(instance, count)| Inbound::Lost { instance, count }));
    }

    fn release_one(&mut self, whole: Whole) -> Option<Envelope> {
        let Whole { instance, sequence, copies, node, body } = whole;
        let is_sign = matches!(body, Body::Heartbeat(_) | Body::Goodbye(_) | Body::RollCall(_));
        if let Some(origin) = self.origins.get_mut(instance).filter(|_| sequence != 0) {
            let released = origin.released();
            let is_heartbeat = matches!(body, Body::Heartbeat(_));
            if is_heartbeat && origin.is_set_back(sequence) {
                self.meters.set_back.increment();
            }
            if sequence > released {
                origin.release(sequence);
            } else if !is_heartbeat || sequence == released {
                // A copy is what nothing else was released after. Else the bus broke the order of its sender, and it is
                // as good as lost.
                if copies < 2 || sequence < released {
                    self.meters.late.increment();
                    self.count_lost(instance, is_sign, 1);
                }
                return None;
            }
            // Any other heartbeat that comes late is a sign of life all the same.
        }
        match &body {
            Body::Heartbeat(heartbeat) if sequence != 0 => self.compare(instance, sequence, heartbeat),
            // Nothing of this run can follow.
            Body::Goodbye(_) if sequence != 0 => {
                let lost = self.origins.forget(instance);
                self.count_lost(instance, false, lost);
            }
            _ => {}
        }
        Some(Envelope { node: node.into(), instance, body })
    }

    /// Compares with what the sender says it has published before its heartbeat: what has not come is lost.
    fn compare(&mut self, instance: u64, sequence: u64, heartbeat: &wire::Heartbeat) {
        let now = self.origins.now();
        let Some(origin) = self.origins.get_mut(instance) else { return };
        let (mut lost, mut signs_lost, mut contradicts) = (0_u64, 0_u64, false);
        let patience = Duration::from_millis(heartbeat.interval_ms.saturating_mul(2));
        origin.beats(Duration::from_millis(heartbeat.interval_ms));
        for tail in &heartbeat.tails {
            let Some((path, since)) = self.heard.get_key_value(tail.subject.as_str()) else { continue };
            let since = *since;
            let taken = origin.taken();
            let heard = origin.subject(path, false, Some(since));
            // Only what was said after the heartbeat can be ahead of it, and on its own subject the heartbeat itself.
            let is_sign = **path == self.signs_path;
            let ahead_max = taken.saturating_sub(sequence).saturating_add(u64::from(is_sign));
            let at = Position { sequence, number: tail.subject_sequence, start: tail.subject_start };
            let ahead = heard.last().saturating_sub(at.number);
            if at.number > sequence {
                contradicts = true;
            } else if heard.sequence() > taken || ahead > ahead_max || !heard.can_reach(at) {
                heard.set_back(at);
                self.meters.set_back.increment();
            } else if heard.is_uninterrupted() {
                let missing = heard.catch_up(at);
                let sum = if is_sign { &mut signs_lost } else { &mut lost };
                *sum = sum.saturating_add(missing);
            } else if now.saturating_duration_since(since) > patience {
                // What it publishes from now on must come: the interest has had the time to reach it.
                heard.resume(at);
            }
        }
        if heartbeat.tails_complete {
            // From now on. The interest must have had the time to reach the sender.
            origin.is_complete_for(now.checked_sub(patience));
        }
        if contradicts {
            self.meters.refused.increment();
        }
        self.count_lost(instance, false, lost);
        self.count_lost(instance, true, signs_lost);
    }

    /// Gives up envelopes whose parts take too much room, or too long.
    fn give_up_parts(&mut self, looks_at_age: bool) {
        while let Some((instance, path)) = self.origins.give_up_oldest(looks_at_age) {
            self.count_lost(instance, *path == *self.signs_path, 1);
        }
    }

    fn count_lost(&mut self, instance: u64, is_sign: bool, count: u64) {
        if count > 0 && is_sign {
            self.meters.signs_lost.add_saturating(count);
        } else if count > 0 {
            self.meters.lost.add_saturating(count);
            self.lost.push((instance, count));
        }
    }
}

#[cfg(test)]
mod tests;
