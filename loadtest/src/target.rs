//! Where clients connect to and from: server URLs, source addresses, and the limit on open files.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

use http::Uri;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::RunError;
use crate::handshake;

/// Connections from one source address; the kernel's default range of ephemeral ports holds 28,232.
const CLIENTS_PER_SOURCE: usize = 25_000;
/// Files that are not connections: standard streams, epoll, what is opened under /proc.
const FILES_RESERVED: u64 = 32;

/// A server to connect to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// The upgrade request, ready to send.
    pub(crate) request: Vec<u8>,
}

impl Target {
    /// Reads `ws://host[:port][/path]`; the path defaults to `/socket.io/`. Resolves the name once.
    pub(crate) fn parse(url: &str) -> Result<Self, RunError> {
        let fault = |reason: &str| RunError::Url { url: url.to_owned(), reason: reason.to_owned() };
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| fault(&error.to_string()))?;
        if !matches!(uri.scheme_str(), Some("ws" | "http")) {
            return Err(fault("only ws:// is supported"));
        }
        let authority = uri.authority().ok_or_else(|| fault("no host"))?;
        // http's own `port_u16` takes a port that is out of range for absent.
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => 80,
            Some(port) => port[1..].parse().map_err(|_| fault("the port is no number up to 65535"))?,
            None => return Err(fault("user names are not supported")),
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let mut addresses = (host, port).to_socket_addrs().map_err(|error| fault(&error.to_string()))?;
        let address = addresses.next().ok_or_else(|| fault("the name has no address"))?;
        let path = if matches!(uri.path(), "" | "/") { "/socket.io/" } else { uri.path() };
        Ok(Self { address, request: handshake::request(authority.as_str(), path) })
    }
}

/// The address client number `client` must bind to so that ports do not run out: none for the first 25,000, then
/// 127.0.0.2, 127.0.0.3, … for servers on the loopback network.
pub(crate) fn source_address(client: usize, server: IpAddr) -> Option<Ipv4Addr> {
    let block = client / CLIENTS_PER_SOURCE;
    if block == 0 || !server.is_loopback() || server.is_ipv6() {
        return None;
    }
    Some(Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + block as u32))
}

/// Raises the soft limit on open files to the hard one and checks that `connections` fit under it.
pub(crate) fn allow_connections(connections: usize) -> Result<(), RunError> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
            .map_err(io::Error::from)?;
    }
    match limit.maximum {
        Some(files) if files < connections as u64 + FILES_RESERVED => {
            Err(RunError::OpenFiles { connections, files })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_default_to_the_socket_io_path() {
        let request = |url| String::from_utf8(Target::parse(url).expect("valid").request).expect("text");
        assert!(
            request("ws://127.0.0.1:3000").starts_with("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1")
        );
        assert!(request("ws://127.0.0.1:3000/other/").starts_with("GET /other/?EIO=4"));
        assert!(request("ws://127.0.0.1:3000").contains("\r\nHost: 127.0.0.1:3000\r\n"));
    }

    #[test]
    fn urls_that_cannot_be_reached_are_refused() {
        for url in
            ["wss://127.0.0.1:1", "127.0.0.1:3000", "ws://", "ws://127.0.0.1:99999", "ws://a@127.0.0.1:1"]
        {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn every_25000_clients_get_a_source_address_of_their_own() {
        let server = IpAddr::from(Ipv4Addr::LOCALHOST);
        assert_eq!(source_address(24_999, server), None);
        assert_eq!(source_address(25_000, server), Some(Ipv4Addr::new(127, 0, 0, 2)));
        assert_eq!(source_address(50_000, server), Some(Ipv4Addr::new(127, 0, 0, 3)));
        assert_eq!(source_address(50_000, IpAddr::from([192, 0, 2, 1])), None);
    }
}
