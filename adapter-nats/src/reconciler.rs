//! The task that carries out the node's [interests](crate::interests): subscribes, has the server confirm it, and
//! unsubscribes later.
//!
//! # What `synced` guarantees
//!
//! Whatever reaches any NATS server from then on comes, if the server has nodes that are known to this one: servers of
//! the same cluster, and those joined as leaf nodes. A node whose [barrier](crate::barrier) passed on its connection
//! knows all others; one that does not answer for two seconds is no longer waited for, which is counted.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use fanfare_proto::State;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::arrivals::Change;
use crate::barrier::Barrier;
use crate::shared::Shared;

/// Intervals at which the others are told where this bus is: soon after it has connected, since two that connect at once do not
/// hear each other's first word, then less and less often, down to the second one.
const ANNOUNCE_INTERVALS: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];

pub(crate) struct Reconciler {
    shared: Arc<Shared>,
    client: Client,
    state: watch::Receiver<State>,
    barrier: Barrier,
    /// When the others are to be told again where this bus is; the barrier is passed then, whether somebody waits or not.
    announce_at: Instant,
    announce_interval: Duration,
}

impl Reconciler {
    pub(crate) fn new(shared: Arc<Shared>, client: Client, barrier: Barrier) -> Self {
        let state = shared.link.watch();
        let (announce_at, announce_interval) = (Instant::now(), ANNOUNCE_INTERVALS[0]);
        Self { shared, client, state, barrier, announce_at, announce_interval }
    }

    /// Runs until the bus is left.
    pub(crate) async fn run(mut self) {
        loop {
            let state = *self.state.borrow_and_update();
            match state {
                State::Closed => break,
                State::Connected => self.carry_out().await,
                State::Connecting | State::Disconnected => self.announce_interval = ANNOUNCE_INTERVALS[0],
            }
            self.wait().await;
        }
        self.shared.interests.lock().give_up();
    }

    async fn wait(&mut self) {
        // Nothing can be unsubscribed while there is no connection.
        let is_connected = *self.state.borrow() == State::Connected;
        let next_end = self.shared.interests.lock().next_end().filter(|_| is_connected);
        let end = async {
            match next_end {
                Some(end) => sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.shared.interests_changed.notified() => {}
            _ = self.state.changed() => {}
            () = end => {}
            () = sleep_until(self.announce_at), if is_connected => {}
            () = self.barrier.note_late() => {}
        }
    }

    /// Everything there is to do, or until the connection changes.
    async fn carry_out(&mut self) {
        let mut changed = self.state.clone();
        tokio::select! {
            biased;
            // Whatever is under way is lost then, and is done again after.
            _ = changed.changed() => {}
            () = self.work() => {}
        }
    }

    async fn work(&mut self) {
        if self.announce_at <= Instant::now() {
            self.announce_at = Instant::now() + self.announce_interval;
            self.announce_interval = ANNOUNCE_INTERVALS[1].min(self.announce_interval * 2);
            if self.shared.faults.is_retry_due(Instant::now()) {
                // An error means that the client library is gone, and with it the bus.
                let _ = self.client.force_reconnect().await;
                return;
            }
            self.barrier.announce().await;
            self.shared.interests.lock().doubt();
        }
        loop {
            self.unsubscribe();
            let (fresh, mark) = {
                let mut interests = self.shared.interests.lock();
                (interests.take_fresh(), interests.mark())
            };
            let Some(mark) = mark else { return };
            let mut fresh = Fresh { shared: &self.shared, paths: fresh };
            while let Some(path) = fresh.paths.last() {
                self.subscribe(path.clone()).await;
                fresh.paths.pop();
            }
            drop(fresh);
            self.confirm(mark).await;
        }
    }

    fn unsubscribe(&self) {
        let unwanted = self.shared.interests.lock().take_unwanted(Instant::now());
        for path in unwanted {
            self.shared.arrivals.change(Change::Remove { path });
        }
    }

    async fn subscribe(&self, path: Arc<str>) {
        match self.client.subscribe(self.shared.subjects.of(&path)).await {
            Ok(subscriber) => {
                if self.shared.interests.lock().subscribed(&path) {
                    self.shared.arrivals.change(Change::Add { path, subscriber });
                }
            }
            // The client library is gone, which ends the bus.
            Err(error) => tracing::error!(path = &*path, %error, "the bus cannot subscribe to a subject"),
        }
    }

    async fn confirm(&mut self, mark: u64) {
        let proven = self.barrier.pass().await;
        for path in self.shared.interests.lock().confirm(mark, proven) {
            self.shared.arrivals.change(Change::Confirm { path });
        }
    }
}

/// Subjects taken to be subscribed to. What is left goes back if the work is broken off.
struct Fresh<'a> {
    shared: &'a Shared,
    paths: Vec<Arc<str>>,
}

impl Drop for Fresh<'_> {
    fn drop(&mut self) {
        let mut interests = self.shared.interests.lock();
        self.paths.drain(..).for_each(|path| interests.put_back(path));
    }
}
