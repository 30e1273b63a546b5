//! The receiving half that all buses share: restores the order of each sender, drops copies, puts parts together, and
//! counts what is missing.
//!
//! A bus keeps the order of one sender on one subject, but hands several subjects over side by side. Whoever sees a
//! message can have everything that was sent before it by emptying all of them. So: [`take`](Incoming::take) whatever
//! is there until all subjects are empty, then [`release`](Incoming::release) the batch, in order.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::Message;
use prost::bytes::{Bytes, BytesMut};

use crate::bus::{Identity, Inbound};
use crate::envelope::{Envelope, Refusal, check, decode};
use crate::meters::BusMeters;
use crate::subject::Subject;
use crate::wire;
use crate::wire::envelope::Body;

/// Senders remembered; beyond it the one that was silent longest is forgotten.
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
    /// When it was heard last.
    heard_at: u64,
}

/// One subject of one sender.
#[derive(Debug, Default)]
struct Heard {
    /// The number of the last envelope: complete, being put together, or given up.
    last: u64,
    /// The parts of that envelope.
    assembly: Option<Assembly>,
}

#[derive(Debug)]
struct Assembly {
    count: u32,
    total_bytes: u64,
    parts: Vec<Bytes>,
    bytes: u64,
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
        self.heard.entry(path.to_owned()).or_insert_with(Instant::now);
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
        let mut envelope = decode(frame)?;
        if envelope.instance == self.own_instance {
            return Ok(());
        }
        let part = envelope.part.take();
        let bytes_max = self.envelope_bytes_max as u64;
        if let Some(part) =
            part.as_ref().filter(|part| part.total_bytes > bytes_max || part.count as u64 > part.total_bytes)
        {
            return Err(Refusal::TooLarge(part.total_bytes));
        }
        let whole = if envelope.sequence == 0 {
            // Unnumbered parts could not be told from others'.
            part.is_none().then_some(None).ok_or(Refusal::Invalid("a part without a number"))?
        } else {
            let first_of_all = if path == self.own_path { 0 } else { envelope.subject_sequence - 1 };
            let origin = self.origin(envelope.instance);
            let heard = match origin.subjects.get_mut(path) {
                Some(heard) => heard,
                None => {
                    let heard = Heard { last: first_of_all, assembly: None };
                    origin.subjects.entry(path.into()).or_insert(heard)
                }
            };
            let mut lost = 0;
            let step = heard.step(envelope.subject_sequence, part, &mut lost);
            self.count_lost(envelope.instance, lost);
            match step {
                Step::Late => {
                    self.meters.late.increment();
                    return Ok(());
                }
                Step::Waiting => return Ok(()),
                Step::Whole(parts) => parts,
            }
        };
        if let Some(parts) = whole {
            self.meters.assembled.increment();
            let parts = wire::Envelope::decode(parts).map_err(|error| Refusal::Garbage(error.to_string()))?;
            envelope.body = parts.body;
        }
        let body = envelope.body.ok_or(Refusal::Unknown)?;
        check(&body)?;
        let wire::Envelope { node, instance, sequence, copies, .. } = envelope;
        self.batch.push(Whole { instance, sequence, copies, node, body });
        Ok(())
    }

    fn origin(&mut self, instance: u64) -> &mut Origin {
        self.clock += 1;
        if self.origins.len() >= ORIGINS_MAX && !self.origins.contains_key(&instance) {
            let silent =
                self.origins.iter().min_by_key(|(_, origin)| origin.heard_at).map(|(instance, _)| *instance);
            silent.and_then(|instance| self.origins.remove(&instance));
        }
        let origin = self.origins.entry(instance).or_default();
        origin.heard_at = self.clock;
        origin
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
                if copies < 2 {
                    // The bus broke the order of its sender: it is as good as lost.
                    self.meters.late.increment();
                    self.count_lost(instance, 1);
                }
                return None;
            }
            origin.released = sequence;
        }
        if let Body::Heartbeat(heartbeat) = &body {
            self.compare(instance, heartbeat);
        }
        Some(Envelope { node: node.into(), instance, body })
    }

    /// Everything that the sender published before its heartbeat was taken, if it came: what is missing is lost.
    fn compare(&mut self, instance: u64, heartbeat: &wire::Heartbeat) {
        let Some(origin) = self.origins.get_mut(&instance) else { return };
        let mut lost = 0;
        let patience = Duration::from_millis(heartbeat.interval_ms.saturating_mul(2));
        for tail in &heartbeat.tails {
            let Some(since) = self.heard.get(&tail.subject) else { continue };
            match origin.subjects.get_mut(tail.subject.as_str()) {
                Some(heard) => lost += heard.catch_up(tail.subject_sequence),
                // Nothing of this sender was heard here yet. What it publishes from now on must come, once the
                // interest has had the time to reach it.
                None if since.elapsed() > patience => {
                    let heard = Heard { last: tail.subject_sequence, assembly: None };
                    origin.subjects.insert(tail.subject.as_str().into(), heard);
                }
                None => {}
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

/// What became of a frame.
enum Step {
    /// It was there before.
    Late,
    /// More parts have to come.
    Waiting,
    /// The envelope is complete; its parts put together, if it came in parts.
    Whole(Option<Bytes>),
}

impl Heard {
    /// A frame with this number came; adds to `lost` what must be missing.
    fn step(&mut self, number: u64, part: Option<wire::Part>, lost: &mut u64) -> Step {
        if number < self.last || (number == self.last && self.assembly.is_none()) {
            return Step::Late;
        }
        if number > self.last {
            *lost += self.catch_up(number - 1);
            self.last = number;
            let Some(part) = part else { return Step::Whole(None) };
            if part.index > 0 {
                *lost += 1;
                return Step::Waiting;
            }
            let wire::Part { count, total_bytes, .. } = part;
            self.assembly = Some(Assembly { count, total_bytes, parts: Vec::new(), bytes: 0 });
            return self.append(part, lost);
        }
        match part {
            Some(part) => self.append(part, lost),
            None => Step::Late,
        }
    }

    fn append(&mut self, part: wire::Part, lost: &mut u64) -> Step {
        let Some(assembly) = &mut self.assembly else { return Step::Late };
        if (part.index as usize) < assembly.parts.len() {
            return Step::Late;
        }
        assembly.bytes += part.data.len() as u64;
        let fits = part.index as usize == assembly.parts.len()
            && (part.count, part.total_bytes) == (assembly.count, assembly.total_bytes)
            && assembly.bytes <= assembly.total_bytes;
        assembly.parts.push(part.data);
        let complete = assembly.parts.len() == assembly.count as usize;
        if !fits || (complete && assembly.bytes != assembly.total_bytes) {
            self.assembly = None;
            *lost += 1;
            return Step::Waiting;
        }
        if !complete {
            return Step::Waiting;
        }
        let mut whole = BytesMut::with_capacity(assembly.bytes as usize);
        assembly.parts.iter().for_each(|part| whole.extend_from_slice(part));
        self.assembly = None;
        Step::Whole(Some(whole.freeze()))
    }

    /// Everything up to this number was published: returns how many envelopes never came.
    fn catch_up(&mut self, number: u64) -> u64 {
        let unfinished = u64::from(self.assembly.is_some() && number >= self.last);
        if unfinished > 0 {
            self.assembly = None;
        }
        let missing = number.saturating_sub(self.last);
        self.last += missing;
        unfinished + missing
    }
}

#[cfg(test)]
mod tests;
