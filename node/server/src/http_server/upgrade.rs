//! Upgrade of an HTTP request to a WebSocket, for a new session or for one that polls so far.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::rt::{Read, Write};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::net::{TcpStream, UnixStream};
use tracing::{debug, warn};

use super::endpoint::refuse;
use super::entrance::Entrance;
use super::response;
use super::service::HttpService;
use super::stream::{ClientStream, Socket};
use super::written::WatchedStream;
use crate::connection::{Candidate, Connection, Dialect, Opening, Permit, Session};
use crate::ids::SessionId;
use crate::websocket::{Engine, WebSocket, handshake_response};
use fanfare_engineio::HandshakeError;

type Answer = Response<Full<Bytes>>;

/// A session that a WebSocket opens.
pub(super) struct NewSession {
    pub id: SessionId,
    pub permit: Option<Box<Permit>>,
    pub dialect: Dialect,
    /// The packets that begin it.
    pub first: Vec<ByteString>,
}

/// Answers 101 and opens a session on the WebSocket, on the reactor that the session's id names.
pub(super) fn to_new_session(
    service: &Arc<HttpService>,
    entrance: Entrance,
    parts: Parts,
    new: NewSession,
) -> Answer {
    let Switched { answer, upgrade, parts } = match switch(parts) {
        Ok(switched) => switched,
        Err(refusal) => return *refusal,
    };
    let service = service.clone();
    entrance.spawn(async move {
        let hub = service.hub.clone();
        let Some(mut taken) = Taken::wait_for(upgrade).await else { return };
        let entrance = Entrance { peer: entrance.peer.or_else(|| taken.peer()), ..entrance };
        let handshake = entrance.handshake(&service.proxies, parts);
        let open = move |taken: Taken| {
            let websocket = match taken.open(hub.node.options.websocket_payload_max()) {
                Ok(websocket) => websocket,
                Err(error) => return debug!(%error, "WebSocket lost before its first packet"),
            };
            let opening = Opening::WebSocket(websocket, new.first);
            if !Connection::open(&hub, new.id, new.permit, handshake, new.dialect, opening) {
                warn!("generate_id gave an id that another session has: a WebSocket is closed");
            }
        };
        if entrance.is_of_reactor() {
            return open(taken);
        }
        match taken.park() {
            // If the reactor has ended, the WebSocket is closed by being dropped.
            Ok(()) => drop(service.hub.node.spawn_on(new.id.reactor(), move || open(taken))),
            Err(error) => debug!(%error, "WebSocket lost before its first packet"),
        }
    });
    answer
}

/// Answers 101 and brings the WebSocket to the reactor of its session.
pub(super) fn to_session(
    service: &Arc<HttpService>,
    entrance: Entrance,
    session: Option<Session>,
    parts: Parts,
) -> Answer {
    let Some(session) = session else { return refuse(service, &HandshakeError::SessionUnknown, true) };
    let Switched { answer, upgrade, .. } = match switch(parts) {
        Ok(switched) => switched,
        Err(refusal) => return *refusal,
    };
    let message_bytes_max = service.hub.node.options.websocket_payload_max();
    entrance.spawn(async move {
        let Some(mut taken) = Taken::wait_for(upgrade).await else { return };
        match taken.park() {
            Ok(()) => {
                session.actor.do_send(Candidate { open: Box::new(move || taken.open(message_bytes_max)) });
            }
            Err(error) => debug!(%error, "WebSocket lost before its first packet"),
        }
    });
    answer
}

/// An upgrade that was agreed to.
pub(super) struct Switched {
    /// The 101.
    pub answer: Answer,
    /// Ends when that has been written.
    pub upgrade: OnUpgrade,
    /// The request.
    pub parts: Parts,
}

/// Agrees to an upgrade, or refuses the request.
pub(super) fn switch(parts: Parts) -> Result<Switched, Box<Answer>> {
    if parts.extensions.get::<OnUpgrade>().is_none() {
        warn!("a WebSocket was refused: the HTTP server around Fanfare does not offer upgrades");
        return Err(Box::new(response::plain(StatusCode::NOT_IMPLEMENTED, "no upgrades here")));
    }
    let mut request = Request::from_parts(parts, ());
    match handshake_response(&request) {
        Ok(answer) => {
            let upgrade = hyper::upgrade::on(&mut request);
            Ok(Switched { answer, upgrade, parts: request.into_parts().0 })
        }
        Err(error) => {
            let mut refusal = Response::new(Full::from(error.to_string()));
            *refusal.status_mut() = StatusCode::BAD_REQUEST;
            Err(Box::new(refusal))
        }
    }
}

