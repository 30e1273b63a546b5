//! State of a connection: one Engine.IO session and its way to its sockets.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use super::admission::Permit;
use super::decoder::Decoder;
use super::dialect::Dialect;
use super::inbox::Inbox;
use super::message::WaitingGet;
use super::namespaces::Namespaces;
use super::probe_socket::ProbeSocket;
use super::rate_limit::RateLimits;
use super::sessions::Hub;
use crate::metrics;
use crate::node::Pressed;
use crate::slow_consumer::Lag;
use crate::socket::{DisconnectReason, Link};
use crate::timer::Alarm;
use crate::websocket::WebSocket;
use fanfare_engineio::request::TransportKind;
use fanfare_engineio::session::Session;

/// Frames or packets handled before other connections get a turn.
pub(super) const READS_PER_TURN: usize = 32;

/// One Engine.IO session.
pub struct Connection {
    pub(super) hub: Arc<Hub>,
    pub(super) link: Arc<Link>,
    /// State machine of the session: decides what requests, packets and the clock mean. Its decisions are carried out
    /// here.
    pub(super) session: Session<WaitingGet, oneshot::Sender<()>>,
    /// The transport, if it is no longer polling.
    pub(super) websocket: Option<Box<dyn WebSocket>>,
    /// A WebSocket that may become the transport.
    pub(super) probe: Option<Box<ProbeSocket>>,
    pub(super) decoder: Decoder,
    pub(super) namespaces: Namespaces,
    pub(super) alarm: Alarm,
    /// How far the client is behind what it is sent.
    pub(super) lag: Lag,
    /// Present while the client polls and is over its bound: whoever broadcasts is slowed down.
    pub(super) pressed: Option<Pressed>,
    /// Until when the client is read one event at a time, since it asked for more than the node can do.
    pub(super) gently_until: Option<Instant>,
    /// Answers to the client's control frames wait to be written: it is read no further.
    pub(super) owes: bool,
    /// Since when a message of the client is not complete.
    pub(super) incomplete_since: Option<Instant>,
    /// Events were handed to sockets since it was last seen that their handlers keep up.
    pub(super) may_be_busy: bool,
    /// Allowance of the client for further packets; `None` without limits.
    pub(super) rate_limits: Option<Box<RateLimits>>,
    /// Permit of the session, where sessions are limited; given back when nothing of the session is left.
    pub(super) _permit: Option<Box<Permit>>,
    /// Packets of a POST that are being handled.
    pub(super) inbox: Option<Box<Inbox>>,
    /// Closed when the answer to the last POST is written. Polls are not told before that what its packets have caused:
    /// python-engineio takes an acknowledgement that overtakes the answer for the end of the POST, and hangs for 25 s.
    pub(super) answering: Option<oneshot::Receiver<()>>,
    /// Version of the client's protocol, and whether it takes binary frames.
    pub(super) dialect: Dialect,
}

impl Connection {
    /// Counts the end of the connection.
    pub(super) fn count_closed(&self, reason: DisconnectReason) {
        let metrics = &self.hub.node.metrics;
        metrics.connections.of(counted_as(self.link.transport())).decrement();
        metrics.closes.of(reason).increment();
    }
}

/// Label of a transport in metrics.
pub(super) fn counted_as(transport: TransportKind) -> metrics::Transport {
    match transport {
        TransportKind::Polling => metrics::Transport::Polling,
        TransportKind::WebSocket => metrics::Transport::WebSocket,
    }
}
