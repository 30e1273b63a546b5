//! Long-polling: requests of the client become events of its session, and decisions of the session become answers.

use std::task::Context;
use std::time::Instant;

use actix::Handler;
use bytestring::ByteString;
use futures_util::FutureExt;
use tokio::sync::oneshot;

use super::dialect::AnswerWriter;
use super::inbox::Inbox;
use super::message::{FailPost, FinishPost, Poll, PollAnswer, Precedence, StartPost, Unanswered, WaitingGet};
use super::state::Connection;
use crate::socket::DisconnectReason;
use fanfare_engineio::session::{Control, GetDecision, PostRejection};
use fanfare_engineio::{CLOSE, NOOP};

/// Bytes of packets in one answer; the rest waits for the next poll. An answer counts for what waits for the client until
/// then.
const ANSWER_BYTES: usize = 512 * 1024;

impl Handler<Poll> for Connection {
    type Result = ();

    fn handle(&mut self, poll: Poll, _: &mut Self::Context) {
        let (get, answer) = match self.session.on_get(poll.answer) {
            GetDecision::Waits => {
                self.lag.on_poll(Instant::now());
                return self.link.outbox.on_poll();
            }
            GetDecision::Last(get) => (get, Ok(self.last_answer())),
            GetDecision::Refused(get, error) => (get, Err(Unanswered::Refused(error))),
            GetDecision::Overlap(get) => {
                self.break_off(DisconnectReason::TransportError, "overlap from client");
                (get, Err(Unanswered::Overlap))
            }
        };
        self.note_end();
        // If the client hung up, nobody is left to be told.
        let _ = get.send(answer);
    }
}

impl Handler<StartPost> for Connection {
    type Result = Result<oneshot::Receiver<()>, Unanswered>;

    fn handle(&mut self, _: StartPost, _: &mut Self::Context) -> Self::Result {
        if self.session.post().is_some_and(oneshot::Sender::is_closed) {
            // Its client hung up, which it was not told yet.
            self.session.on_post_failed();
        }
        let (post, lost) = oneshot::channel();
        match self.session.on_post(post) {
            Ok(()) => Ok(lost),
            Err(PostRejection::Refused(error)) => Err(Unanswered::Refused(error)),
            Err(PostRejection::Overlap) => {
                self.break_off(DisconnectReason::TransportError, "data request overlap from client");
                Err(Unanswered::Overlap)
            }
        }
    }
}

impl Handler<FinishPost> for Connection {
    type Result = ();

    fn handle(&mut self, post: FinishPost, _: &mut Self::Context) {
        if self.session.on_post_body() {
            let inbox = Inbox { packets: post.packets, done: post.done };
            self.inbox = Some(Box::new(inbox));
        }
    }
}

impl Handler<FailPost> for Connection {
    type Result = ();

    fn handle(&mut self, failed: FailPost, _: &mut Self::Context) {
        if let (true, Some(fault)) = (self.session.on_post_failed(), failed.fault) {
            self.break_off(DisconnectReason::TransportError, fault);
        }
    }
}

impl Connection {
    /// Answers the waiting GET if there is something to say. An error if the client has hung up, with the number of
    /// packets that are lost by it.
    pub(super) fn flush_poll(&mut self) -> Result<(), usize> {
        let outbox = &self.link.outbox;
        let has_messages = !outbox.is_empty();
        match self.session.take_get(has_messages) {
            Some((get, control)) => self.answer(get, control),
            None if self.session.get_mut().is_some() => {
                outbox.set_ready();
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn answer(&self, get: WaitingGet, control: Control) -> Result<(), usize> {
        let (answer, packets) = self.gather(control);
        get.send(Ok(answer.finish())).map_err(|_| packets)
    }

    /// Control packets and everything that waits, as the body of an answer, and the number of packets from the outbox
    /// in it.
    fn gather(&self, control: Control) -> (AnswerWriter, usize) {
        let mut answer = AnswerWriter::new(self.dialect);
        control.packets().for_each(|packet| answer.push_control(ByteString::from_static(packet)));
        let packets = self.link.outbox.drain(ANSWER_BYTES, |packet| answer.push(packet));
        (answer, packets)
    }

    /// Everything that waits for a client whose session is closed, and the close behind it; packets that do not fit
    /// wait for the next poll. A noop stands before the close, as the official server closes a session whose client
    /// comes to hear of it.
    fn last_answer(&mut self) -> PollAnswer {
        let (mut last, _) = self.gather(Control::default());
        if self.link.outbox.is_empty() {
            for packet in [NOOP, CLOSE] {
                last.push_control(ByteString::from_static(packet));
            }
            self.session.end();
        }
        last.finish()
    }

    /// Whether the answer to a POST is being written.
    pub(super) fn is_answering_post(&mut self, cx: &mut Context<'_>) -> bool {
        let is_answering = self.answering.as_mut().is_some_and(|answer| answer.poll_unpin(cx).is_pending());
        if !is_answering {
            self.answering = None;
        }
        is_answering
    }

    /// Handles packets of a POST, as many as one turn allows and the handlers keep up with.
    pub(super) fn drive_inbox(&mut self, ctx: &mut actix::Context<Self>, cx: &mut Context<'_>) {
        for _ in 0..self.reads_in_turn() {
            if self.inbox.is_none() || self.must_not_read() {
                return self.notice_hang_up();
            }
            let Some(inbox) = &mut self.inbox else { return };
            match inbox.packets.next() {
                Some(packet) => self.receive(packet, ctx),
                None => self.answer_post(),
            }
            self.note_held();
        }
        cx.waker().wake_by_ref();
    }

    /// Everything that was posted has been handed on.
    fn answer_post(&mut self) {
        let Some(inbox) = self.inbox.take() else { return };
        self.session.on_post_handled();
        let (precedence, answering) = Precedence::new();
        if inbox.done.send(precedence).is_ok() && self.websocket.is_none() {
            self.answering = Some(answering);
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
