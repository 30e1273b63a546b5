//! The connection's task: writes waiting packets, reads arrived ones, watches the clock.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix::ActorContext;
use actix::fut::ActorFuture;
use bytestring::ByteString;
use tracing::debug;

use super::actor::Connection;
use crate::metrics::PacketType;
use crate::options::ms;
use crate::outbox::{Outbox, Packet as OutboxPacket};
use crate::socket::DisconnectReason;
use crate::websocket::{Received, WebSocket, WebSocketError};
use fanfare_engineio::session::Timeout;
use fanfare_engineio::{PING, Packet, payload};

/// Bytes handed to a WebSocket at a time: one system call, and the most its write buffer grows to by small
/// packets.
const BATCH_BYTES: usize = 16 * 1024;
/// Messages read before other connections get a turn.
pub(super) const READS_PER_TURN: usize = 32;
/// Time for which a client is not read after its event asked for more than the node could do.
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
        if notices.overflowed && connection.session.is_open() {
            connection.too_slow();
        }
        if notices.slow_down {
            connection.session.pause(Instant::now() + SLOW_DOWN);
        }
        if connection.alarm.rang() {
            connection.on_time(Instant::now());
        }
        connection.drive_transport(ctx, cx);
        connection.drive_probe(cx);
        if let Some(ending) = notices.ending
            && connection.session.is_open()
        {
            connection.drive_ending(ending);
            connection.drive_transport(ctx, cx);
        }
        connection.note_end();
        let Some(deadline) = connection.next_deadline() else {
            ctx.terminate();
            return Poll::Ready(());
        };
        connection.alarm.set(deadline, cx);
        Poll::Pending
    }
}

impl Connection {
    fn drive_transport(&mut self, ctx: &mut Ctx, cx: &mut Context<'_>) {
        if self.websocket.is_none() {
            self.drive_inbox(ctx, cx);
            return self.drive_polling(cx);
        }
        self.drive_writes(cx);
        // What was posted before an upgrade comes before what is read after it.
        self.drive_inbox(ctx, cx);
        if self.inbox.is_none() && !self.reads_no_more() {
            self.drive_reads(ctx, cx);
        }
        // Closing queued a Close frame, if it was the reading that closed.
        if self.writing && !self.session.is_open() {
            self.drive_writes(cx);
        }
    }

    fn drive_polling(&mut self, cx: &mut Context<'_>) {
        if !self.session.is_open() {
            return;
        }
        // A POST that is read no further for now is answered late, and holds nothing up.
        let is_posting = self.inbox.is_some() && !self.must_not_read();
        let has_hung_up = self.session.get_mut().is_some_and(|get| get.poll_closed(cx).is_ready());
        let must_wait = (self.is_answering_post(cx) || is_posting) && !self.link.outbox.is_empty();
        let flushed = match (has_hung_up, must_wait) {
            (true, _) => Err(0),
            (false, true) => Ok(()),
            (false, false) => self.flush_poll(),
        };
        if let Err(lost) = flushed {
            self.hub.node.metrics.undelivered.add(lost as u64);
            return self.transport_failed("poll connection closed prematurely", None);
        }
        // Without a poll nothing can be written.
        let is_over = self.session.get_mut().is_none() && self.link.outbox.set_blocked();
        self.grace.look(is_over);
    }

    fn slow_deadline(&self) -> Option<Instant> {
        self.grace.deadline(ms(self.hub.node.options.slow_consumer_grace_ms))
    }

    fn drive_writes(&mut self, cx: &mut Context<'_>) {
        loop {
            let is_open = self.session.is_open();
            let Some(websocket) = &mut self.websocket else { return };
            if self.writing {
                match websocket.poll_flush(cx) {
                    Poll::Ready(Ok(())) => self.writing = false,
                    Poll::Ready(Err(error)) => return self.websocket_failed(&error),
                    Poll::Pending => {
                        if is_open {
                            let is_over = self.link.outbox.set_blocked();
                            self.grace.look(is_over);
                        }
                        return;
                    }
                }
            }
            self.grace.look(false);
            if !is_open || fill(websocket.as_mut(), &self.link.outbox, self.base64) == 0 {
                return;
            }
            self.writing = true;
        }
    }

    fn drive_reads(&mut self, ctx: &mut Ctx, cx: &mut Context<'_>) {
        for _ in 0..READS_PER_TURN {
            if self.session.is_closed() || self.must_not_read() {
                return;
            }
            let Some(websocket) = &mut self.websocket else { return };
            let packet = match websocket.poll_receive(cx) {
                Poll::Pending => return,
                Poll::Ready(Ok(Received::Text(text))) => Packet::decode_text(text),
                Poll::Ready(Ok(Received::Binary(data))) => Ok(Packet::decode_binary(data)),
                Poll::Ready(Ok(Received::Closed)) => {
                    self.time_out(DisconnectReason::TransportClose, "");
                    self.session.end();
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
        if !self.session.is_open() {
            return false;
        }
        // Nothing makes handlers fall behind but what was handed to them since the last look.
        self.may_be_busy = self.may_be_busy && self.namespaces.are_busy();
        self.may_be_busy || self.session.is_paused()
    }

    fn websocket_failed(&mut self, error: &WebSocketError) {
        debug!(session = ?self.link.session, %error, "WebSocket failed");
        match error.close_code() {
            // The WebSocket goes on for as long as the client needs to read the Close frame.
            Some(code) if self.session.is_open() => {
                self.hub.node.metrics.protocol_errors.increment();
                self.transport_failed("the client broke the WebSocket protocol", Some(code));
            }
            Some(_) => self.session.end(),
            None => {
                self.time_out(DisconnectReason::TransportClose, "network failed");
                self.session.end();
            }
        }
    }

    fn on_time(&mut self, now: Instant) {
        if self.session.is_open() && self.slow_deadline().is_some_and(|deadline| now >= deadline) {
            return self.too_slow();
        }
        let due = self.session.on_deadline(now);
        match due.timeout {
            Some(Timeout::Connect) => return self.give_up_waiting(),
            Some(Timeout::Ping) => return self.time_out(DisconnectReason::PingTimeout, ""),
            None => {}
        }
        if due.ping {
            self.hub.node.metrics.packets_sent.of(PacketType::Ping).increment();
            if let Some(websocket) = &mut self.websocket {
                websocket.queue_text(&ByteString::from_static(PING));
                self.writing = true;
            }
        }
        if due.probe_expired {
            self.abandon_probe(None);
        }
    }

    /// `None` once nothing is left to do.
    fn next_deadline(&self) -> Option<Instant> {
        let deadline = self.session.deadline()?;
        let slow = self.slow_deadline().filter(|_| self.session.is_open());
        Some(slow.map_or(deadline, |slow| slow.min(deadline)))
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
