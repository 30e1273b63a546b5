//! One subject of one sender: which numbers came, and the envelope that is being put together.

use std::sync::Arc;

use prost::bytes::{Bytes, BytesMut};

use crate::bus::meters::BusMeters;
use crate::wire;
use crate::wire::envelope::Body;
use crate::wire::envelope::{Content, EnvelopeError};

/// Bytes that an envelope that is being put together takes beside its parts.
const ASSEMBLY_OVERHEAD_BYTES: u64 = 256;

/// A heartbeat that is behind by more than this did not come late: something untrue was believed before it.
pub(super) const FAR: u64 = 64;

/// How far a sender says it has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    /// With everything.
    pub(super) sequence: u64,
    /// On one subject.
    pub(super) number: u64,
    /// The number before the first one there since the sender has begun to count on the subject, or begun again: no number
    /// between it and those of before was ever given.
    pub(super) start: u64,
}

/// State of one subject of one sender.
#[derive(Debug)]
pub(super) struct Heard {
    /// The number of the last envelope that came, or began to, or must have been lost.
    last: u64,
    /// The sequence that came with it, or with the heartbeat that told it. Each number after it takes one at least.
    sequence: u64,
    latest: Latest,
    /// Every number since `last` must come: what does not is lost. Not so while the subject was not subscribed to.
    uninterrupted: bool,
}

/// State of the last envelope.
#[derive(Debug)]
enum Latest {
    /// Handed over, or it never came.
    Done,
    /// Parts of it came. Boxed, since there are many subjects, and hardly any of them waits for parts.
    Assembling(Box<Assembly>),
    /// Parts of it may still come, and it is of no use: one is missing, or was refused.
    GivenUp,
}

/// An envelope of which the first parts are there. They are copied, since a piece of a read buffer keeps all of it.
#[derive(Debug)]
struct Assembly {
    parts: u32,
    count: u32,
    total_bytes: u64,
    bytes: BytesMut,
    held: Held,
}

/// Bytes that count as held until this is dropped.
#[derive(Debug)]
struct Held {
    bytes: u64,
    meters: Arc<BusMeters>,
}

impl Held {
    fn new(meters: &Arc<BusMeters>) -> Self {
        let mut held = Self { bytes: 0, meters: meters.clone() };
        held.grow(ASSEMBLY_OVERHEAD_BYTES);
        held
    }

    fn grow(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.meters.parts_bytes.add(bytes);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.meters.parts_bytes.subtract(self.bytes);
    }
}

/// Outcome of one frame.
#[derive(Debug)]
pub(super) enum Step {
    /// The frame was there before.
    Late,
    /// More parts have to come, or they are of no use any more.
    Waiting,
    /// The envelope is complete.
    Whole(Body),
    /// The envelope is complete: these are its parts.
    Assembled(Bytes),
}

impl Heard {
    /// Creates the state before anything came. What was missed so far is a loss if the subject was heard from the start.
    pub(super) fn new(from_the_start: bool) -> Self {
        Self { last: 0, sequence: 0, latest: Latest::Done, uninterrupted: from_the_start }
    }

    /// The number of the last envelope.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// The sequence that came with it.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Notes that the subject was not subscribed to for a while: nothing missing before the next envelope is a loss.
    pub(super) fn interrupt(&mut self) {
        self.uninterrupted = false;
    }

    pub(super) fn is_uninterrupted(&self) -> bool {
        self.uninterrupted
    }

    /// The number of the envelope that waits for more parts.
    pub(super) fn assembles(&self) -> Option<u64> {
        matches!(self.latest, Latest::Assembling(_)).then_some(self.last)
    }

    /// Whether a sender can have come as far as this.
    pub(super) fn can_reach(&self, to: Position) -> bool {
        self.missing(to) <= to.sequence.saturating_sub(self.sequence)
    }

    /// The envelopes that have not come, if the sender has come as far as this.
    fn missing(&self, to: Position) -> u64 {
        to.number.saturating_sub(self.last.max(to.start))
    }

    /// Everything up to this number was published, and what comes next must come.
    pub(super) fn resume(&mut self, to: Position) {
        self.catch_up(to);
        self.uninterrupted = true;
    }

    /// Goes back to numbers that a heartbeat proves, after others that were not true.
    pub(super) fn set_back(&mut self, to: Position) {
        (self.last, self.sequence, self.latest) = (to.number, to.sequence, Latest::Done);
    }

