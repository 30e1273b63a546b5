//! The Engine.IO endpoint: admits requests and brings them to their session.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, ORIGIN, RETRY_AFTER, UPGRADE, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Body;
use tokio::sync::oneshot;

use super::body_limit::{self, BodyFault};
use super::compression::Compressible;
use super::entrance::Entrance;
use super::response::{BoxError, Cut, plain};
use super::service::HttpService;
use super::{handshake, upgrade};
use crate::connection::{
    FailPost, FinishPost, Poll, PollAnswer, Posted, Precedence, Session, StartPost, Unanswered,
};
use crate::metrics::Refused;
use crate::options::ms;
use fanfare_engineio::HandshakeError;
use fanfare_engineio::request::{Admission, Head, Options as Offer, Protocol, Query, SessionView, admit};
use fanfare_engineio::v3::jsonp::Callback;

pub(super) type Answer = Result<Response<Full<Bytes>>, Cut>;

/// Answers a request under the path of Socket.IO.
pub(super) async fn answer<B>(service: &Arc<HttpService>, entrance: Entrance, request: Request<B>) -> Answer
where
    B: Body<Error: Into<BoxError>>,
{
    let (parts, body) = request.into_parts();
    let kept = service.hooks.keep(&parts);
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let is_upgrade = is_websocket_upgrade(&parts.headers);
    let internet_explorer = is_internet_explorer(&parts.headers);
    let answer = match admit_request(service, entrance, &parts, &query, is_upgrade) {
        Ok(Admission::Handshake(transport)) => {
            handshake::answer(service, entrance, parts, &query, transport).await
        }
        Ok(Admission::Poll(sid)) => poll(session(service, &sid), &query).await,
        Ok(Admission::Post(sid)) => post(service, session(service, &sid), &query, &parts.headers, body).await,
        Ok(Admission::Upgrade(sid)) => {
            Ok(upgrade::to_session(service, entrance, session(service, &sid), parts))
        }
        Ok(Admission::MethodNotSupported) => Ok(plain(StatusCode::INTERNAL_SERVER_ERROR, "")),
        Err(refusal) => Ok(refuse(service, &refusal, is_upgrade)),
    };
    answer.map(|mut response| {
        if internet_explorer {
            let name = HeaderName::from_static("x-xss-protection");
            response.headers_mut().insert(name, HeaderValue::from_static("0"));
        }
        if let Some(request) = kept {
            let metrics = &service.hub.node.metrics;
            service.hooks.on_answer(&request, query.sid.is_none(), &mut response, metrics);
        }
        response
    })
}

fn admit_request(
    service: &HttpService,
    entrance: Entrance,
    request: &Parts,
    query: &Query,
    is_websocket_upgrade: bool,
) -> Result<Admission, HandshakeError> {
    let options = &service.hub.node.options;
    let head = Head {
        method: (&request.method).into(),
        is_websocket_upgrade,
        origin: request.headers.get(ORIGIN).map(HeaderValue::as_bytes),
        query,
    };
    let offer = Offer {
        polling: options.polling,
        websocket: options.websocket,
        allow_upgrades: options.allow_upgrades,
    };
    let admission = admit(&head, &offer, |sid| {
        let session = service.hub.sessions.find_text(sid)?;
        if is_from_elsewhere(service, entrance, request, &session) {
            return None;
        }
        // One that was closed may wait for a last poll; it moves to no other transport any more.
        let is_over =
            if is_websocket_upgrade { session.link.outbox.is_closed() } else { session.link.is_over() };
        (!is_over)
            .then(|| SessionView { transport: session.link.transport(), protocol: session.link.protocol })
    })?;
    if is_websocket_upgrade && !service.origins.allow(&request.headers) {
        return Err(HandshakeError::OriginNotAllowed);
    }
    Ok(admission)
}

/// Whether a request is none of its session's client, where that is told by its address.
fn is_from_elsewhere(service: &HttpService, entrance: Entrance, request: &Parts, session: &Session) -> bool {
    if session.link.protocol == Protocol::V4 || !service.hub.node.options.bind_eio3_to_address {
        return false;
    }
    let address = entrance.address(&service.proxies, &request.headers);
    address.ip() != session.link.handshake.address.ip()
}

/// The session may have ended since it was looked up for the admission.
fn session(service: &HttpService, sid: &str) -> Option<Session> {
    service.hub.sessions.find_text(sid)
}

async fn poll(session: Option<Session>, query: &Query) -> Answer {
    let Some(session) = session else { return Ok(refusal_response(&HandshakeError::SessionUnknown, false)) };
    let callback = query.jsonp.as_ref().filter(|_| session.link.protocol == Protocol::V3);
    let (answer, answered) = oneshot::channel();
    session.actor.do_send(Poll { answer });
    match answered.await {
        Ok(Ok(answer)) => Ok(polled(answer, callback)),
        Ok(Err(unanswered)) => Ok(unanswered_response(&unanswered)),
        // The connection's actor died: whatever it held is gone.
        Err(_) => Ok(refusal_response(&HandshakeError::SessionUnknown, false)),
    }
}

