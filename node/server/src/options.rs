//! Options of a server: timing, sizes and transports, with the defaults of the official server.
//!
//! Plain data: the documentation of every field gives its unit, its default and the consequence at the limit.

mod browsers;
mod clients;
mod parser;
mod tls;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use browsers::{Cookie, Cors, SameSite};
pub use clients::ClientLimits;
pub use parser::PacketFormat;
pub use tls::{ClientCertificates, TlsOptions};

use crate::ids::REACTORS_MAX;

/// The longest time that can be configured: a month.
pub const MS_MAX: u64 = 30 * 24 * 3600 * 1000;

/// Options of a server. Names and defaults follow the official server where it has the option.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Path under which clients connect, matched as a prefix that ends in `/`. Default `/socket.io`.
    pub path: String,
    /// Whether `path` must be followed by `/` in a request. Without it clients with the option `addTrailingSlash: false` are
    /// answered too. Default true.
    pub add_trailing_slash: bool,
    /// Threads that serve connections; 0 = one for each core. At most 64. Default 0.
    pub reactors: usize,
    /// Milliseconds from a pong (or the handshake) to the next ping. Default 25,000.
    pub ping_interval_ms: u64,
    /// Milliseconds that a client has to answer a ping; otherwise the connection is closed with `ping timeout`. Default
    /// 20,000.
    pub ping_timeout_ms: u64,
    /// Milliseconds that a WebSocket that probes for an upgrade may stay undecided; after that it is closed and polling
    /// goes on. Default 10,000.
    pub upgrade_timeout_ms: u64,
    /// Milliseconds that a connection may exist before it joins its first namespace; after that it is closed. Default
    /// 45,000.
    pub connect_timeout_ms: u64,
    /// Bytes of the largest message that a client may send; with a larger one a WebSocket is closed with 1009, a POST
    /// answered 413. Default 1,000,000.
    pub max_payload_bytes: usize,
    /// The same for bodies of POST alone, which clients are told and cut their packets to. Default none
    /// (`max_payload_bytes` holds).
    pub polling_max_payload_bytes: Option<usize>,
    /// The same for WebSockets alone. Default none
    /// (`max_payload_bytes` holds).
    pub websocket_max_payload_bytes: Option<usize>,
    /// Text of an Engine.IO message that every client is sent behind the open packet, before anything of Socket.IO. For
    /// clients of the program's own: official ones take it for a packet of Socket.IO. Default none.
    pub initial_packet: Option<String>,
    /// Number of attachments that a packet of a client may have; a packet with more closes the connection. Default 10.
    pub max_attachments: usize,
    /// Format of packets, `default` or `msgpack`, which clients must have too: they are not asked. Default `default`.
    pub parser: PacketFormat,
    /// Whether clients may use HTTP long-polling. Default true.
    pub polling: bool,
    /// Whether clients may use WebSocket. Default true.
    pub websocket: bool,
    /// Whether a polling session may be upgraded to WebSocket. Default true.
    pub allow_upgrades: bool,
    /// Whether clients of Socket.IO 1 and 2, which speak Engine.IO 3, are served too. They make the ids of their sockets of
    /// the id of their session: whoever learns such an id can poll the session, and post to it. Default false.
    pub allow_eio3: bool,
    /// Whether every request of a session of Engine.IO 3 must come from the IP address of its handshake; others are
    /// answered as if there was no such session. Clients whose address changes connect anew. Default false.
    pub bind_eio3_to_address: bool,
    /// Size in bytes from which a polling answer is compressed, if the client accepts it and a packet in it allows
    /// it (`compress(false)` does not); 0 = never. Default 1,024.
    pub http_compression_threshold_bytes: u16,
    /// Cookie with the session id, set by the polling handshake, for load balancers. Default none.
    pub cookie: Option<Cookie>,
    /// Rights of pages from other origins. Default none: browsers let pages of the same origin poll only, and pages of
    /// any origin open WebSockets.
    pub cors: Option<Cors>,
    /// Bytes that may wait for one client. A client that does not read and stays over this bound for
    /// `slow_consumer_grace_ms`, or exceeds it four times over, is a slow consumer and is disconnected. Default 1 MiB.
    pub outbox_bytes_max: usize,
    /// Milliseconds that a client may stay over `outbox_bytes_max` before it is disconnected. Default 5,000.
    pub slow_consumer_grace_ms: u64,
    /// Messages that other threads may queue at one room shard; beyond that an emit returns `EmitError::Overloaded`.
    /// Default 8,192.
    pub mailbox_messages_max: usize,
    /// Event handlers of one socket that may be unfinished at a time; beyond that its connection is read no further
    /// until one ends. Default 1,024.
    pub events_in_flight_max: usize,
    /// Room events that may wait for one reader of the program (`Namespace::room_events`); further ones are left out, and
    /// the reader is told how many. Default 65,536.
    pub room_events_max: usize,
    /// Milliseconds that a client may take nothing of what was sent to it before its connection is cut. Default 60,000.
    pub unread_timeout_ms: u64,
    /// Milliseconds that a client has to send the head of an HTTP request, from its first byte on, or from the opening of
    /// the TCP connection. Default 10,000.
    pub header_timeout_ms: u64,
    /// Milliseconds that a TCP connection may wait for a further HTTP request; after that it is closed. Should be more than
    /// balancers keep theirs (nginx: 60 s), or they may send a request just when it is closed. Default 75,000.
    pub keep_alive_timeout_ms: u64,
    /// Milliseconds that a client has to send the body of an HTTP request. Default 30,000.
    pub body_timeout_ms: u64,
    /// Bytes that the node holds of a message which a client has not sent completely: frames, and attachments that came
    /// before the last one. Beyond that the connection is closed. Default 4 MiB.
    pub message_bytes_max: usize,
    /// Milliseconds that a client has to send a message over WebSocket, with its attachments. Default 60,000.
    pub message_timeout_ms: u64,
    /// Milliseconds that a closing WebSocket waits for the client's Close frame. Default 5,000.
    pub close_timeout_ms: u64,
    /// Milliseconds that a polling session closed by the server waits for one last poll. Default 30,000.
    pub polling_close_timeout_ms: u64,
    /// Milliseconds for which packets to a namespace that the client has just left are ignored, instead of closing the
    /// connection. Default 10,000.
    pub left_namespace_grace_ms: u64,
    /// Whether a namespace that clients have made by the rule of a parent ends when nobody was in it for
    /// `child_namespace_idle_ms`. Without it such namespaces stay until the program closes them, and clients can fill
    /// `limits.child_namespaces_max` with names. Default true.
    pub cleanup_empty_child_namespaces: bool,
    /// Milliseconds that a namespace which clients have made stays without anybody in it. Default 10,000.
    pub child_namespace_idle_ms: u64,
    /// Whether every connection begins with a header of the PROXY protocol, version 2, which tells the address of the
    /// client. Connections of others than `limits.trusted_proxies` are closed then, and so are those without the header.
    /// Default false.
    pub proxy_protocol: bool,
    /// TLS on the listeners. Default none: clients connect without, or a proxy terminates it.
    pub tls: Option<TlsOptions>,
    /// Limits on what clients may ask of the node; 0 = no limit.
    pub limits: ClientLimits,
    /// Settings of the cluster; without effect on a node of its own.
    pub cluster: ClusterOptions,
    /// Draining: closing the connections gradually before the node ends.
    pub drain: DrainOptions,
}

