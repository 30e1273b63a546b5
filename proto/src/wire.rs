//! The language of the nodes of a cluster: the messages of the schema, checked [envelopes](envelope), and the
//! [subjects](crate::Subject) they go to. Nothing here knows how they are carried; that is the business of `bus`.
//!
//! The messages are generated from `proto/fanfare/v1/envelope.proto`, where every field is explained.

// Takes the place of the schema's module of this name, and has its `Body`.
pub mod envelope;
mod schema;
pub(crate) mod subject;

#[cfg(test)]
pub(crate) mod arbitrary;

pub use schema::*;
