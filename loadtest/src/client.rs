//! One connection of the tester: its socket, how far it has come, and the bytes that wait on either side.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use mio::net::TcpStream;
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use crate::frame::{FrameError, MaskKeys, Opcode, push_frame};
use crate::handshake::HandshakeError;
use crate::packet::PacketError;

/// How far a client has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// There is no connection.
    Absent,
    /// TCP is connecting.
    Connecting,
    /// The upgrade request is on its way.
    Upgrading,
    /// WebSocket is open; Engine.IO's open packet is awaited.
    Opening,
    /// CONNECT is on its way.
    Joining,
    /// In the default namespace.
    Ready,
    /// The tester said goodbye and waits for the server to hang up.
    Closing,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CloseReason {
    #[error("the tester closed it")]
    Asked,
    #[error("the server closed the TCP connection")]
    EndOfStream,
    #[error("the server sent a WebSocket close frame (code {0:?})")]
    CloseFrame(Option<u16>),
    #[error("the server ended the Socket.IO session")]
    Disconnected,
    #[error("the server refused the namespace: {0}")]
    Refused(String),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Handshake(#[from] HandshakeError),
    #[error("{0}")]
    Frame(#[from] FrameError),
    #[error("{0}")]
    Packet(#[from] PacketError),
}

/// One connection, or the place for one.
#[derive(Debug)]
pub(crate) struct Client {
    /// `None` while absent.
    pub(crate) stream: Option<TcpStream>,
    pub(crate) phase: Phase,
    /// Which target it connects to.
    pub(crate) target: usize,
    /// When connecting began, in nanoseconds of the swarm's clock.
    pub(crate) opened_ns: u64,
    /// The incomplete frame at the end of the last read; empty between frames.
    pub(crate) carry: Vec<u8>,
    /// The parts so far of a fragmented message; `None` outside one.
    pub(crate) fragments: Option<Vec<u8>>,
    /// What waits to be written, from `written` on.
    outbox: Vec<u8>,
    written: usize,
    /// Whether the swarm already knows that this outbox is to be flushed at the end of the wake-up.
    pub(crate) is_dirty: bool,
}

impl Client {
    /// A client that is not connected, and will connect to this target.
    pub(crate) fn absent(target: usize) -> Self {
        Self {
            stream: None,
            phase: Phase::Absent,
            target,
            opened_ns: 0,
            carry: Vec::new(),
            fragments: None,
            outbox: Vec::new(),
            written: 0,
            is_dirty: false,
        }
    }

    /// Starts over with a connection that is being made.
    pub(crate) fn connecting(&mut self, stream: TcpStream, opened_ns: u64) {
        self.reset();
        self.stream = Some(stream);
        self.phase = Phase::Connecting;
        self.opened_ns = opened_ns;
    }

    /// Drops the connection and everything that waited.
    pub(crate) fn reset(&mut self) {
        self.stream = None;
        self.phase = Phase::Absent;
        self.carry.clear();
        self.fragments = None;
        self.outbox.clear();
        self.written = 0;
    }

    /// Queues bytes as they are (the upgrade request).
    pub(crate) fn queue_bytes(&mut self, bytes: &[u8]) {
        self.outbox.extend_from_slice(bytes);
    }

    /// Queues one masked frame.
    pub(crate) fn queue_frame(&mut self, opcode: Opcode, payload: &[u8], keys: &mut MaskKeys) {
        push_frame(&mut self.outbox, opcode, payload, Some(keys.next_key()));
    }

    /// Writes what waits, as far as the socket takes it.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        while self.written < self.outbox.len() {
            match stream.write(&self.outbox[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.outbox.clear();
        self.written = 0;
        Ok(())
    }

    /// Whether something waits to be written.
    pub(crate) fn has_output(&self) -> bool {
        self.written < self.outbox.len()
    }
}

/// Begins a TCP connection without waiting for it.
pub(crate) fn dial(address: SocketAddr, source: Option<Ipv4Addr>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(source) = source {
        socket.bind(&SocketAddr::from((IpAddr::from(source), 0)).into())?;
    }
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => Err(error),
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}

/// Whether a connection is made; an error if it failed.
pub(crate) fn established(stream: &TcpStream) -> io::Result<bool> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}