/// Settings of a node in a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterOptions {
    /// Milliseconds between two heartbeats of a node. Default 1,000.
    pub heartbeat_interval_ms: u64,
    /// Milliseconds of silence after which another node counts as gone: requests do not wait for it any more. With less
    /// than `request_timeout_ms` a node that dies costs a request less than its whole timeout. Default 3,000.
    pub heartbeat_timeout_ms: u64,
    /// Milliseconds that requests to other nodes and broadcasts with acknowledgements may take, unless the program sets
    /// another timeout. Default 5,000.
    pub request_timeout_ms: u64,
    /// Number of subjects that rooms are hashed into; must be the same on all nodes of a cluster. More of them keep more
    /// traffic away from nodes that it does not concern. Default 1,024.
    pub room_buckets: u32,
    /// Milliseconds that a closing node may take to publish the messages that wait for the bus. Default 2,000.
    pub close_timeout_ms: u64,
    /// Messages of other nodes that may wait for one reactor; more are dropped for that reactor's clients, and counted
    /// in `fanfare_bus_undelivered_total`. Default 131,072.
    pub backlog_messages_max: usize,
    /// Bytes of messages of other nodes that may wait for one reactor; more are dropped for that reactor's clients, and
    /// counted in `fanfare_bus_undelivered_total`. Default 64 MiB.
    pub backlog_bytes_max: usize,
}

