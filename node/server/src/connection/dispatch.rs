//! Dispatch of the client's Engine.IO messages to its sockets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::debug;

use super::namespaces::NamespaceState;
use super::state::Connection;
use crate::metrics::PacketType;
use crate::options::ms;
use crate::socket::{AckArrived, Close, DisconnectReason, Event, INVALID_PACKET};
use fanfare_engineio::session::Meaning;
use fanfare_engineio::{Message, Packet, PacketError};
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
            (Meaning::WrongHeartbeat, _) => {
                self.break_off(DisconnectReason::TransportError, "a client must not ping");
            }
            (Meaning::Message | Meaning::Ping | Meaning::Nothing, _) => {}
        }
    }

    fn receive_pong(&self, round_trip: Option<Duration>) {
        let metrics = &self.hub.node.metrics;
        metrics.packets_received.of(PacketType::Pong).increment();
        if let Some(round_trip) = round_trip {
            metrics.pings.record(round_trip);
        }
    }

    fn receive_message(&mut self, message: Message, ctx: &mut Ctx) {
        let metrics = &self.hub.node.metrics;
        let decoded = match message {
            Message::Text(text) => {
                metrics.received_bytes.add(text.len() as u64);
                self.decoder.text(text)
            }
            Message::Binary(data) => {
                metrics.received_bytes.add(data.len() as u64);
                self.decoder.binary(data)
            }
        };
        match decoded {
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

fn type_of(packet: &socketio::Packet) -> PacketType {
    match packet {
        socketio::Packet::Connect { .. } => PacketType::Connect,
        socketio::Packet::Disconnect { .. } => PacketType::Disconnect,
        socketio::Packet::Event { .. } => PacketType::Event,
        socketio::Packet::Ack { .. } => PacketType::Ack,
        socketio::Packet::ConnectError { .. } => PacketType::ConnectError,
    }
}
