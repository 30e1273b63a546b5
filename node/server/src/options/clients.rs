//! Limits on what clients may ask of a node, against abuse.

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::MS_MAX;

/// Longest time in seconds that one message may keep its client from being read.
const PAUSE_S_MAX: u64 = 60;

/// Limits against abuse; 0 = no limit. That is the default of limits that only the operator of the node can choose; the
/// memory for the rooms of a client and for the data that other nodes hold of it is bounded by default.
///
/// A client over a limit gets a clear answer or waits, and other clients are not affected. Each limit has a counter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClientLimits {
    /// Engine.IO sessions on this node at a time. A handshake beyond them is refused with 503, `too many connections`;
    /// stock clients try again by themselves. With 0 the binary takes as many as its
    /// file descriptors allow. Default 0.
    pub connections_max: usize,
    /// Engine.IO sessions of one IP address at a time, or of one /64 of IPv6, the network of one subscriber. Beyond it a
    /// handshake is refused with 503, `too many connections from this address`. Behind a proxy all clients come from
    /// its address: name it in `trusted_proxies`. A company or a school may be one address too. Default 0.
    pub connections_per_address_max: usize,
    /// TCP connections of one IP address, or of one /64 of IPv6, on which no request is under way: those that wait for a
    /// first or a further one. Beyond it the one that has waited for longest is closed. WebSockets and waiting polls do not
    /// count, and neither do connections of `trusted_proxies`. Default 2,500, so that a balancer with a pool of
    /// connections need not be among these.
    pub idle_connections_per_address_max: usize,
    /// The same of all addresses. It is never more than half of the file descriptors that the process may have, which is
    /// what 0 means. Default 10,000.
    pub idle_connections_max: usize,
    /// Handshakes a second on this node, those refused by the two limits above not counted. Beyond it they are refused
    /// with 503, `too many handshakes`. Default 0.
    pub handshakes_per_second: u32,
    /// Packets a second of one client: events, acknowledgements, everything but attachments. A client that sends more
    /// is read more slowly: nothing is lost, its packets wait in the network, and pings go on meanwhile. Default 0.
    pub events_per_second: u32,
    /// Bytes of packets a second of one client. A client that sends more is read more slowly, as with
    /// `events_per_second`. At least a sixtieth of `max_payload_bytes`, so that no message keeps its client waiting for
    /// more than a minute. Default 0.
    pub bytes_per_second: u64,
    /// Burst that `handshakes_per_second`, `events_per_second` and `bytes_per_second` allow after a quiet time, in
    /// milliseconds of their rates that may come at once. Default 1,000.
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
    /// Living namespaces that clients have made by the rules of parents. Making one more is refused with
    /// `too many namespaces on this server`, a `connect_error` for the client. One takes some 10 KB without a bus, and
    /// 20 KB in a cluster. Default 10,000.
    pub child_namespaces_max: usize,
    /// Bytes of the longest name of such a namespace. A longer one is refused with `the name of the namespace is too
    /// long`, a `connect_error` for the client. Default 256.
    pub child_namespace_name_bytes_max: usize,
    /// Bytes of the payload that a client may connect with (`auth`), as JSON; `fetch_sockets` sends it to other nodes.
    /// Entering a namespace with a larger one is refused with `auth is too large`, a `connect_error` for the client.
    /// Default 64 KiB.
    pub auth_bytes_max: usize,
    /// Bytes of the data of a socket that the program shares with other nodes (`Socket::share`), as JSON. Sharing more
    /// fails with `EmitError::SharedDataTooLarge`, and what was shared before stays. Default 64 KiB.
    pub shared_data_bytes_max: usize,
    /// Addresses, or networks such as `10.0.0.0/8`, of proxies in front of this node. For a request from one of them
    /// the client's address is the last one in `X-Forwarded-For` that is not such a proxy, and the connection counts as
    /// encrypted if the last `X-Forwarded-Proto` says `https`; these headers are ignored if others send them. Default
    /// none.
    pub trusted_proxies: Vec<String>,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            connections_max: 0,
            connections_per_address_max: 0,
            idle_connections_per_address_max: 2_500,
            idle_connections_max: 10_000,
            handshakes_per_second: 0,
            events_per_second: 0,
            bytes_per_second: 0,
            burst_ms: 1_000,
            rooms_per_socket_max: 10_000,
            room_bytes_per_socket_max: 1024 * 1024,
            room_name_bytes_max: 1024,
            namespaces_per_connection_max: 0,
            child_namespaces_max: 10_000,
            child_namespace_name_bytes_max: 256,
            auth_bytes_max: 64 * 1024,
            shared_data_bytes_max: 64 * 1024,
            trusted_proxies: Vec::new(),
        }
    }
}

impl ClientLimits {
    /// Returns the faults of these limits, one sentence each; empty if there are none.
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
                "limits.trusted_proxies: {proxy:?} is neither an address such as 10.0.0.1 nor a network such as 10.0.0.0/8"
            ));
        }
        faults
    }

    /// Networks of the trusted proxies. An entry that is not a network is left out, and reported by `faults`.
    pub fn proxy_networks(&self) -> Vec<IpNet> {
        self.trusted_proxies.iter().filter_map(|proxy| network(proxy)).collect()
    }
}

/// A network, or one address.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from))
}
