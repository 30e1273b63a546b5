//! The Engine.IO and Socket.IO session of a client: from the open packet to the goodbye, over whatever transport.

use std::io;
use std::mem;

use serde::Deserialize;

use super::websocket::NORMAL_CLOSURE;
use super::{ClientId, Handler, Swarm};
use crate::client::frame::Opcode;
use crate::client::link::Role;
use crate::client::packet::{Packet, PacketError, parse_packet};
use crate::client::polling::{push_binary, push_text};
use crate::client::target::Route;
use crate::client::{CloseReason, Probe, Slot, Stage};

/// Part of Engine.IO's open packet that the tester needs.
#[derive(Deserialize)]
struct Open {
    sid: String,
}

impl Swarm {
    /// Begins to connect a client that is absent.
    pub(crate) fn open(&mut self, id: ClientId) -> io::Result<()> {
        let now_ns = self.tick();
        self.clients[id].reset();
        self.clients[id].opened_ns = now_ns;
        let target = &self.dialing.targets[self.clients[id].target];
        let (role, request) = match self.clients[id].route {
            Route::Websocket => (Role::Handshake, target.websocket_request("")),
            Route::Polling | Route::Upgrade => (Role::Poll, target.poll_request("")),
        };
        self.dial(id, Slot::Main, role, &request)?;
        self.clients[id].stage = Stage::Opening;
        Ok(())
    }

    /// Sets the authentication (JSON) of the client's next CONNECTs instead of the usual one.
    pub(crate) fn set_auth(&mut self, id: ClientId, auth: Option<Vec<u8>>) {
        self.clients[id].auth = auth;
    }

    /// Queues a packet in text form.
    pub(crate) fn send(&mut self, id: ClientId, text: &[u8]) {
        if !self.clients[id].is_polling() {
            return self.queue_frame(id, Slot::Main, Opcode::Text, text);
        }
        push_text(&mut self.clients[id].post, text);
        self.mark_dirty(id);
    }

    /// Queues the attachment of the packet that was sent before.
    pub(crate) fn send_attachment(&mut self, id: ClientId, bytes: &[u8]) {
        if !self.clients[id].is_polling() {
            return self.queue_frame(id, Slot::Main, Opcode::Binary, bytes);
        }
        push_binary(&mut self.clients[id].post, bytes);
        self.mark_dirty(id);
    }

    /// Begins a normal close; [`Handler::closed`] follows when the server has hung up.
    pub(crate) fn close(&mut self, id: ClientId) {
        if self.clients[id].stage == Stage::Ready {
            self.ready -= 1;
        }
        self.clients[id].stage = Stage::Closing;
        match self.clients[id].is_polling() {
            true => self.send(id, b"1"),
            false => self.queue_frame(id, Slot::Main, Opcode::Close, &NORMAL_CLOSURE),
        }
    }

    /// Ends a client's connections with a reset, at once and without a word to the handler.
    pub(crate) fn cut(&mut self, id: ClientId) {
        let client = &mut self.clients[id];
        for link in [&client.main, &client.side].into_iter().flatten() {
            // Without it the end is a little more polite: nothing depends on it.
            let _ = link.wire.reset_on_close();
        }
        if client.stage == Stage::Ready {
            self.ready -= 1;
        }
        client.reset();
    }

    /// Lets what is sent to a client pile up, or reads on.
    pub(crate) fn set_paused(&mut self, id: ClientId, is_paused: bool) {
        self.clients[id].is_paused = is_paused;
        if !is_paused {
            self.resumed.push(id);
        }
    }

    /// A packet in text form arrived.
    pub(super) fn text<H: Handler>(
        &mut self,
        handler: &mut H,
        id: ClientId,
        slot: Slot,
        text: &[u8],
    ) -> Result<(), CloseReason> {
        let packet = parse_packet(text, &self.dialing.namespace)?;
        let stage = self.clients[id].stage;
        match (packet, stage) {
            (Packet::Event { .. } | Packet::Ack { .. }, Stage::Ready) => {
                handler.packet(self, id, packet, None);
            }
            (Packet::BinaryEvent { .. } | Packet::BinaryAck { .. }, _) if stage != Stage::Closing => {
                self.clients[id].incomplete = Some(text.to_vec());
            }
            (Packet::Event { .. }, Stage::Joining | Stage::Upgrading) => {
                self.clients[id].early.push((text.to_vec(), None));
            }
            (Packet::Ping(content), _) => {
                self.pings += 1;
                let pong = [b"3", content].concat();
                self.send(id, &pong);
            }
            (Packet::Pong, Stage::Upgrading) if slot == Slot::Side && text == b"3probe" => {
                self.clients[id].probe = Probe::Answered;
                self.advance_probe(handler, id)?;
            }
            (Packet::Open(data), Stage::Opening) => self.opened(id, data)?,
            (Packet::Connect(data), Stage::Joining) => self.joined(handler, id, data)?,
            (Packet::Noop, _) | (_, Stage::Closing) => {}
            (Packet::ConnectError(data), Stage::Joining) => {
                return Err(CloseReason::Refused(String::from_utf8_lossy(data).into_owned()));
            }
            (Packet::Close | Packet::Disconnect, _) => return Err(CloseReason::Disconnected),
            _ => return Err(PacketError::new(text).into()),
        }
        Ok(())
    }

    /// A binary attachment arrived.
    pub(super) fn attachment<H: Handler>(
        &mut self,
        handler: &mut H,
        id: ClientId,
        bytes: &[u8],
    ) -> Result<(), CloseReason> {
        let Some(text) = self.clients[id].incomplete.take() else {
            return Err(PacketError::new(b"(binary)").into());
        };
        match self.clients[id].stage {
            Stage::Ready => {
                // It was read before and is the same text.
                let packet = parse_packet(&text, &self.dialing.namespace)?;
                handler.packet(self, id, packet, Some(bytes));
            }
            Stage::Closing => {}
            _ => self.clients[id].early.push((text, Some(bytes.to_vec()))),
        }
        Ok(())
    }

    fn opened(&mut self, id: ClientId, data: &[u8]) -> Result<(), CloseReason> {
        let client = &mut self.clients[id];
        client.stage = Stage::Joining;
        if client.route != Route::Websocket {
            let open: Open = serde_json::from_slice(data).map_err(|_| PacketError::new(data))?;
            client.session = open.sid;
        }
        let auth = client.auth.as_ref().unwrap_or(&self.dialing.auth);
        let connect = [b"40", &self.dialing.namespace[..], auth].concat();
        self.send(id, &connect);
        Ok(())
    }

    fn joined<H: Handler>(&mut self, handler: &mut H, id: ClientId, data: &[u8]) -> Result<(), CloseReason> {
        let is_upgrading = self.clients[id].route == Route::Upgrade;
        if !is_upgrading {
            self.become_ready(handler, id, data);
            return Ok(());
        }
        self.clients[id].greeting = data.to_vec();
        self.clients[id].stage = Stage::Upgrading;
        Ok(self.advance_probe(handler, id)?)
    }

    pub(super) fn become_ready<H: Handler>(&mut self, handler: &mut H, id: ClientId, greeting: &[u8]) {
        self.clients[id].stage = Stage::Ready;
        self.ready += 1;
        self.counters.connects += 1;
        handler.connected(self, id, greeting);
        for (text, attachment) in mem::take(&mut self.clients[id].early) {
            // It was read before and is the same text.
            if let Ok(packet) = parse_packet(&text, &self.dialing.namespace) {
                handler.packet(self, id, packet, attachment.as_deref());
            }
        }
    }
}
