//! The books of a run: what came as promised, what did not, and how long it took. Pure.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::measure::sequence::{Arrival, Sequence};

/// Latencies above this are counted as this.
const LATENCY_NS_MAX: u64 = 100_000_000_000;

/// Promised and received messages, over the whole run from the first warm-up message to the end of the drain.
/// Every field but `expected` and `received` is 0 when the server kept its promises.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// Messages sent times receivers each.
    pub expected: u64,
    /// Arrivals for the first time, in order or late.
    pub received: u64,
    /// Messages that had not arrived when the drain ended.
    pub lost: u64,
    /// Arrivals of messages that had arrived before.
    pub doubled: u64,
    /// Arrivals after a message that was sent later.
    pub out_of_order: u64,
    /// Arrivals at a client they were not meant for.
    pub stray: u64,
    /// Messages whose content is not what was sent.
    pub corrupt: u64,
    /// Connections that the tester did not end.
    pub disconnected: u64,
    /// Times a window was given up after waiting too long for a message to complete.
    pub stalled: u64,
}

impl Accounts {
    /// Whether everything came exactly as promised.
    pub fn is_flawless(&self) -> bool {
        self.expected == self.received && self.faults() == 0
    }

    /// Adds what another tester booked in the same run.
    pub(crate) fn merge(&mut self, other: &Self) {
        let Self { expected, received, lost, doubled, out_of_order, stray, corrupt, disconnected, stalled } =
            self;
        *expected += other.expected;
        *received += other.received;
        *lost += other.lost;
        *doubled += other.doubled;
        *out_of_order += other.out_of_order;
        *stray += other.stray;
        *corrupt += other.corrupt;
        *disconnected += other.disconnected;
        *stalled += other.stalled;
    }

    /// Number of promises that were broken.
    pub(crate) fn faults(&self) -> u64 {
        let Self {
            expected: _,
            received: _,
            lost,
            doubled,
            out_of_order,
            stray,
            corrupt,
            disconnected,
            stalled,
        } = self;
        [lost, doubled, out_of_order, stray, corrupt, disconnected, stalled].into_iter().sum()
    }
}

/// Accounts that are being written.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// The counts so far; `expected` and `lost` are filled in by the traffic, which knows what was sent.
    pub(crate) accounts: Accounts,
    /// The first fault in words, to start a search from.
    pub(crate) first_fault: Option<String>,
    /// Latencies in nanoseconds of the units of work in the running interval of the series.
    pub(crate) interval: Histogram<u64>,
    /// Latencies in nanoseconds of all measured intervals that ended.
    pub(crate) latency: Histogram<u64>,
    /// The two histograms again for each [`Side`], if a run tells them apart.
    pub(crate) sides: Option<Box<[Histograms; 2]>>,
    /// Messages sent so far.
    pub(crate) sent: u64,
    /// Messages that the plan wanted sent so far; `None` in a closed loop.
    pub(crate) planned: Option<u64>,
    /// Connections that failed and are to be tried again.
    pub(crate) failures: u64,
}

/// Place of a receiver, seen from the publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// On the same node.
    Local = 0,
    /// On another node.
    Remote = 1,
}

/// The latencies of one [`Side`].
#[derive(Debug)]
pub(crate) struct Histograms {
    interval: Histogram<u64>,
    /// Latencies of all measured intervals that ended.
    pub(crate) latency: Histogram<u64>,
}

/// A histogram for latencies in nanoseconds.
pub(crate) fn empty_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3).expect("constant bounds are valid")
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            accounts: Accounts::default(),
            first_fault: None,
            interval: empty_histogram(),
            latency: empty_histogram(),
            sides: None,
            sent: 0,
            planned: None,
            failures: 0,
        }
    }

    /// Begins a new interval; what the old one held counts towards the measurement or is forgotten.
    pub(crate) fn close_interval(&mut self, is_measured: bool) {
        if is_measured {
            self.latency.add(&self.interval).expect("the bounds are the same");
        }
        self.interval.reset();
        for side in self.sides.iter_mut().flat_map(|sides| sides.iter_mut()) {
            if is_measured {
                side.latency.add(&side.interval).expect("the bounds are the same");
            }
            side.interval.reset();
        }
    }

    /// Keeps latencies for each [`Side`] too, from now on.
    pub(crate) fn tell_sides_apart(&mut self) {
        let side = || Histograms { interval: empty_histogram(), latency: empty_histogram() };
        self.sides = Some(Box::new([side(), side()]));
    }

    /// Books the side on which a unit of work was received.
    pub(crate) fn measure_side(&mut self, side: Side, latency_ns: u64) {
        if let Some(sides) = &mut self.sides {
            sides[side as usize].interval.saturating_record(latency_ns);
        }
    }

    /// Books the arrival of message `number`; true if it is the first time.
    pub(crate) fn arrived(
        &mut self,
        client: usize,
        sequence: &mut Sequence,
        number: u64,
        latency_ns: u64,
    ) -> bool {
        match sequence.arrived(number) {
            Arrival::Fresh => {}
            Arrival::Late => {
                self.accounts.out_of_order += 1;
                self.note(|| format!("client {client} received message {number} after a later one"));
            }
            Arrival::Doubled => {
                self.accounts.doubled += 1;
                self.note(|| format!("client {client} received message {number} more than once"));
                return false;
            }
        }
        self.accounts.received += 1;
        self.measure(latency_ns);
        true
    }

    /// Books one unit of work.
    pub(crate) fn measure(&mut self, latency_ns: u64) {
        self.interval.saturating_record(latency_ns);
    }

    /// Books a message that cannot have been sent to this client like this.
    pub(crate) fn corrupt(&mut self, client: usize, content: &[u8]) {
        self.accounts.corrupt += 1;
        let shown = &content[..content.len().min(120)];
        self.note(|| format!("client {client} received an unexpected {:?}", String::from_utf8_lossy(shown)));
    }

    /// Books a message meant for others.
    pub(crate) fn stray(&mut self, client: usize, publisher: u32) {
        self.accounts.stray += 1;
        self.note(|| {
            format!("client {client} received a message of publisher {publisher}, which it must not hear")
        });
    }

    /// Books a connection that the server ended.
    pub(crate) fn disconnected(&mut self, client: usize, reason: &str) {
        self.accounts.disconnected += 1;
        self.note(|| format!("client {client} was disconnected: {reason}"));
    }

    /// Books a message that did not complete in time.
    pub(crate) fn stalled(&mut self, publisher: usize) {
        self.accounts.stalled += 1;
        self.note(|| format!("a message of publisher {publisher} did not complete in time"));
    }

    fn note(&mut self, fault: impl FnOnce() -> String) {
        self.first_fault.get_or_insert_with(fault);
    }
}
