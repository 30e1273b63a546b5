//! One subject of one sender: which numbers came, and the envelope that is being put together.

use prost::bytes::{Bytes, BytesMut};

use crate::envelope::{Content, Refusal};
use crate::wire;
use crate::wire::envelope::Body;

/// What was heard of one sender on one subject.
#[derive(Debug)]
pub(super) struct Heard {
    /// The number of the last envelope that came, or began to, or must have been lost.
    last: u64,
    latest: Latest,
    /// Every number since `last` must come: what does not is lost. Not so while the subject was not listened to.
    uninterrupted: bool,
}

/// What became of the last envelope.
#[derive(Debug)]
enum Latest {
    /// Handed over, or it never came.
    Done,
    /// Parts of it came.
    Assembling(Assembly),
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
}

/// What became of a frame.
#[derive(Debug)]
pub(super) enum Step {
    /// It was there before.
    Late,
    /// More parts have to come, or they are of no use any more.
    Waiting,
    /// The envelope is complete.
    Whole(Body),
    /// The envelope is complete: these are its parts.
    Assembled(Bytes),
}

impl Heard {
    /// Nothing came yet, and nothing was missed.
    pub(super) fn from_the_start() -> Self {
        Self { last: 0, latest: Latest::Done, uninterrupted: true }
    }

    /// Nothing came yet, and what was missed is no loss.
    pub(super) fn from_here() -> Self {
        Self { last: 0, latest: Latest::Done, uninterrupted: false }
    }

    /// The subject was not listened to for a while: what is missing before the next envelope is no loss.
    pub(super) fn interrupt(&mut self) {
        self.uninterrupted = false;
    }

    pub(super) fn is_uninterrupted(&self) -> bool {
        self.uninterrupted
    }

    /// Everything up to this number was published, and what comes next must come.
    pub(super) fn resume(&mut self, number: u64) {
        self.catch_up(number);
        self.uninterrupted = true;
    }

    /// Everything up to this number was published: returns how many envelopes never came.
    pub(super) fn catch_up(&mut self, number: u64) -> u64 {
        let unfinished = number >= self.last && matches!(self.latest, Latest::Assembling(_));
        if unfinished {
            self.latest = Latest::GivenUp;
        }
        let missing = number.saturating_sub(self.last);
        if missing > 0 {
            self.last = number;
            self.latest = Latest::Done;
        }
        u64::from(unfinished) + missing
    }

    /// A frame of the envelope with this number came; adds to `lost` what must be missing.
    pub(super) fn step(
        &mut self,
        number: u64,
        content: Result<Content, Refusal>,
        lost: &mut u64,
    ) -> Result<Step, Refusal> {
        if number > self.last {
            let missing = self.catch_up(number - 1);
            let was_uninterrupted = std::mem::replace(&mut self.uninterrupted, true);
            *lost += if was_uninterrupted { missing } else { 0 };
            self.last = number;
            return self.begin(content, was_uninterrupted, lost);
        }
        let content = content.inspect_err(|_| self.give_up(number))?;
        match (content, &mut self.latest) {
            (Content::Part(part), Latest::Assembling(_)) if number == self.last => self.append(part, lost),
            (Content::Part(_), Latest::GivenUp) if number == self.last => Ok(Step::Waiting),
            _ => Ok(Step::Late),
        }
    }

    fn give_up(&mut self, number: u64) {
        if number == self.last && matches!(self.latest, Latest::Assembling(_)) {
            self.latest = Latest::GivenUp;
        }
    }

    /// The first frame of an envelope.
    fn begin(
        &mut self,
        content: Result<Content, Refusal>,
        was_uninterrupted: bool,
        lost: &mut u64,
    ) -> Result<Step, Refusal> {
        self.latest = Latest::GivenUp;
        match content? {
            Content::Whole(body) => {
                self.latest = Latest::Done;
                Ok(Step::Whole(body))
            }
            Content::Part(part) if part.index == 0 => {
                let wire::Part { count, total_bytes, .. } = part;
                let assembly = Assembly { parts: 0, count, total_bytes, bytes: BytesMut::new() };
                self.latest = Latest::Assembling(assembly);
                self.append(part, lost)
            }
            Content::Part(_) => {
                // Who begins to listen in the middle of an envelope was not promised the rest of it.
                *lost += u64::from(was_uninterrupted);
                Ok(Step::Waiting)
            }
        }
    }

    fn append(&mut self, part: wire::Part, lost: &mut u64) -> Result<Step, Refusal> {
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
        let bytes = assembly.bytes.len() as u64;
        let complete = assembly.parts == assembly.count;
        let fits = if complete { bytes == assembly.total_bytes } else { bytes < assembly.total_bytes };
        if !fits || (part.count, part.total_bytes) != (assembly.count, assembly.total_bytes) {
            self.latest = Latest::GivenUp;
            return Err(Refusal::Invalid("parts that do not fit together"));
        }
        if !complete {
            return Ok(Step::Waiting);
        }
        let whole = std::mem::take(&mut assembly.bytes).freeze();
        self.latest = Latest::Done;
        Ok(Step::Assembled(whole))
    }
}
