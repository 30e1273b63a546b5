//! Packets that a client may send, and the event names that are reserved.

use bytestring::ByteString;

use super::arguments::Arguments;

/// The most attachments a packet may have, the limit of `socket.io-parser` since 4.2.6 (CVE-2026-33151).
/// The client's decoder has it too, so it holds in both directions.
pub const MAX_ATTACHMENTS: usize = 10;

/// A packet of a client.
#[derive(Debug, Clone)]
pub enum Packet {
    /// The client asks to join a namespace.
    Connect {
        /// The namespace, taken literally: a query in it is part of its name.
        namespace: ByteString,
        /// The text of a JSON object, if the client sent one.
        auth: Option<ByteString>,
    },
    /// The client leaves a namespace.
    Disconnect {
        /// The namespace.
        namespace: ByteString,
    },
    /// An event.
    Event {
        /// The namespace.
        namespace: ByteString,
        /// Present if the client awaits an ack.
        id: Option<u64>,
        /// The event's name. A number is accepted and stands as its JSON text; a packet without payload has
        /// no name and is accepted too.
        name: Option<ByteString>,
        /// Arguments after the name of the event.
        arguments: Arguments,
    },
    /// The answer to an event of the server.
    Ack {
        /// The namespace.
        namespace: ByteString,
        /// The id of the event. An ack without one is accepted and answers nothing.
        id: Option<u64>,
        /// Arguments of the client's answer.
        arguments: Arguments,
    },
    /// Only a server has a reason to send this; a client that does is disconnected.
    ConnectError {
        /// The namespace.
        namespace: ByteString,
    },
}

impl Packet {
    /// The namespace that the packet is for; `/` where the text names none.
    pub fn namespace(&self) -> &ByteString {
        match self {
            Packet::Connect { namespace, .. }
            | Packet::Disconnect { namespace }
            | Packet::Event { namespace, .. }
            | Packet::Ack { namespace, .. }
            | Packet::ConnectError { namespace } => namespace,
        }
    }
}

/// Whether the name means something to Socket.IO itself (`RESERVED_EVENTS` of `socket.io-parser`). Such an
/// event is neither sent nor accepted; `error` is not one of them.
pub fn is_reserved(event: &str) -> bool {
    matches!(
        event,
        "connect" | "connect_error" | "disconnect" | "disconnecting" | "newListener" | "removeListener"
    )
}
