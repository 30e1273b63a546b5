//! Faults that keep a connected bus from doing its work, in words for operators.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::subjects::Subjects;

/// Interval at which a mute bus connects anew: what the server allows may have changed, which it tells nobody.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// Refusals of the server on this connection, and whether messages get through at all.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    found: Mutex<Found>,
    /// Wakes the barrier.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Found {
    /// The first of each kind.
    refused: BTreeMap<Refused, String>,
    /// They are of the connection before, on which the bus was mute, and count until this one is known to be better.
    is_stale: bool,
    /// Since when the server refuses what the barrier needs: it would wait in vain.
    mute_since: Option<Instant>,
    proof: Proof,
    /// Whether it was logged already that messages do not come back.
    is_logged: bool,
}

/// Whether messages of this bus were ever proven to reach its server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Proof {
    /// Not yet.
    #[default]
    Awaited,
    /// On this connection. If the server falls silent now, all nodes are concerned, and the connection ends soon: that is
    /// an outage like any other, in which a node serves its own clients.
    Given,
    /// On an earlier connection. This one is new, and may lead elsewhere.
    AwaitedAgain,
    /// Waited for on this connection in vain.
    Missing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Refused {
    Publish,
    Subscribe,
    Count,
}

impl Faults {
    /// Notes a complaint of the server.
    pub(crate) fn complaint(&self, text: &str, subjects: &Subjects) {
        let Some(refused) = Refused::read(text) else { return };
        let subject = text.split('"').nth(1).unwrap_or_default();
        let mut found = self.found.lock();
        found.forget_stale();
        if subjects.serves_barrier(subject) {
            found.mute_since.get_or_insert_with(Instant::now);
        }
        found.refused.entry(refused).or_insert_with(|| refused.describe(subject, subjects));
        self.changed.notify_one();
    }

    /// Notes that there is another connection.
    pub(crate) fn forgive(&self) {
        let mut found = self.found.lock();
        found.is_stale |= found.mute_since.take().is_some();
        if !found.is_stale {
            found.refused.clear();
        }
        if found.proof == Proof::Given {
            found.proof = Proof::AwaitedAgain;
        }
    }

    /// Notes that a message has got as far as the server.
    pub(crate) fn came_back(&self) {
        let mut found = self.found.lock();
        found.forget_stale();
        (found.proof, found.is_logged) = (Proof::Given, false);
    }

    /// Notes that a message had much time to reach the server, and has not.
    pub(crate) fn did_not_come_back(&self, subjects: &Subjects) {
        let mut found = self.found.lock();
        if found.proof != Proof::Given {
            found.proof = Proof::Missing;
        }
        if !std::mem::replace(&mut found.is_logged, true) {
            tracing::warn!(
                "NATS does not confirm subscriptions, so joins are not known to be in force: does the server let this \
                 user publish and subscribe below `{}`?",
                subjects.of(">")
            );
        }
    }

    /// Whether the server refuses what the barrier needs.
    pub(crate) fn is_mute(&self) -> bool {
        self.found.lock().mute_since.is_some()
    }

    /// Whether it is time to connect anew: a bus that is mute has nothing to lose.
    pub(crate) fn is_retry_due(&self, now: Instant) -> bool {
        self.found
            .lock()
            .mute_since
            .is_some_and(|since| now.saturating_duration_since(since) >= RETRY_INTERVAL)
    }

    /// Ends when the server refuses something.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// One sentence for each; what to do included.
    pub(crate) fn describe(&self) -> Vec<String> {
        let found = self.found.lock();
        let mut faults: Vec<_> = found.refused.values().cloned().collect();
        let is_unproven = matches!(found.proof, Proof::Awaited | Proof::Missing);
        if faults.is_empty() && is_unproven {
            faults
                .push("NATS does not answer this node, though it is there: is the server overloaded?".into());
        }
        faults
    }
}

impl Found {
    fn forget_stale(&mut self) {
        if std::mem::take(&mut self.is_stale) {
            self.refused.clear();
        }
    }
}

impl Refused {
    fn read(complaint: &str) -> Option<Self> {
        let complaint = complaint.to_lowercase();
        if complaint.contains("permissions violation for publish") {
            Some(Self::Publish)
        } else if complaint.contains("permissions violation for subscription") {
            Some(Self::Subscribe)
        } else {
            complaint.contains("maximum subscriptions").then_some(Self::Count)
        }
    }

    fn describe(self, subject: &str, subjects: &Subjects) -> String {
        let all = subjects.of(">");
        let forbidden = |verb| {
            format!(
                "NATS forbids this node to {verb} `{subject}`: allow its user to publish and subscribe to `{all}`, which \
                 counts from the next connection on"
            )
        };
        match self {
            Self::Publish => forbidden("publish to"),
            Self::Subscribe => forbidden("subscribe to"),
            Self::Count => {
                "NATS refuses more subscriptions: raise max_subscriptions on the server, which counts \
                            from the next connection on"
                    .into()
            }
        }
    }
}

#[cfg(test)]
mod tests;
