//! The way on which a request came in: over a TCP connection of ours, perhaps through layers of the program, or through
//! somebody else's HTTP server.

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
    /// Where it is answered.
    pub place: Place,
}

/// The tasks that answer a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// Those of this reactor, whose HTTP connection it is.
    Reactor(usize),
    /// Whatever tasks layers of the program have chosen; it came in over an HTTP connection of this reactor.
    Layered(Option<usize>),
    /// Those of another HTTP server, which runs on threads of its own.
    Mounted,
}

/// Mark of a request whose connection the HTTP server around Fanfare has encrypted. That server, or a layer of it, puts it
/// among the request's extensions; then [`Handshake::is_secure`](crate::Handshake::is_secure) says so.
///
/// ```
/// # let mut request = fanfare::http::Request::new(());
/// request.extensions_mut().insert(fanfare::EncryptedConnection);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct EncryptedConnection;

impl Entrance {
    /// Through somebody else's HTTP server.
    pub fn is_mounted(self) -> bool {
        matches!(self.place, Place::Mounted)
    }

    /// Whether it is answered by a task of a reactor, which can start a session there.
    pub fn is_of_reactor(self) -> bool {
        matches!(self.place, Place::Reactor(_))
    }

    /// The reactor whose HTTP connection it is.
    pub fn reactor(self) -> Option<usize> {
        match self.place {
            Place::Reactor(reactor) => Some(reactor),
            Place::Layered(reactor) => reactor,
            Place::Mounted => None,
        }
    }

    /// The client, as far as it is known: the peer, or what trusted proxies say.
    pub fn client(self, proxies: &TrustedProxies, headers: &HeaderMap) -> Option<SocketAddr> {
        self.peer.map(|peer| proxies.client(peer, headers))
    }

    /// The client's address as handshakes have it: 0.0.0.0, port 0, if it is not known.
    pub fn address(self, proxies: &TrustedProxies, headers: &HeaderMap) -> SocketAddr {
        const UNKNOWN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        self.client(proxies, headers).unwrap_or(UNKNOWN)
    }

    /// Whether the client's connection is encrypted: as this node knows by itself, as the HTTP server around says, or as
    /// trusted proxies say.
    pub fn is_secure(self, proxies: &TrustedProxies, parts: &Parts) -> bool {
        let is_told = |peer| proxies.is_secure(peer, &parts.headers);
        let is_marked = parts.extensions.get::<EncryptedConnection>().is_some();
        self.is_encrypted || is_marked || self.peer.is_some_and(is_told)
    }

    /// The part of a handshake's request that its session keeps.
    pub fn handshake(self, proxies: &TrustedProxies, mut parts: Parts) -> Handshake {
        let client = self.address(proxies, &parts.headers);
        let is_secure = self.is_secure(proxies, &parts);
        parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
        Handshake::new(client, is_secure, &parts.uri, &parts.headers).with_extensions(parts.extensions)
    }

    /// Runs a task where the request is answered.
    pub fn spawn(self, task: impl Future<Output = ()> + Send + 'static) {
        if self.is_of_reactor() {
            drop(actix_rt::spawn(task));
        } else {
            drop(tokio::spawn(task));
        }
    }
}
