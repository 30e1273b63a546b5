//! The cluster wire of Fanfare: the messages of nodes to each other, and the seam [`Bus`] that carries them.
//!
//! ```
//! use fanfare_proto::prost::Message;
//! use fanfare_proto::wire::envelope::Body;
//! use fanfare_proto::wire::{Broadcast, Envelope};
//!
//! let packet = r#"42["news","hello"]"#.to_owned();
//! let body = Body::Broadcast(Broadcast { packet: packet.into(), ..Broadcast::default() });
//! let envelope = Envelope { version: 1, body: Some(body), ..Envelope::default() };
//! let bytes = envelope.encode_to_vec();
//! assert_eq!(Envelope::decode(&*bytes)?, envelope);
//! # Ok::<(), fanfare_proto::prost::DecodeError>(())
//! ```
//!
//! [`wire`] has the schema (`proto/fanfare/v1/envelope.proto`). An [`Envelope`] is a message that was checked, a
//! [`Subject`] is its address. An implementation of [`Bus`] moves frames; [`Outgoing`] numbers and cuts them, [`Incoming`] restores order,
//! puts parts together and counts what is missing, so that every bus keeps [the same promises](Bus#promises-of-every-bus). [`MemoryBus`] needs no
//! network. The suite `conformance` is there for every bus to pass. [`wake`] spares the threads on both sides wake-ups.

#![deny(clippy::unwrap_used)]

pub mod wire;

mod bus;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use bus::incoming::Incoming;
pub use bus::memory::{Faults, MemoryBus, MemoryHub};
pub use bus::meters::{BusMeters, Meter};
pub use bus::outgoing::{Frame, Numbered, Outgoing, encode};
pub use bus::wake;
pub use bus::{Bus, Closed, Identity, Inbound, PublishError, Publisher, State, Subscription, Synced};
pub use prost;
pub use wire::envelope::{ATTACHMENTS_MAX, Envelope, EnvelopeError};
pub use wire::subject::{ROOM_BUCKETS, Subject, bucket_of};
