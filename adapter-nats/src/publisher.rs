//! The publishing side of the seam: from the node to the bus.

use std::sync::Arc;
use std::time::Duration;

use fanfare_proto::wire::envelope::Body;
use fanfare_proto::{BusMeters, Closed, PublishError, Publisher, State, Subject, Synced, encode};
use tokio::time::{Instant, timeout_at};

use crate::shared::Shared;

/// Dropping it leaves the bus at once.
pub(crate) struct NatsPublisher {
    pub(crate) shared: Arc<Shared>,
}

impl Publisher for NatsPublisher {
    fn envelope_bytes_max(&self) -> usize {
        self.shared.envelope_bytes_max
    }

    fn publish(&self, subjects: &[Subject], mut body: Body) -> Result<(), PublishError> {
        let shared = &self.shared;
        let max = shared.envelope_bytes_max;
        let is_heartbeat = matches!(body, Body::Heartbeat(_));
        let encoded = (!is_heartbeat).then(|| encode(&body));
        let now = Instant::now();
        let mut queue = shared.queue.lock();
        let overtakes = is_heartbeat && queue.held_until(now).is_some();
        let bytes = encoded.unwrap_or_else(|| {
            if !overtakes {
                // What a heartbeat tells must not change before it is numbered.
                queue.complete(&mut body);
            }
            encode(&body)
        });
        if bytes.len() > max {
            return Err(PublishError::TooLarge { bytes: bytes.len(), max });
        }
        if overtakes {
            queue.push_sign(subjects, bytes, now)?;
        } else {
            queue.push(subjects, bytes, now)?;
        }
        let wake = queue.writer.notify();
        drop(queue);
        if let Some(wake) = wake {
            wake.send();
        }
        Ok(())
    }

    fn subscribe(&self, subject: Subject) {
        if self.shared.interests.lock().add(&subject.path()) {
            self.shared.interests_changed.notify_one();
        }
    }

    fn unsubscribe(&self, subject: &Subject) {
        if self.shared.interests.lock().remove(&subject.path(), Instant::now()) {
            self.shared.interests_changed.notify_one();
        }
    }

    fn synced(&self) -> Synced {
        let shared = self.shared.clone();
        let begins = shared.link.away_since().unwrap_or_else(Instant::now);
        let mut interests = shared.interests.lock();
        // Looked at under the lock: giving up takes it after the state has changed.
        let synced = interests.synced().filter(|_| shared.link.state() != State::Closed);
        drop(interests);
        let Some(synced) = synced else { return Box::pin(std::future::ready(())) };
        shared.interests_changed.notify_one();
        Box::pin(async move {
            match timeout_at(begins + shared.sync_timeout, synced).await {
                // It is in force, or the bus was left.
                Ok(Ok(true) | Err(_)) => {}
                Ok(Ok(false)) | Err(_) => shared.meters.unsynced.increment(),
            }
        })
    }

    fn faults(&self) -> Vec<String> {
        match self.state() {
            State::Connected | State::Disconnected => self.shared.faults.describe(),
            State::Connecting | State::Closed => Vec::new(),
        }
    }

    fn state(&self) -> State {
        self.shared.link.state()
    }

    fn meters(&self) -> &BusMeters {
        &self.shared.meters
    }

    fn close(&self, patience: Duration) -> Closed {
        self.shared.leave(patience);
        let mut state = self.shared.link.watch();
        Box::pin(async move {
            // An error means that the tasks are gone, and with them the connection.
            let _ = state.wait_for(|state| *state == State::Closed).await;
        })
    }
}

impl Drop for NatsPublisher {
    fn drop(&mut self) {
        self.shared.leave(Duration::ZERO);
    }
}
