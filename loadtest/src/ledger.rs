//! The books of a run: what came as promised, what did not, and how long it took. Pure.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::sequence::{Arrival, Sequence};

/// Latencies above this are counted as this.
const LATENCY_NS_MAX: u64 = 100_000_000_000;

/// What was promised and what came, over the whole run from the first warm-up message to the end of the drain.
/// Every field but `expected` and `received` is 0 when the server kept its promises.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// Messages sent times receivers each.
    pub expected: u64,
    /// Arrivals for the first time, in order or late.
    pub received: u64,
    /// What had not arrived when the drain ended.
    pub lost: u64,
    /// Arrivals of what had arrived before.
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
        let Self { expected, received, lost, doubled, out_of_order, stray, corrupt, disconnected, stalled } =
            self;
        let faults = [lost, doubled, out_of_order, stray, corrupt, disconnected, stalled];
        expected == received && faults.iter().all(|count| **count == 0)
    }
}

/// Accounts that are being written.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// The counts so far; `expected` and `lost` are filled in at the end by whoever knows what was sent.
    pub(crate) accounts: Accounts,
    /// The first fault in words, to start a search from.
    pub(crate) first_fault: Option<String>,
    /// Whether arrivals count towards the measurement now.
    pub(crate) is_measuring: bool,
    /// First arrivals inside the measured window.
    pub(crate) measured: u64,
    /// Latencies in nanoseconds of what arrived inside the measured window.
    pub(crate) latency: Histogram<u64>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            accounts: Accounts::default(),
            first_fault: None,
            is_measuring: false,
            measured: 0,
            latency: Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3).expect("constant bounds are valid"),
        }
    }

    /// Books the arrival of message `number`; true if it is the first time.
    pub(crate) fn arrived(
        &mut self,
        who: usize,
        sequence: &mut Sequence,
        number: u64,
        latency_ns: u64,
    ) -> bool {
        match sequence.arrived(number) {
            Arrival::Fresh => {}
            Arrival::Late => {
                self.accounts.out_of_order += 1;
                self.note(|| format!("client {who} received message {number} after a later one"));
            }
            Arrival::Doubled => {
                self.accounts.doubled += 1;
                self.note(|| format!("client {who} received message {number} more than once"));
                return false;
            }
        }
        self.accounts.received += 1;
        self.measure(latency_ns);
        true
    }

    /// Books one unit of work towards the measurement, if one is on.
    pub(crate) fn measure(&mut self, latency_ns: u64) {
        if self.is_measuring {
            self.measured += 1;
            self.latency.saturating_record(latency_ns);
        }
    }

    /// Books a message that nobody can have sent to this client like this.
    pub(crate) fn corrupt(&mut self, who: usize, content: &[u8]) {
        self.accounts.corrupt += 1;
        let shown = &content[..content.len().min(120)];
        self.note(|| format!("client {who} received an unexpected {:?}", String::from_utf8_lossy(shown)));
    }

    /// Books a message meant for others.
    pub(crate) fn stray(&mut self, who: usize, publisher: u32) {
        self.accounts.stray += 1;
        self.note(|| {
            format!("client {who} received a message of publisher {publisher}, which it must not hear")
        });
    }

    /// Books a connection that the server ended.
    pub(crate) fn disconnected(&mut self, who: usize, reason: &str) {
        self.accounts.disconnected += 1;
        self.note(|| format!("client {who} was disconnected: {reason}"));
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
