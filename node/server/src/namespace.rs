//! Namespaces: how they come to be and end, their sockets, admission to them, and the supervision of their actors.

mod actor;
mod admission;
mod core;
mod end;
mod message;
mod old_names;
mod parent;
mod presence;
mod registry;

pub use actor::namespace_here;
pub(crate) use admission::send_refusal;
pub use core::NamespaceCore;
#[cfg(feature = "fault-injection")]
pub use message::CrashShardOf;
pub use message::{Connect, Decided, NamespaceSnapshot, ObserveNamespace, SocketDied, Verdict};
pub use parent::{Asked, NameParams, NamespaceAttempt, NamespacePatternError, ParentCore};
pub use presence::Visit;
pub use registry::{NoEntry, Opening, Registry};
