//! State that the sockets of one connection share.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed, Ordering::SeqCst, fence};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use tokio::sync::Notify;

use crate::ids::SessionId;
use crate::metrics::{Metrics, PacketType};
use crate::outbox::{Outbox, Packet};
use fanfare_engineio::request::{Protocol, TransportKind};

/// One Engine.IO connection, as its sockets see it.
#[derive(Debug)]
pub struct Link {
    /// The Engine.IO session.
    pub session: SessionId,
    /// Queue of the connection's packets.
    pub outbox: Arc<Outbox>,
    /// The request that opened it.
    pub handshake: Handshake,
    /// The protocol of its client.
    pub protocol: Protocol,
    /// 0 = polling, 1 = WebSocket: changes once, at the upgrade.
    transport: AtomicU8,
    /// Whether nothing is left to be sent.
    over: AtomicBool,
    /// Wakes those that wait for an upgrade or the end; made by the first of them.
    changes: OnceLock<Box<Notify>>,
}

impl Link {
    /// A connection that was opened by `handshake`.
    pub fn new(
        session: SessionId,
        outbox: Arc<Outbox>,
        handshake: Handshake,
        transport: TransportKind,
        protocol: Protocol,
    ) -> Self {
        Self {
            session,
            outbox,
            handshake,
            protocol,
            transport: AtomicU8::new(transport as u8),
            over: AtomicBool::new(false),
            changes: OnceLock::new(),
        }
    }

    /// Waits until the connection is on a WebSocket. False if it ends before.
    pub async fn upgraded(&self) -> bool {
        let changes = self.changes.get_or_init(Box::default);
        loop {
            let mut changed = pin!(changes.notified());
            changed.as_mut().enable();
            // Either this sees the change, or who makes it sees that somebody waits.
            fence(SeqCst);
            if self.transport() == TransportKind::WebSocket {
                return true;
            }
            if self.is_over() {
                return false;
            }
            changed.await;
        }
    }

    fn tell_change(&self) {
        fence(SeqCst);
        if let Some(changes) = self.changes.get() {
            changes.notify_waiters();
        }
    }

    /// The transport in use now.
    pub fn transport(&self) -> TransportKind {
        if self.transport.load(Relaxed) == 0 { TransportKind::Polling } else { TransportKind::WebSocket }
    }

    /// A packet to this client alone was queued.
    pub fn count_sent(&self, metrics: &Metrics, packet: &Packet) {
        metrics.packets_sent.of(PacketType::of_message(&packet.text)).increment();
        metrics.sent_bytes.add(packet.bytes());
    }

    /// Whether requests that name the session are refused: it is closed, and its client has heard of it, or never will.
    pub fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    /// The session is closed, and its client is owed nothing.
    pub fn set_over(&self) {
        self.over.store(true, Relaxed);
        self.tell_change();
    }

    /// The upgrade succeeded.
    pub fn set_upgraded(&self) {
        self.transport.store(TransportKind::WebSocket as u8, Relaxed);
        self.tell_change();
    }
}

/// The HTTP request that opened a connection. Kept as text, since thousands of idle connections keep one each.
///
/// | official `socket.handshake` | |
/// |---|---|
/// | `headers` | [`headers`](Self::headers), [`header`](Self::header) |
/// | `time`, `issued` | [`time`](Self::time), [`issued_ms`](Self::issued_ms): of the connection, where they are of the socket there |
/// | `address` | [`address`](Self::address) |
/// | `xdomain` | [`is_cross_domain`](Self::is_cross_domain) |
/// | `secure` | [`is_secure`](Self::is_secure) |
/// | `url`, `query` | [`url`](Self::url), [`query`](Self::query), [`query_value`](Self::query_value) |
/// | `auth` | [`Socket::auth`](crate::Socket::auth): it is of the socket, not of the connection |
#[derive(Clone, Debug)]
pub struct Handshake {
    /// The client's address (JavaScript's `address`); behind a trusted proxy the address from its header, with port 0. In somebody else's HTTP
    /// server that does not tell it is unspecified, `0.0.0.0:0`.
    pub address: SocketAddr,
    /// When it arrived (JavaScript's `time` and `issued`).
    pub time: SystemTime,
    /// Path and query, as requested (JavaScript's `url`).
    pub url: Box<str>,
    /// Whether the client's connection was encrypted.
    is_secure: bool,
    /// `name: value` lines, names in lower case.
    head: Box<str>,
    /// Values that the layers of another HTTP server have left.
    extensions: http::Extensions,
}

