//! The `Bus` of `fanfare-proto` over NATS.
//!
//! Reserved: this crate has no content before nodes can form a cluster; see `docs/decisions/0001-one-node-first.md`.
