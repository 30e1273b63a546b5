//! Listening: on addresses, on Unix sockets, and on what the program has opened by itself.

use std::fs;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, ready};

use tokio::net::{TcpListener, UnixListener};

use super::stream::Socket;

/// Connections that the kernel may hold for us.
const BACKLOG: i32 = 4096;
/// Stands for the address of a Unix socket, which has none.
pub(super) const UNIX_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Something that a server listens on; see [`Io::listen_on`](crate::Io::listen_on).
#[derive(Debug)]
pub struct Listener(Bound);

#[derive(Debug)]
enum Bound {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener, Option<UnixPath>),
}

/// A Unix socket's name in the file system, which is removed with it.
#[derive(Debug)]
struct UnixPath(PathBuf);

impl Drop for UnixPath {
    fn drop(&mut self) {
        // Somebody else may have removed it.
        let _ = fs::remove_file(&self.0);
    }
}

impl Listener {
    /// Binds the first of these addresses that can be bound.
    ///
    /// # Errors
    /// Those of the system; of the last address, if there are several.
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::InvalidInput, "it names no address");
        for address in address.to_socket_addrs()? {
            match bind_one(address) {
                Ok(listener) => return Ok(Self(Bound::Tcp(listener))),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Binds a Unix socket at a path. A socket that a process left behind there is replaced; the name goes with the
    /// listener. Which users may connect is up to the rights of the folder and to the process' `umask`.
    ///
    /// # Errors
    /// Those of the system, such as `AddrInUse` if a process listens there.
    pub fn unix(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let bound = std::os::unix::net::UnixListener::bind(path);
        let listener = match bound {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_behind(path) => {
                fs::remove_file(path)?;
                std::os::unix::net::UnixListener::bind(path)?
            }
            bound => bound?,
        };
        listener.set_nonblocking(true)?;
        Ok(Self(Bound::Unix(listener, Some(UnixPath(path.to_owned())))))
    }

    /// The address, with the port that the system chose for port 0. A Unix socket has none: `127.0.0.1:0` stands for it.
    ///
    /// # Errors
    /// Those of the system.
    pub fn address(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Bound::Tcp(listener) => listener.local_addr(),
            Bound::Unix(..) => Ok(UNIX_ADDRESS),
        }
    }
}

/// A listener of the program's own, such as one that a service manager has opened.
impl TryFrom<std::net::TcpListener> for Listener {
    type Error = io::Error;

    fn try_from(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self(Bound::Tcp(listener)))
    }
}

/// A Unix socket of the program's own. Its name in the file system stays.
impl TryFrom<std::os::unix::net::UnixListener> for Listener {
    type Error = io::Error;

    fn try_from(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self(Bound::Unix(listener, None)))
    }
}

fn bind_one(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Whether no process listens on the Unix socket at this path.
fn is_left_behind(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && StdUnixStream::connect(path).is_err_and(refused)
}

/// A connection just accepted, on no reactor's poller.
pub(super) struct Accepted {
    /// Parked.
    pub socket: Socket,
    /// The other end of the socket; for a Unix socket 127.0.0.1 with port 0.
    pub peer: SocketAddr,
}

/// The listeners of a server, on its main thread.
pub(super) struct Listeners {
    all: Vec<Polled>,
    /// The one that is asked first, so that none starves the others.
    turn: usize,
}

enum Polled {
    Tcp(TcpListener),
    Unix(UnixListener, #[expect(dead_code, reason = "kept for its drop")] Option<UnixPath>),
}

impl Listeners {
    /// Puts listeners on the poller of this thread.
    pub fn new(listeners: Vec<Listener>) -> io::Result<Self> {
        let polled = |listener: Listener| match listener.0 {
            Bound::Tcp(listener) => TcpListener::from_std(listener).map(Polled::Tcp),
            Bound::Unix(listener, path) => {
                UnixListener::from_std(listener).map(|listener| Polled::Unix(listener, path))
            }
        };
        Ok(Self { all: listeners.into_iter().map(polled).collect::<io::Result<_>>()?, turn: 0 })
    }

    /// Accepts a connection; never, if there is no listener.
    pub async fn accept(&mut self) -> io::Result<Accepted> {
        let accepted = poll_fn(|cx| {
            for _ in 0..self.all.len() {
                self.turn = (self.turn + 1) % self.all.len();
                if let Poll::Ready(accepted) = self.all[self.turn].poll_accept(cx) {
                    return Poll::Ready(accepted);
                }
            }
            Poll::Pending
        });
        let (mut socket, peer) = accepted.await?;
        if let Socket::Tcp(stream) = &socket {
            stream.set_nodelay(true)?;
        }
        // Off this thread's poller: the connection is going to live on another.
        socket.park()?;
        Ok(Accepted { socket, peer })
    }
}

impl Polled {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Socket, SocketAddr)>> {
        Poll::Ready(Ok(match self {
            Self::Tcp(listener) => {
                let (stream, peer) = ready!(listener.poll_accept(cx))?;
                (Socket::Tcp(stream), peer)
            }
            Self::Unix(listener, _) => {
                let (stream, _) = ready!(listener.poll_accept(cx))?;
                (Socket::Unix(stream), UNIX_ADDRESS)
            }
        }))
    }
}
