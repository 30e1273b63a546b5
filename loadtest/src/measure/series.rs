//! The time series of a run: what happened in each interval, for the live line and the curves of a report. Pure.

use std::fmt;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::measure::latency::Latency;
use crate::measure::ledger::Ledger;

const INTERVAL_NS: u64 = 1_000_000_000;

/// One interval of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Time of the interval's end, in seconds since the first one began (when connecting began).
    pub at_seconds: f64,
    /// Length of the interval in seconds: one, but for the intervals cut short by the end of a phase.
    pub seconds: f64,
    /// Phase of the run: `connect`, `warmup`, `measure`, `drain`, or a phase's own name.
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
    /// Bytes moved within it.
    pub bytes: Bytes,
    /// The latencies of `units`; `None` if there was none.
    pub latency: Option<Latency>,
    /// Broken promises and failed connections noticed within it.
    pub errors: u64,
}

impl Sample {
    /// Whether it is long enough for a rate; an interval between two phases may last no time at all.
    pub(crate) fn has_rate(&self) -> bool {
        self.seconds >= 0.01
    }
}

/// Bytes of the TCP streams (with TLS: inside them).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bytes {
    /// Bytes from the servers to the tester.
    pub received: u64,
    /// Bytes from the tester to the servers.
    pub sent: u64,
}

impl Sample {
    /// Adds what another tester did in the same interval, all but its latencies.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.seconds = self.seconds.max(other.seconds);
        self.connected += other.connected;
        self.connects += other.connects;
        self.units += other.units;
        self.sent += other.sent;
        self.planned = self.planned.zip(other.planned).map(|(own, other)| own + other);
        self.bytes.merge(other.bytes);
        self.errors += other.errors;
    }
}

impl Bytes {
    pub(crate) fn merge(&mut self, other: Self) {
        self.received += other.received;
        self.sent += other.sent;
    }
}

/// Counts of the event loop, up to some moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counters {
    /// Clients in their namespace now.
    pub(crate) connected: u64,
    /// Connections that came up so far.
    pub(crate) connects: u64,
    pub(crate) bytes: Bytes,
}

/// Sums over the measured intervals.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Totals {
    pub(crate) seconds: f64,
    pub(crate) connects: u64,
    pub(crate) sent: u64,
    pub(crate) planned: Option<u64>,
    pub(crate) bytes: Bytes,
}

/// Notice to an observer.
pub(crate) enum Notice<'a> {
    /// A phase begins.
    Phase { is_measured: bool },
    /// An interval ended: its figures, and its latencies in nanoseconds.
    Interval(&'a Sample, &'a Histogram<u64>),
}

/// Observer of a run while it runs.
pub(crate) type Observer = Box<dyn FnMut(Notice<'_>) + Send>;

/// The intervals so far, and the one that is running.
pub(crate) struct Series {
    pub(crate) samples: Vec<Sample>,
    /// Sums over the measured intervals.
    pub(crate) totals: Totals,
    observer: Observer,
    phase: String,
    is_measured: bool,
    began_ns: u64,
    /// Everything that was counted when the running interval began.
    before: (Counters, Books),
}

/// Counts of the ledger, up to some moment.
#[derive(Debug, Clone, Copy, Default)]
struct Books {
    sent: u64,
    planned: Option<u64>,
    errors: u64,
}

impl Series {
    pub(crate) fn new(observer: Observer) -> Self {
        Self {
            samples: Vec::new(),
            totals: Totals::default(),
            observer,
            phase: "connect".to_owned(),
            is_measured: false,
            began_ns: 0,
            before: Default::default(),
        }
    }

    /// Whether the running interval is long enough.
    pub(crate) fn is_due(&self, now_ns: u64) -> bool {
        now_ns >= self.began_ns + INTERVAL_NS
    }

    /// Ends the running interval and begins the next, in the same phase.
    pub(crate) fn cut(&mut self, now_ns: u64, counters: Counters, ledger: &mut Ledger) {
        let books = Books {
            sent: ledger.sent,
            planned: ledger.planned,
            errors: ledger.accounts.faults() + ledger.failures,
        };
        let (counters_before, books_before) = std::mem::replace(&mut self.before, (counters, books));
        let sample = Sample {
            at_seconds: now_ns as f64 / 1e9,
            seconds: (now_ns - self.began_ns) as f64 / 1e9,
            phase: self.phase.clone(),
            is_measured: self.is_measured,
            connected: counters.connected,
            connects: counters.connects - counters_before.connects,
            units: ledger.interval.len(),
            sent: books.sent - books_before.sent,
            planned: books.planned.map(|planned| planned - books_before.planned.unwrap_or(0)),
            bytes: Bytes {
                received: counters.bytes.received - counters_before.bytes.received,
                sent: counters.bytes.sent - counters_before.bytes.sent,
            },
            latency: Latency::of(&ledger.interval),
            errors: books.errors - books_before.errors,
        };
        self.began_ns = now_ns;
        (self.observer)(Notice::Interval(&sample, &ledger.interval));
        if self.is_measured {
            self.totals.add(&sample);
        }
        ledger.close_interval(self.is_measured);
        self.samples.push(sample);
    }

    /// Names the phase of the next intervals, and says whether they count. The running one must have been cut.
    pub(crate) fn enter(&mut self, phase: &str, is_measured: bool) {
        phase.clone_into(&mut self.phase);
        self.is_measured = is_measured;
        (self.observer)(Notice::Phase { is_measured });
    }

    /// Returns the connections per second: of the measured intervals if any came up in them, else while connecting.
    pub(crate) fn connects_per_second(&self) -> Option<f64> {
        let is_concerned = |sample: &&Sample| match self.totals.connects {
            0 => sample.phase == "connect",
            _ => sample.is_measured,
        };
        let (connects, seconds) =
            self.samples.iter().filter(is_concerned).fold((0, 0.0), |(connects, seconds), sample| {
                (connects + sample.connects, seconds + sample.seconds)
            });
        (connects > 0).then_some(connects as f64 / seconds)
    }
}

impl Totals {
    /// Adds what another tester did in the same time.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.seconds = self.seconds.max(other.seconds);
        self.connects += other.connects;
        self.sent += other.sent;
        self.planned = self.planned.zip(other.planned).map(|(own, other)| own + other);
        self.bytes.merge(other.bytes);
    }

    fn add(&mut self, sample: &Sample) {
        self.seconds += sample.seconds;
        self.connects += sample.connects;
        self.sent += sample.sent;
        self.planned = sample.planned.map(|planned| self.planned.unwrap_or(0) + planned).or(self.planned);
        self.bytes.merge(sample.bytes);
    }
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Series").field("samples", &self.samples).finish_non_exhaustive()
    }
}