impl Handshake {
    /// Keeps the parts of a request that handlers may ask for.
    pub fn new(address: SocketAddr, is_secure: bool, uri: &http::Uri, headers: &http::HeaderMap) -> Self {
        let url = uri.path_and_query().map_or("/", |target| target.as_str()).into();
        Self {
            address,
            time: SystemTime::now(),
            url,
            is_secure,
            head: head_text(headers).into(),
            extensions: http::Extensions::new(),
        }
    }

    /// The same, with what others have put beside the request.
    pub fn with_extensions(self, extensions: http::Extensions) -> Self {
        // An empty map may have room for more.
        let extensions = if extensions.is_empty() { http::Extensions::new() } else { extensions };
        Self { extensions, ..self }
    }

    /// The request of a connection on another node.
    pub fn restored(
        address: SocketAddr,
        time: SystemTime,
        url: String,
        is_secure: bool,
        head: String,
    ) -> Self {
        Self {
            address,
            time,
            url: url.into(),
            is_secure,
            head: head.into(),
            extensions: http::Extensions::new(),
        }
    }

    /// The headers as `name: value` lines.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// The time at which it arrived, in milliseconds since 1970.
    pub fn issued_ms(&self) -> u64 {
        let since_1970 = self.time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
    }

    /// The headers (JavaScript's `headers`) in order, names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.head.lines().filter_map(|line| line.split_once(": "))
    }

    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Values that layers of the HTTP server around this one have put into the request, such as the user that an auth layer
    /// has found: see [`Io::layer`](crate::Io::layer). There are none of sockets on other nodes.
    pub fn extensions(&self) -> &http::Extensions {
        &self.extensions
    }

    /// The query parameters (JavaScript's `query`) in order, decoded.
    pub fn query(&self) -> Vec<(String, String)> {
        let query = self.url.split_once('?').map_or("", |(_, query)| query);
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    /// The first query parameter of that name, decoded.
    pub fn query_value(&self, name: &str) -> Option<String> {
        self.query().into_iter().find(|(parameter, _)| parameter == name).map(|(_, value)| value)
    }

    /// Whether the request came from a page of another origin: it has an `Origin` header (JavaScript's `xdomain`).
    pub fn is_cross_domain(&self) -> bool {
        self.header("origin").is_some()
    }

    /// Whether the client's connection was encrypted (JavaScript's `secure`): by the TLS of our own listener, by that of the HTTP server around, if it
    /// says so with an [`EncryptedConnection`](crate::EncryptedConnection), or according to one of `trusted_proxies`
    /// (`X-Forwarded-Proto`, or the PROXY protocol). What others write there is ignored.
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }
}

/// Headers as `name: value` lines, in exactly as many bytes as they take: a copy, as slices would keep the whole buffer of
/// their TCP connection.
fn head_text(headers: &http::HeaderMap) -> String {
    const AROUND: usize = ": \n".len();
    let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + AROUND).sum();
    let mut head = String::with_capacity(bytes);
    for (name, value) in headers {
        head.push_str(name.as_str());
        head.push_str(": ");
        for chunk in value.as_bytes().utf8_chunks() {
            head.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                // One byte, where U+FFFD would take three: a client does not choose to take more room than it sends.
                head.push('?');
            }
        }
        head.push('\n');
    }
    head
}

#[cfg(test)]
mod tests;
