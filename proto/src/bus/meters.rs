//! The counts of a bus, for the program that publishes metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that is read from other threads.
#[derive(Debug, Default)]
pub struct Meter(AtomicU64);

impl Meter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// Adds `n`, or as much as there is room for.
    pub fn add_saturating(&self, n: u64) {
        // The closure always returns a value.
        let _ = self.0.fetch_update(Relaxed, Relaxed, |sum| Some(sum.saturating_add(n)));
    }

    /// Takes `n` away, which was added before.
    pub fn subtract(&self, n: u64) {
        self.0.fetch_sub(n, Relaxed);
    }

    /// Sets the number.
    pub fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    /// Returns the number now.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The meters of one bus. All are sums since the start unless they say otherwise.
#[derive(Debug, Default)]
pub struct BusMeters {
    /// Frames handed to the network.
    pub published: Meter,
    /// Bytes of frames handed to the network.
    pub published_bytes: Meter,
    /// Envelopes dropped before they could be published: the queue was full, or they waited too long.
    pub dropped: Meter,
    /// Frames received from the network.
    pub received: Meter,
    /// Bytes of frames received from the network.
    pub received_bytes: Meter,
    /// Envelopes that others published for this node and that never came: gaps in their numbers. An envelope that was
    /// published on several subjects counts for each that it is missing on, even if it came on another. Signs of life
    /// are not among them.
    pub lost: Meter,
    /// Heartbeats and goodbyes of others that never came; the next one says the same.
    pub signs_lost: Meter,
    /// Times the numbers of a sender had to be set back, since something with untrue numbers had come in its name.
    pub set_back: Meter,
    /// Frames that came twice, or too late to be handed out in order.
    pub late: Meter,
    /// Frames that could not be read, or said what cannot be. Their envelopes are not lost, unless not even the number
    /// could be read.
    pub refused: Meter,
    /// Frames of a newer version, or with a body this version does not know.
    pub unknown: Meter,
    /// Envelopes put together from parts.
    pub assembled: Meter,
    /// Times the connection to the broker was lost.
    pub disconnects: Meter,
    /// Times the connection to the broker came back.
    pub reconnects: Meter,
    /// Milliseconds that the last interruption lasted.
    pub last_outage_ms: Meter,
    /// Microseconds that the broker took to answer when it was asked last.
    pub round_trip_us: Meter,
    /// Waits for subscriptions to be in force that ended without proof of it.
    pub unsynced: Meter,
    /// Times this node read too slowly, so that messages were thrown away before it saw them.
    pub overruns: Meter,
    /// Bytes that wait to be published now.
    pub queued_bytes: Meter,
    /// Other buses that are known to be there now, of nodes and of programs that only send.
    pub peers: Meter,
    /// Subjects that are subscribed to now.
    pub interests: Meter,
    /// Senders that are remembered now, so that what comes late of them is told from what is new.
    pub senders: Meter,
    /// Subjects on which the numbers of senders are remembered now, each counted for each sender.
    pub sender_subjects: Meter,
    /// Bytes of envelopes in parts that are not complete now.
    pub parts_bytes: Meter,
}
