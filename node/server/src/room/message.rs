//! What a room shard is told.

use std::sync::Arc;

use actix::Message;
use serde::Serialize;

use super::rooms::Target;
use crate::outbox::Packet;

/// What other threads send through a shard's mailbox. Handled in the order it was sent by any one thread.
pub enum Delivery {
    /// Fan out here. From any emit that reaches beyond its own reactor.
    Broadcast { target: Arc<Target>, packet: Arc<Packet>, volatile: bool },
    /// Something to do on this reactor after everything sent before it: an emit to one socket, a join, a disconnect.
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
