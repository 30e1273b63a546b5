//! The WebSocket that a polling session may be upgraded to: its messages become events of the session, which decides.

use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use actix::Handler;
use bytestring::ByteString;
use tracing::debug;

use super::actor::{Connection, counted_as};
use super::message::{Candidate, PollAnswer, WaitingGet};
use crate::options::ms;
use crate::websocket::{Received, WebSocket};
use fanfare_engineio::request::TransportKind;
use fanfare_engineio::session::{ProbeStep, Upgrade};
use fanfare_engineio::{NOOP, PING, Packet};

/// Time that a refused WebSocket has to take its Close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

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
        let deadline = Instant::now() + ms(self.hub.node.options.upgrade_timeout_ms);
        if self.session.on_probe(deadline) {
            self.probe = Some(websocket);
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
        self.is_probe_stuck(cx);
        while let Some(websocket) = &mut self.probe {
            let text = match websocket.poll_receive(cx) {
                Poll::Pending => return,
                Poll::Ready(Ok(Received::Text(text))) => text,
                Poll::Ready(Ok(_)) => return self.abandon_probe(None),
                Poll::Ready(Err(error)) => return self.abandon_probe(error.close_code()),
            };
            let packet = Packet::decode_text(text);
            match self.session.on_probe_packet(packet.as_ref(), Instant::now()) {
                ProbeStep::Answer => {
                    websocket.queue_text(&ByteString::from_static("3probe"));
                    if self.is_probe_stuck(cx) {
                        return;
                    }
                }
                ProbeStep::Upgraded(upgrade) => {
                    self.upgrade(upgrade);
                    // What came behind the `5` is for the connection to read.
                    cx.waker().wake_by_ref();
                }
                ProbeStep::Failed => self.abandon_probe(None),
            }
        }
    }

    /// Gives the probing WebSocket up; the session goes on.
    pub(super) fn abandon_probe(&mut self, code: Option<u16>) {
        self.session.on_probe_failed();
        if let Some(websocket) = self.probe.take() {
            self.hub.node.metrics.upgrades_failed.increment();
            close_gently(websocket, code);
        }
    }

    fn upgrade(&mut self, upgrade: Upgrade<WaitingGet>) {
        let Some(mut websocket) = self.probe.take() else { return };
        if let Some(get) = upgrade.get {
            // If the client hung up, it has stopped polling, as it should.
            let _ = get.send(Ok(PollAnswer { body: NOOP.into(), compress: false }));
        }
        if upgrade.ping {
            websocket.queue_text(&ByteString::from_static(PING));
        }
        self.websocket = Some(websocket);
        self.writing = true;
        self.answering = None;
        self.link.outbox.set_busy();
        let metrics = &self.hub.node.metrics;
        metrics.connections.of(counted_as(TransportKind::Polling)).decrement();
        metrics.connections.of(counted_as(TransportKind::WebSocket)).increment();
        self.link.set_upgraded();
        metrics.upgrades.increment();
    }

    /// Flushes the answer to a probe. True if the network does not take it now.
    fn is_probe_stuck(&mut self, cx: &mut Context<'_>) -> bool {
        match self.probe.as_mut().map(|websocket| websocket.poll_flush(cx)) {
            Some(Poll::Ready(Err(_))) => {
                self.abandon_probe(None);
                false
            }
            Some(Poll::Pending) => true,
            Some(Poll::Ready(Ok(()))) | None => false,
        }
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
                match ready!(websocket.poll_receive(cx)) {
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
