//! The cluster's wire: envelopes and the `Bus` seam that carries them between nodes.
//!
//! Reserved: this crate has no content before nodes can form a cluster; see `docs/decisions/0001-one-node-first.md`.
