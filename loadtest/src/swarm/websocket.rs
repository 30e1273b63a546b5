//! A client's WebSocket: the answer to its upgrade request, then frames.

use super::{ClientId, Handler, Swarm};
use crate::client::frame::{FrameError, Opcode, parse_frame};
use crate::client::handshake;
use crate::client::link::Role;
use crate::client::{CloseReason, Slot, Stage};

/// WebSocket close code 1000, normal closure (RFC 6455 section 7.4.1).
pub(super) const NORMAL_CLOSURE: [u8; 2] = 1000_u16.to_be_bytes();

impl Swarm {
    /// Handles every complete frame at the front of `bytes` and returns their length.
    pub(super) fn frames<H: Handler>(
        &mut self,
        handler: &mut H,
        id: ClientId,
        slot: Slot,
        bytes: &[u8],
    ) -> Result<usize, CloseReason> {
        let mut used = 0;
        if let Some(link) = self.clients[id].link(slot)
            && link.role == Role::Handshake
        {
            let Some(length) = handshake::parse_response(bytes)? else { return Ok(0) };
            link.role = Role::Socket;
            used = length;
            if slot == Slot::Side {
                self.queue_frame(id, slot, Opcode::Text, b"2probe");
            }
        }
        while let Some(frame) = parse_frame(&bytes[used..])? {
            if frame.mask.is_some() {
                return Err(FrameError::BadMasking.into());
            }
            let payload = &bytes[used..][frame.payload.clone()];
            used += frame.payload.end;
            match (frame.opcode, frame.is_final) {
                (Opcode::Text, true) if self.clients[id].fragments.is_none() => {
                    self.text(handler, id, slot, payload)?;
                }
                (Opcode::Binary, true) if self.clients[id].fragments.is_none() => {
                    self.attachment(handler, id, payload)?;
                }
                (Opcode::Text | Opcode::Binary | Opcode::Continuation, is_final) => {
                    self.fragment(handler, id, slot, (frame.opcode, is_final), payload)?;
                }
                (Opcode::Ping, _) => self.queue_frame(id, slot, Opcode::Pong, payload),
                (Opcode::Pong, _) => {}
                (Opcode::Close, _) => {
                    let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                    self.answer_close(id, slot, code)?;
                }
            }
        }
        Ok(used)
    }

    /// The uncommon case: a message in several frames (RFC 6455 section 5.4).
    fn fragment<H: Handler>(
        &mut self,
        handler: &mut H,
        id: ClientId,
        slot: Slot,
        (opcode, is_final): (Opcode, bool),
        payload: &[u8],
    ) -> Result<(), CloseReason> {
        let fragments = &mut self.clients[id].fragments;
        if (opcode == Opcode::Continuation) != fragments.is_some() {
            return Err(FrameError::BadFragment.into());
        }
        fragments.get_or_insert_with(|| (opcode == Opcode::Binary, Vec::new())).1.extend_from_slice(payload);
        if !is_final {
            return Ok(());
        }
        match fragments.take() {
            Some((false, message)) => self.text(handler, id, slot, &message),
            Some((true, message)) => self.attachment(handler, id, &message),
            None => Ok(()),
        }
    }

    /// A close frame: after ours, the server will hang up; otherwise it is the server that ends the connection.
    fn answer_close(&mut self, id: ClientId, slot: Slot, code: Option<u16>) -> Result<(), CloseReason> {
        if self.clients[id].stage == Stage::Closing {
            return Ok(());
        }
        self.queue_frame(id, slot, Opcode::Close, &NORMAL_CLOSURE);
        if let Some(link) = self.clients[id].link(slot) {
            // The connection is dropped at once: the answer goes out now or never.
            let _ = link.flush();
        }
        Err(CloseReason::CloseFrame(code))
    }

    pub(super) fn queue_frame(&mut self, id: ClientId, slot: Slot, opcode: Opcode, payload: &[u8]) {
        if let Some(link) = match slot {
            Slot::Main => &mut self.clients[id].main,
            Slot::Side => &mut self.clients[id].side,
        } {
            link.queue_frame(opcode, payload, &mut self.keys);
            self.mark_dirty(id);
        }
    }
}
