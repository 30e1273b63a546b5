//! Labels that tell the values of a metric apart.

use super::family::Label;
use crate::reason::DisconnectReason;

macro_rules! labels {
    ($($(#[$doc:meta])+ $name:literal $label:ident { $($value:ident = $text:literal,)+ })+) => {
        $($(#[$doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $label {
            $(#[doc = concat!("`", $text, "`")] $value,)+
        }

        impl Label for $label {
            const NAME: &'static str = $name;
            const VALUES: &'static [&'static str] = &[$($text),+];

            fn index(self) -> usize {
                self as usize
            }
        })+
    };
}

labels! {
    /// Transport of a connection.
    "transport" Transport {
        Polling = "polling",
        WebSocket = "websocket",
    }

    /// Type of a packet; of Engine.IO where Socket.IO has no part in it. Binary events and acknowledgements count as
    /// events and acknowledgements.
    "type" PacketType {
        Connect = "connect",
        Disconnect = "disconnect",
        Event = "event",
        Ack = "ack",
        ConnectError = "connect_error",
        Ping = "ping",
        Pong = "pong",
    }

    /// Reason why a request is refused.
    "reason" Refused {
        TransportUnknown = "transport_unknown",
        SessionUnknown = "session_unknown",
        BadHandshakeMethod = "bad_handshake_method",
        BadRequest = "bad_request",
        Forbidden = "forbidden",
        Busy = "busy",
        Draining = "draining",
        InvalidHost = "invalid_host",
        OriginNotAllowed = "origin_not_allowed",
        UnsupportedProtocolVersion = "unsupported_protocol_version",
    }

    /// Reason why a connection is closed where it should begin with a header of the PROXY protocol.
    "reason" ProxyHeader {
        Untrusted = "untrusted",
        Version1 = "version_1",
        Invalid = "invalid",
    }

    /// A limit against abuse.
    "limit" Limit {
        Connections = "connections",
        ConnectionsPerAddress = "connections_per_address",
        IdleConnections = "idle_connections",
        IdleConnectionsPerAddress = "idle_connections_per_address",
        FileDescriptors = "file_descriptors",
        Handshakes = "handshakes",
        Events = "events",
        Bytes = "bytes",
        Rooms = "rooms",
        RoomNames = "room_names",
        Namespaces = "namespaces",
        ChildNamespaces = "child_namespaces",
        NamespaceNames = "namespace_names",
        Auth = "auth",
        SharedData = "shared_data",
        MessageBytes = "message_bytes",
        MessageTime = "message_time",
    }

    /// Actors with a queue of their own: handlers' events, and deliveries of other threads.
    "actor" Mailbox {
        Socket = "socket",
        RoomShard = "room_shard",
    }

    /// A kind of actor.
    "actor" Actor {
        Connection = "connection",
        Namespace = "namespace",
        Socket = "socket",
        RoomShard = "room_shard",
    }
}

impl PacketType {
    /// The type of a Socket.IO packet in its Engine.IO message, by its digit (Socket.IO protocol 5, "Packet types").
    pub fn of_message(text: &str) -> Self {
        match text.as_bytes().get(1) {
            Some(b'0') => Self::Connect,
            Some(b'1') => Self::Disconnect,
            Some(b'3' | b'6') => Self::Ack,
            Some(b'4') => Self::ConnectError,
            _ => Self::Event,
        }
    }
}

impl Label for DisconnectReason {
    const NAME: &'static str = "reason";
    const VALUES: &'static [&'static str] = &{
        let mut values = [""; DisconnectReason::ALL.len()];
        let mut at = 0;
        while at < values.len() {
            values[at] = DisconnectReason::ALL[at].as_str();
            at += 1;
        }
        values
    };

    fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_counted_under_its_own_name() {
        for reason in DisconnectReason::ALL {
            assert_eq!(DisconnectReason::VALUES[reason.index()], reason.as_str());
        }
    }

    #[test]
    fn packets_are_told_apart_by_their_digit() {
        assert_eq!(PacketType::of_message("40{}"), PacketType::Connect);
        assert_eq!(PacketType::of_message("42[\"a\"]"), PacketType::Event);
        assert_eq!(PacketType::of_message("451-[\"a\"]"), PacketType::Event);
        assert_eq!(PacketType::of_message("461-/a,1[]"), PacketType::Ack);
        assert_eq!(PacketType::of_message("44{}"), PacketType::ConnectError);
    }
}
