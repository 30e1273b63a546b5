//! The connection's task: writes what waits, reads what came, minds the clock.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix::ActorContext;
use actix::fut::ActorFuture;
use tracing::debug;

use super::actor::{Connection, Transport};
use super::closing::Phase;
use crate::metrics::PacketType;
use crate::options::ms;
use crate::outbox::{Outbox, Packet as OutboxPacket};
use crate::socket::DisconnectReason;
use crate::websocket::{Received, WebSocket, WebSocketError};
use fanfare_engineio::{Beat, Packet, payload};

/// Bytes handed to a WebSocket at a time: one system call, and the most its write buffer grows to by small
/// packets.
const BATCH_BYTES: usize = 16 * 1024;
/// Messages read before other connections get a turn.
pub(super) const READS_PER_TURN: usize = 32;
/// The Engine.IO packet.
const PING: &str = "2";
/// How long a client is not read whose event asked for more than the node could do.
const SLOW_DOWN: Duration = Duration::from_millis(10);

type Ctx = actix::Context<Connection>;

/// The one future of a connection's context.
pub(super) struct ConnectionTask;

impl ActorFuture<Connection> for ConnectionTask {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        connection: &mut Connection,
        ctx: &mut Ctx,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let notices = connection.link.outbox.attend(cx);
        if notices.overflowed && connection.is_open() {
            connection.too_slow();
        }
        if notices.slow_down {
            connection.pause(Instant::now() + SLOW_DOWN);
        }
        if connection.alarm.rang() {
            connection.on_time(Instant::now());
        }
        connection.drive_transport(ctx, cx);
        connection.drive_probe(cx);
        if let Some(ending) = notices.ending
            && connection.is_open()
        {
            connection.drive_ending(ending);
            connection.drive_transport(ctx, cx);
        }
        if matches!(connection.phase, Phase::Closed) {
            ctx.terminate();
            return Poll::Ready(());
        }
        connection.alarm.set(connection.next_deadline(), cx);
        Poll::Pending
    }
}

impl Connection {
    fn drive_transport(&mut self, ctx: &mut Ctx, cx: &mut Context<'_>) {
        match &mut self.transport {
            Transport::Polling(_) => {
                self.drive_inbox(ctx, cx);
                self.drive_polling(cx);
            }
            Transport::WebSocket(_) => {
                self.drive_writes(cx);
                // What was posted before an upgrade comes before what is read after it.
                self.drive_inbox(ctx, cx);
                if self.inbox.is_none() && !self.reads_no_more() {
                    self.drive_reads(ctx, cx);
                }
                // Closing queued a Close frame, if it was the reading that closed.
                if self.writing && !self.is_open() {
                    self.drive_writes(cx);
                }
            }
        }
    }

    fn drive_polling(&mut self, cx: &mut Context<'_>) {
        if !self.is_open() {
            return;
        }
        // A POST that is read no further for now is answered late, and holds nothing up.
        let is_posting = self.inbox.is_some() && !self.must_not_read();
        let Transport::Polling(polling) = &mut self.transport else { return };
        let hung_up = polling.poll.as_mut().is_some_and(|poll| poll.poll_closed(cx).is_ready());
        if hung_up {
            polling.poll = None;
        }
        let must_wait = (polling.is_answering(cx) || is_posting) && !self.link.outbox.is_empty();
        let flushed = if must_wait { Ok(()) } else { polling.flush(&self.link.outbox) };
        match flushed {
            Ok(()) if !hung_up => {}
            outcome => {
                self.hub.node.metrics.undelivered.add(outcome.err().unwrap_or_default() as u64);
                return self.transport_failed("poll connection closed prematurely", None);
            }
        }
        // Without a poll nothing can be written.
        let is_over = polling.poll.is_none() && self.link.outbox.set_blocked();
        self.judge_slowness(is_over);
    }

    /// A client may not stay over its bound, nor get far over it (SLOW-1).
    fn judge_slowness(&mut self, is_over: bool) {
        match (is_over, self.slow_since) {
            (true, None) => self.slow_since = Some(Instant::now()),
            (false, Some(_)) => self.slow_since = None,
            _ => {}
        }
    }

    fn slow_deadline(&self) -> Option<Instant> {
        self.slow_since.map(|since| since + ms(self.hub.node.options.slow_consumer_grace_ms))
    }

    fn drive_writes(&mut self, cx: &mut Context<'_>) {
        loop {
            let is_open = self.is_open();
            let Transport::WebSocket(websocket) = &mut self.transport else { return };
            if self.writing {
                match websocket.poll_flush(cx) {
                    Poll::Ready(Ok(())) => self.writing = false,
                    Poll::Ready(Err(error)) => return self.websocket_failed(&error),
                    Poll::Pending => {
                        if is_open {
                            let is_over = self.link.outbox.set_blocked();
                            self.judge_slowness(is_over);
                        }
                        return;
                    }
                }
            }
            self.slow_since = None;
            if !is_open || fill(websocket.as_mut(), &self.link.outbox, self.base64) == 0 {
                return;
            }
            self.writing = true;
        }
    }

