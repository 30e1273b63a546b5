//! The actor of one Engine.IO session: its state, its start and its end.

use std::sync::Arc;
use std::time::Instant;

use actix::{Actor, AsyncContext, Handler};
use bytestring::ByteString;

use super::admission::Permit;
use super::decoder::Decoder;
use super::dialect::Dialect;
use super::message::{ConnectionSnapshot, ObserveConnection};
use super::namespaces::Namespaces;
use super::rate_limit::RateLimits;
use super::sessions::{self, Hub};
use super::state::{Connection, counted_as};
use super::task::ConnectionTask;
use crate::ids::SessionId;
use crate::metrics::Actor as Kind;
use crate::namespace::Decided;
use crate::options::ms;
use crate::outbox::{Item, Outbox};
use crate::slow_consumer::Lag;
use crate::socket::{Close, DisconnectReason, Handshake, Link};
use crate::timer::Alarm;
use crate::websocket::{WebSocket, text_frame};
use fanfare_engineio::Heartbeat;
use fanfare_engineio::request::{Protocol, TransportKind};
use fanfare_engineio::session::Session;

/// Data that a new connection starts with.
pub enum Opening {
    /// The polling handshake was answered by the caller.
    Polling,
    /// A WebSocket, and the packets for it that begin the session.
    WebSocket(Box<dyn WebSocket>, Vec<ByteString>),
}

impl Connection {
    /// Starts a session on this thread's reactor and makes it known under its id. False if another session has that, which
    /// happens with ids of the program's own.
    pub fn open(
        hub: &Arc<Hub>,
        session: SessionId,
        permit: Option<Box<Permit>>,
        handshake: Handshake,
        dialect: Dialect,
        opening: Opening,
    ) -> bool {
        // Sessions of this reactor are opened on this thread alone.
        if hub.sessions.find(session).is_some() {
            return false;
        }
        let options = &hub.node.options;
        let now = Instant::now();
        let outbox = Outbox::of(hub.transcoder.clone(), options.outbox_bytes_max);
        let (websocket, kind) = match opening {
            Opening::Polling => (None, TransportKind::Polling),
            Opening::WebSocket(websocket, first) => {
                first.iter().for_each(|packet| outbox.push_own(Item::Frame(text_frame(packet))));
                (Some(websocket), TransportKind::WebSocket)
            }
        };
        let (interval, timeout) = (ms(options.ping_interval_ms), ms(options.ping_timeout_ms));
        let heartbeat = match dialect.protocol {
            Protocol::V4 => Heartbeat::new(now, interval, timeout),
            Protocol::V3 => Heartbeat::awaiting_pings(now, interval, timeout),
        };
        let link = Arc::new(Link::new(session, outbox, handshake, kind, dialect.protocol));
        let connection = Self {
            hub: hub.clone(),
            link: link.clone(),
            session: Session::new(kind, heartbeat, now + ms(options.connect_timeout_ms)),
            websocket,
            probe: None,
            decoder: Decoder::new(hub),
            namespaces: Namespaces::default(),
            alarm: Alarm::default(),
            lag: Lag::default(),
            pressed: None,
            gently_until: None,
            owes: false,
            incomplete_since: None,
            may_be_busy: false,
            rate_limits: RateLimits::new(&options.limits, now),
            _permit: permit,
            inbox: None,
            answering: None,
            dialect,
        };
        hub.node.metrics.connects.of(counted_as(kind)).increment();
        hub.node.metrics.connections.of(counted_as(kind)).increment();
        hub.sessions.insert(sessions::Session { actor: connection.start(), link });
        true
    }
}

impl Connection {
    /// The client has entered a namespace.
    fn entered(&mut self) {
        let Some(left) = self.session.on_connect(Instant::now()) else { return };
        let node = &self.hub.node;
        node.metrics.handshakes.record(ms(node.options.connect_timeout_ms).saturating_sub(left));
    }
}

impl Actor for Connection {
    type Context = actix::Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.spawn(ConnectionTask);
        if self.dialect.protocol == Protocol::V3 {
            // Its client does not ask for the main namespace.
            self.enter("/", None, ctx);
        }
    }
}

impl Handler<Decided> for Connection {
    type Result = ();

    fn handle(&mut self, mut decided: Decided, _: &mut Self::Context) {
        // A closed connection leaves the verdict where it is: then the socket is closed too.
        if self.session.is_open()
            && let Some(verdict) = decided.take()
            && self.namespaces.decide(&decided.namespace, &verdict)
        {
            self.entered();
        }
    }
}

impl Handler<ObserveConnection> for Connection {
    type Result = ConnectionSnapshot;

    fn handle(&mut self, _: ObserveConnection, _: &mut Self::Context) -> ConnectionSnapshot {
        ConnectionSnapshot {
            transport: self.link.transport().as_str(),
            namespaces: self.namespaces.len(),
            upgrading: self.probe.is_some(),
            leaving: self.session.leaves_by().is_some(),
            outbox_bytes: self.link.outbox.bytes(),
        }
    }
}

#[cfg(feature = "fault-injection")]
impl Handler<super::message::CrashConnection> for Connection {
    type Result = ();

    fn handle(&mut self, _: super::message::CrashConnection, _: &mut Self::Context) {
        panic!("fault injection: the connection dies");
    }
}

impl Drop for Connection {
    /// However the actor ended, nothing of the session stays behind.
    fn drop(&mut self) {
        self.hub.sessions.remove(self.link.session);
        self.link.set_over();
        let metrics = &self.hub.node.metrics;
        if self.session.is_open() {
            metrics.deaths.of(Kind::Connection).increment();
            self.count_closed(DisconnectReason::ForcedServerClose);
            self.link.outbox.close();
            let detail = Some("its connection died");
            self.namespaces.close_all(|| Close {
                reason: DisconnectReason::ForcedServerClose,
                detail,
                tell_client: false,
            });
        }
        metrics.undelivered.add(self.link.outbox.clear() as u64);
    }
}
