//! Reasons for disconnecting a socket: every reason a handler can see, in one table.

use std::fmt;

/// The official server's reasons, under the official names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DisconnectReason {
    /// The client left the namespace.
    ClientNamespaceDisconnect,
    /// `socket.disconnect()` was called here.
    ServerNamespaceDisconnect,
    /// The server is closing.
    ServerShuttingDown,
    /// The client did not answer a ping in time.
    PingTimeout,
    /// The client closed the connection, or the network did.
    TransportClose,
    /// The transport failed: overlapping polls, a message too large, a client that does not read.
    TransportError,
    /// The client sent something that is not an Engine.IO packet.
    ParseError,
    /// The client sent something that is not a Socket.IO packet.
    ForcedClose,
    /// The client broke the order of the protocol, or joined no namespace in time; or its socket died here.
    ForcedServerClose,
}

impl DisconnectReason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::ClientNamespaceDisconnect,
        Self::ServerNamespaceDisconnect,
        Self::ServerShuttingDown,
        Self::PingTimeout,
        Self::TransportClose,
        Self::TransportError,
        Self::ParseError,
        Self::ForcedClose,
        Self::ForcedServerClose,
    ];

    /// The official name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientNamespaceDisconnect => "client namespace disconnect",
            Self::ServerNamespaceDisconnect => "server namespace disconnect",
            Self::ServerShuttingDown => "server shutting down",
            Self::PingTimeout => "ping timeout",
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::ParseError => "parse error",
            Self::ForcedClose => "forced close",
            Self::ForcedServerClose => "forced server close",
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for DisconnectReason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
