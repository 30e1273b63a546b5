//! The set of rooms that one socket is in, with the bytes of their names.

use indexmap::IndexSet;

use crate::ids::Room;

/// The rooms that a socket is in, without its own one. Joining and leaving take the same time however many they are.
#[derive(Default)]
pub struct JoinedRooms {
    names: IndexSet<Room>,
    bytes: usize,
}

impl JoinedRooms {
    /// Adds a room. False if it was among them.
    pub fn insert(&mut self, room: &Room) -> bool {
        let is_new = !self.names.contains(room) && self.names.insert(room.clone());
        self.bytes += if is_new { room.as_str().len() } else { 0 };
        is_new
    }

    /// Takes a room out. False if it was not among them.
    pub fn remove(&mut self, room: &Room) -> bool {
        let was_there = self.names.swap_remove(room);
        self.bytes -= if was_there { room.as_str().len() } else { 0 };
        was_there
    }

    /// Number of rooms.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Bytes of all names.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a room is among them.
    pub fn contains(&self, room: &Room) -> bool {
        self.names.contains(room)
    }

    /// The names, in no order.
    pub fn names(&self) -> impl Iterator<Item = &Room> {
        self.names.iter()
    }
}
