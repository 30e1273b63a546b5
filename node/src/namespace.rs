//! Namespaces: who is in them, who may enter, and the supervision of what lives in them.

mod actor;
mod admission;
mod core;
mod message;
mod registry;

pub use actor::namespace_here;
pub(crate) use admission::send_refusal;
pub use core::NamespaceCore;
pub use message::{Connect, Decided, ObserveNamespace, NamespaceSnapshot, SocketDied, Verdict};
#[cfg(feature = "fault-injection")]
pub use message::CrashShardOf;
pub use registry::Registry;
