//! What a room shard is told.

use std::sync::Arc;

use actix::Message;
use serde::Serialize;

use super::index::Hold;
use super::rooms::Target;
use crate::ids::{Room, SocketId};
use crate::outbox::Packet;

/// What other threads send through a shard's lane. Handled in the order it was sent by any one thread.
pub enum Delivery {
    /// Fan out here. From any emit that reaches beyond its own reactor.
    Broadcast { target: Arc<Target>, packet: Arc<Packet>, volatile: bool },
    /// A socket of this shard joins; the hold has kept the room routed here since `join` was called.
    Join { id: SocketId, room: Room, _hold: Hold },
    /// A socket of this shard leaves a room.
    Leave { id: SocketId, room: Room },
    /// Something to do on this reactor after everything sent before it, such as an emit to one socket.
    Run(Box<dyn FnOnce() + Send>),
}

/// From anybody: how many members and rooms are here.
#[derive(Message)]
#[rtype(result = "ShardSnapshot")]
pub struct ObserveShard;

/// What a shard holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, actix::MessageResponse)]
pub struct ShardSnapshot {
    /// The reactor.
    pub shard: usize,
    /// Sockets.
    pub members: usize,
    /// Rooms beside the sockets' own ones.
    pub rooms: usize,
}

/// To the supervisor: the shard's actor ended without being told to.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Gone;

/// From a test: panic.
#[cfg(feature = "fault-injection")]
#[derive(Message)]
#[rtype(result = "()")]
pub struct CrashShard;