/// A stream that was taken back from an HTTP server after its upgrade.
pub(super) struct Taken {
    stream: Stream,
    /// Bytes that the HTTP server read too many.
    read_already: Bytes,
}

enum Stream {
    /// One that can move to another reactor.
    Client(ClientStream),
    /// Whatever a server of somebody else has there: TLS of its own, a stream of HTTP/2. It stays on the poller of that
    /// server, whose wake-ups cross threads.
    Foreign(Upgraded),
}

impl Taken {
    /// Waits until the 101 has been written, and takes the stream. `None` if there is none.
    pub async fn wait_for(upgrade: OnUpgrade) -> Option<Self> {
        match upgrade.await {
            Ok(upgraded) => Some(Self::from(upgraded)),
            // A fault of the program, not of the client.
            Err(error) if error.is_user() => {
                warn!(%error, "a WebSocket was lost: the HTTP server around Fanfare must serve with upgrades");
                None
            }
            Err(error) => {
                debug!(%error, "client hung up before the upgrade");
                None
            }
        }
    }

    fn from(upgraded: Upgraded) -> Self {
        let upgraded = match upgraded.downcast::<TokioIo<WatchedStream<ClientStream>>>() {
            Ok(parts) => return Self::client(parts.io.into_inner().into_inner(), parts.read_buf),
            Err(upgraded) => upgraded,
        };
        let (stream, read_already) = match taken_back::<TcpStream>(upgraded) {
            Ok(taken) => taken,
            Err(upgraded) => {
                return match taken_back::<UnixStream>(upgraded) {
                    Ok((stream, read)) => Self::client(ClientStream::Plain(Socket::Unix(stream)), read),
                    Err(upgraded) => Self { stream: Stream::Foreign(upgraded), read_already: Bytes::new() },
                };
            }
        };
        // As the listener does with its own.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "TCP connection of another server keeps its options");
        }
        Self::client(ClientStream::Plain(Socket::Tcp(stream)), read_already)
    }

    fn client(stream: ClientStream, read_already: Bytes) -> Self {
        Self { stream: Stream::Client(stream), read_already }
    }

    /// The other end, if it is a plain TCP connection.
    fn peer(&self) -> Option<SocketAddr> {
        match &self.stream {
            Stream::Client(ClientStream::Plain(Socket::Tcp(stream))) => stream.peer_addr().ok(),
            _ => None,
        }
    }

    /// Leaves the poller of this thread, as far as possible.
    fn park(&mut self) -> io::Result<()> {
        match &mut self.stream {
            Stream::Client(stream) => stream.park(),
            Stream::Foreign(_) => Ok(()),
        }
    }

    /// The WebSocket, on this thread.
    pub fn open(self, message_bytes_max: usize) -> io::Result<Box<dyn WebSocket>> {
        match self.stream {
            Stream::Client(mut stream) => {
                stream.unpark()?;
                Ok(Box::new(Engine::new(stream, &self.read_already, message_bytes_max)))
            }
            Stream::Foreign(upgraded) => {
                Ok(Box::new(Engine::new(TokioIo::new(upgraded), &self.read_already, message_bytes_max)))
            }
        }
    }
}

/// The stream below a server of hyper or hyper-util that works on it directly, as `axum::serve` does.
fn taken_back<S>(upgraded: Upgraded) -> Result<(S, Bytes), Upgraded>
where
    TokioIo<S>: Read + Write + Unpin + 'static,
{
    // hyper-util wraps it in a type that is known to itself alone.
    let upgraded = match auto::upgrade::downcast::<TokioIo<S>>(upgraded) {
        Ok(parts) => return Ok((parts.io.into_inner(), parts.read_buf)),
        Err(upgraded) => upgraded,
    };
    upgraded.downcast::<TokioIo<S>>().map(|parts| (parts.io.into_inner(), parts.read_buf))
}