    /// Everything up to this number was published: returns how many envelopes never came.
    pub(super) fn catch_up(&mut self, to: Position) -> u64 {
        let unfinished = to.number >= self.last && matches!(self.latest, Latest::Assembling(_));
        if unfinished {
            self.latest = Latest::GivenUp;
        }
        let missing = self.missing(to);
        if to.number > self.last {
            (self.last, self.sequence, self.latest) = (to.number, to.sequence, Latest::Done);
        }
        missing.saturating_add(u64::from(unfinished))
    }

    /// A frame of the envelope with these numbers came; adds to `lost` what must be missing.
    pub(super) fn step(
        &mut self,
        at: Position,
        content: Result<Content, EnvelopeError>,
        lost: &mut u64,
        meters: &Arc<BusMeters>,
    ) -> Result<Step, EnvelopeError> {
        let number = at.number;
        if number > self.last {
            let before = Position { number: number - 1, ..at };
            if !self.can_reach(at) {
                if !matches!(content, Ok(Content::Whole(Body::Heartbeat(_)))) {
                    return Err(EnvelopeError::Invalid("its numbers contradict each other"));
                }
                // Either this or what was believed before is not true, and nothing is known of losses.
                self.set_back(before);
            }
            let missing = self.catch_up(before);
            let was_uninterrupted = std::mem::replace(&mut self.uninterrupted, true);
            *lost += if was_uninterrupted { missing } else { 0 };
            (self.last, self.sequence) = (number, at.sequence);
            return self.begin(content, was_uninterrupted, lost, meters);
        }
        let content = content.inspect_err(|_| {
            self.give_up(number);
        })?;
        match (content, &mut self.latest) {
            (Content::Whole(Body::Heartbeat(heartbeat)), _) if number < self.last => {
                if self.last - number > FAR {
                    self.set_back(at);
                }
                Ok(Step::Whole(Body::Heartbeat(heartbeat)))
            }
            (Content::Part(part), Latest::Assembling(_)) if number == self.last => self.append(part, lost),
            (Content::Part(_), Latest::GivenUp) if number == self.last => Ok(Step::Waiting),
            _ => Ok(Step::Late),
        }
    }

    /// The parts of this envelope are of no use any more. Says whether some were there.
    pub(super) fn give_up(&mut self, number: u64) -> bool {
        let assembles = self.assembles() == Some(number);
        if assembles {
            self.latest = Latest::GivenUp;
        }
        assembles
    }

    /// The first frame of an envelope.
    fn begin(
        &mut self,
        content: Result<Content, EnvelopeError>,
        was_uninterrupted: bool,
        lost: &mut u64,
        meters: &Arc<BusMeters>,
    ) -> Result<Step, EnvelopeError> {
        self.latest = Latest::GivenUp;
        match content? {
            Content::Whole(body) => {
                self.latest = Latest::Done;
                Ok(Step::Whole(body))
            }
            Content::Part(part) if part.index == 0 => {
                let wire::Part { count, total_bytes, .. } = part;
                let (bytes, held) = (BytesMut::new(), Held::new(meters));
                let assembly = Assembly { parts: 0, count, total_bytes, bytes, held };
                self.latest = Latest::Assembling(Box::new(assembly));
                self.append(part, lost)
            }
            Content::Part(_) => {
                // A node that subscribes in the middle of an envelope was not promised the rest of it.
                *lost += u64::from(was_uninterrupted);
                Ok(Step::Waiting)
            }
        }
    }

    fn append(&mut self, part: wire::Part, lost: &mut u64) -> Result<Step, EnvelopeError> {
        let Latest::Assembling(assembly) = &mut self.latest else { return Ok(Step::Late) };
        if part.index < assembly.parts {
            return Ok(Step::Late);
        }
        if part.index > assembly.parts {
            self.latest = Latest::GivenUp;
            *lost += 1;
            return Ok(Step::Waiting);
        }
        assembly.parts += 1;
        assembly.bytes.extend_from_slice(&part.data);
        assembly.held.grow(part.data.len() as u64);
        let bytes = assembly.bytes.len() as u64;
        let complete = assembly.parts == assembly.count;
        let fits = if complete { bytes == assembly.total_bytes } else { bytes < assembly.total_bytes };
        if !fits || (part.count, part.total_bytes) != (assembly.count, assembly.total_bytes) {
            self.latest = Latest::GivenUp;
            return Err(EnvelopeError::Invalid("its parts do not fit together"));
        }
        if !complete {
            return Ok(Step::Waiting);
        }
        let whole = std::mem::take(&mut assembly.bytes).freeze();
        self.latest = Latest::Done;
        Ok(Step::Assembled(whole))
    }
}
