//! What clients may ask of a node before it says no: limits against abuse.

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::MS_MAX;

/// The longest that one message may keep its client from being read.
const PAUSE_S_MAX: u64 = 60;

/// Limits against abuse; 0 = no limit. That is the default of those that only who runs the node can know; what
/// the rooms of a client take and what other nodes are told of it is bounded by default.
///
/// Whoever is over a limit gets a clear answer or waits, and nobody else notices. Each has a counter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClientLimits {
    /// Engine.IO sessions on this node at a time. A handshake beyond them is refused with 503, `too many connections`;
    /// stock clients try again by themselves. With 0 the binary takes as many as it may
    /// have file descriptors. Default 0.
    pub connections_max: usize,
    /// Sessions of one IP address at a time, or of one /64 of IPv6, which is what one subscriber gets. Beyond it a
    /// handshake is refused with 503, `too many connections from this address`. Behind a proxy all clients come from
    /// its address: name it in `trusted_proxies`. A company or a school may be one address too. Default 0.
    pub connections_per_address_max: usize,
    /// Handshakes a second on this node, those refused by the two limits above not counted. Beyond it they are refused with 503,
    /// `too many handshakes`. Default 0.
    pub handshakes_per_second: u32,
    /// Packets a second of one client: events, acknowledgements, all but attachments. A client that sends more is read
    /// more slowly: nothing is lost, its packets wait in the network, and pings go on meanwhile. Default 0.
    pub events_per_second: u32,
    /// Bytes of packets a second of one client. A client that sends more is read more slowly, as with
    /// `events_per_second`. At least a sixtieth of `max_payload_bytes`, so that no message keeps its client waiting for
    /// more than a minute. Default 0.
    pub bytes_per_second: u64,
    /// Milliseconds' worth of what `handshakes_per_second`, `events_per_second` and `bytes_per_second` allow that may come
    /// at once, if it was quiet before. Default 1,000.
    pub burst_ms: u64,
    /// Rooms that a socket may be in, beside its own. Joining more fails as a whole, with `TooManyRooms`. A room with one
    /// member takes some 400 bytes beside its name. Default 10,000.
    pub rooms_per_socket_max: usize,
    /// Bytes of the names of all rooms that a socket may be in. Joining more fails as a whole, with `TooManyRooms`.
    /// Default 1 MiB.
    pub room_bytes_per_socket_max: usize,
    /// Bytes of the longest name of a room, in UTF-8. Joining a room with a longer one fails with `RoomNameTooLong`;
    /// joins that other nodes ask for are ignored, and counted. Default 1,024.
    pub room_name_bytes_max: usize,
    /// Namespaces that a connection may be in, `/` among them. Entering one more is refused with `too many namespaces`,
    /// a `connect_error` for the client. Default 0.
    pub namespaces_per_connection_max: usize,
    /// Bytes of the payload that a client may connect with (`auth`), as JSON: other nodes are told it by `fetch_sockets`.
    /// Entering a namespace with a larger one is refused with `auth is too large`, a `connect_error` for the client.
    /// Default 64 KiB.
    pub auth_bytes_max: usize,
    /// Bytes of what the program shows of a socket to other nodes (`Socket::share`), as JSON. Sharing more fails with
    /// `EmitError::SharedDataTooLarge`, and what was shared before stays. Default 64 KiB.
    pub shared_data_bytes_max: usize,
    /// Addresses, or networks such as `10.0.0.0/8`, of proxies in front of this node. Of a request from one of them the
    /// client's address is the last one in `X-Forwarded-For` that is no such proxy, and its connection counts as encrypted
    /// if the last `X-Forwarded-Proto` says `https`; what others write there is ignored. Default none.
    pub trusted_proxies: Vec<String>,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            connections_max: 0,
            connections_per_address_max: 0,
            handshakes_per_second: 0,
            events_per_second: 0,
            bytes_per_second: 0,
            burst_ms: 1_000,
            rooms_per_socket_max: 10_000,
            room_bytes_per_socket_max: 1024 * 1024,
            room_name_bytes_max: 1024,
            namespaces_per_connection_max: 0,
            auth_bytes_max: 64 * 1024,
            shared_data_bytes_max: 64 * 1024,
            trusted_proxies: Vec::new(),
        }
    }
}

impl ClientLimits {
    /// Everything that is wrong with them, one sentence each; empty = nothing.
    pub(super) fn faults(&self, max_payload_bytes: usize) -> Vec<String> {
        let mut faults = Vec::new();
        if self.bytes_per_second > 0
            && self.bytes_per_second.saturating_mul(PAUSE_S_MAX) < max_payload_bytes as u64
        {
            faults.push(format!(
                "limits.bytes_per_second must be at least a sixtieth of max_payload_bytes, which is {}",
                (max_payload_bytes as u64).div_ceil(PAUSE_S_MAX)
            ));
        }
        if self.burst_ms > MS_MAX {
            faults.push("limits.burst_ms must be at most a month (2,592,000,000 ms)".into());
        }
        if self.room_bytes_per_socket_max > 0 && self.room_bytes_per_socket_max < self.room_name_bytes_max {
            faults.push("limits.room_bytes_per_socket_max must hold one name (room_name_bytes_max)".into());
        }
        for proxy in self.trusted_proxies.iter().filter(|proxy| network(proxy).is_none()) {
            faults.push(format!(
                "limits.trusted_proxies: {proxy:?} is no address such as 10.0.0.1 and no network such as 10.0.0.0/8"
            ));
        }
        faults
    }

    /// The networks of the trusted proxies; what is none is left out, and told by `faults`.
    pub fn proxy_networks(&self) -> Vec<IpNet> {
        self.trusted_proxies.iter().filter_map(|proxy| network(proxy)).collect()
    }
}

/// A network, or one address.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from))
}
