//! One connection of a client: its wire, what it is for, and the bytes that wait on either side.

use std::io::{self, Write};

use crate::client::frame::{MaskKeys, Opcode, push_frame};
use crate::client::wire::Wire;

/// Current use of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The WebSocket upgrade request is on its way.
    Handshake,
    /// WebSocket frames.
    Socket,
    /// One GET after the other, each answered when the server has something to say.
    Poll,
    /// One POST after the other, each with everything the client has to say.
    Post,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) wire: Wire,
    pub(crate) role: Role,
    /// TCP is connected.
    pub(crate) is_established: bool,
    /// A request was sent and not answered ([`Role::Poll`] and [`Role::Post`] only).
    pub(crate) is_asking: bool,
    /// The incomplete frame or response at the end of the last read; empty between them.
    pub(crate) carry: Vec<u8>,
    /// Bytes that wait to be written, from `written` on.
    pub(crate) outbox: Vec<u8>,
    written: usize,
}

impl Link {
    /// A connection that is being made.
    pub(crate) fn new(wire: Wire, role: Role) -> Self {
        let (carry, outbox) = (Vec::new(), Vec::new());
        Self { wire, role, is_established: false, is_asking: false, carry, outbox, written: 0 }
    }

    /// Queues one masked frame.
    pub(crate) fn queue_frame(&mut self, opcode: Opcode, payload: &[u8], keys: &mut MaskKeys) {
        push_frame(&mut self.outbox, opcode, payload, Some(keys.next_key()));
    }

    /// Writes what waits, as far as the socket takes it, and returns the number of bytes that it took.
    pub(crate) fn flush(&mut self) -> io::Result<usize> {
        let before = self.written;
        while self.is_established && self.written < self.outbox.len() {
            match self.wire.write(&self.outbox[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(self.written - before),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if !self.is_established {
            return Ok(0);
        }
        let count = self.written - before;
        self.outbox.clear();
        self.written = 0;
        match self.wire.flush() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(count),
        }
    }

    /// Whether something waits to be written.
    pub(crate) fn has_output(&self) -> bool {
        self.written < self.outbox.len() || self.wire.wants_write()
    }
}
