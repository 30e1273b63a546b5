//! Whether the bus is connected, and since when.

use std::sync::Arc;

use fanfare_proto::{BusMeters, Inbound, State};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::inbox::Inbox;

/// The state of the connection. The node is told of each change, our tasks watch it.
#[derive(Debug)]
pub(crate) struct Link {
    state: watch::Sender<State>,
    /// Since when there is no connection, while there is none.
    away_since: Mutex<Option<Instant>>,
    inbox: Arc<Inbox>,
    meters: Arc<BusMeters>,
}

impl Link {
    /// Creates a link that is not connected yet, which is the first thing the node is told.
    pub(crate) fn new(inbox: Arc<Inbox>, meters: Arc<BusMeters>) -> Self {
        inbox.push(Inbound::State(State::Connecting));
        Self {
            state: watch::Sender::new(State::Connecting),
            away_since: Mutex::new(Some(Instant::now())),
            inbox,
            meters,
        }
    }

    pub(crate) fn state(&self) -> State {
        *self.state.borrow()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Returns since when there is no connection; `None` while there is one.
    pub(crate) fn away_since(&self) -> Option<Instant> {
        *self.away_since.lock()
    }

    /// Notes that there is a connection. Returns for how many milliseconds there was none, if there had been one before.
    pub(crate) fn up(&self) -> Option<u64> {
        if self.state() == State::Closed {
            return None;
        }
        let was_lost = self.state() == State::Disconnected;
        let away_since = self.away_since.lock().take();
        let outage = away_since.filter(|_| was_lost).map(|since| since.elapsed().as_millis() as u64);
        if let Some(outage_ms) = outage {
            self.meters.reconnects.increment();
            self.meters.last_outage_ms.set(outage_ms);
        }
        self.tell(State::Connected);
        outage
    }

    /// Notes that the connection is lost.
    pub(crate) fn down(&self) {
        if self.state() == State::Closed {
            return;
        }
        *self.away_since.lock() = Some(Instant::now());
        self.meters.disconnects.increment();
        self.tell(State::Disconnected);
    }

    /// Notes that the bus was left: the last thing the node is told.
    pub(crate) fn close(&self) {
        self.tell(State::Closed);
        self.inbox.close();
    }

    fn tell(&self, state: State) {
        // The inbox first: a task that sees the new state finds the news already there.
        self.inbox.push(Inbound::State(state));
        self.state.send_replace(state);
    }
}
