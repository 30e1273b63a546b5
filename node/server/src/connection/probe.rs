//! The WebSocket that a polling session may be upgraded to: its messages become events of the session, which decides.

use std::task::{Context, Poll};
use std::time::Instant;

use actix::Handler;
use tracing::debug;

use super::message::{Candidate, WaitingGet};
use super::probe_socket::ProbeSocket;
use super::state::{Connection, READS_PER_TURN, counted_as};
use crate::options::ms;
use crate::outbox::Item;
use crate::websocket::{Received, text_frame};
use fanfare_engineio::request::TransportKind;
use fanfare_engineio::session::{ProbeStep, Upgrade};
use fanfare_engineio::{NOOP, PING, PONG, Packet};

impl Handler<Candidate> for Connection {
    type Result = ();

    fn handle(&mut self, candidate: Candidate, _: &mut Self::Context) {
        let probe = match (candidate.open)() {
            Ok(websocket) => ProbeSocket::new(websocket),
            Err(error) => {
                self.hub.node.metrics.upgrades_failed.increment();
                return debug!(session = ?self.link.session, %error, "WebSocket lost on its way to its session");
            }
        };
        let deadline = Instant::now() + ms(self.hub.node.options.upgrade_timeout_ms);
        if self.session.on_probe(deadline) {
            self.probe = Some(Box::new(probe));
        } else {
            self.hub.node.metrics.upgrades_failed.increment();
            probe.close_gently(None);
        }
    }
}

impl Connection {
    /// Lets the probing WebSocket take its steps. While it does not take the answers, it is read no further.
    pub(super) fn drive_probe(&mut self, cx: &mut Context<'_>) {
        for _ in 0..READS_PER_TURN {
            let Some(probe) = &mut self.probe else { return };
            match probe.poll_write(cx) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return self.abandon_probe(None),
            }
            let text = match probe.websocket.poll_receive(cx) {
                Poll::Pending => return,
                Poll::Ready(Ok(Received::Text(text))) => text,
                Poll::Ready(Ok(Received::Control(answer))) => {
                    probe.queue(answer);
                    continue;
                }
                Poll::Ready(Ok(Received::Fragment { .. })) => continue,
                Poll::Ready(Ok(Received::Binary(_) | Received::Closed)) => return self.abandon_probe(None),
                Poll::Ready(Err(error)) => return self.abandon_probe(error.close_code()),
            };
            let packet = Packet::decode_text(text);
            match self.session.on_probe_packet(packet.as_ref(), Instant::now()) {
                ProbeStep::Answer => probe.queue(text_frame("3probe")),
                ProbeStep::Upgraded(upgrade) => {
                    self.upgrade(upgrade);
                    // What waits is for the connection to write, and what came behind the `5` to read, in another turn.
                    break;
                }
                ProbeStep::Failed => self.abandon_probe(None),
            }
        }
        // More may have been read from the network already.
        cx.waker().wake_by_ref();
    }

    /// Gives the probing WebSocket up; the session goes on.
    pub(super) fn abandon_probe(&mut self, code: Option<u16>) {
        self.session.on_probe_failed();
        if let Some(probe) = self.probe.take() {
            self.hub.node.metrics.upgrades_failed.increment();
            probe.close_gently(code);
        }
    }

    fn upgrade(&mut self, upgrade: Upgrade<WaitingGet>) {
        let Some(probe) = self.probe.take() else { return };
        let ProbeSocket { websocket, mut waiting } = *probe;
        if let Some(get) = upgrade.get {
            // If the client hung up, it has stopped polling, as it should.
            let _ = get.send(Ok(self.dialect.own_packets([NOOP.into()])));
        }
        if upgrade.ping {
            waiting.push(Item::Frame(text_frame(PING)));
        }
        if upgrade.pong {
            waiting.push(Item::Frame(text_frame(PONG)));
        }
        self.websocket = Some(websocket);
        self.answering = None;
        self.pressed = None;
        self.link.outbox.upgrade(waiting);
        let metrics = &self.hub.node.metrics;
        metrics.connections.of(counted_as(TransportKind::Polling)).decrement();
        metrics.connections.of(counted_as(TransportKind::WebSocket)).increment();
        self.link.set_upgraded();
        metrics.upgrades.increment();
    }
}
