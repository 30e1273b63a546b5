//! Sequence accounting: what one receiver got of what one publisher sent, exactly. Pure.
//!
//! A message is *late* if a later one overtook it, *doubled* if it arrived before, *lost* if it never arrives. In the
//! order that was promised nothing but one counter is touched; what was skipped is remembered as ranges.

use std::ops::Range;

/// How one message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The next in order, or the first after a gap (which is counted when it is filled, or at the end).
    Fresh,
    /// For the first time, but after a message that was sent later.
    Late,
    /// Not for the first time.
    Doubled,
}

/// What one receiver got of one publisher's messages 0, 1, 2, …
#[derive(Debug, Clone, Default)]
pub(crate) struct Sequence {
    /// One more than the highest number seen.
    next: u64,
    /// What was skipped below `next`: disjoint, in order. Empty while the server keeps its promises.
    missing: Vec<Range<u64>>,
}

impl Sequence {
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

    /// How many of the first `sent` messages have not arrived.
    pub(crate) fn missing_of(&self, sent: u64) -> u64 {
        let skipped: u64 = self.missing.iter().map(|range| range.end - range.start).sum();
        skipped + sent.saturating_sub(self.next)
    }
}

#[cfg(test)]
mod tests;