/// Settings of draining: a node that ends closes its connections at a pace, so that clients come back at other nodes
/// without a stampede.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DrainOptions {
    /// Milliseconds from the moment `/readyz` answers 503 until the first connection is closed: the time that balancers
    /// take to notice. Skipped while no client is connected. Default 5,000.
    pub wait_ms: u64,
    /// Connections that draining closes in a second; 0 = all at once. Each client comes back at another node, which costs
    /// that node a good tenth of a millisecond of processor time without TLS. Default 1,000: a fraction of a core, and
    /// 50,000 clients leave within the default `timeout_ms`.
    pub connections_per_second: u32,
    /// Milliseconds that a draining connection may take to finish its running handlers and to send the packets that wait;
    /// after that it is closed all the same. Default 5,000.
    pub grace_ms: u64,
    /// Milliseconds that draining may take in all, `wait_ms` included; after that every connection that is left is closed
    /// at once, and counted. A supervisor that kills the process after a time must allow more. Default 60,000.
    pub timeout_ms: u64,
}

impl Default for DrainOptions {
    fn default() -> Self {
        Self { wait_ms: 5_000, connections_per_second: 1_000, grace_ms: 5_000, timeout_ms: 60_000 }
    }
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            heartbeat_interval_ms: 1_000,
            heartbeat_timeout_ms: 3_000,
            request_timeout_ms: 5_000,
            room_buckets: fanfare_proto::ROOM_BUCKETS,
            close_timeout_ms: 2_000,
            backlog_messages_max: 131_072,
            backlog_bytes_max: 64 * 1024 * 1024,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            path: "/socket.io".into(),
            add_trailing_slash: true,
            reactors: 0,
            ping_interval_ms: 25_000,
            ping_timeout_ms: 20_000,
            upgrade_timeout_ms: 10_000,
            connect_timeout_ms: 45_000,
            max_payload_bytes: 1_000_000,
            polling_max_payload_bytes: None,
            websocket_max_payload_bytes: None,
            initial_packet: None,
            max_attachments: 10,
            parser: PacketFormat::Default,
            polling: true,
            websocket: true,
            allow_upgrades: true,
            allow_eio3: false,
            bind_eio3_to_address: false,
            http_compression_threshold_bytes: 1024,
            cookie: None,
            cors: None,
            outbox_bytes_max: 1024 * 1024,
            slow_consumer_grace_ms: 5_000,
            mailbox_messages_max: 8192,
            events_in_flight_max: 1024,
            room_events_max: 65_536,
            unread_timeout_ms: 60_000,
            header_timeout_ms: 10_000,
            keep_alive_timeout_ms: 75_000,
            body_timeout_ms: 30_000,
            message_bytes_max: 4 * 1024 * 1024,
            message_timeout_ms: 60_000,
            close_timeout_ms: 5_000,
            polling_close_timeout_ms: 30_000,
            left_namespace_grace_ms: 10_000,
            cleanup_empty_child_namespaces: true,
            child_namespace_idle_ms: 10_000,
            proxy_protocol: false,
            tls: None,
            limits: ClientLimits::default(),
            cluster: ClusterOptions::default(),
            drain: DrainOptions::default(),
        }
    }
}

impl Options {
    /// Number of reactors to start: as configured, or one for each core.
    pub fn reactor_count(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let wanted = if self.reactors == 0 { cores() } else { self.reactors };
        wanted.min(REACTORS_MAX)
    }

