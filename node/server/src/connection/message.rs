//! Messages to a connection's actor, mostly from HTTP requests that name its session.

use std::sync::Arc;

use actix::Message;
use bytes::Bytes;
use serde::Serialize;
use tokio::sync::oneshot;

use super::inbox::Posted;
use crate::websocket::WebSocket;
use fanfare_engineio::HandshakeError;

/// A GET that waits: where its answer goes.
pub type WaitingGet = oneshot::Sender<Result<PollAnswer, Unanswered>>;

/// Sent by a GET: the actor answers when there is something to say. Dropping the receiver aborts the poll.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Poll {
    /// Channel for the answer.
    pub answer: WaitingGet,
}

/// Reason why a request to a session gets no answer of substance.
#[derive(Debug)]
pub enum Unanswered {
    /// The request does not fit the session.
    Refused(HandshakeError),
    /// Another one of its kind was under way, which ends the session: 400 without a body.
    Overlap,
}

/// The body of an answer to a poll.
#[derive(Debug, PartialEq, Eq)]
pub struct PollAnswer {
    /// Packets, as the protocol of the session has them.
    pub body: Bytes,
    /// Whether the body is bytes, which protocol 3 alone knows.
    pub is_binary: bool,
    /// Whether a packet in it wants to be compressed.
    pub compress: bool,
}

/// Sent by a POST before its body is read; refused if another one is under way. The receiver in the answer ends when this
/// POST has lost its session.
#[derive(Message)]
#[rtype(result = "Result<oneshot::Receiver<()>, Unanswered>")]
pub struct StartPost;

/// Sent by a POST when its body is complete.
#[derive(Message)]
#[rtype(result = "()")]
pub struct FinishPost {
    /// Packets, decoded one by one.
    pub packets: Posted,
    /// Used once they were handed on, not before the handlers of earlier ones keep up; dropped if the session ended by
    /// then.
    pub done: oneshot::Sender<Precedence>,
}

/// The precedence of the answer to a POST over whatever its packets have caused: no poll is answered with that before
/// all clones of this are dropped, which must not happen before the answer is written.
#[derive(Clone, Debug)]
pub struct Precedence {
    /// Kept for its drop.
    _end: Arc<oneshot::Sender<()>>,
}

impl Precedence {
    /// A new one, and the channel that is closed at its end.
    pub fn new() -> (Self, oneshot::Receiver<()>) {
        let (end, ended) = oneshot::channel();
        (Self { _end: Arc::new(end) }, ended)
    }
}

/// Sent by a POST that will not be finished.
#[derive(Message)]
#[rtype(result = "()")]
pub struct FailPost {
    /// Fault of the request, if it ends the session.
    pub fault: Option<&'static str>,
}

/// Sent by a WebSocket request that names this session: a transport to upgrade to. Made by a function, since a
/// WebSocket lives on the thread of its session.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Candidate {
    /// Puts the WebSocket on the current thread.
    pub open: Box<dyn FnOnce() -> std::io::Result<Box<dyn WebSocket>> + Send>,
}

/// Asks for a snapshot of the connection.
#[derive(Message)]
#[rtype(result = "ConnectionSnapshot")]
pub struct ObserveConnection;

/// Snapshot of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, actix::MessageResponse)]
pub struct ConnectionSnapshot {
    /// The transport in use.
    pub transport: &'static str,
    /// Namespaces entered or being entered.
    pub namespaces: usize,
    /// Whether an upgrade is being tried.
    pub upgrading: bool,
    /// Whether it is closed as soon as nothing is under way, since the node drains.
    pub leaving: bool,
    /// Bytes that wait for the client.
    pub outbox_bytes: usize,
}

/// Makes the connection panic, in tests.
#[cfg(feature = "fault-injection")]
#[derive(Message)]
#[rtype(result = "()")]
pub struct CrashConnection;
