//! The task that carries out the node's [interests](crate::interests): subscribes, has the server confirm it, and
//! unsubscribes later.
//!
//! # What `settled` guarantees
//!
//! With one NATS server: what reaches the server from then on comes. With a cluster of servers: what reaches any server
//! from then on that is known to have nodes. A server is not known while its first node is just connecting, and no
//! longer when it does not [answer](crate::echo) for half a second, as when servers are cut off from each other.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use fanfare_proto::State;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::bus::Shared;
use crate::echo::Caller;
use crate::merge::Change;
use crate::round_trip::round_trip;

/// Who waits until the server confirms is let go this long after a dead server would have been noticed.
const CONFIRMATION_PATIENCE: Duration = Duration::from_secs(10);

/// How often the server is asked how long it takes to answer.
const MEASURE_INTERVAL: Duration = Duration::from_secs(15);

pub(crate) struct Listener {
    shared: Arc<Shared>,
    client: Client,
    state: watch::Receiver<State>,
    caller: Caller,
    /// So that it is said once.
    complained: bool,
    /// When the server is to be asked how long it takes to answer.
    measure_at: Instant,
}

impl Listener {
    pub(crate) fn new(shared: Arc<Shared>, client: Client, caller: Caller) -> Self {
        let state = shared.link.watch();
        Self { shared, client, state, caller, complained: false, measure_at: Instant::now() }
    }

    /// Runs until the bus is left.
    pub(crate) async fn run(mut self) {
        loop {
            let state = *self.state.borrow_and_update();
            match state {
                State::Closed => break,
                State::Connected => self.carry_out().await,
                State::Connecting | State::Disconnected => self.shared.interests.lock().give_up(),
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
            () = sleep_until(self.measure_at), if is_connected => {}
            () = self.caller.note() => {}
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
        if self.measure_at <= Instant::now() {
            self.measure().await;
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

    async fn measure(&mut self) {
        let started = Instant::now();
        self.measure_at = started + MEASURE_INTERVAL;
        let patience = self.shared.death_notice + CONFIRMATION_PATIENCE;
        if round_trip(&self.client, &self.shared.subjects, patience).await {
            self.shared.meters.round_trip_us.set(started.elapsed().as_micros() as u64);
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
            Err(error) => tracing::error!(path = &*path, %error, "cannot subscribe"),
        }
    }

    async fn confirm(&mut self, mark: u64) {
        let patience = self.shared.death_notice + CONFIRMATION_PATIENCE;
        let asked = round_trip(&self.client, &self.shared.subjects, patience);
        let (confirmed, ()) = tokio::join!(asked, self.caller.call());
        if !confirmed && !std::mem::replace(&mut self.complained, true) {
            tracing::warn!(
                "NATS does not confirm subscriptions, so joins are not known to be in force: does the server let this \
                 user publish and subscribe below `{}`?",
                self.shared.subjects.of(">")
            );
        }
        for path in self.shared.interests.lock().confirm(mark) {
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
