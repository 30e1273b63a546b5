//! One sender: how far it has come with everything it says, and on each subject.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::heard::{FAR, Heard};

/// Envelopes that one sender can number in a second: more than any machine does. A sequence that is further ahead of
/// the last one than this for each second begun since then is not believed.
pub(super) const SENT_IN_A_SECOND_MAX: u64 = 1 << 24;

/// One sender.
#[derive(Debug)]
pub(super) struct Origin {
    /// The sequence of the last envelope that was released. It stays when the rest is forgotten, so that what comes late
    /// of a run that has ended is not taken for something new.
    released: u64,
    /// The greatest sequence that was taken.
    taken: u64,
    /// The batch in which something was taken last, and the greatest sequence before it.
    batch: u64,
    taken_before: u64,
    subjects: HashMap<Arc<str>, Heard>,
    /// The time at which it has told all its subjects. On others that were heard at this time already, nothing was missed so far.
    complete_for: Option<Instant>,
    /// When something came that was believed.
    heard_at: Instant,
    /// The frame that came last, as [`Origins`](super::origins::Origins) counts: tells which sender was silent longest.
    pub(super) frame: u64,
    /// The same, in the time that this node was receiving.
    pub(super) listened: Duration,
    /// Interval of its heartbeats; zero if there are none.
    interval: Duration,
    standing: Standing,
}

/// The memory of one sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// All that it ever said.
    Known,
    /// Whether it was forgotten, and came back: what it said before cannot be missed.
    Resumed,
    /// Only how far it has come.
    Forgotten,
}

/// Whether a frame can be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    Plausible,
    /// Of a sender that has ended, and from before its end.
    Late,
    Implausible,
}

impl Origin {
    /// Nothing is known of it.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            released: 0,
            taken: 0,
            batch: 0,
            taken_before: 0,
            subjects: HashMap::new(),
            complete_for: None,
            heard_at: now,
            frame: 0,
            listened: Duration::ZERO,
            interval: Duration::ZERO,
            standing: Standing::Known,
        }
    }

    pub(super) fn released(&self) -> u64 {
        self.released
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// A frame of this sequence came: judges and notes it. Heartbeats are taken however late: they are signs of life, and
    /// set right what is not true.
    pub(super) fn arrives(&mut self, sequence: u64, is_heartbeat: bool, batch: u64, now: Instant) -> Arrival {
        if self.standing == Standing::Forgotten {
            if sequence <= self.released {
                return if is_heartbeat { Arrival::Plausible } else { Arrival::Late };
            }
            // Whatever it has said meanwhile.
            self.resumes();
        } else if self.taken > 0 {
            let seconds = now.saturating_duration_since(self.heard_at).as_secs() + 1;
            let reach = SENT_IN_A_SECOND_MAX.saturating_mul(seconds);
            if sequence > self.taken.saturating_add(reach) {
                return Arrival::Implausible;
            }
        }
        if self.batch != batch {
            (self.batch, self.taken_before) = (batch, self.taken);
        }
        self.taken = self.taken.max(sequence);
        self.heard_at = now;
        Arrival::Plausible
    }

    /// Returns what was heard of it on a subject, which is subscribed to `since` then; the own one from the start.
    pub(super) fn subject(&mut self, path: &Arc<str>, is_own: bool, since: Option<Instant>) -> &mut Heard {
        let was_heard = self.complete_for.zip(since).is_some_and(|(at, since)| since <= at);
        let from_the_start = was_heard || (is_own && self.standing == Standing::Known);
        self.subjects.entry(path.clone()).or_insert_with(|| Heard::new(from_the_start))
    }

    pub(super) fn subject_ref(&self, path: &str) -> Option<&Heard> {
        self.subjects.get(path)
    }

    pub(super) fn subject_mut(&mut self, path: &str) -> Option<&mut Heard> {
        self.subjects.get_mut(path)
    }

    pub(super) fn forget_subject(&mut self, path: &str) {
        self.subjects.remove(path);
    }

    pub(super) fn subject_count(&self) -> usize {
        self.subjects.len()
    }

    pub(super) fn release(&mut self, sequence: u64) {
        self.released = sequence;
        self.taken = self.taken.max(sequence);
        self.resumes();
    }

    fn resumes(&mut self) {
        if self.standing == Standing::Forgotten {
            self.standing = Standing::Resumed;
        }
    }

    /// A heartbeat of this sequence is handed out. What came before its batch was said before it; if that was far ahead it
    /// was not true, and is set back. Says whether.
    pub(super) fn is_set_back(&mut self, sequence: u64) -> bool {
        let ahead = self.released.max(self.taken_before).saturating_sub(sequence);
        if ahead > FAR {
            (self.released, self.taken, self.taken_before) = (sequence, sequence, sequence);
            self.resumes();
        }
        ahead > FAR
    }

    pub(super) fn beats(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// Returns the interval of its heartbeats, if there are any.
    pub(super) fn interval(&self) -> Option<Duration> {
        (!self.interval.is_zero() && self.standing != Standing::Forgotten).then_some(self.interval)
    }

    pub(super) fn is_complete_for(&mut self, at: Option<Instant>) {
        self.complete_for = at;
    }

    /// Forgets everything but how far it has come. Returns how many envelopes were not complete yet.
    pub(super) fn forget(&mut self) -> u64 {
        self.standing = Standing::Forgotten;
        self.complete_for = None;
        let subjects = std::mem::take(&mut self.subjects);
        subjects.values().filter(|heard| heard.assembles().is_some()).count() as u64
    }
}
