//! Long-polling: one GET waits for packets, one POST brings some.

use std::task::Context;

use actix::Handler;
use futures_util::FutureExt;
use tokio::sync::oneshot;

use super::actor::{Connection, Transport};
use super::closing::Phase;
use super::message::{FailPost, FinishPost, Poll, PollAnswer, Precedence, StartPost, Unanswered};
use super::task::READS_PER_TURN;
use crate::outbox::Outbox;
use crate::socket::DisconnectReason;
use fanfare_engineio::{BadRequest, HandshakeError, payload};

/// Says nothing, so that a poll can be answered.
pub(super) const NOOP: &str = "6";
/// The session is closed.
pub(super) const CLOSE: &str = "1";
/// Both, as the official server closes a session whose client comes to hear of it.
pub(super) const NOOP_AND_CLOSE: &str = "6\u{1e}1";
/// Bytes of packets in one answer; the rest waits for the next poll.
const ANSWER_BYTES: usize = 1024 * 1024;

/// The packets of a POST that were not handled yet.
pub(super) struct Inbox {
    packets: payload::Payload,
    /// Tells the POST that it can be answered, also by being dropped.
    done: oneshot::Sender<Precedence>,
}

/// The state of a polling transport.
#[derive(Default)]
pub(super) struct Polling {
    /// The GET that waits.
    pub poll: Option<oneshot::Sender<Result<PollAnswer, Unanswered>>>,
    /// The POST whose body is being read; dropped to tell it that it lost its session.
    post: Option<oneshot::Sender<()>>,
    /// Closed when the answer to the last POST is written. Polls are not told before that what its packets have caused:
    /// python-engineio takes an acknowledgement that overtakes the answer for the end of the POST, and hangs for 25 s.
    pub answering: Option<oneshot::Receiver<()>>,
    /// Engine.IO packets of ours, written before the next messages.
    pub control: Vec<&'static str>,
}

impl Polling {
    /// Whether the body of a POST is being read.
    pub fn is_posting(&self) -> bool {
        self.post.as_ref().is_some_and(|post| !post.is_closed())
    }

    /// Whether the answer to a POST is being written.
    pub fn is_answering(&mut self, cx: &mut Context<'_>) -> bool {
        let is_answering = self.answering.as_mut().is_some_and(|answer| answer.poll_unpin(cx).is_pending());
        if !is_answering {
            self.answering = None;
        }
        is_answering
    }

    /// Answers the waiting GET if there is something to say. An error if the client has hung up, with the number of
    /// packets that are lost by it.
    pub fn flush(&mut self, outbox: &Outbox) -> Result<(), usize> {
        let Some(poll) = self.poll.take() else { return Ok(()) };
        let (answer, packets) = self.gather(outbox);
        if answer.body.is_empty() {
            self.poll = Some(poll);
            return Ok(());
        }
        outbox.set_busy();
        poll.send(Ok(answer)).map_err(|_| packets)
    }

    /// Everything that waits, as the body of an answer, and the number of packets from the outbox in it.
    pub fn gather(&mut self, outbox: &Outbox) -> (PollAnswer, usize) {
        let mut body = payload::Writer::new();
        let mut compress = false;
        self.control.drain(..).for_each(|packet| body.push_text(packet));
        let packets = outbox.drain(ANSWER_BYTES, |packet| {
            compress |= packet.compress;
            body.push_text(&packet.text);
            packet.attachments.iter().for_each(|attachment| body.push_binary(attachment));
        });
        (PollAnswer { body: body.finish(), compress }, packets)
    }
}

fn mismatch() -> Unanswered {
    Unanswered::Refused(HandshakeError::BadRequest(BadRequest::TransportMismatch))
}

impl Handler<Poll> for Connection {
    type Result = ();

    fn handle(&mut self, poll: Poll, _: &mut Self::Context) {
        if !self.is_open() {
            return self.last_poll(poll.answer);
        }
        let refusal = match &mut self.transport {
            Transport::WebSocket(_) => mismatch(),
            Transport::Polling(polling) if polling.poll.is_none() => {
                polling.poll = Some(poll.answer);
                return;
            }
            Transport::Polling(_) => {
                self.break_off(DisconnectReason::TransportError, "overlap from client");
                Unanswered::Overlap
            }
        };
        // If the client hung up, nobody is left to be refused.
        let _ = poll.answer.send(Err(refusal));
    }
}

impl Handler<StartPost> for Connection {
    type Result = Result<oneshot::Receiver<()>, Unanswered>;

    fn handle(&mut self, _: StartPost, _: &mut Self::Context) -> Self::Result {
        // What a client posts before it has heard of the end is taken, and ignored.
        if matches!(self.phase, Phase::Closed) {
            return Err(Unanswered::Refused(HandshakeError::SessionUnknown));
        }
        let Transport::Polling(polling) = &mut self.transport else { return Err(mismatch()) };
        if self.inbox.is_some() || polling.is_posting() {
            self.break_off(DisconnectReason::TransportError, "data request overlap from client");
            return Err(Unanswered::Overlap);
        }
        let (post, lost) = oneshot::channel();
        polling.post = Some(post);
        Ok(lost)
    }
}

impl Handler<FinishPost> for Connection {
    type Result = ();

    fn handle(&mut self, post: FinishPost, _: &mut Self::Context) {
        self.forget_post();
        if self.is_open() {
            let inbox = Inbox { packets: payload::decode(post.body), done: post.done };
            self.inbox = Some(Box::new(inbox));
        }
    }
}

impl Handler<FailPost> for Connection {
    type Result = ();

    fn handle(&mut self, failed: FailPost, _: &mut Self::Context) {
        self.forget_post();
        if let (Some(fault), true, Transport::Polling(_)) = (failed.fault, self.is_open(), &self.transport) {
            self.break_off(DisconnectReason::TransportError, fault);
        }
    }
}

impl Connection {
    pub(super) fn forget_post(&mut self) {
        if let Transport::Polling(polling) = &mut self.transport {
            polling.post = None;
        }
    }

    /// Handles packets of a POST, as many as one turn allows and the handlers keep up with.
    pub(super) fn drive_inbox(&mut self, ctx: &mut actix::Context<Self>, cx: &mut Context<'_>) {
        for _ in 0..READS_PER_TURN {
            if self.inbox.is_none() || self.must_not_read() {
                return self.notice_hang_up();
            }
            let Some(inbox) = &mut self.inbox else { return };
            match inbox.packets.next() {
                Some(packet) => self.receive(packet, ctx),
                None => self.answer_post(),
            }
        }
        cx.waker().wake_by_ref();
    }

    /// Everything that was posted has been handed on.
    fn answer_post(&mut self) {
        let Some(inbox) = self.inbox.take() else { return };
        let (precedence, answering) = Precedence::new();
        if inbox.done.send(precedence).is_ok()
            && let Transport::Polling(polling) = &mut self.transport
        {
            polling.answering = Some(answering);
        }
    }

    /// A client that is read more slowly, and does not wait for the answer to its POST, is gone: pauses excuse missing
    /// pongs, so nothing else would tell.
    fn notice_hang_up(&mut self) {
        let has_hung_up = self.inbox.as_ref().is_some_and(|inbox| inbox.done.is_closed());
        if has_hung_up && self.rate_limits.is_some() {
            self.inbox = None;
            self.transport_failed("data request connection closed prematurely", None);
        }
    }
}
