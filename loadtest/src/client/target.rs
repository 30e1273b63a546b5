//! Targets of clients: server URLs, the requests that are sent first, source addresses, open files.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use http::Uri;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use crate::client::handshake;
use crate::client::wire::TlsName;
use crate::error::RunError;

/// Connections from one source address; the kernel's default range of ephemeral ports holds 28,232.
const CLIENTS_PER_SOURCE: usize = 25_000;
/// Files that are not connections: standard streams, epoll, what is opened under /proc.
const FILES_RESERVED: u64 = 32;

/// A server to connect to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// As given on the command line.
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
    /// `None` without TLS.
    pub(crate) tls: Option<TlsName>,
    /// `HOST:PORT` as the URL has it.
    authority: String,
    path: String,
    /// Further request headers, each with its line end.
    headers: String,
}

/// Way of a client to its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Websocket,
    Polling,
    /// Polling first; then WebSocket for the same session.
    Upgrade,
}

/// Everything about connecting that all clients of a run share.
#[derive(Debug, Clone)]
pub(crate) struct Dialing {
    pub(crate) targets: Vec<Target>,
    /// Addresses to connect from, dealt round robin; empty to let the machine choose.
    pub(crate) sources: Vec<IpAddr>,
    /// The transports, dealt round robin.
    pub(crate) routes: Vec<Route>,
    /// Prefix of the data of every packet of the namespace: empty, or `/name,`.
    pub(crate) namespace: Vec<u8>,
    /// The authentication payload of CONNECT, as JSON; may be empty.
    pub(crate) auth: Vec<u8>,
    /// Seed of all chance in the run.
    pub(crate) seed: u64,
}

/// Options that the URLs of a run leave open.
pub(crate) struct TargetOptions<'a> {
    /// Instead of the URL's path.
    pub(crate) path: Option<&'a str>,
    /// `Name: value`.
    pub(crate) headers: &'a [String],
    /// Called for the first URL with TLS.
    pub(crate) tls: &'a dyn Fn() -> Result<Arc<ClientConfig>, RunError>,
}

/// Parts of a URL.
pub(crate) struct Location {
    uri: Uri,
    is_secure: bool,
    /// Without the brackets of IPv6.
    host: String,
    pub(crate) address: SocketAddr,
}

/// Reads `ws[s]://host[:port][/path]`, or the same with `http[s]`. Resolves the name.
pub(crate) fn locate(url: &str) -> Result<Location, RunError> {
    let fault = |reason: &str| RunError::Url { url: url.to_owned(), reason: reason.to_owned() };
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    let (is_secure, port_usual) = match scheme {
        Some("ws" | "http") => (false, 80),
        Some("wss" | "https") => (true, 443),
        _ => {
            return Err(fault(
                "it must begin with ws://, wss://, http:// or https://, such as ws://127.0.0.1:3000",
            ));
        }
    };
    let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| fault(&error.to_string()))?;
    let authority = uri.authority().ok_or_else(|| fault("no host"))?;
    // http's own `port_u16` takes a port that is out of range for absent.
    let port = match authority.as_str().strip_prefix(authority.host()) {
        Some("") => port_usual,
        Some(port) => port[1..].parse().map_err(|_| fault("the port must be a number up to 65535"))?,
        None => return Err(fault("user names are not supported")),
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let mut addresses = (host.as_str(), port).to_socket_addrs().map_err(|error| fault(&error.to_string()))?;
    let address = addresses.next().ok_or_else(|| fault("the name has no address"))?;
    Ok(Location { uri, is_secure, host, address })
}

impl Target {
    /// Reads a URL as [`locate`] does; the path defaults to `/socket.io/`. Resolves the name once.
    pub(crate) fn parse(url: &str, options: &TargetOptions<'_>) -> Result<Self, RunError> {
        let Location { uri, is_secure, host, address } = locate(url)?;
        let fault = |reason: &str| RunError::Url { url: url.to_owned(), reason: reason.to_owned() };
        let tls = match is_secure {
            true => {
                let server = ServerName::try_from(host).map_err(|error| fault(&error.to_string()))?;
                Some(TlsName { config: (options.tls)()?, server })
            }
            false => None,
        };
        let authority = uri.authority().map_or(String::new(), ToString::to_string);
        let path = match (options.path, uri.path()) {
            (Some(path), _) => path,
            (None, "" | "/") => "/socket.io/",
            (None, path) => path,
        };
        let mut headers = String::new();
        for header in options.headers {
            headers += &header_line(header).ok_or_else(|| {
                RunError::Options(format!("--header {header:?} is not of the form \"Name: value\""))
            })?;
        }
        Ok(Self { url: url.to_owned(), address, tls, authority, path: path.to_owned(), headers })
    }

    /// The request that opens a WebSocket, for an existing session if one is given.
    pub(crate) fn websocket_request(&self, session: &str) -> Vec<u8> {
        let line = self.request_line("GET", "websocket", session);
        handshake::request(&line, &self.authority, &self.headers)
    }

