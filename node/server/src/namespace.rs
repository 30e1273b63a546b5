//! Namespaces: their sockets, admission to them, and the supervision of their actors.

mod actor;
mod admission;
mod core;
mod message;
mod registry;

pub use actor::namespace_here;
pub(crate) use admission::send_refusal;
pub use core::NamespaceCore;
#[cfg(feature = "fault-injection")]
pub use message::CrashShardOf;
pub use message::{Connect, Decided, NamespaceSnapshot, ObserveNamespace, SocketDied, Verdict};
pub use registry::Registry;
