//! Rooms: their members on each reactor, and the fan-out.
//!
//! Rooms are sharded by socket: a [`RoomShard`](shard::RoomShard) holds the members that live on its reactor. A
//! shared index says which shards have members of a room, so that an emit to ten sockets does not wake 64
//! threads. Code on the shard's own thread enters it directly; other threads reach it through its bounded mailbox.

mod actor;
mod events;
mod heard;
mod index;
mod interest;
mod mailbox;
mod message;
mod resident;
mod rooms;
mod shard;
mod target;

pub use actor::RoomShardActor;
pub use events::{RoomEvent, RoomEvents};
pub use index::Hold;
#[cfg(feature = "fault-injection")]
pub use message::CrashShard;
pub use message::{Gone, ObserveShard, ShardSnapshot};
pub use rooms::{Asker, Overloaded, Rooms, asks_too_much};
pub use shard::Member;
pub use target::Target;
