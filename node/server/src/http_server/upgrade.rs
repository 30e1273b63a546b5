//! Upgrade of an HTTP request to a WebSocket, for a new session or for one that polls so far.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tracing::{debug, error};

use super::endpoint::refuse;
use super::service::HttpService;
use super::stream::ClientStream;
use super::written::WatchedStream;
use crate::connection::{Candidate, Connection, Opening, Permit, Session};
use crate::ids::SessionId;
use crate::socket::Handshake;
use crate::websocket::{Engine, WebSocket, handshake_response};
use fanfare_engineio::HandshakeError;

/// Answers 101 and opens a session on the WebSocket.
pub(super) fn to_new_session(
    service: &Arc<HttpService>,
    request: Request<Incoming>,
    id: SessionId,
    permit: Option<Box<Permit>>,
    handshake: Handshake,
    base64: bool,
    open_packet: ByteString,
) -> Response<Full<Bytes>> {
    let hub = service.hub.clone();
    let message_bytes_max = hub.node.options.max_payload_bytes;
    switch(request, move |stream, read_already| {
        let websocket = Box::new(Engine::new(stream, &read_already, message_bytes_max));
        Connection::open(&hub, id, permit, handshake, base64, Opening::WebSocket(websocket, open_packet));
        Ok(())
    })
}

/// Answers 101 and brings the WebSocket to the reactor of its session.
pub(super) fn to_session(
    service: &Arc<HttpService>,
    session: Option<Session>,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let Some(session) = session else { return refuse(service, &HandshakeError::SessionUnknown, true) };
    let message_bytes_max = service.hub.node.options.max_payload_bytes;
    switch(request, move |mut stream, read_already| {
        // Off this thread's poller: the session may live on another.
        stream.park()?;
        let open = move || {
            stream.unpark()?;
            let websocket = Engine::new(stream, &read_already, message_bytes_max);
            Ok(Box::new(websocket) as Box<dyn WebSocket>)
        };
        session.actor.do_send(Candidate { open: Box::new(open) });
        Ok(())
    })
}

/// Answers 101 and hands the stream over, with the bytes that were read too many.
pub(super) fn switch(
    mut request: Request<Incoming>,
    take: impl FnOnce(ClientStream, Bytes) -> io::Result<()> + 'static,
) -> Response<Full<Bytes>> {
    let response = match handshake_response(&request) {
        Ok(response) => response,
        Err(error) => {
            let mut response = Response::new(Full::from(error.to_string()));
            *response.status_mut() = StatusCode::BAD_REQUEST;
            return response;
        }
    };
    let upgraded = hyper::upgrade::on(&mut request);
    actix_rt::spawn(async move {
        let upgraded = match upgraded.await {
            Ok(upgraded) => upgraded,
            Err(error) => return debug!(%error, "client hung up before the upgrade"),
        };
        // Always so, as every connection is served over such a stream.
        let Ok(parts) = upgraded.downcast::<TokioIo<WatchedStream<ClientStream>>>() else {
            return error!("upgraded something that is not the stream of a client");
        };
        if let Err(error) = take(parts.io.into_inner().into_inner(), parts.read_buf) {
            debug!(%error, "WebSocket lost before its first packet");
        }
    });
    response
}
