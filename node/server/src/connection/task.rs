//! The connection's task: writes what waits, reads what has arrived, watches the clock.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix::ActorContext;
use actix::fut::ActorFuture;
use tracing::debug;

use super::state::{Connection, READS_PER_TURN};
use crate::metrics::PacketType;
use crate::options::ms;
use crate::outbox::{Flow, Item};
use crate::slow_consumer::Patience;
use crate::socket::DisconnectReason;
use crate::websocket::{Received, WebSocketError, text_frame};
use fanfare_engineio::session::Timeout;
use fanfare_engineio::{PING, Packet};

/// Bytes of messages read before other connections get a turn, and before what they ask for is written.
const READ_BYTES_PER_TURN: usize = 256 * 1024;
/// Time for which a client is not read after its event asked for more than the node could do.
const SLOW_DOWN: Duration = Duration::from_millis(10);
/// Time for which it is read one event at a time after that.
const GENTLY: Duration = Duration::from_millis(100);

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
            connection.slow_down(Instant::now());
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
        if self.session.get_mut().is_some() {
            self.pressed = None;
            return self.lag.clear();
        }
        // Without a poll nothing can be written.
        let now = Instant::now();
        let is_late = self.lag.on_no_poll(now);
        let is_over = self.link.outbox.await_poll(is_late);
        self.lag.look(is_over, now);
        match is_over && !is_late {
            true => {
                self.pressed.get_or_insert_with(|| self.hub.node.pressure.press());
            }
            false => self.pressed = None,
        }
    }

    fn slow_down(&mut self, now: Instant) {
        self.session.pause(now + SLOW_DOWN);
        self.gently_until = Some(now + GENTLY);
    }

    /// Number of frames, or of packets of a POST, that may be read in this turn.
    pub(super) fn reads_in_turn(&mut self) -> usize {
        if self.gently_until.is_some_and(|until| Instant::now() >= until) {
            self.gently_until = None;
        }
        if self.gently_until.is_some() { 1 } else { READS_PER_TURN }
    }

    pub(super) fn drive_writes(&mut self, cx: &mut Context<'_>) {
        let Some(websocket) = &mut self.websocket else { return };
        let form = self.dialect.attachments();
        match self.link.outbox.write(|waiting| websocket.poll_write(cx, waiting, form)) {
            Ok(Flow::Clear) => {
                self.lag.clear();
                self.owes = false;
            }
            Ok(Flow::Blocked { took, is_over, owes }) => {
                self.lag.on_blocked(took, is_over, Instant::now());
                self.owes = owes;
            }
            Err(error) => self.websocket_failed(&error),
        }
    }

    /// Reads frames, and writes the answers to them.
    fn drive_reads(&mut self, ctx: &mut Ctx, cx: &mut Context<'_>) {
        let is_through = self.read_frames(ctx, cx);
        if !self.link.outbox.is_empty() {
            self.drive_writes(cx);
        }
        if !is_through {
            // More may have been read from the network already.
            cx.waker().wake_by_ref();
        }
    }

    /// Returns whether nothing is left to be read in this turn.
    fn read_frames(&mut self, ctx: &mut Ctx, cx: &mut Context<'_>) -> bool {
        let mut bytes = 0;
        for _ in 0..self.reads_in_turn() {
            if self.session.is_closed() || self.must_not_read() {
                return true;
            }
            let Some(websocket) = &mut self.websocket else { return true };
            let packet = match websocket.poll_receive(cx) {
                Poll::Pending => {
                    self.note_held();
                    return true;
                }
                Poll::Ready(Ok(Received::Text(text))) => self.dialect.decode_text(text),
                Poll::Ready(Ok(Received::Binary(data))) => self.dialect.decode_binary(data),
                Poll::Ready(Ok(Received::Fragment { bytes })) => {
                    self.charge_frame(bytes);
                    self.note_held();
                    continue;
                }
                Poll::Ready(Ok(Received::Control(answer))) => {
                    self.charge_frame(0);
                    self.owe(answer);
                    continue;
                }
                Poll::Ready(Ok(Received::Closed)) => {
                    self.drive_writes(cx);
                    self.time_out(DisconnectReason::TransportClose, "");
                    self.session.end();
                    return true;
                }
                Poll::Ready(Err(error)) => {
                    self.websocket_failed(&error);
                    return true;
                }
            };
            bytes += packet.as_ref().map_or(0, Packet::len);
            self.receive(packet, ctx);
            if bytes >= READ_BYTES_PER_TURN {
                break;
            }
        }
        self.note_held();
        false
    }

    /// Queues the answer to a control frame.
    fn owe(&mut self, answer: bytes::Bytes) {
        if !answer.is_empty() {
            self.link.outbox.push_own(Item::Answer(answer));
        }
    }

    /// Handlers are behind, or asked for more than the node can do; or the client does not take what it asked for.
    pub(super) fn must_not_read(&mut self) -> bool {
        if !self.session.is_open() {
            return false;
        }
        // Nothing makes handlers fall behind but what was handed to them since the last look.
        self.may_be_busy = self.may_be_busy && self.namespaces.are_busy();
        // A polling client may wait for the answer to its POST before it polls.
        let takes_too_little = self.websocket.is_some() && (self.owes || self.lag.is_over());
        self.may_be_busy || takes_too_little || self.session.is_paused()
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
        if self.session.is_open() && self.lag.is_too_slow(self.patience(), now) {
            return self.too_slow();
        }
        if self.session.is_open() && self.is_message_late(now) {
            return self.message_too_slow();
        }
        let due = self.session.on_deadline(now);
        match due.timeout {
            Some(Timeout::Connect) => return self.give_up_waiting(),
            Some(Timeout::Ping) => return self.time_out(DisconnectReason::PingTimeout, ""),
            None => {}
        }
        if due.ping {
            self.hub.node.metrics.packets_sent.of(PacketType::Ping).increment();
            if self.websocket.is_some() {
                self.link.outbox.push_own(Item::Frame(text_frame(PING)));
            }
        }
        if due.probe_expired {
            self.abandon_probe(None);
        }
    }

    fn patience(&self) -> Patience {
        let options = &self.hub.node.options;
        Patience { grace: ms(options.slow_consumer_grace_ms), unread: ms(options.unread_timeout_ms) }
    }

    /// `None` once nothing is left to do.
    fn next_deadline(&self) -> Option<Instant> {
        let deadline = self.session.deadline()?;
        if !self.session.is_open() {
            return Some(deadline);
        }
        Some(
            [self.lag.deadline(self.patience()), self.message_deadline()]
                .into_iter()
                .flatten()
                .fold(deadline, Instant::min),
        )
    }
}
