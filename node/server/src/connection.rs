//! One Engine.IO session: its transport, heartbeat and upgrade, and the way from its packets to its sockets.

mod actor;
mod allowance;
mod closing;
mod drive;
mod gate;
mod message;
mod packets;
mod polling;
mod probe;
mod seats;
mod sessions;
mod websocket;

pub use actor::{Connection, Opening};
pub use gate::{Gate, Place};
#[cfg(feature = "fault-injection")]
pub use message::CrashConnection;
pub use message::{
    Candidate, ConnectionSnapshot, FailPost, FinishPost, ObserveConnection, Poll, PollAnswer, Precedence,
    StartPost, Unanswered,
};
pub use sessions::{Hub, Session, Sessions};
pub use websocket::{Received, WebSocket, WebSocketError};
