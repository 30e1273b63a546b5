//! What a node asks of the bus.

use std::sync::Arc;
use std::time::Duration;

use fanfare_proto::wire::envelope::Body;
use fanfare_proto::{BusMeters, Closed, Outlet, PublishError, Settled, State, Subject, courier, encode};
use tokio::time::Instant;

use crate::bus::Shared;

/// Dropping it leaves the bus at once.
pub(crate) struct NatsOutlet {
    pub(crate) shared: Arc<Shared>,
}

impl Outlet for NatsOutlet {
    fn envelope_bytes_max(&self) -> usize {
        self.shared.envelope_bytes_max
    }

    fn publish(&self, subjects: &[Subject], mut body: Body) -> Result<(), PublishError> {
        let shared = &self.shared;
        let max = shared.envelope_bytes_max;
        let check =
            |bytes: usize| if bytes > max { Err(PublishError::TooLarge { bytes, max }) } else { Ok(()) };
        let was_empty = if let Body::Heartbeat(_) = body {
            // What it tells must not change before it is numbered.
            let mut queue = shared.queue.lock();
            queue.complete(&mut body);
            let bytes = encode(&body);
            check(bytes.len())?;
            queue.push(subjects, bytes, Instant::now())?
        } else {
            let bytes = encode(&body);
            check(bytes.len())?;
            shared.queue.lock().push(subjects, bytes, Instant::now())?
        };
        if was_empty {
            courier::wake(shared.clone().into());
        }
        Ok(())
    }

    fn listen(&self, subject: Subject) {
        if self.shared.interests.lock().listen(&subject.path()) {
            self.shared.interests_changed.notify_one();
        }
    }

    fn unlisten(&self, subject: &Subject) {
        if self.shared.interests.lock().unlisten(&subject.path(), Instant::now()) {
            self.shared.interests_changed.notify_one();
        }
    }

    fn settled(&self) -> Settled {
        let mut interests = self.shared.interests.lock();
        // Looked at under the lock: who gives up takes it after the state has changed.
        if self.shared.link.state() != State::Connected {
            return Box::pin(std::future::ready(()));
        }
        let Some(settled) = interests.settle() else { return Box::pin(std::future::ready(())) };
        self.shared.interests_changed.notify_one();
        // An error means that nobody shall wait any more.
        Box::pin(async move { drop(settled.await) })
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

impl Drop for NatsOutlet {
    fn drop(&mut self) {
        self.shared.leave(Duration::ZERO);
    }
}
