//! What comes before HTTP on a connection: the header of the PROXY protocol, and TLS.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use super::proxy_protocol::{HEADER_BYTES_MAX, Header, HeaderError, Progress, START_BYTES, parse};
use super::service::HttpService;
use super::stream::{ClientStream, Socket};
use super::tls::Tls;
use crate::metrics::ProxyHeader;

/// The other end of a connection, as far as the connection itself tells; headers of a request may tell more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// Its address: of the socket, or of the PROXY protocol's header.
    pub address: SocketAddr,
    /// Whether the connection is encrypted, up to this node or up to the proxy that wrote the header.
    pub is_secure: bool,
}

/// A connection that nobody has passed on.
pub(super) fn direct(address: SocketAddr) -> Peer {
    Peer { address, is_secure: false }
}

/// Reads the header of the PROXY protocol. `None` if the connection is of no use: that has been counted.
pub(super) async fn client(service: &HttpService, socket: &mut Socket, proxy: SocketAddr) -> Option<Peer> {
    let refused = |reason| service.hub.node.metrics.proxy_headers_refused.of(reason).increment();
    if !service.proxies.trust(proxy.ip()) {
        refused(ProxyHeader::Untrusted);
        debug!(%proxy, "connection closed: its peer is not among limits.trusted_proxies");
        return None;
    }
    match read_header(socket).await {
        Ok(Header::Local) => Some(direct(proxy)),
        Ok(Header::Proxied { client, is_secure }) => {
            Some(Peer { address: client.unwrap_or(proxy), is_secure })
        }
        Err(ReadError::Header(error)) => {
            refused(if error == HeaderError::Version1 {
                ProxyHeader::Version1
            } else {
                ProxyHeader::Invalid
            });
            // A fault of the operator's proxy: strangers do not come this far.
            warn!(%proxy, %error, "connection of a trusted proxy closed");
            None
        }
        // Such as a check of its health that only connects.
        Err(ReadError::Io(error)) => {
            debug!(%proxy, %error, "connection ended before the header of the PROXY protocol");
            None
        }
    }
}

/// Does the TLS handshake. `None` if it fails: that has been counted.
pub(super) async fn encrypt(
    service: &HttpService,
    tls: &Tls,
    socket: Socket,
    peer: SocketAddr,
) -> Option<ClientStream> {
    match TlsAcceptor::from(tls.current()).accept(socket).await {
        Ok(stream) => Some(ClientStream::Tls(Box::new(stream))),
        Err(error) => {
            service.hub.node.metrics.tls_handshake_failures.increment();
            debug!(%peer, %error, "TLS handshake failed");
            None
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads a header and not one byte more: what follows is for others.
async fn read_header(stream: &mut (impl AsyncRead + Unpin)) -> Result<Header, ReadError> {
    let mut buffer = [0; HEADER_BYTES_MAX];
    let (mut read, mut needed) = (0, START_BYTES);
    loop {
        match stream.read(&mut buffer[read..needed]).await? {
            0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            more => read += more,
        }
        match parse(&buffer[..read])? {
            Progress::NeedsBytes(more) => needed = more,
            Progress::Complete(header) => return Ok(header),
        }
    }
}