    /// Returns the faults of these options, one sentence each; empty if there are none.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = too_long_times(self);
        let mut check = |ok: bool, fault: &str| {
            if !ok {
                faults.push(fault.to_owned());
            }
        };
        check(self.path.starts_with('/'), "path must start with '/'");
        check(self.reactors <= REACTORS_MAX, "reactors must be at most 64");
        check(self.ping_interval_ms > 0, "ping_interval_ms must be more than 0");
        check(self.ping_timeout_ms > 0, "ping_timeout_ms must be more than 0");
        check(self.polling || self.websocket, "polling and websocket are both off: no client could connect");
        check(
            self.initial_packet
                .as_ref()
                .is_none_or(|text| !text.contains(fanfare_engineio::payload::SEPARATOR)),
            "initial_packet must not contain U+001E, which separates packets",
        );
        let payload_max = self.polling_payload_max().max(self.websocket_payload_max());
        check(
            self.polling_payload_max().min(self.websocket_payload_max()) >= 128,
            "max_payload_bytes must be at least 128, also that of polling and that of WebSocket",
        );
        check(
            self.message_bytes_max >= payload_max,
            "message_bytes_max must hold at least one message (max_payload_bytes)",
        );
        check(
            self.outbox_bytes_max >= payload_max.min(64 * 1024),
            "outbox_bytes_max must hold at least one message (max_payload_bytes, or 64 KiB)",
        );
        check(self.mailbox_messages_max > 0, "mailbox_messages_max must be more than 0");
        check(self.events_in_flight_max > 0, "events_in_flight_max must be more than 0");
        check(self.room_events_max > 0, "room_events_max must be more than 0");
        check(self.cluster.heartbeat_interval_ms > 0, "cluster.heartbeat_interval_ms must be more than 0");
        check(
            self.cluster.heartbeat_timeout_ms >= 2 * self.cluster.heartbeat_interval_ms,
            "cluster.heartbeat_timeout_ms must be at least twice cluster.heartbeat_interval_ms: one heartbeat may be late",
        );
        check(self.cluster.backlog_messages_max > 0, "cluster.backlog_messages_max must be more than 0");
        check(self.cluster.backlog_bytes_max > 0, "cluster.backlog_bytes_max must be more than 0");
        check(
            (1..=65_536).contains(&self.cluster.room_buckets),
            "cluster.room_buckets must be from 1 to 65,536",
        );
        check(
            self.drain.wait_ms < self.drain.timeout_ms,
            "drain.timeout_ms must be more than drain.wait_ms, which it includes",
        );
        check(
            !self.proxy_protocol || !self.limits.trusted_proxies.is_empty(),
            "proxy_protocol needs limits.trusted_proxies: those whose headers are believed; nobody else can connect",
        );
        if let Some(tls) = &self.tls {
            check(
                !tls.certificate.as_os_str().is_empty() && !tls.key.as_os_str().is_empty(),
                "tls.certificate and tls.key must both name a file",
            );
            check(
                tls.client_ca.as_ref().is_none_or(|file| !file.as_os_str().is_empty()),
                "tls.client_ca must name a file; leave it out to ask clients for no certificate",
            );
        }
        if let Some(cors) = &self.cors {
            cors.check(check);
        }
        faults.extend(self.limits.faults(payload_max));
        faults
    }

    /// Bytes of the largest body of a POST.
    pub fn polling_payload_max(&self) -> usize {
        self.polling_max_payload_bytes.unwrap_or(self.max_payload_bytes)
    }

    /// Bytes of the largest message over WebSocket.
    pub fn websocket_payload_max(&self) -> usize {
        self.websocket_max_payload_bytes.unwrap_or(self.max_payload_bytes)
    }

    /// The path with exactly one trailing slash, as requests are matched against it.
    pub fn path_prefix(&self) -> String {
        format!("{}/", self.path.trim_end_matches('/'))
    }
}

/// Faults of times that are too long, whatever options there are: a new one cannot escape.
fn too_long_times(options: &Options) -> Vec<String> {
    let Ok(serde_json::Value::Object(tables)) = serde_json::to_value(options) else { return Vec::new() };
    let keys = tables.into_iter().flat_map(|(name, value)| match value {
        serde_json::Value::Object(table) => {
            table.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)).collect::<Vec<_>>()
        }
        value => vec![(name, value)],
    });
    let is_too_long = |value: &serde_json::Value| value.as_u64().is_some_and(|ms| ms > MS_MAX);
    keys.filter(|(key, value)| key.ends_with("_ms") && is_too_long(value))
        .map(|(key, _)| format!("{key} must be at most a month (2,592,000,000 ms)"))
        .collect()
}

/// Returns the moment `timeout` from now; at most a month away, which is as good as never.
pub fn deadline_after(timeout: Duration) -> tokio::time::Instant {
    tokio::time::Instant::now() + timeout.min(ms(MS_MAX))
}

/// A field in milliseconds as a duration.
pub fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[cfg(test)]
mod tests;
