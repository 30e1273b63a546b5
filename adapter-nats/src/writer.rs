//! The task that publishes what is queued, as fast as the server takes it.
//!
//! While there is no connection the client library would take a few hundred commands, to send them when it is back, and
//! then block. So nothing is handed to it then, and it is handed a frame only when it has room. When there is a connection
//! again the [queue](crate::queue) holds what waits until the other nodes are back.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_nats::Client;
use async_nats::message::OutboundMessage;
use fanfare_proto::{Frame, State};
use futures_util::SinkExt;
use futures_util::future::poll_fn;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval, sleep};

use crate::queue::Work;
use crate::shared::Shared;

/// Larger frames hold up all others on the line, whatever the server would take.
const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Interval at which the queue is searched for what is too old, while it cannot be emptied.
const EXPIRE_INTERVAL: Duration = Duration::from_millis(250);

pub(crate) struct Writer {
    shared: Arc<Shared>,
    client: Client,
    state: watch::Receiver<State>,
    /// For what gets too old while it cannot be published.
    expiry: Interval,
    /// For what is held.
    timer: Pin<Box<Sleep>>,
}

/// Reasons why a frame cannot be handed over.
enum Broken {
    /// The connection changed.
    Changed,
    /// The client library has ended, as it never should.
    Gone,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, client: Client) -> Self {
        let state = shared.link.watch();
        let mut expiry = interval(EXPIRE_INTERVAL);
        expiry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { shared, client, state, expiry, timer: Box::pin(sleep(Duration::ZERO)) }
    }

    /// Runs until the queue is closed and everything in it was published and has reached the server. If it is dropped
    /// before, the rest stays in the queue.
    pub(crate) async fn run(mut self) {
        while self.something_waits().await {
            match self.open().await {
                Ok(()) => self.publish_next().await,
                Err(Broken::Changed) => {}
                Err(Broken::Gone) => {
                    tracing::error!("the NATS client has ended, and with it the bus; restart this node");
                    return;
                }
            }
        }
        if *self.state.borrow_and_update() == State::Connected {
            tokio::select! {
                // What the barrier proves now stands behind everything published.
                () = self.shared.prove_anew() => {}
                // Nobody will ever know what arrived.
                _ = self.state.changed() => {}
            }
        }
    }

    /// Waits for something to publish. False if nothing will ever come.
    async fn something_waits(&mut self) -> bool {
        let Self { shared, timer, .. } = self;
        poll_fn(|cx| {
            loop {
                let now = Instant::now();
                let mut queue = shared.queue.lock();
                let missing = queue.hold.give_up(now);
                if missing > 0 {
                    tracing::warn!(
                        missing,
                        "not all nodes are back in time: what waited is published without them"
                    );
                }
                let until = match queue.work(now) {
                    Work::Now => {
                        queue.writer.stop_waiting();
                        return Poll::Ready(true);
                    }
                    Work::Over => return Poll::Ready(false),
                    Work::Later(until) => until,
                };
                queue.writer.wait(cx.waker());
                let Some(until) = until else { return Poll::Pending };
                drop(queue);
                timer.as_mut().reset(until);
                if timer.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// Waits until there is a connection with room for a frame.
    async fn open(&mut self) -> Result<(), Broken> {
        while *self.state.borrow_and_update() != State::Connected {
            tokio::select! {
                _ = self.state.changed() => {}
                _ = self.expiry.tick() => self.expire(),
            }
        }
        self.room().await
    }

    /// Waits until there is room for a frame on this connection.
    async fn room(&mut self) -> Result<(), Broken> {
        loop {
            tokio::select! {
                biased;
                ready = poll_fn(|cx| self.client.poll_ready_unpin(cx)) => {
                    return ready.map_err(|_| Broken::Gone);
                }
                _ = self.state.changed() => return Err(Broken::Changed),
                _ = self.expiry.tick() => self.expire(),
            }
        }
    }

    fn expire(&self) {
        self.shared.queue.lock().expire(Instant::now());
    }

    /// Publishes all copies of the next envelope. There is room for one frame.
    async fn publish_next(&mut self) {
        let next = self.shared.queue.lock().pop(Instant::now());
        // What waited may have got too old, or be held now.
        let Some(envelope) = next else { return };
        let frame_bytes_max = self.client.max_payload().min(FRAME_BYTES_MAX);
        let mut has_room = true;
        for copy in envelope.copies {
            for frame in copy.frames(&envelope.body, frame_bytes_max) {
                if !has_room && self.room().await.is_err() {
                    // Receivers notice that the rest is missing.
                    self.shared.meters.dropped.increment();
                    return;
                }
                has_room = false;
                self.send(frame);
            }
        }
    }

    fn send(&mut self, frame: Frame) {
        let bytes = frame.bytes.len() as u64;
        let subject = self.shared.subjects.of(&frame.path);
        let message = OutboundMessage { subject, payload: frame.bytes, reply: None, headers: None };
        match self.client.start_send_unpin(message) {
            Ok(()) => {
                self.shared.meters.published.increment();
                self.shared.meters.published_bytes.add(bytes);
            }
            Err(error) => {
                self.shared.meters.dropped.increment();
                tracing::warn!(%error, bytes, "NATS does not take a frame: it is dropped");
            }
        }
    }
}
