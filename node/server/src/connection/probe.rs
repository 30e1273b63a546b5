//! The upgrade from polling to WebSocket: a second transport proves itself while the first goes on.
//!
//! Until the client says `5` every packet travels on polling; then polling is over and what waits goes out on the
//! WebSocket. A WebSocket that does anything else, or takes too long, is closed, and polling goes on.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix::Handler;
use bytestring::ByteString;
use tracing::debug;

use super::actor::{Connection, Transport, counted_as};
use super::message::{Candidate, PollAnswer};
use super::polling::NOOP;
use crate::options::ms;
use crate::websocket::{Received, WebSocket};
use fanfare_engineio::Packet;
use fanfare_engineio::request::TransportKind;

/// How often a waiting GET is answered with a noop, so that the client can pause polling.
const NOOP_INTERVAL: Duration = Duration::from_millis(100);
/// How often a WebSocket may probe: once is enough, and every answer has to be kept until it is read.
const PROBES_MAX: u32 = 16;
/// How long a WebSocket that was refused has to take its Close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A WebSocket that may become the transport.
pub(super) struct Probe {
    websocket: Box<dyn WebSocket>,
    /// When it must have decided.
    pub deadline: Instant,
    /// When a waiting GET is answered; `None` before the client probed.
    pub noop_at: Option<Instant>,
    /// How often the client may still probe.
    tries: u32,
}

/// What a probing WebSocket did.
enum Step {
    Probed,
    Upgrade,
    /// With the code to close it with.
    Failed(Option<u16>),
}

impl Handler<Candidate> for Connection {
    type Result = ();

    fn handle(&mut self, candidate: Candidate, _: &mut Self::Context) {
        let websocket = match (candidate.open)() {
            Ok(websocket) => websocket,
            Err(error) => {
                self.hub.node.metrics.upgrades_failed.increment();
                return debug!(session = ?self.link.session, %error, "WebSocket lost on its way to its session");
            }
        };
        let may_upgrade = matches!(self.transport, Transport::Polling(_)) && self.probe.is_none();
        if self.is_open() && may_upgrade {
            let deadline = Instant::now() + ms(self.hub.node.options.upgrade_timeout_ms);
            self.probe = Some(Probe { websocket, deadline, noop_at: None, tries: PROBES_MAX });
        } else {
            self.hub.node.metrics.upgrades_failed.increment();
            close_gently(websocket, None);
        }
    }
}

impl Connection {
    /// Lets the probing WebSocket take its steps.
    pub(super) fn drive_probe(&mut self, cx: &mut Context<'_>) {
        // An answer that the network did not take at once.
        self.is_stuck(cx);
        while let Some(probe) = &mut self.probe {
            let Poll::Ready(step) = probe.poll_step(cx) else { return };
            match step {
                Step::Probed => {
                    probe.noop_at = Some(Instant::now() + NOOP_INTERVAL);
                    if self.is_stuck(cx) {
                        return;
                    }
                }
                Step::Upgrade => {
                    self.upgrade();
                    // What came behind the `5` is for the connection to read.
                    cx.waker().wake_by_ref();
                }
                Step::Failed(code) => self.abandon_probe(code),
            }
        }
    }

    /// What is due on the probe by now.
    pub(super) fn probe_on_time(&mut self, now: Instant) {
        let Some(probe) = &mut self.probe else { return };
        if now >= probe.deadline {
            return self.abandon_probe(None);
        }
        if probe.noop_at.is_some_and(|at| now >= at) {
            probe.noop_at = Some(now + NOOP_INTERVAL);
            if let Transport::Polling(polling) = &mut self.transport
                && polling.poll.is_some()
            {
                polling.control.push(NOOP);
            }
        }
    }

    /// Gives the probing WebSocket up; the session goes on.
    pub(super) fn abandon_probe(&mut self, code: Option<u16>) {
        if let Some(probe) = self.probe.take() {
            self.hub.node.metrics.upgrades_failed.increment();
            close_gently(probe.websocket, code);
        }
    }

    fn upgrade(&mut self) {
        let Some(probe) = self.probe.take() else { return };
        let mut websocket = probe.websocket;
        if let Transport::Polling(polling) = &mut self.transport {
            if let Some(poll) = polling.poll.take() {
                // A client that upgrades has stopped waiting; if it has not, it learns that polling is over.
                let _ = poll.send(Ok(PollAnswer { body: NOOP.into(), compress: false }));
            }
            // A ping that no poll has fetched is due all the same.
            for packet in polling.control.drain(..).filter(|packet| *packet != NOOP) {
                websocket.queue_text(&ByteString::from_static(packet));
            }
        }
        self.transport = Transport::WebSocket(websocket);
        self.writing = true;
        self.link.outbox.set_busy();
        let metrics = &self.hub.node.metrics;
        metrics.connections.of(counted_as(TransportKind::Polling)).decrement();
        metrics.connections.of(counted_as(TransportKind::WebSocket)).increment();
        self.link.set_upgraded();
        metrics.upgrades.increment();
    }

    /// Flushes the answer to a probe. True if the network does not take it now.
    fn is_stuck(&mut self, cx: &mut Context<'_>) -> bool {
        match self.probe.as_mut().map(|probe| probe.websocket.poll_flush(cx)) {
            Some(Poll::Ready(Err(_))) => {
                self.abandon_probe(None);
                false
            }
            Some(Poll::Pending) => true,
            Some(Poll::Ready(Ok(()))) | None => false,
        }
    }
}

impl Probe {
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        let received = std::task::ready!(self.websocket.poll_receive(cx));
        let text = match received {
            Ok(Received::Text(text)) => text,
            Ok(_) => return Poll::Ready(Step::Failed(None)),
            Err(error) => return Poll::Ready(Step::Failed(error.close_code())),
        };
        Poll::Ready(match Packet::decode_text(text) {
            Ok(Packet::Ping(probe)) if probe == "probe" && self.tries > 0 => {
                self.tries -= 1;
                self.websocket.queue_text(&ByteString::from_static("3probe"));
                Step::Probed
            }
            Ok(Packet::Upgrade) => Step::Upgrade,
            _ => Step::Failed(None),
        })
    }
}

/// Closes a WebSocket that no session wants, in a task that ends by itself.
fn close_gently(mut websocket: Box<dyn WebSocket>, code: Option<u16>) {
    websocket.queue_close(code);
    actix_rt::spawn(async move {
        let closed = std::future::poll_fn(|cx| {
            if websocket.poll_flush(cx)?.is_pending() {
                return Poll::Pending;
            }
            loop {
                match std::task::ready!(websocket.poll_receive(cx)) {
                    Ok(Received::Closed) => return Poll::Ready(Ok(())),
                    Ok(_) => {}
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
        });
        // A client that does not answer the Close frame is cut off.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, closed).await;
    });
}
