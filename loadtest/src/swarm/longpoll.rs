//! A client that polls: one GET always waits for packets, one POST at a time carries the client's own. And the way
//! from there to a WebSocket (`socket.io/docs/v4/engine-io-protocol`, "Upgrade").

use std::io;
use std::mem;

use super::{ClientId, Handler, Swarm, token};
use crate::client::frame::Opcode;
use crate::client::link::Role;
use crate::client::packet::PacketError;
use crate::client::polling::{Part, parse_response, parts};
use crate::client::{CloseReason, Probe, Slot, Stage};

impl Swarm {
    /// Handles every complete response at the front of `bytes` and returns their length.
    pub(super) fn responses<H: Handler>(
        &mut self,
        handler: &mut H,
        id: ClientId,
        slot: Slot,
        bytes: &[u8],
    ) -> Result<usize, CloseReason> {
        let mut used = 0;
        while used < bytes.len() {
            let Some(response) = parse_response(&bytes[used..])? else { break };
            used += response.length;
            if let Some(link) = self.clients[id].link(slot) {
                link.is_asking = false;
            }
            match slot {
                Slot::Main => self.packets(handler, id, &response.body)?,
                Slot::Side => self.posted(id)?,
            }
            if response.is_last {
                *self.clients[id].link(slot) = None;
            }
            if slot == Slot::Main {
                self.poll_again(id)?;
            }
            self.advance_probe(handler, id)?;
        }
        Ok(used)
    }

    fn packets<H: Handler>(&mut self, handler: &mut H, id: ClientId, body: &[u8]) -> Result<(), CloseReason> {
        for part in parts(body) {
            match part {
                Some(Part::Text(text)) => self.text(handler, id, Slot::Main, text)?,
                Some(Part::Binary(bytes)) => self.attachment(handler, id, &bytes)?,
                None => return Err(PacketError::new(b"(an attachment that is not base64)").into()),
            }
        }
        Ok(())
    }

    /// Sends the next GET, unless the client is about to leave polling.
    fn poll_again(&mut self, id: ClientId) -> io::Result<()> {
        let client = &self.clients[id];
        if client.probe == Probe::Answered || matches!(client.stage, Stage::Absent | Stage::Closing) {
            return Ok(());
        }
        let request = self.dialing.targets[client.target].poll_request(&client.session);
        self.ask(id, Slot::Main, Role::Poll, &request)
    }

    /// Sends a POST with everything that waits, if none is under way.
    pub(super) fn post(&mut self, id: ClientId) -> io::Result<()> {
        let client = &mut self.clients[id];
        let is_free = match &client.side {
            Some(link) => link.role == Role::Post && !link.is_asking,
            None => client.probe == Probe::None,
        };
        if !is_free || client.session.is_empty() {
            return Ok(());
        }
        let body = mem::take(&mut client.post);
        let request = self.dialing.targets[client.target].post_request(&client.session, &body);
        self.ask(id, Slot::Side, Role::Post, &request)
    }

    /// Sends a request on a connection that is kept alive, or on a new one.
    fn ask(&mut self, id: ClientId, slot: Slot, role: Role, request: &[u8]) -> io::Result<()> {
        match self.clients[id].link(slot) {
            Some(link) => {
                link.outbox.extend_from_slice(request);
                link.is_asking = true;
                self.mark_dirty(id);
                Ok(())
            }
            None => self.dial(id, slot, role, request),
        }
    }

    /// A POST was taken.
    fn posted(&mut self, id: ClientId) -> Result<(), CloseReason> {
        if !self.clients[id].post.is_empty() {
            self.mark_dirty(id);
        } else if self.clients[id].stage == Stage::Closing {
            return Err(CloseReason::Asked);
        }
        Ok(())
    }

    /// Goes on with the upgrade as far as it can: no POST may be under way when the probe begins, and no GET when the
    /// session moves over.
    pub(super) fn advance_probe<H: Handler>(&mut self, handler: &mut H, id: ClientId) -> io::Result<()> {
        let client = &mut self.clients[id];
        if client.stage != Stage::Upgrading {
            return Ok(());
        }
        let is_asking =
            |link: &Option<crate::client::link::Link>| link.as_ref().is_some_and(|link| link.is_asking);
        if client.probe == Probe::None && client.post.is_empty() && !is_asking(&client.side) {
            client.side = None;
            client.probe = Probe::Sent;
            let request = self.dialing.targets[client.target].websocket_request(&client.session);
            return self.dial(id, Slot::Side, Role::Handshake, &request);
        }
        if client.probe == Probe::Answered && !is_asking(&client.main) {
            client.main = client.side.take();
            client.probe = Probe::None;
            if let Some(link) = &mut client.main {
                link.wire.register(self.poll.registry(), token(id, Slot::Main), true)?;
            }
            self.queue_frame(id, Slot::Main, Opcode::Text, b"5");
            self.repeat_posts(id);
            let greeting = mem::take(&mut self.clients[id].greeting);
            self.become_ready(handler, id, &greeting);
        }
        Ok(())
    }

    /// Sends what was to be posted when polling ended over the WebSocket.
    fn repeat_posts(&mut self, id: ClientId) {
        let post = mem::take(&mut self.clients[id].post);
        for part in parts(&post).filter(|_| !post.is_empty()) {
            match part {
                Some(Part::Text(text)) => self.queue_frame(id, Slot::Main, Opcode::Text, text),
                Some(Part::Binary(bytes)) => self.queue_frame(id, Slot::Main, Opcode::Binary, &bytes),
                None => {}
            }
        }
    }
}
