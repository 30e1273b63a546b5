//! The stream of a client's connection: a socket, that can move from reactor to reactor, and perhaps TLS over it.

use std::io::{self, IoSlice};
use std::mem;
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

/// A connected socket.
pub(super) enum Socket {
    /// On the poller of its reactor.
    Tcp(TcpStream),
    /// The same over a Unix socket.
    Unix(UnixStream),
    /// On no poller: between two reactors.
    ParkedTcp(std::net::TcpStream),
    /// The same over a Unix socket.
    ParkedUnix(std::os::unix::net::UnixStream),
    /// Lost on its way: the system gave no place on a poller.
    Lost,
}

impl Socket {
    /// Whether it is a TCP connection.
    pub fn is_tcp(&self) -> bool {
        matches!(self, Self::Tcp(_) | Self::ParkedTcp(_))
    }

    /// Takes it off its poller, so that another thread can have it.
    pub fn park(&mut self) -> io::Result<()> {
        *self = match mem::replace(self, Self::Lost) {
            Self::Tcp(stream) => Self::ParkedTcp(stream.into_std()?),
            Self::Unix(stream) => Self::ParkedUnix(stream.into_std()?),
            parked => parked,
        };
        Ok(())
    }

    /// Puts it on the poller of this thread.
    pub fn unpark(&mut self) -> io::Result<()> {
        *self = match mem::replace(self, Self::Lost) {
            Self::ParkedTcp(stream) => Self::Tcp(TcpStream::from_std(stream)?),
            Self::ParkedUnix(stream) => Self::Unix(UnixStream::from_std(stream)?),
            here => here,
        };
        Ok(())
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Tcp(stream) => stream.as_raw_fd(),
            Self::Unix(stream) => stream.as_raw_fd(),
            Self::ParkedTcp(stream) => stream.as_raw_fd(),
            Self::ParkedUnix(stream) => stream.as_raw_fd(),
            Self::Lost => -1,
        }
    }
}

/// The stream that carries HTTP or a WebSocket. It is made for one reactor and can move to another.
pub(super) enum ClientStream {
    /// Without TLS.
    Plain(Socket),
    /// With TLS, which this node terminates.
    Tls(Box<TlsStream<Socket>>),
}

impl ClientStream {
    fn socket(&mut self) -> &mut Socket {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.get_mut().0,
        }
    }

    /// Takes it off its poller, so that another thread can have it.
    pub fn park(&mut self) -> io::Result<()> {
        self.socket().park()
    }

    /// Puts it on the poller of this thread.
    pub fn unpark(&mut self) -> io::Result<()> {
        self.socket().unpark()
    }
}

/// Reading and writing, by whichever stream there is: the patterns with the name of the stream in each, and what there
/// is without any.
macro_rules! delegate {
    ($type:ty { $($pattern:path),+ } $($otherwise:pat => $fault:expr)?) => {
        impl AsyncRead for $type {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $($pattern(stream) => Pin::new(stream).poll_read(cx, buffer),)+
                    $($otherwise => Poll::Ready(Err($fault)),)?
                }
            }
        }

        impl AsyncWrite for $type {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                match self.get_mut() {
                    $($pattern(stream) => Pin::new(stream).poll_write(cx, bytes),)+
                    $($otherwise => Poll::Ready(Err($fault)),)?
                }
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffers: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                match self.get_mut() {
                    $($pattern(stream) => Pin::new(stream).poll_write_vectored(cx, buffers),)+
                    $($otherwise => Poll::Ready(Err($fault)),)?
                }
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $($pattern(stream) => Pin::new(stream).poll_flush(cx),)+
                    $($otherwise => Poll::Ready(Err($fault)),)?
                }
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $($pattern(stream) => Pin::new(stream).poll_shutdown(cx),)+
                    $($otherwise => Poll::Ready(Err($fault)),)?
                }
            }
        }
    };
}

delegate!(Socket { Self::Tcp, Self::Unix } _ => io::ErrorKind::NotConnected.into());
delegate!(ClientStream { Self::Plain, Self::Tls });
