//! What keeps a bus that is connected from doing its work, in words for operators.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::subjects::Subjects;

/// What the server refused on this connection, and whether messages get through at all.
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
    /// The server refuses what the barrier needs: it would wait in vain.
    is_mute: bool,
    /// A message of this bus was proven to have reached its server, and none has failed to since.
    comes_back: bool,
    /// It was said already that none does.
    is_logged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Refused {
    Publish,
    Subscribe,
    Count,
}

impl Faults {
    /// A complaint of the server.
    pub(crate) fn complaint(&self, text: &str, subjects: &Subjects) {
        let Some(refused) = Refused::read(text) else { return };
        let subject = text.split('"').nth(1).unwrap_or_default();
        let mut found = self.found.lock();
        found.is_mute |= subjects.serves_barrier(subject);
        found.refused.entry(refused).or_insert_with(|| refused.describe(subject, subjects));
        self.changed.notify_one();
    }

    /// There is another connection.
    pub(crate) fn forgive(&self) {
        let mut found = self.found.lock();
        (found.refused, found.is_mute) = (BTreeMap::new(), false);
    }

    /// A message has got as far as the server.
    pub(crate) fn came_back(&self) {
        let mut found = self.found.lock();
        (found.comes_back, found.is_logged) = (true, false);
    }

    /// A message had much time to, and has not.
    pub(crate) fn did_not_come_back(&self, subjects: &Subjects) {
        let mut found = self.found.lock();
        found.comes_back = false;
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
        self.found.lock().is_mute
    }

    /// Ends when the server refuses something.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// One sentence for each; what to do included.
    pub(crate) fn describe(&self) -> Vec<String> {
        let found = self.found.lock();
        let mut faults: Vec<_> = found.refused.values().cloned().collect();
        if faults.is_empty() && !found.comes_back {
            faults.push(
                "NATS is connected but has not answered this node yet: is the server overloaded?".into(),
            );
        }
        faults
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
                "NATS forbids this node to {verb} `{subject}`: allow its user to publish and subscribe to `{all}`"
            )
        };
        match self {
            Self::Publish => forbidden("publish to"),
            Self::Subscribe => forbidden("subscribe to"),
            Self::Count => "NATS refuses more subscriptions: raise max_subscriptions on the server".into(),
        }
    }
}
