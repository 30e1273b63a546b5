//! The schema as Rust types, generated from `proto/fanfare/v1/envelope.proto`, where every field is explained.
#![allow(missing_docs, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/fanfare.v1.rs"));
