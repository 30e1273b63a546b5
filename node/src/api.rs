//! What a Rust program sees: [`Io`], [`Namespace`], [`Socket`], the operators that emit, and handlers with
//! extractors.

mod ack;
mod data;
mod emit;
mod error;
mod extract;
#[cfg(feature = "fault-injection")]
pub mod fault;
mod handler;
mod io;
mod namespace;
mod observe;
mod rooms;
mod socket;

pub use ack::{Ack, Acknowledgement, FromAnswer};
pub use emit::{Broadcast, Direct};
pub use error::{AckError, ConnectError, EmitError};
pub use extract::{Auth, Data, EventName, FromContext};
pub use handler::{Handler, IntoDecision, IntoOutcome};
pub use io::{Io, IoBuilder};
pub use namespace::Namespace;
pub use observe::Observation;
pub use rooms::{Changed, IntoRooms};
pub use socket::Socket;
