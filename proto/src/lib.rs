//! The cluster wire of Fanfare: what nodes say to each other, and the seam [`Bus`] that carries it.
//!
//! [`wire`] is the schema (`proto/fanfare/v1/envelope.proto`), [`Envelope`] what was checked of it, [`Subject`] where it
//! goes. An implementation of [`Bus`] moves frames; [`Outgoing`] numbers and cuts them, [`Incoming`] restores order,
//! puts parts together and counts what is missing, so that every bus keeps the same promises. [`MemoryBus`] is one
//! without a network. `conformance` is what each must pass. [`courier`] spares
//! the threads on both sides wake-ups.

#![deny(clippy::unwrap_used)]

mod bus;
pub mod courier;
mod envelope;
mod incoming;
mod memory;
mod meters;
mod outgoing;
mod subject;
pub mod wire;

#[cfg(test)]
mod arbitrary;
#[cfg(feature = "conformance")]
pub mod conformance;

pub use bus::{Bus, Closed, Identity, Inbound, Inlet, Outlet, PublishError, Settled, State};
pub use envelope::{ATTACHMENTS_MAX, Envelope, Refusal};
pub use incoming::Incoming;
pub use memory::{Faults, MemoryBus, MemoryHub};
pub use meters::{BusMeters, Meter};
pub use outgoing::{Frame, Numbered, Outgoing, encode};
pub use prost;
pub use subject::{ROOM_BUCKETS, Subject, bucket_of};
