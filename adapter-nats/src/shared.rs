//! The state that the tasks and the publisher of one bus have in common.

use std::sync::Arc;
use std::time::Duration;

use fanfare_proto::wire::envelope::Body;
use fanfare_proto::{BusMeters, Envelope};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::arrivals::Arrivals;
use crate::faults::Faults;
use crate::interests::Interests;
use crate::link::Link;
use crate::peers::{PeerId, Peers};
use crate::queue::Queue;
use crate::subjects::Subjects;

/// The longest patience when leaving, and the pause before the next attempt to connect after that.
pub(crate) const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// State of one bus, for its tasks and its publisher.
pub(crate) struct Shared {
    /// The name by which operators find it on the server.
    pub(crate) name: Arc<str>,
    /// The id by which other buses tell it from all others.
    pub(crate) id: PeerId,
    pub(crate) subjects: Subjects,
    pub(crate) envelope_bytes_max: usize,
    /// Longest wait for subscriptions to be in force.
    pub(crate) sync_timeout: Duration,
    /// From the publisher to the writer, which is told when it is no longer empty.
    pub(crate) queue: Mutex<Queue>,
    /// From the publisher to the reconciler.
    pub(crate) interests: Mutex<Interests>,
    pub(crate) interests_changed: Notify,
    /// The other buses: kept by both sides of the barrier. The calling one is told of changes.
    pub(crate) peers: Mutex<Peers>,
    pub(crate) peers_changed: Notify,
    /// From the events to the barrier, and to the publisher.
    pub(crate) faults: Faults,
    /// From the reconciler, and the client library's channels, to the merge.
    pub(crate) arrivals: Arc<Arrivals>,
    pub(crate) link: Link,
    /// Set when the node leaves: how long that may take.
    pub(crate) leaves_at: watch::Sender<Option<Instant>>,
    pub(crate) meters: Arc<BusMeters>,
}

impl Shared {
    /// Notes that other nodes show themselves, or leave: what is held may be held for one of them.
    pub(crate) fn hear_signs<'a>(&self, envelopes: impl Iterator<Item = &'a Envelope>) {
        let now = Instant::now();
        let mut wake = None;
        for Envelope { node, body, .. } in envelopes {
            let mut queue = self.queue.lock();
            let nobody_is_missing = match body {
                Body::Heartbeat(heartbeat) => {
                    queue.hold.heard(node, Duration::from_millis(heartbeat.interval_ms), now)
                }
                Body::Goodbye(_) => queue.hold.left(node),
                _ => false,
            };
            if nobody_is_missing {
                wake = queue.writer.notify();
            }
        }
        if let Some(wake) = wake {
            wake.send();
        }
    }

    /// Ends when the barrier has proven once more that the server has got as far as this; the end of the bus ends it too.
    pub(crate) async fn prove_anew(&self) {
        let synced = {
            let mut interests = self.interests.lock();
            interests.doubt();
            interests.synced()
        };
        self.interests_changed.notify_one();
        if let Some(synced) = synced {
            // An error means that nobody waits any more.
            let _ = synced.await;
        }
    }

    /// Begins to leave. The first word counts.
    pub(crate) fn leave(&self, patience: Duration) {
        let wake = {
            let mut queue = self.queue.lock();
            queue.close();
            queue.writer.notify()
        };
        self.leaves_at.send_if_modified(|leaves_at| {
            let is_first = leaves_at.is_none();
            leaves_at.get_or_insert_with(|| Instant::now() + patience.min(FOREVER));
            is_first
        });
        if let Some(wake) = wake {
            wake.send();
        }
    }
}
