//! Address and scheme of a client behind proxies.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// Trusted proxies: a node believes their statements about a client's connection.
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Those in these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// The client that sent a request: the peer, unless that is a trusted proxy. Then it is the last address in
    /// `X-Forwarded-For` that is not a trusted proxy, since each proxy adds its own peer at the end, and anybody may
    /// have written the entries before. The port is 0, as the header has none.
    pub(super) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        let mut client = peer;
        if !self.trust(peer.ip()) {
            return client;
        }
        for line in headers.get_all(FORWARDED_FOR).iter().rev() {
            for told in line.to_str().unwrap_or_default().rsplit(',') {
                // An entry that is not an address was not written by a trustworthy proxy: then that proxy is the client.
                let Some(address) = parse(told.trim()) else { return client };
                client = SocketAddr::new(address, 0);
                if !self.trust(address) {
                    return client;
                }
            }
        }
        client
    }

    /// Whether a client's connection is encrypted, according to a trusted proxy: the last one, if there are several.
    pub(super) fn is_secure(&self, peer: SocketAddr, headers: &HeaderMap) -> bool {
        let told = headers.get_all(FORWARDED_PROTO).iter().next_back().and_then(|line| line.to_str().ok());
        let scheme = told.and_then(|schemes| schemes.rsplit(',').next()).unwrap_or_default().trim();
        self.trust(peer.ip()) && (scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("wss"))
    }

    /// Whether this is one of them.
    pub(super) fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An address, which some proxies write with a port, and some with brackets.
fn parse(text: &str) -> Option<IpAddr> {
    let address = text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

#[cfg(test)]
mod tests;
