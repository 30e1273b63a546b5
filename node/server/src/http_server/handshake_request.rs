//! The request that asks for a new session, as the hooks of the program see it before there is one.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};

use http::request::Parts;

use super::entrance::Entrance;
use super::proxies::TrustedProxies;

/// Request for a new session, for [`IoBuilder::allow_request`](crate::IoBuilder::allow_request).
///
/// Dereferences to the [`Parts`] of the HTTP request. Changes to its `headers` and `extensions` reach
/// [`Handshake`](crate::Handshake): a hook can leave a user there whom it has found in a database, or remove a secret.
#[derive(Debug)]
pub struct HandshakeRequest {
    parts: Parts,
    address: Option<SocketAddr>,
    is_secure: bool,
}

impl HandshakeRequest {
    pub(super) fn new(entrance: Entrance, proxies: &TrustedProxies, parts: Parts) -> Self {
        let address = entrance.client(proxies, &parts.headers);
        let is_secure = entrance.is_secure(proxies, &parts);
        Self { parts, address, is_secure }
    }

    pub(super) fn into_parts(self) -> Parts {
        self.parts
    }

    /// Address of the client; behind a trusted proxy the address from its header, with port 0. `None` in another HTTP server
    /// that does not tell it.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Whether the client's connection is encrypted, as in [`Handshake::is_secure`](crate::Handshake::is_secure).
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The first query parameter of that name, decoded.
    pub fn query_value(&self, name: &str) -> Option<String> {
        let query = self.parts.uri.query().unwrap_or_default();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(parameter, _)| parameter == name).map(|(_, value)| value.into_owned())
    }
}

impl Deref for HandshakeRequest {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl DerefMut for HandshakeRequest {
    fn deref_mut(&mut self) -> &mut Parts {
        &mut self.parts
    }
}
