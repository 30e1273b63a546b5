//! Readiness of sockets: what has arrived is read and handed on, what waits is written.

use std::io::{self, Read};
use std::mem;

use super::{ClientId, Handler, Swarm, token};
use crate::client::frame::FrameError;
use crate::client::link::{Link, Role};
use crate::client::target::source_address;
use crate::client::wire::Wire;
use crate::client::{CloseReason, Slot, Stage};

/// The largest frame or response a server may send.
const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;

impl Swarm {
    /// Begins a connection of a client, with these bytes to be sent first.
    pub(super) fn dial(&mut self, id: ClientId, slot: Slot, role: Role, first: &[u8]) -> io::Result<()> {
        let target = &self.dialing.targets[self.clients[id].target];
        let source = source_address(id, &self.dialing.sources, target.address.ip());
        let mut link = Link::new(Wire::dial(target.address, source, target.tls.as_ref())?, role);
        link.wire.register(self.poll.registry(), token(id, slot), false)?;
        link.outbox.extend_from_slice(first);
        link.is_asking = matches!(role, Role::Poll | Role::Post);
        *self.clients[id].link(slot) = Some(link);
        Ok(())
    }

    pub(super) fn writable<H: Handler>(&mut self, handler: &mut H, id: ClientId, slot: Slot) {
        let Some(link) = self.clients[id].link(slot) else { return };
        if !link.is_established {
            match link.wire.established() {
                Ok(is_established) => link.is_established = is_established,
                Err(error) => return self.end(handler, id, &error.into()),
            }
        }
        if link.is_established && link.has_output() {
            self.mark_dirty(id);
        }
    }

    /// Reads until the socket is empty. It is edge-triggered, but a read that did not fill the buffer has emptied it
    /// (epoll(7), question 9), which saves the read that would say so; unless the end of the stream is to be read.
    pub(super) fn readable<H: Handler>(
        &mut self,
        handler: &mut H,
        id: ClientId,
        slot: Slot,
        is_read_closed: bool,
    ) {
        if self.clients[id].is_paused {
            return;
        }
        let mut buffer = mem::take(&mut self.buffer);
        let result = self.read(handler, id, slot, is_read_closed, &mut buffer);
        self.buffer = buffer;
        match result {
            Ok(()) => {}
            Err(CloseReason::EndOfStream) if self.is_spare(id, slot) => *self.clients[id].link(slot) = None,
            Err(reason) => self.end(handler, id, &reason),
        }
    }

    fn read<H: Handler>(
        &mut self,
        handler: &mut H,
        id: ClientId,
        slot: Slot,
        is_read_closed: bool,
        buffer: &mut Vec<u8>,
    ) -> Result<(), CloseReason> {
        loop {
            let Some(link) = self.clients[id].link(slot) else { return Ok(()) };
            let carried = link.carry.len();
            if carried == buffer.len() {
                if carried >= FRAME_BYTES_MAX {
                    return Err(FrameError::TooLarge(FRAME_BYTES_MAX).into());
                }
                buffer.resize(carried * 2, 0);
            }
            let filled = match link.wire.read(&mut buffer[carried..]) {
                Ok(0) => return Err(CloseReason::EndOfStream),
                Ok(count) => carried + count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // The reading may have ended a TLS handshake, or owe the server an answer to one.
                    if link.is_established && link.has_output() {
                        self.mark_dirty(id);
                    }
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            buffer[..carried].copy_from_slice(&link.carry);
            link.carry.clear();
            let is_empty = link.wire.is_empty_after_short_read() && filled < buffer.len() && !is_read_closed;
            self.counters.bytes.received += (filled - carried) as u64;
            self.tick();
            let used = self.consume(handler, id, slot, &buffer[..filled])?;
            // The connection may have changed its place meanwhile, but then everything was used.
            if let Some(link) = self.clients[id].link(slot) {
                link.carry.extend_from_slice(&buffer[used..filled]);
            }
            if is_empty {
                return Ok(());
            }
        }
    }

    /// Handles everything complete at the front of `bytes`; how many bytes it was.
    fn consume<H: Handler>(
        &mut self,
        handler: &mut H,
        id: ClientId,
        slot: Slot,
        bytes: &[u8],
    ) -> Result<usize, CloseReason> {
        let Some(link) = self.clients[id].link(slot) else { return Ok(bytes.len()) };
        match link.role {
            Role::Handshake | Role::Socket => self.frames(handler, id, slot, bytes),
            Role::Poll | Role::Post => self.responses(handler, id, slot, bytes),
        }
    }

    /// Whether a connection may end without harm: one for POSTs, between two of them.
    fn is_spare(&self, id: ClientId, slot: Slot) -> bool {
        let side = &self.clients[id].side;
        slot == Slot::Side && side.as_ref().is_some_and(|link| link.role == Role::Post && !link.is_asking)
    }

    pub(super) fn mark_dirty(&mut self, id: ClientId) {
        if !self.clients[id].is_dirty {
            self.clients[id].is_dirty = true;
            self.dirty.push(id);
        }
    }

    pub(super) fn flush<H: Handler>(&mut self, handler: &mut H) {
        while let Some(id) = self.dirty.pop() {
            self.clients[id].is_dirty = false;
            if let Err(error) = self.flush_client(id) {
                self.end(handler, id, &error.into());
            }
        }
    }

    fn flush_client(&mut self, id: ClientId) -> io::Result<()> {
        if !self.clients[id].post.is_empty() {
            self.post(id)?;
        }
        let client = &mut self.clients[id];
        for link in [&mut client.main, &mut client.side].into_iter().flatten() {
            self.counters.bytes.sent += link.flush()? as u64;
        }
        Ok(())
    }

    /// Drops a client's connections and tells the handler.
    pub(super) fn end<H: Handler>(&mut self, handler: &mut H, id: ClientId, reason: &CloseReason) {
        let stage = self.clients[id].stage;
        if stage == Stage::Absent {
            return;
        }
        if stage == Stage::Ready {
            self.ready -= 1;
        }
        self.clients[id].reset();
        let reason = if stage == Stage::Closing { &CloseReason::Asked } else { reason };
        if stage != Stage::Closing && self.failure.is_none() {
            self.failure = Some(self.absence(id, reason));
        }
        handler.closed(self, id, stage, reason);
    }
}
