//! The way in: what other nodes say, and the operations that concern the sockets of the whole cluster.
//!
//! A node on its own has the same operations; there is nobody else to ask then.

mod ack_reports;
mod acks;
mod hear;
mod heartbeat;
mod membership;
mod pieces;
mod questions;
mod response;
mod roll_call;
mod server_events;
mod sockets;
mod thread;

pub use acks::ClusterAcks;
pub use membership::{Applied, Change, apply};
pub use questions::{Scope, count, fetch, rooms};
pub use response::{ClusterResponse, RequestError};
pub use roll_call::{NodeReport, NotReached, roll_call};
pub use server_events::{ServerAnswer, ask_servers, emit_to_servers};
pub use sockets::SocketInfo;
pub use thread::ClusterThread;
