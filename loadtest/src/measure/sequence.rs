//! Sequence accounting: what one receiver got of what one publisher sent, exactly. Pure.
//!
//! A message is *late* if a later one overtook it, *doubled* if it arrived before, *lost* if it never arrives. In the
//! order that was promised nothing but one counter is touched; what was skipped is remembered as ranges.
//!
//! A receiver that leaves and comes back is owed nothing in between. What was under way at either end may or may not
//! arrive, but still at most once and in order.

use std::ops::Range;

/// Manner in which one message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The next in order, or the first after a gap (which is counted when it is filled, or at the end).
    Fresh,
    /// First arrival, but after a message that was sent later.
    Late,
    /// Repeated arrival.
    Doubled,
}

/// Record of what one receiver got of one publisher's messages 0, 1, 2, …
#[derive(Debug, Clone, Default)]
pub(crate) struct Sequence {
    /// One more than the highest number seen.
    next: u64,
    /// Ranges skipped below `next`: disjoint, in order. Empty while the server keeps its promises.
    missing: Vec<Range<u64>>,
    /// Messages before this one are not owed; [`u64::MAX`] while none is.
    owed_from: u64,
    /// Number of messages skipped, though owed, before the receiver last left.
    lost_before: u64,
}

impl Sequence {
    /// Sequence of a receiver that is owed nothing yet.
    pub(crate) fn absent() -> Self {
        Self { owed_from: u64::MAX, ..Self::default() }
    }

    /// Takes note of message `number`.
    pub(crate) fn arrived(&mut self, number: u64) -> Arrival {
        if number >= self.next {
            if number > self.next {
                self.missing.push(self.next..number);
            }
            self.next = number + 1;
            return Arrival::Fresh;
        }
        let index = self.missing.partition_point(|range| range.end <= number);
        let Some(Range { start, end }) =
            self.missing.get(index).filter(|range| range.contains(&number)).cloned()
        else {
            return Arrival::Doubled;
        };
        let around = [start..number, number + 1..end];
        self.missing.splice(index..=index, around.into_iter().filter(|range| !range.is_empty()));
        Arrival::Late
    }

    /// Whether this message must arrive.
    pub(crate) fn owes(&self, number: u64) -> bool {
        number >= self.owed_from
    }

    /// Begins to owe: from message `sent` on, everything must arrive.
    pub(crate) fn begin(&mut self, sent: u64) {
        self.owed_from = sent;
    }

    /// Ends owing when `sent` messages were sent, and returns how many of them are thereby excused;
    /// what was skipped is not.
    pub(crate) fn end(&mut self, sent: u64) -> u64 {
        if self.owed_from == u64::MAX {
            return 0;
        }
        self.lost_before += self.skipped();
        let excused = sent.saturating_sub(self.next.max(self.owed_from));
        self.owed_from = u64::MAX;
        excused
    }

    /// Gives the receiver up when `sent` messages were sent: what has not arrived of them is lost for good.
    pub(crate) fn abandon(&mut self, sent: u64) {
        self.lost_before = self.missing_of(sent);
        self.owed_from = u64::MAX;
    }

    /// Number of the first `sent` messages that have not arrived, though owed.
    pub(crate) fn missing_of(&self, sent: u64) -> u64 {
        self.lost_before + self.skipped() + sent.saturating_sub(self.next.max(self.owed_from))
    }

    fn skipped(&self) -> u64 {
        let owed = |range: &Range<u64>| range.end.saturating_sub(range.start.max(self.owed_from));
        self.missing.iter().map(owed).sum()
    }
}

#[cfg(test)]
mod tests;
