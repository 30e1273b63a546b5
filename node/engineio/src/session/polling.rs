//! Long-polling: one GET waits for packets, one POST brings some.

use super::{LastAnswer, Phase, Session};
use crate::error::{BadRequest, HandshakeError};
use crate::packet::{NOOP, PING, PONG};

/// State of a polling transport.
#[derive(Debug)]
pub(super) struct Polling<G, P> {
    /// The GET that waits.
    pub get: Option<G>,
    post: Post<P>,
    pub control: Control,
}

/// The POST under way.
#[derive(Debug)]
enum Post<P> {
    None,
    /// The body of the POST is being read.
    Reading(P),
    /// The packets of the POST are being handled.
    Handling,
}

impl<G, P> Default for Polling<G, P> {
    fn default() -> Self {
        Self { get: None, post: Post::None, control: Control::default() }
    }
}

/// Packets of the session itself that the next answer to a poll begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Control {
    ping: bool,
    pong: bool,
    noop: bool,
}

impl Control {
    /// A ping that no poll has fetched says the same as a second one.
    pub(super) fn ping(&mut self) {
        self.ping = true;
    }

    /// A pong that no poll has fetched answers a second ping too.
    pub(super) fn pong(&mut self) {
        self.pong = true;
    }

    pub(super) fn noop(&mut self) {
        self.noop = true;
    }

    pub(super) fn has_ping(self) -> bool {
        self.ping
    }

    pub(super) fn has_pong(self) -> bool {
        self.pong
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// The packets, in the order in which they are sent.
    pub fn packets(self) -> impl Iterator<Item = &'static str> {
        let packets = [self.ping.then_some(PING), self.pong.then_some(PONG), self.noop.then_some(NOOP)];
        packets.into_iter().flatten()
    }
}

/// Decision about a GET. The owner must answer the request unless it waits.
#[derive(Debug)]
pub enum GetDecision<G> {
    /// The request waits: see [`Session::take_get`].
    Waits,
    /// The answer must hold everything that waits for the client. Once nothing is left, the answer ends with the close
    /// packet, and the owner must [end](Session::end) the session.
    Last(G),
    /// The request must be refused.
    Refused(G, HandshakeError),
    /// Another one waits: it must be answered 400 without a body, and the owner must close the session.
    Overlap(G),
}

/// Reason why a POST is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostRejection {
    /// The request must be refused.
    Refused(HandshakeError),
    /// Another one is under way: it must be answered 400 without a body, and the owner must close the session.
    Overlap,
}

const MISMATCH: HandshakeError = HandshakeError::BadRequest(BadRequest::TransportMismatch);

impl<G, P> Session<G, P> {
    /// A GET has come.
    pub fn on_get(&mut self, get: G) -> GetDecision<G> {
        match &mut self.phase {
            Phase::Polling(polling, _) if polling.get.is_some() => GetDecision::Overlap(get),
            Phase::Polling(polling, _) => {
                polling.get = Some(get);
                GetDecision::Waits
            }
            Phase::WebSocket => GetDecision::Refused(get, MISMATCH),
            Phase::Farewell { last_answer: LastAnswer::Close, .. } => GetDecision::Last(get),
            Phase::Farewell { last_answer: LastAnswer::Refusal, .. } => {
                self.end();
                GetDecision::Refused(get, HandshakeError::SessionUnknown)
            }
            Phase::ClosingHandshake { .. } | Phase::Closed => {
                GetDecision::Refused(get, HandshakeError::SessionUnknown)
            }
        }
    }

    /// The GET that waits.
    pub fn get_mut(&mut self) -> Option<&mut G> {
        match &mut self.phase {
            Phase::Polling(polling, _) => polling.get.as_mut(),
            _ => None,
        }
    }

    /// Takes the GET that waits if there is something to answer: packets of the session itself, which are taken too, or
    /// messages, as `has_messages` says.
    pub fn take_get(&mut self, has_messages: bool) -> Option<(G, Control)> {
        let Phase::Polling(polling, _) = &mut self.phase else { return None };
        if polling.control.is_empty() && !has_messages {
            return None;
        }
        let get = polling.get.take()?;
        Some((get, std::mem::take(&mut polling.control)))
    }

    /// The client closes the session: a GET that waits is answered with a noop beside what waits.
    pub fn release_get(&mut self) {
        if let Phase::Polling(polling, _) = &mut self.phase
            && polling.get.is_some()
        {
            polling.control.noop();
        }
    }

    /// A POST has come, and its body is about to be read. What a client posts before it has heard of the end is taken,
    /// and ignored.
    ///
    /// # Errors
    /// Reason why the body of a POST must not be read.
    pub fn on_post(&mut self, post: P) -> Result<(), PostRejection> {
        match &mut self.phase {
            Phase::Polling(Polling { post: under_way @ Post::None, .. }, _) => {
                *under_way = Post::Reading(post)
            }
            Phase::Farewell { post: under_way @ None, .. } => *under_way = Some(post),
            Phase::Polling(..) | Phase::Farewell { .. } => return Err(PostRejection::Overlap),
            Phase::WebSocket | Phase::ClosingHandshake { .. } => {
                return Err(PostRejection::Refused(MISMATCH));
            }
            Phase::Closed => return Err(PostRejection::Refused(HandshakeError::SessionUnknown)),
        }
        Ok(())
    }

    /// The body of a POST is complete. Returns whether its packets are to be handled; if so,
    /// [`on_post_handled`](Self::on_post_handled) follows.
    pub fn on_post_body(&mut self) -> bool {
        match &mut self.phase {
            Phase::Polling(polling, _) => {
                polling.post = Post::Handling;
                true
            }
            // It began before the upgrade.
            Phase::WebSocket => true,
            Phase::Farewell { post, .. } => {
                *post = None;
                false
            }
            Phase::ClosingHandshake { .. } | Phase::Closed => false,
        }
    }

    /// The packets of a POST were handled.
    pub fn on_post_handled(&mut self) {
        if let Phase::Polling(polling, _) = &mut self.phase {
            polling.post = Post::None;
        }
    }

    /// A POST goes no further. Returns whether that may be a reason to close the session: not after an upgrade or the
    /// end.
    pub fn on_post_failed(&mut self) -> bool {
        match &mut self.phase {
            Phase::Polling(polling, _) => {
                if matches!(polling.post, Post::Reading(_)) {
                    polling.post = Post::None;
                }
                true
            }
            Phase::Farewell { post, .. } => {
                *post = None;
                false
            }
            Phase::WebSocket | Phase::ClosingHandshake { .. } | Phase::Closed => false,
        }
    }

    /// The POST whose body is being read.
    pub fn post(&self) -> Option<&P> {
        match &self.phase {
            Phase::Polling(Polling { post: Post::Reading(post), .. }, _) => Some(post),
            Phase::Farewell { post, .. } => post.as_ref(),
            _ => None,
        }
    }
}
