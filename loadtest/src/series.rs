//! The time series of a run: what happened in each interval, for the live line and the curves of a report. Pure.

use serde::{Deserialize, Serialize};

use crate::latency::Latency;

/// One interval of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When the interval ended, in seconds since the first one began (when connecting began).
    pub at_seconds: f64,
    /// How long it was, in seconds: one, but for the intervals cut short by the end of a phase.
    pub seconds: f64,
    /// What the tester was doing: `connect`, `warmup`, `measure`, `drain`, or a phase's own name.
    pub phase: String,
    /// Whether the interval counts towards the report's totals.
    pub is_measured: bool,
    /// Clients in their namespace at the end of the interval.
    pub connected: u64,
    /// Connections that came up within it.
    pub connects: u64,
    /// Units of work done within it: deliveries, acknowledgements, connections.
    pub units: u64,
    /// Messages sent within it.
    pub sent: u64,
    /// Messages that the plan wanted sent within it; `None` in a closed loop.
    pub planned: Option<u64>,
    /// What was moved within it.
    pub bytes: Bytes,
    /// The latencies of `units`; `None` if there was none.
    pub latency: Option<Latency>,
    /// Broken promises and failed connections noticed within it.
    pub errors: u64,
}

/// Bytes of the TCP streams (with TLS: inside them).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bytes {
    /// From the servers to the tester.
    pub received: u64,
    /// From the tester to the servers.
    pub sent: u64,
}
