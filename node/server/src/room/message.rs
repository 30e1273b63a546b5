//! Messages to a room shard.

use std::sync::Arc;

use actix::Message;
use serde::Serialize;

use super::target::Target;
use crate::outbox::Packet;

/// Messages of other threads, sent through a shard's mailbox. Those of one thread are handled in the order sent.
pub enum Delivery {
    /// Fan out here. Sent by any emit that reaches beyond its own reactor.
    Broadcast { target: Arc<Target>, packet: Arc<Packet>, volatile: bool },
    /// Something to do on this reactor after everything sent before it: an emit to one socket, a join, a disconnect.
    Run(Box<dyn FnOnce() + Send>),
}

/// Asks for the numbers of members and rooms here.
#[derive(Message)]
#[rtype(result = "ShardSnapshot")]
pub struct ObserveShard;

/// Snapshot of a shard.
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

/// Makes the shard panic, in tests.
#[cfg(feature = "fault-injection")]
#[derive(Message)]
#[rtype(result = "()")]
pub struct CrashShard;
