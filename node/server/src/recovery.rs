//! Connection state recovery: the pure core. Positions, logs, sessions and their move to another place, as
//! [decision 40](../../../../docs/decisions/0040-recovery-moves-parked-sessions.md) has it.
//!
//! Values in, values out: no clock, no packet format, and no lock but those of the lanes. A **place** is a room shard: one reactor of one node,
//! in one namespace. It must never decide who may have a session; that is the business of the directory of sessions.

mod lanes;
mod log;
mod memberships;
mod parked;
mod pid;
mod position;
mod session;
#[cfg(test)]
mod simulation;
mod stamp;

pub use log::{LogBounds, Logs, Scope};
pub use memberships::Memberships;
pub use position::Position;
pub use session::{HandOver, Session};
pub use stamp::{Lane, Marks, Stamp};
