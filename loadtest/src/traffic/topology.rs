//! Topology of a run: rooms, their members, their publishers, and the target of each client. Pure.

use crate::traffic::stamp::PUBLISHERS_MAX;

/// The plan of a run with traffic. A *channel* is one publisher in one room; channel `c` is in room
/// `c / publishers_per_room`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Topology {
    /// The rooms each client is in, in rising order.
    pub(crate) rooms_of: Vec<Vec<u32>>,
    /// The client that publishes on each channel.
    pub(crate) publishers: Vec<usize>,
    pub(crate) publishers_per_room: u32,
    /// Target that each client connects to, modulo the number of targets.
    pub(crate) targets: Vec<usize>,
}

impl Topology {
    /// Puts every client alone into its own room, publishing to itself.
    pub(crate) fn alone(clients: usize) -> Self {
        Self {
            rooms_of: (0..clients).map(|client| vec![client as u32]).collect(),
            publishers: (0..clients).collect(),
            publishers_per_room: 1,
            targets: (0..clients).collect(),
        }
    }

    /// Deals clients to rooms round robin, or fills rooms of a given size one after the other, so that clients may be
    /// in several. Both the members of one room and the publishers of all rooms are spread over the targets.
    pub(crate) fn rooms(
        clients: usize,
        rooms: usize,
        members: Option<usize>,
        publishers: usize,
    ) -> Result<Self, String> {
        let smallest = members.unwrap_or(clients / rooms.max(1));
        if rooms * publishers > PUBLISHERS_MAX || smallest < publishers.max(1) || smallest > clients {
            return Err(format!(
                "{clients} clients do not make {rooms} rooms with {smallest} members and {publishers} publishers each"
            ));
        }
        let mut rooms_of = vec![Vec::new(); clients];
        let mut publishing = Vec::with_capacity(rooms * publishers);
        for room in 0..rooms {
            let member = |place: usize| match members {
                Some(members) => (room * members + place) % clients,
                None => room + place * rooms,
            };
            let count = members.unwrap_or((clients - room).div_ceil(rooms));
            (0..count).for_each(|place| rooms_of[member(place)].push(room as u32));
            // Rooms that have the same members still have different publishers.
            let shift = if members.is_some() { room } else { 0 };
            publishing.extend((0..publishers).map(|index| member((index + shift) % count)));
        }
        let target = |client: usize| match members {
            Some(_) => client,
            None => client / rooms + client % rooms,
        };
        Ok(Self {
            rooms_of,
            publishers: publishing,
            publishers_per_room: publishers as u32,
            targets: (0..clients).map(target).collect(),
        })
    }

    /// Lets only clients of the first of `targets` targets publish, in the same rooms.
    pub(crate) fn publish_from_first(mut self, targets: usize) -> Result<Self, String> {
        let per_room = self.publishers_per_room as usize;
        for room in 0..self.publishers.len() / per_room {
            let is_candidate = |client: &usize| {
                self.targets[*client].is_multiple_of(targets)
                    && self.rooms_of[*client].binary_search(&(room as u32)).is_ok()
            };
            let found: Vec<usize> = (0..self.targets.len()).filter(is_candidate).take(per_room).collect();
            if found.len() < per_room {
                return Err(format!(
                    "room {room} has no {per_room} members on the first node: use larger rooms"
                ));
            }
            self.publishers[room * per_room..][..per_room].copy_from_slice(&found);
        }
        Ok(self)
    }

    pub(crate) fn clients(&self) -> usize {
        self.rooms_of.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(topology: &Topology, room: u32) -> Vec<usize> {
        (0..topology.clients()).filter(|client| topology.rooms_of[*client].contains(&room)).collect()
    }

    #[test]
    fn without_a_size_everybody_is_in_one_room() {
        let topology = Topology::rooms(7, 3, None, 1).expect("possible");
        assert_eq!(members(&topology, 0), [0, 3, 6]);
        assert_eq!(members(&topology, 2), [2, 5]);
        assert_eq!(topology.publishers, [0, 1, 2]);
    }

    #[test]
    fn rooms_of_a_given_size_share_their_members_evenly() {
        let topology = Topology::rooms(10, 6, Some(5), 2).expect("possible");
        assert!((0..6).all(|room| members(&topology, room).len() == 5));
        assert!(topology.rooms_of.iter().all(|rooms| rooms.len() == 3));
        for (channel, client) in topology.publishers.iter().enumerate() {
            assert!(topology.rooms_of[*client].contains(&(channel as u32 / 2)));
        }
    }

    #[test]
    fn publishers_of_a_cluster_run_are_on_the_first_node() {
        let topology =
            Topology::rooms(12, 3, None, 2).expect("possible").publish_from_first(2).expect("possible");
        assert!(topology.publishers.iter().all(|client| topology.targets[*client].is_multiple_of(2)));
        assert!(Topology::rooms(3, 3, None, 1).expect("possible").publish_from_first(2).is_err());
    }

    #[test]
    fn what_cannot_be_dealt_is_refused() {
        assert!(Topology::rooms(2, 3, None, 1).is_err(), "more rooms than clients");
        assert!(Topology::rooms(2, 1, Some(3), 1).is_err(), "more members than clients");
        assert!(Topology::rooms(4, 2, None, 3).is_err(), "more publishers than members");
    }
}
