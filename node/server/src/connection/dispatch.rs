//! Dispatch of the client's Engine.IO messages to its sockets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::debug;

use super::namespaces::NamespaceState;
use super::state::Connection;
use crate::metrics::PacketType;
use crate::options::ms;
use crate::outbox::Item;
use crate::socket::{AckArrived, Close, DisconnectReason, Event, INVALID_PACKET};
use crate::websocket::text_frame;
use fanfare_engineio::request::Protocol;
use fanfare_engineio::session::Meaning;
use fanfare_engineio::{Message, PONG, Packet, PacketError};
use fanfare_socketio as socketio;

type Ctx = actix::Context<Connection>;

impl Connection {
    /// Handles one Engine.IO packet, or a decoding error.
    pub(super) fn receive(&mut self, packet: Result<Packet, PacketError>, ctx: &mut Ctx) {
        if !self.session.is_open() {
            return;
        }
        let now = Instant::now();
        if let Ok(packet) = &packet {
            self.charge(packet, now);
        }
        let meaning = self.session.on_packet(packet.as_ref(), now);
        match (meaning, packet) {
            (_, Err(error)) => {
                debug!(session = ?self.link.session, %error, "the client sent something that is not an Engine.IO packet");
                self.break_off(DisconnectReason::ParseError, "not an Engine.IO packet");
            }
            (_, Ok(Packet::Message(message))) => self.receive_message(message, ctx),
            (Meaning::Pong(round_trip), _) => self.receive_pong(round_trip),
            (Meaning::Close, _) => self.client_closes(),
            (Meaning::Ping, _) => self.answer_ping(),
            (Meaning::WrongHeartbeat, _) => {
                self.break_off(DisconnectReason::TransportError, "a heartbeat in the wrong direction");
            }
            (Meaning::Message | Meaning::Nothing, _) => {}
        }
    }

    fn receive_pong(&self, round_trip: Option<Duration>) {
        let metrics = &self.hub.node.metrics;
        metrics.packets_received.of(PacketType::Pong).increment();
        if let Some(round_trip) = round_trip {
            metrics.pings.record(round_trip);
        }
    }

    /// Answers a client that pings, as in protocol 3. Over polling the session does.
    fn answer_ping(&self) {
        self.hub.node.metrics.packets_received.of(PacketType::Ping).increment();
        if self.websocket.is_some() {
            self.link.outbox.push_own(Item::Frame(text_frame(PONG)));
        }
    }

    fn receive_message(&mut self, message: Message, ctx: &mut Ctx) {
        let metrics = &self.hub.node.metrics;
        let length = match &message {
            Message::Text(text) => text.len(),
            Message::Binary(data) => data.len(),
        };
        metrics.received_bytes.add(length as u64);
        match self.decoder.decode(message) {
            Ok(Some(packet)) => {
                self.incomplete_since = None;
                self.route(packet, ctx);
            }
            Ok(None) => {}
            Err(error) => {
                debug!(session = ?self.link.session, %error, "the client sent something that is not a Socket.IO packet");
                self.expel(DisconnectReason::ForcedClose, INVALID_PACKET);
            }
        }
    }

    fn route(&mut self, packet: socketio::Packet, ctx: &mut Ctx) {
        let is_old = self.dialect.protocol == Protocol::V3;
        let packet = if is_old { with_query_as_auth(packet) } else { packet };
        self.hub.node.metrics.packets_received.of(type_of(&packet)).increment();
        let grace = ms(self.hub.node.options.left_namespace_grace_ms);
        let standing = self.namespaces.standing(packet.namespace(), grace);
        match (standing, packet) {
            (
                NamespaceState::Outside | NamespaceState::JustLeft,
                socketio::Packet::Connect { namespace, auth },
            ) => {
                self.enter(&namespace, auth.as_deref(), ctx);
            }
            // A second CONNECT joins the first: one socket, one answer.
            (NamespaceState::Pending, socketio::Packet::Connect { .. }) => {}
            // Clients of protocol 3 are let into the main namespace unasked, and some ask all the same.
            (NamespaceState::Inside(_), socketio::Packet::Connect { .. }) if is_old => {}
            (NamespaceState::Inside(socket), packet)
                if !matches!(packet, socketio::Packet::Connect { .. }) =>
            {
                self.hand_over(&socket, packet);
            }
            (NamespaceState::JustLeft, _) => self.hub.node.metrics.late_packets.increment(),
            _ => self.expel(DisconnectReason::ForcedServerClose, "packet out of order"),
        }
    }

    fn hand_over(&mut self, socket: &Arc<crate::socket::SocketCore>, packet: socketio::Packet) {
        let Some(actor) = socket.actor() else { return };
        match packet {
            socketio::Packet::Event { id, name, arguments, .. } => {
                socket.handler_started();
                self.may_be_busy = true;
                actor.do_send(Event { name, arguments, ack: id });
            }
            socketio::Packet::Ack { id, arguments, .. } => {
                if let Some(id) = id {
                    actor.do_send(AckArrived { id, arguments });
                }
            }
            socketio::Packet::Disconnect { .. } => {
                let reason = DisconnectReason::ClientNamespaceDisconnect;
                actor.do_send(Close { reason, detail: None, tell_client: false });
                // The actor closes the socket after the events before this; for the client it is closed now.
                self.namespaces.leave(socket);
            }
            socketio::Packet::Connect { .. } | socketio::Packet::ConnectError { .. } => {
                self.expel(DisconnectReason::ForcedServerClose, "packet out of order");
            }
        }
    }
}

/// Takes the query off the name of a namespace: clients of protocol 3 have no other place for what others send as `auth`.
/// Of two values with one name the last counts.
fn with_query_as_auth(packet: socketio::Packet) -> socketio::Packet {
    let socketio::Packet::Connect { namespace, auth } = packet else { return packet };
    let Some((name, query)) = namespace.split_once('?') else {
        return socketio::Packet::Connect { namespace, auth };
    };
    let query: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
    let auth = serde_json::to_string(&query).ok().map(Into::into);
    socketio::Packet::Connect { namespace: name.into(), auth }
}

fn type_of(packet: &socketio::Packet) -> PacketType {
    match packet {
        socketio::Packet::Connect { .. } => PacketType::Connect,
        socketio::Packet::Disconnect { .. } => PacketType::Disconnect,
        socketio::Packet::Event { .. } => PacketType::Event,
        socketio::Packet::Ack { .. } => PacketType::Ack,
        socketio::Packet::ConnectError { .. } => PacketType::ConnectError,
    }
}
