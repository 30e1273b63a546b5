//! Acknowledgements in both directions: those that sockets wait for, one by one ([`pending`]) and together for a broadcast
//! ([`local`]), and the answers to the events of clients ([`reply`]). Those of other nodes are joined to these in
//! [`cluster::acks`](crate::cluster).

mod local;
mod pending;
mod reply;

pub use local::{AckSender, AckUpdate, LocalAcks};
pub use pending::{Acks, NoAck, PendingAck};
pub use reply::{AckSlot, Reply};