    fn drive_reads(&mut self, ctx: &mut Ctx, cx: &mut Context<'_>) {
        for _ in 0..READS_PER_TURN {
            if matches!(self.phase, Phase::Closed) || self.must_not_read() {
                return;
            }
            let Transport::WebSocket(websocket) = &mut self.transport else { return };
            let packet = match websocket.poll_receive(cx) {
                Poll::Pending => return,
                Poll::Ready(Ok(Received::Text(text))) => Packet::decode_text(text),
                Poll::Ready(Ok(Received::Binary(data))) => Ok(Packet::decode_binary(data)),
                Poll::Ready(Ok(Received::Closed)) => {
                    self.time_out(DisconnectReason::TransportClose, "");
                    self.phase = Phase::Closed;
                    return;
                }
                Poll::Ready(Err(error)) => return self.websocket_failed(&error),
            };
            self.receive(packet, ctx);
        }
        // More may have been read from the network already.
        cx.waker().wake_by_ref();
    }

    /// Handlers are behind, or asked for more than the node can do.
    pub(super) fn must_not_read(&mut self) -> bool {
        if !self.is_open() {
            return false;
        }
        // Nothing makes handlers fall behind but what was handed to them since the last look.
        self.may_be_busy = self.may_be_busy && self.namespaces.are_busy();
        self.may_be_busy || self.read_at.is_some()
    }

    fn websocket_failed(&mut self, error: &WebSocketError) {
        debug!(session = ?self.link.session, %error, "WebSocket failed");
        match error.close_code() {
            // The WebSocket goes on for as long as the client needs to read the Close frame.
            Some(code) if self.is_open() => {
                self.hub.node.metrics.protocol_errors.increment();
                self.transport_failed("WebSocket protocol broken", Some(code));
            }
            Some(_) => self.phase = Phase::Closed,
            None => {
                self.time_out(DisconnectReason::TransportClose, "network failed");
                self.phase = Phase::Closed;
            }
        }
    }

    fn on_time(&mut self, now: Instant) {
        match &self.phase {
            Phase::Closed => return,
            Phase::Closing { until, .. } => {
                if now >= *until {
                    self.phase = Phase::Closed;
                }
                return;
            }
            Phase::Open => {}
        }
        if self.connect_deadline.is_some_and(|deadline| now >= deadline) {
            return self.give_up_waiting();
        }
        let is_paused = self.read_at.is_some();
        if self.read_at.is_some_and(|at| now >= at) {
            self.read_at = None;
        }
        if self.slow_deadline().is_some_and(|deadline| now >= deadline) {
            return self.too_slow();
        }
        let mut beat = self.heartbeat.on_deadline(now);
        if beat == Beat::TimedOut && is_paused {
            // Its pong may be among what is not read.
            self.heartbeat.on_pause(now);
            beat = self.heartbeat.on_deadline(now);
        }
        match beat {
            Beat::Early => {}
            Beat::Ping => self.ping(),
            Beat::TimedOut => return self.time_out(DisconnectReason::PingTimeout, ""),
        }
        self.probe_on_time(now);
    }

    fn ping(&mut self) {
        self.hub.node.metrics.packets_sent.of(PacketType::Ping).increment();
        match &mut self.transport {
            // One that no poll has fetched yet says the same.
            Transport::Polling(polling) if polling.control.contains(&PING) => {}
            Transport::Polling(polling) => polling.control.push(PING),
            Transport::WebSocket(websocket) => {
                websocket.queue_text(&bytestring::ByteString::from_static(PING));
                self.writing = true;
            }
        }
    }

    fn next_deadline(&self) -> Instant {
        if let Phase::Closing { until, .. } = self.phase {
            return until;
        }
        let probe = self.probe.iter().flat_map(|probe| probe.noop_at.into_iter().chain([probe.deadline]));
        probe
            .chain(self.connect_deadline)
            .chain(self.slow_deadline())
            .chain(self.read_at)
            .chain(self.leave_by)
            .fold(self.heartbeat.deadline(), Instant::min)
    }
}

/// Hands waiting packets to a WebSocket; attachments as text, if the client asked for base64. Returns how many
/// packets it were.
fn fill(websocket: &mut dyn WebSocket, outbox: &Outbox, base64: bool) -> usize {
    outbox.drain(BATCH_BYTES, |OutboxPacket { text, attachments, .. }| {
        websocket.queue_text(text);
        for attachment in attachments {
            if base64 {
                let mut text = payload::Writer::new();
                text.push_binary(attachment);
                websocket.queue_text(&text.finish().into());
            } else {
                websocket.queue_binary(attachment);
            }
        }
    })
}