    /// The request that waits for packets, or that opens a session if there is none.
    pub(crate) fn poll_request(&self, session: &str) -> Vec<u8> {
        let line = self.request_line("GET", "polling", session);
        format!("{line}\r\nHost: {}\r\n{}\r\n", self.authority, self.headers).into_bytes()
    }

    /// The request that sends packets.
    pub(crate) fn post_request(&self, session: &str, body: &[u8]) -> Vec<u8> {
        let line = self.request_line("POST", "polling", session);
        let (authority, headers, length) = (&self.authority, &self.headers, body.len());
        let mut request = format!(
            "{line}\r\nHost: {authority}\r\n{headers}Content-Type: text/plain;charset=UTF-8\r\n\
             Content-Length: {length}\r\n\r\n"
        )
        .into_bytes();
        request.extend_from_slice(body);
        request
    }

    fn request_line(&self, method: &str, transport: &str, session: &str) -> String {
        let join = if self.path.contains('?') { '&' } else { '?' };
        let sid = if session.is_empty() { "" } else { "&sid=" };
        format!("{method} {}{join}EIO=4&transport={transport}{sid}{session} HTTP/1.1", self.path)
    }
}

/// Reads a request header and returns it with its line end; `None` if it is malformed.
fn header_line(header: &str) -> Option<String> {
    let (name, value) = header.split_once(':')?;
    let name = http::HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
    let value = http::HeaderValue::from_str(value.trim()).ok()?;
    Some(format!("{name}: {}\r\n", value.to_str().ok()?))
}

/// Returns the address that client number `client` must bind to: one of those given, or, so that ports do not run out,
/// none for the first 25,000 and then 127.0.0.2, 127.0.0.3, … for servers on the loopback network.
pub(crate) fn source_address(client: usize, sources: &[IpAddr], server: IpAddr) -> Option<IpAddr> {
    if !sources.is_empty() {
        return Some(sources[client % sources.len()]);
    }
    let block = client / CLIENTS_PER_SOURCE;
    if block == 0 || !server.is_loopback() || server.is_ipv6() {
        return None;
    }
    Some(Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + block as u32).into())
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

    fn parse(url: &str, path: Option<&str>, headers: &[&str]) -> Result<Target, RunError> {
        let headers: Vec<String> = headers.iter().map(|header| (*header).to_owned()).collect();
        let tls = || Err(RunError::Options("no TLS here".to_owned()));
        Target::parse(url, &TargetOptions { path, headers: &headers, tls: &tls })
    }

    fn request(url: &str, path: Option<&str>, headers: &[&str]) -> String {
        let target = parse(url, path, headers).expect("valid");
        String::from_utf8(target.websocket_request("")).expect("text")
    }

    #[test]
    fn urls_default_to_the_socket_io_path() {
        let plain = request("ws://127.0.0.1:3000", None, &[]);
        assert!(plain.starts_with("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"), "{plain}");
        assert!(plain.contains("\r\nHost: 127.0.0.1:3000\r\n"), "{plain}");
        assert!(request("ws://127.0.0.1:3000/other/", None, &[]).starts_with("GET /other/?EIO=4"));
        assert!(request("ws://127.0.0.1:3000", Some("/x/?a=b"), &[]).starts_with("GET /x/?a=b&EIO=4"));
    }

    #[test]
    fn headers_are_sent_and_nonsense_is_refused() {
        let sent = request("ws://127.0.0.1:3000", None, &["Cookie: a=b", "X-Y:z"]);
        assert!(sent.contains("\r\ncookie: a=b\r\nx-y: z\r\n"), "{sent}");
        for nonsense in ["no colon", "a b: c", "a: b\r\nc: d"] {
            assert!(parse("ws://127.0.0.1:3000", None, &[nonsense]).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn urls_that_cannot_be_reached_are_refused() {
        for url in
            ["ftp://127.0.0.1:1", "127.0.0.1:3000", "ws://", "ws://127.0.0.1:99999", "ws://a@127.0.0.1:1"]
        {
            assert!(parse(url, None, &[]).is_err(), "{url}");
        }
    }

    #[test]
    fn every_25000_clients_get_a_source_address_of_their_own() {
        let server = IpAddr::from(Ipv4Addr::LOCALHOST);
        let loopback = |last| Some(IpAddr::from([127, 0, 0, last]));
        assert_eq!(source_address(24_999, &[], server), None);
        assert_eq!(source_address(25_000, &[], server), loopback(2));
        assert_eq!(source_address(50_000, &[], server), loopback(3));
        assert_eq!(source_address(50_000, &[], IpAddr::from([192, 0, 2, 1])), None);
        let given = [IpAddr::from([127, 0, 0, 7]), IpAddr::from([127, 0, 0, 8])];
        assert_eq!(source_address(3, &given, server), loopback(8));
    }
}
