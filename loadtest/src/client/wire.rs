//! One TCP stream, with or without TLS on it; both are read and written without waiting.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustix::io::Errno;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Stream};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// Configuration of TLS for one server.
#[derive(Debug, Clone)]
pub(crate) struct TlsName {
    pub(crate) config: Arc<ClientConfig>,
    /// Name that the certificate must have.
    pub(crate) server: ServerName<'static>,
}

/// The stream of one connection.
#[derive(Debug)]
pub(crate) enum Wire {
    Plain(TcpStream),
    /// Boxed: its state is a kilobyte, and most runs have none.
    Tls(Box<(ClientConnection, TcpStream)>),
}

impl Wire {
    /// Begins a TCP connection without waiting for it.
    pub(crate) fn dial(
        address: SocketAddr,
        source: Option<IpAddr>,
        tls: Option<&TlsName>,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(source) = source {
            socket.bind(&SocketAddr::from((source, 0)).into())?;
        }
        match socket.connect(&address.into()) {
            Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => {
                return Err(error);
            }
            _ => {}
        }
        let stream = TcpStream::from_std(socket.into());
        let Some(TlsName { config, server }) = tls else { return Ok(Self::Plain(stream)) };
        let session = ClientConnection::new(Arc::clone(config), server.clone()).map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new((session, stream))))
    }

    fn stream(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(both) => &both.1,
        }
    }

    fn stream_mut(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(both) => &mut both.1,
        }
    }

    /// Whether TCP is connected; an error if it failed.
    pub(crate) fn established(&self) -> io::Result<bool> {
        if let Some(error) = self.stream().take_error()? {
            return Err(error);
        }
        match self.stream().peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reports readiness under this token from now on, also if it was registered under another one.
    pub(crate) fn register(&mut self, registry: &Registry, token: Token, again: bool) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match again {
            false => registry.register(self.stream_mut(), token, interest),
            true => registry.reregister(self.stream_mut(), token, interest),
        }
    }

    /// Whether a read that did not fill the buffer has emptied the socket (epoll(7), question 9). Inside TLS it has
    /// not: a record may be left.
    pub(crate) fn is_empty_after_short_read(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// Whether bytes that were taken still wait for the socket.
    pub(crate) fn wants_write(&self) -> bool {
        matches!(self, Self::Tls(both) if both.0.wants_write())
    }

    /// Makes the end of this connection a reset instead of a goodbye.
    pub(crate) fn reset_on_close(&self) -> io::Result<()> {
        SockRef::from(self.stream()).set_linger(Some(Duration::ZERO))
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(both) => {
                let (session, stream) = &mut **both;
                match Stream::new(session, stream).read(buffer) {
                    // Many servers hang up without TLS's own goodbye.
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
                    other => other,
                }
            }
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(both) => {
                let (session, stream) = &mut **both;
                Stream::new(session, stream).write(bytes)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(both) => {
                let (session, stream) = &mut **both;
                while session.wants_write() {
                    session.write_tls(stream)?;
                }
                Ok(())
            }
        }
    }
}
