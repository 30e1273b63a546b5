//! The `Bus` of `fanfare-proto` over NATS.
//!
//! ```
//! use fanfare_adapter_nats::{NatsBus, NatsOptions};
//!
//! let options = NatsOptions { servers: vec!["nats://127.0.0.1:4222".into()], ..NatsOptions::default() };
//! let bus = NatsBus::new(options)?; // checks the options; connects once a node starts it
//! // let io = fanfare::Io::builder().bus(bus).build();
//! # drop(bus);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`NatsOptions`] say which servers and how, [`NatsBus`] joins them. Envelopes to be published wait in a bounded `queue`
//! for the `writer`, after an outage until the other nodes are back (`hold`). Envelopes of others go from the
//! subscriptions through the `merge`, which restores the order between them, into the `inbox` that the node reads. The `reconciler` carries out
//! the `interests` and has the `barrier` prove that they are in force; `events` of the client library change the state of
//! the `link`, and tell `faults`.
//!
//! Run it on a current-thread runtime, as nodes do: nothing arrives while a batch is taken, so that each batch ends. On
//! another one a flood that is faster than this reads is handed out only once it pauses.
//!
//! The client library logs each event at INFO and each failure at ERROR, again and again. This crate logs what people
//! need, once; so let a log filter turn `async_nats` off.

#![deny(clippy::unwrap_used)]

mod arrivals;
mod barrier;
mod bus;
mod dial;
mod events;
mod faults;
mod hold;
mod inbox;
mod interests;
mod link;
mod merge;
mod options;
mod peers;
mod publisher;
mod queue;
mod reconciler;
mod shared;
mod subjects;
mod writer;

pub use bus::NatsBus;
pub use options::{NatsOptions, OptionFaults};
