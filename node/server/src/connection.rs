//! One Engine.IO session: its transport, heartbeat and upgrade, and the way from its packets to its sockets.

mod actor;
mod admission;
mod charge;
mod closing;
mod decoder;
mod dialect;
mod dispatch;
mod entry;
mod held;
mod inbox;
mod message;
mod namespaces;
mod polling;
mod probe;
mod probe_socket;
mod rate_limit;
mod sessions;
mod state;
mod task;

pub use actor::Opening;
pub use admission::{Admission, Permit, subscriber};
pub use dialect::Dialect;
pub use inbox::Posted;
#[cfg(feature = "fault-injection")]
pub use message::CrashConnection;
pub use message::{
    Candidate, ConnectionSnapshot, FailPost, FinishPost, ObserveConnection, Poll, PollAnswer, Precedence,
    StartPost, Unanswered,
};
pub use sessions::{Hub, Session, Sessions};
pub use state::Connection;
