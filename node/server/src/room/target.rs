//! Receivers of a broadcast: the rule of union, except and once. The [shard](super::shard) carries it out.

use smallvec::{SmallVec, smallvec};

use crate::ids::{Room, SocketId};

/// Everybody in any of `rooms` (no room = the whole namespace), once, without those in any of `except`.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// Rooms, any of which will do.
    pub rooms: SmallVec<[Room; 2]>,
    /// Rooms whose members are left out.
    pub except: SmallVec<[Room; 2]>,
}

impl Target {
    /// One socket alone, by the room that bears its id.
    pub fn socket(id: SocketId) -> Self {
        Self { rooms: smallvec![id.into()], except: SmallVec::new() }
    }
}
