//! One recoverable session at its place: what its client may have missed, wherever it was sent from.
//!
//! A session that has moved brings a segment of packets from each of its former places. They keep the offsets that they had
//! there, so that an offset of the client names one point of the session's whole life.

use std::sync::Arc;

use super::log::{Entry, Logs, Lost};
use super::memberships::Memberships;
use super::position::Position;
use super::stamp::Marks;

/// Packets that were sent to the session at a former place, or meant for it there.
#[derive(Clone, Debug)]
pub struct Segment<P> {
    /// The session was there after this position,
    after: Position,
    /// and up to this one.
    until: Position,
    /// Packets up to here may be missing.
    lost_until: Option<Position>,
    packets: Vec<(Position, P)>,
}

/// Everything of a session that moves, beside its id, rooms and data, which went ahead.
#[derive(Clone, Debug)]
pub struct HandOver<P> {
    /// Packets that the client may have missed, oldest first.
    pub segments: Vec<Segment<P>>,
    /// Emits that are among them, or were sent before.
    pub marks: Marks,
}

/// A session at its place, whether its client is connected or not.
#[derive(Clone, Debug)]
pub struct Session<P> {
    memberships: Memberships,
    segments: Vec<Segment<P>>,
    /// The client has everything up to here, of this place.
    seen: Position,
    /// The last packet that was sent to it, or meant for it, while it was connected.
    sent: Position,
    /// Where the log was when the client was lost; `None` while it is connected.
    parked: Option<Position>,
}

impl<P> Segment<P> {
    fn contains(&self, offset: Position) -> bool {
        (self.after..=self.until).contains(&offset)
    }

    /// The client has got everything up to here.
    fn cut(&mut self, offset: Position) {
        self.after = offset;
        self.packets.retain(|(position, _)| *position > offset);
        self.lost_until = self.lost_until.filter(|lost| *lost > offset);
    }
}

impl<P: Clone> Session<P> {
    /// A session that comes to a place with these memberships. One that is seated before it has moved is parked.
    pub fn new(memberships: Memberships) -> Self {
        let start = memberships.start();
        Self { memberships, segments: Vec::new(), seen: start, sent: start, parked: None }
    }

    /// Rooms, which change while the client is connected.
    pub fn memberships_mut(&mut self) -> &mut Memberships {
        &mut self.memberships
    }

    /// A packet was queued for the client.
    pub fn sent(&mut self, position: Position) {
        self.sent = position;
    }

    /// The client is lost; `last` is the position of the log.
    pub fn park(&mut self, last: Position) {
        self.parked.get_or_insert(last);
    }

    /// Whether its client is lost.
    pub fn is_parked(&self) -> bool {
        self.parked.is_some()
    }

    /// The client has come back, and [`missed`](Self::missed) is on its way to it; `last` is the position of the log.
    pub fn resume(&mut self, last: Position) {
        self.parked = None;
        self.sent = last;
    }

    /// The client says how far it has got. An offset of no place of this session belongs to an earlier one: the client has
    /// seen nothing of this one yet.
    pub fn acknowledge(&mut self, offset: Position, last: Position) {
        if (self.memberships.start()..=last).contains(&offset) {
            self.segments.clear();
            self.seen = self.seen.max(offset);
        } else if let Some(at) = self.segments.iter().position(|segment| segment.contains(offset)) {
            self.segments.drain(..at);
            self.segments[0].cut(offset);
        }
    }

    /// Packets of former places that a client which has been connected for so long must have seen are not kept for ever.
    pub fn forget_segments(&mut self) {
        for segment in &mut self.segments {
            segment.packets.clear();
            segment.lost_until = Some(segment.until);
        }
    }

    /// Returns the packets that the client has not got, in order.
    ///
    /// # Errors
    /// If some of them may be gone.
    pub fn missed(&self, logs: &Logs<P>) -> Result<Vec<P>, Lost> {
        if self.segments.iter().any(|segment| segment.lost_until.is_some()) {
            return Err(Lost);
        }
        let here = logs.missed(&self.memberships, self.from(logs.last()))?;
        let before = self.segments.iter().flat_map(|segment| &segment.packets);
        let before = before.map(|(_, packet)| packet.clone());
        Ok(before.chain(here.iter().map(|entry| entry.packet.clone())).collect())
    }

    /// Position of the log after which the client may have missed something.
    fn from(&self, last: Position) -> Position {
        // Nothing was sent since, up to the moment that it was lost: a log that is too short for an idle client is no loss.
        if self.sent <= self.seen { self.parked.unwrap_or(last).max(self.seen) } else { self.seen }
    }

    /// The session leaves for another place, which takes it over. `marks` are those of this place.
    pub fn hand_over(mut self, logs: &Logs<P>, marks: Marks) -> HandOver<P> {
        let from = self.from(logs.last());
        let complete = logs.floor(&self.memberships, from);
        // Never an error: everything after the floor is kept.
        let here = logs.missed(&self.memberships, complete).unwrap_or_default();
        self.segments.push(Segment {
            after: self.seen,
            until: logs.last(),
            lost_until: (complete > from).then_some(complete),
            packets: packets(&here),
        });
        HandOver { segments: self.segments, marks }
    }

    /// Everything that the session missed at its former place has come. Emits that are among it, and have reached this
    /// place too since the session was seated, are not meant for it once more; those that reached this place alone are.
    /// `own` are the marks of this place, which has heard all of that by now: a session that goes on to a third place
    /// must not get it there.
    pub fn take_over(&mut self, hand_over: HandOver<P>, logs: &Logs<P>, own: &mut Marks) {
        let HandOver { mut segments, marks } = hand_over;
        let (after, until) = (self.memberships.start(), logs.last());
        let here = logs.missed(&self.memberships, after);
        let lost_until = here.is_err().then_some(until);
        let mut here = here.unwrap_or_default();
        here.retain(|entry| !marks.cover(entry.stamp));
        own.merge(&marks);
        segments.push(Segment { after, until, lost_until, packets: packets(&here) });
        self.segments = segments;
        self.memberships.restart(until);
        (self.seen, self.sent) = (until, until);
        self.parked = Some(until);
    }
}

fn packets<P: Clone>(entries: &[Arc<Entry<P>>]) -> Vec<(Position, P)> {
    entries.iter().map(|entry| (entry.position, entry.packet.clone())).collect()
}

#[cfg(test)]
mod tests;
