//! The way on which a request came in: over a TCP connection of ours, or through somebody else's HTTP server.

use std::net::{Ipv4Addr, SocketAddr};

use http::HeaderMap;
use http::request::Parts;

use super::proxies::TrustedProxies;
use crate::socket::Handshake;

/// The way of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entrance {
    /// Other end of the TCP connection; `None` if the other HTTP server does not tell.
    pub peer: Option<SocketAddr>,
    /// Whether the connection is encrypted, as far as this node terminates TLS or was told before HTTP began.
    pub is_encrypted: bool,
    /// The reactor whose HTTP connection it is, and in whose tasks it is answered; `None` in another HTTP server, which
    /// runs on threads of its own.
    pub reactor: Option<usize>,
}

impl Entrance {
    /// Through somebody else's HTTP server.
    pub fn is_mounted(self) -> bool {
        self.reactor.is_none()
    }

    /// The client, as far as it is known: the peer, or what trusted proxies say.
    pub fn client(self, proxies: &TrustedProxies, headers: &HeaderMap) -> Option<SocketAddr> {
        self.peer.map(|peer| proxies.client(peer, headers))
    }

    /// The part of a handshake's request that its session keeps.
    pub fn handshake(self, proxies: &TrustedProxies, mut parts: Parts) -> Handshake {
        const UNKNOWN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        let client = self.client(proxies, &parts.headers).unwrap_or(UNKNOWN);
        let is_told = self.peer.is_some_and(|peer| proxies.is_secure(peer, &parts.headers));
        let is_secure = self.is_encrypted || is_told;
        parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
        Handshake::new(client, is_secure, &parts.uri, &parts.headers).with_extensions(parts.extensions)
    }

    /// Runs a task where the request is answered.
    pub fn spawn(self, task: impl Future<Output = ()> + Send + 'static) {
        match self.reactor {
            Some(_) => drop(actix_rt::spawn(task)),
            None => drop(tokio::spawn(task)),
        }
    }
}
