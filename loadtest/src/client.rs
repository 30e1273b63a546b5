//! One client of the tester: its stage, its connections, and what it has received in part.

use crate::client::frame::FrameError;
use crate::client::handshake::HandshakeError;
use crate::client::link::{Link, Role};
use crate::client::packet::PacketError;
use crate::client::target::Route;

pub(crate) mod frame;
pub(crate) mod handshake;
pub(crate) mod link;
pub(crate) mod packet;
pub(crate) mod polling;
pub(crate) mod target;
pub(crate) mod tls;
pub(crate) mod wire;

/// Stage of a client on its way into the namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Without a connection.
    Absent,
    /// Up to Engine.IO's open packet: TCP, TLS, HTTP.
    Opening,
    /// CONNECT is on its way.
    Joining,
    /// In the namespace, and on the way from polling to WebSocket.
    Upgrading,
    /// In the namespace.
    Ready,
    /// The tester said goodbye and waits for the server to hang up.
    Closing,
}

/// Stage of the change from polling to WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    None,
    /// The WebSocket is being opened, or has sent its probe.
    Sent,
    /// The probe was answered: no further GET is sent, and when none is under way the session moves over.
    Answered,
}

/// Reason for the end of a connection.
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
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Handshake(#[from] HandshakeError),
    #[error("{0}")]
    Frame(#[from] FrameError),
    #[error("{0}")]
    Packet(#[from] PacketError),
}

/// One of a client's two connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// The WebSocket, or the GETs of polling.
    Main = 0,
    /// The POSTs of polling, or the WebSocket that is to take over.
    Side = 1,
}

/// One client, or the place for one.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) stage: Stage,
    pub(crate) route: Route,
    /// Index of the target that it connects to.
    pub(crate) target: usize,
    /// Time at which connecting began, in nanoseconds of the swarm's clock.
    pub(crate) opened_ns: u64,
    pub(crate) main: Option<Link>,
    pub(crate) side: Option<Link>,
    /// The Engine.IO session, for the requests of polling; empty without polling.
    pub(crate) session: String,
    /// The body of the next POST.
    pub(crate) post: Vec<u8>,
    pub(crate) probe: Probe,
    /// Answer of the server to CONNECT, kept until the upgrade is over.
    pub(crate) greeting: Vec<u8>,
    /// Packets, with their attachments, that came before the client was ready: a server that takes up a session again
    /// may send what was missed before it says so.
    pub(crate) early: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// The kind and the parts so far of a fragmented message; `None` outside one.
    pub(crate) fragments: Option<(bool, Vec<u8>)>,
    /// The text of a packet whose attachment is awaited.
    pub(crate) incomplete: Option<Vec<u8>>,
    /// Authentication of the next CONNECT instead of the usual one, to take up an earlier session.
    pub(crate) auth: Option<Vec<u8>>,
    /// Whether the client leaves what it is sent in the socket.
    pub(crate) is_paused: bool,
    /// Whether the swarm already knows that an outbox is to be flushed at the end of the wake-up.
    pub(crate) is_dirty: bool,
}

impl Client {
    /// A client that is not connected.
    pub(crate) fn absent(target: usize, route: Route) -> Self {
        Self {
            stage: Stage::Absent,
            route,
            target,
            opened_ns: 0,
            main: None,
            side: None,
            session: String::new(),
            post: Vec::new(),
            probe: Probe::None,
            greeting: Vec::new(),
            early: Vec::new(),
            fragments: None,
            incomplete: None,
            auth: None,
            is_paused: false,
            is_dirty: false,
        }
    }

    /// Drops the connections and everything that waited.
    pub(crate) fn reset(&mut self) {
        *self =
            Self { is_dirty: self.is_dirty, auth: self.auth.take(), ..Self::absent(self.target, self.route) };
    }

    pub(crate) fn link(&mut self, slot: Slot) -> &mut Option<Link> {
        match slot {
            Slot::Main => &mut self.main,
            Slot::Side => &mut self.side,
        }
    }

    /// Whether messages travel in the bodies of requests now.
    pub(crate) fn is_polling(&self) -> bool {
        self.main.as_ref().is_some_and(|link| link.role == Role::Poll)
    }
}