async fn post<B>(
    service: &HttpService,
    session: Option<Session>,
    query: &Query,
    headers: &HeaderMap,
    body: B,
) -> Answer
where
    B: Body<Error: Into<BoxError>>,
{
    let unknown = || Ok(refusal_response(&HandshakeError::SessionUnknown, false));
    let Some(session) = session else { return unknown() };
    let lost = match session.actor.send(StartPost).await {
        Ok(Ok(lost)) => lost,
        Ok(Err(unanswered)) => return Ok(unanswered_response(&unanswered)),
        Err(_) => return unknown(),
    };
    let mut post =
        Post { session, fault: Some("data request connection closed prematurely"), finished: false };
    let is_binary = headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/octet-stream");
    let protocol = post.session.link.protocol;
    if is_binary && protocol == Protocol::V4 {
        post.fault = Some("invalid content");
        return Ok(plain(StatusCode::BAD_REQUEST, ""));
    }
    let options = &service.hub.node.options;
    let body = tokio::select! {
        body = body_limit::read(body, options.polling_payload_max(), ms(options.body_timeout_ms)) => body,
        // Another POST came in between, or the session ended.
        _ = lost => return Err(Cut("the session of this request ended")),
    };
    let packets = |body: Bytes| match is_binary {
        true => Ok(Posted::binary(body)),
        false => Posted::text(body, protocol, query.jsonp.is_some()),
    };
    let refused = match body.map(packets) {
        Ok(Ok(packets)) => {
            let mut response = posted();
            if let Some(precedence) = post.finish(packets).await {
                response.extensions_mut().insert(precedence);
            }
            return Ok(response);
        }
        Ok(Err(_)) => (Some("body is not UTF-8"), plain(StatusCode::BAD_REQUEST, "")),
        Err(BodyFault::TooLarge) => (None, plain(StatusCode::PAYLOAD_TOO_LARGE, "")),
        Err(BodyFault::TooSlow) => (None, plain(StatusCode::REQUEST_TIMEOUT, "")),
        Err(BodyFault::Aborted) => return Err(Cut("the client hung up")),
    };
    post.fault = refused.0;
    Ok(refused.1)
}

/// A POST under way. If its future is dropped, the session learns of it.
struct Post {
    session: Session,
    /// Fault that ends the session if the POST goes no further.
    fault: Option<&'static str>,
    finished: bool,
}

impl Post {
    /// Hands the packets over and waits until they were taken, or the session ended: whatever they were, the POST was
    /// fine.
    async fn finish(mut self, packets: Posted) -> Option<Precedence> {
        self.finished = true;
        let (done, is_done) = oneshot::channel();
        self.session.actor.do_send(FinishPost { packets, done });
        is_done.await.ok()
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        if !self.finished {
            self.session.actor.do_send(FailPost { fault: self.fault });
        }
    }
}

pub(super) fn polled(answer: PollAnswer, callback: Option<&Callback>) -> Response<Full<Bytes>> {
    let (body, kind) = match callback {
        // A session that polls by scripts is sent text alone; if it polls otherwise at times, that is its own affair.
        Some(callback) => {
            let script = callback.script(&String::from_utf8_lossy(&answer.body));
            (script.into(), "text/javascript; charset=UTF-8")
        }
        None if answer.is_binary => (answer.body, "application/octet-stream"),
        None => (answer.body, "text/plain; charset=UTF-8"),
    };
    let mut response = Response::new(Full::new(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if answer.compress {
        response.extensions_mut().insert(Compressible);
    }
    response
}

fn posted() -> Response<Full<Bytes>> {
    let mut response = plain(StatusCode::OK, "ok");
    // Not text/plain: some browsers' XHR used to offer such an answer as a download.
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(super) fn refuse(
    service: &HttpService,
    refusal: &HandshakeError,
    is_upgrade: bool,
) -> Response<Full<Bytes>> {
    service.hub.node.metrics.refusals.of(counted_as(refusal)).increment();
    tracing::debug!(%refusal, "request refused");
    refusal_response(refusal, is_upgrade)
}

fn counted_as(refusal: &HandshakeError) -> Refused {
    match refusal {
        HandshakeError::TransportUnknown => Refused::TransportUnknown,
        HandshakeError::SessionUnknown => Refused::SessionUnknown,
        HandshakeError::BadHandshakeMethod => Refused::BadHandshakeMethod,
        HandshakeError::BadRequest(_) => Refused::BadRequest,
        HandshakeError::Forbidden(_) => Refused::Forbidden,
        HandshakeError::Busy { .. } => Refused::Busy,
        HandshakeError::OriginNotAllowed => Refused::OriginNotAllowed,
        HandshakeError::UnsupportedProtocolVersion => Refused::UnsupportedProtocolVersion,
    }
}

fn refusal_response(refusal: &HandshakeError, is_upgrade: bool) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(refusal.body()));
    let status = StatusCode::from_u16(refusal.status(is_upgrade));
    *response.status_mut() = status.unwrap_or(StatusCode::BAD_REQUEST);
    // For the hooks of the program.
    response.extensions_mut().insert(refusal.clone());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let HandshakeError::Busy { retry_after_s, .. } = refusal {
        headers.insert(RETRY_AFTER, HeaderValue::from(*retry_after_s));
        // Its file descriptor is needed for a new connection.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn unanswered_response(unanswered: &Unanswered) -> Response<Full<Bytes>> {
    match unanswered {
        Unanswered::Refused(refusal) => refusal_response(refusal, false),
        Unanswered::Overlap => plain(StatusCode::BAD_REQUEST, ""),
    }
}

pub(super) fn is_websocket_upgrade(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Old browsers inspect answers for scripts and mangle what looks like one.
fn is_internet_explorer(headers: &HeaderMap) -> bool {
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    agent.is_some_and(|agent| agent.contains(";MSIE") || agent.contains("Trident/"))
}
