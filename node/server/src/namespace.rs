//! Namespaces: who is in them, who may enter, and the supervision of what lives in them.

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
