//! Books of one client: the rooms it is in, and a sequence for each of their publishers.

use crate::measure::sequence::Sequence;

/// Membership of a client in its rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Membership {
    /// In none: not connected, or left.
    Out,
    /// Asked to join; so many acknowledgements are to come.
    Joining(usize),
    /// In all of them: everything sent to them is owed.
    In,
    /// Asked to leave; so many acknowledgements are to come.
    Leaving(usize),
}

/// One client's side of the books.
#[derive(Debug)]
pub(super) struct Member {
    /// Rooms of the member in rising order, each with one sequence for each publisher.
    rooms: Vec<(u32, Vec<Sequence>)>,
    pub(super) membership: Membership,
    /// Time at which it left its rooms, in nanoseconds of the swarm's clock.
    pub(super) changed_ns: u64,
    /// Whether it has joined before.
    pub(super) is_known: bool,
    /// The tester ended its connection on purpose, and may try more than once to bring it back.
    pub(super) is_away: bool,
    /// Whether it has stopped reading.
    pub(super) is_slow: bool,
    /// The session that the server would recover, and the offset of the last event received; may be empty.
    pub(super) session: String,
    pub(super) offset: Vec<u8>,
}

/// Counts of recoveries.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Recovery {
    /// Connections whose session the server took up again.
    pub(crate) recovered: u64,
    /// Connections whose session it did not know any more.
    pub(crate) refused: u64,
}

impl Member {
    pub(super) fn new(rooms: &[u32], publishers_per_room: u32) -> Self {
        let sequences = || vec![Sequence::absent(); publishers_per_room as usize];
        Self {
            rooms: rooms.iter().map(|room| (*room, sequences())).collect(),
            membership: Membership::Out,
            changed_ns: 0,
            is_known: false,
            is_away: false,
            is_slow: false,
            session: String::new(),
            offset: Vec::new(),
        }
    }

    pub(super) fn room_names(&self) -> impl Iterator<Item = u32> {
        self.rooms.iter().map(|(room, _)| *room)
    }

    /// The sequence of a channel; `None` if the client is not meant to hear it.
    pub(super) fn sequence(&mut self, channel: u32, publishers_per_room: u32) -> Option<&mut Sequence> {
        let (room, publisher) = (channel / publishers_per_room, channel % publishers_per_room);
        let index = match &self.rooms[..] {
            [(only, _)] => (*only == room).then_some(0)?,
            rooms => rooms.binary_search_by_key(&room, |(room, _)| *room).ok()?,
        };
        self.rooms[index].1.get_mut(publisher as usize)
    }

    /// Every sequence with the number of its channel.
    pub(super) fn sequences(&self, publishers_per_room: u32) -> impl Iterator<Item = (usize, &Sequence)> {
        let first = move |room: u32| (room * publishers_per_room) as usize;
        self.rooms.iter().flat_map(move |(room, sequences)| {
            sequences.iter().enumerate().map(move |(index, sequence)| (first(*room) + index, sequence))
        })
    }

    /// As [`Member::sequences`], to be changed.
    pub(super) fn sequences_mut(
        &mut self,
        publishers_per_room: u32,
    ) -> impl Iterator<Item = (usize, &mut Sequence)> {
        let first = move |room: u32| (room * publishers_per_room) as usize;
        self.rooms.iter_mut().flat_map(move |(room, sequences)| {
            let room = *room;
            sequences.iter_mut().enumerate().map(move |(index, sequence)| (first(room) + index, sequence))
        })
    }
}
