//! Numbers of emits, by which two places agree on which of them a session has got.

use rustc_hash::FxHashMap;

/// A sequence of emits that every place hears in its order. An instance of a node has one for each reactor, and some that
/// other threads share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// Instance of the emitting node.
    pub instance: u64,
    /// Number of the lane in it.
    pub number: u16,
}

/// Name of one emit, the same at every place that hears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// The lane.
    pub lane: Lane,
    /// Number in the lane. Numbers grow; a place hears only some of them.
    pub number: u64,
}

/// Number of the last emit of each lane that a place has heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks(FxHashMap<Lane, u64>);

impl Marks {
    /// Notes an emit that was heard. Returns false if the order of its lane is broken.
    pub fn note(&mut self, stamp: Stamp) -> bool {
        let mark = self.0.entry(stamp.lane).or_default();
        let is_next = stamp.number > *mark;
        *mark = stamp.number.max(*mark);
        is_next
    }

    /// Whether an emit was heard, if it was meant for the place at all.
    pub fn cover(&self, stamp: Stamp) -> bool {
        self.0.get(&stamp.lane).is_some_and(|mark| stamp.number <= *mark)
    }

    /// Takes in the marks of a place that a session came from, once everything up to them has reached this place too.
    pub fn merge(&mut self, other: &Self) {
        for (lane, number) in &other.0 {
            let mark = self.0.entry(*lane).or_default();
            *mark = (*mark).max(*number);
        }
    }

    /// Forgets the lanes of an instance that has gone for good.
    pub fn forget(&mut self, instance: u64) {
        self.0.retain(|lane, _| lane.instance != instance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_covers_its_lane_up_to_its_number() {
        let lane = |number| Lane { instance: 7, number };
        let stamp = |lane, number| Stamp { lane, number };
        let mut marks = Marks::default();
        assert!(!marks.cover(stamp(lane(1), 1)));
        assert!(marks.note(stamp(lane(1), 3)));
        assert!(marks.cover(stamp(lane(1), 3)) && marks.cover(stamp(lane(1), 2)));
        assert!(!marks.cover(stamp(lane(1), 4)) && !marks.cover(stamp(lane(2), 1)));
        assert!(!marks.note(stamp(lane(1), 3)), "the same once more");
        let mut others = Marks::default();
        others.note(stamp(lane(1), 2));
        others.note(stamp(lane(2), 5));
        marks.merge(&others);
        assert!(marks.cover(stamp(lane(1), 3)) && marks.cover(stamp(lane(2), 5)));
        marks.forget(7);
        assert_eq!(marks, Marks::default());
    }
}
