//! Measurements: latencies, the books, the time series, and what servers and tester use of the machine.

pub(crate) mod latency;
pub(crate) mod ledger;
pub(crate) mod listening;
pub(crate) mod meter;
pub(crate) mod outcome;
pub(crate) mod process;
pub(crate) mod prometheus;
pub(crate) mod sequence;
pub(crate) mod series;
pub(crate) mod watch;
