//! The handshake of Engine.IO: from a request that may be one to a session.

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use http::header::{CONNECTION, SET_COOKIE};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use tokio::sync::oneshot;

use super::endpoint::{Answer, polled, refuse};
use super::entrance::Entrance;
use super::handshake_request::HandshakeRequest;
use super::response::plain;
use super::service::HttpService;
use super::upgrade::{self, NewSession};
use super::{allow_request, generate_id};
use crate::connection::{Connection, Dialect, Opening};
use crate::ids::SessionId;
use crate::metrics::Refused;
use crate::node::ServingState;
use crate::options::{Cookie, Options, SameSite};
use fanfare_engineio::open;
use fanfare_engineio::request::{Protocol, Query, TransportKind};

/// Answers a request for a new session.
pub(super) async fn answer(
    service: &Arc<HttpService>,
    entrance: Entrance,
    parts: Parts,
    query: &Query,
    transport: TransportKind,
) -> Answer {
    if service.hub.node.serving_state() == ServingState::Draining {
        return Ok(turn_away(service));
    }
    let is_upgrade = transport == TransportKind::WebSocket;
    let client = entrance.client(&service.proxies, &parts.headers);
    // Before the application is asked: what it does for an answer may be dear.
    let permit = match service.hub.admission.admit(client.map(|client| client.ip())) {
        Ok(permit) => permit,
        Err(refusal) => return Ok(refuse(service, &refusal, is_upgrade)),
    };
    let reactor = entrance.reactor().unwrap_or_else(|| service.next_reactor());
    let request = HandshakeRequest::new(entrance, &service.proxies, parts);
    let Some((request, allowed)) = allow_request::ask(service, entrance, reactor, request).await else {
        return Ok(turn_away(service));
    };
    let allow_eio3 = service.hub.node.options.allow_eio3;
    let dialect = match allowed.and_then(|()| query.check_version(allow_eio3)) {
        Ok(protocol) => Dialect::new(protocol, query),
        Err(refusal) => return Ok(refuse(service, &refusal, is_upgrade)),
    };
    // It may have begun while the program was asked.
    if service.hub.node.serving_state() == ServingState::Draining {
        return Ok(turn_away(service));
    }
    let id = match generate_id::session_id(service, reactor, &request) {
        Ok(id) => id,
        Err(refusal) => return Ok(refuse(service, &refusal, is_upgrade)),
    };
    let parts = request.into_parts();
    let node = &service.hub.node;
    let first = first_packets(&node.options, id, transport, dialect.protocol);
    if is_upgrade {
        let new = NewSession { id, permit, dialect, first };
        return Ok(upgrade::to_new_session(service, entrance, parts, new));
    }
    let handshake = entrance.handshake(&service.proxies, parts);
    let hub = service.hub.clone();
    let (opened, is_opened) = oneshot::channel();
    let open = move || {
        // The client may have hung up.
        let _ = opened.send(Connection::open(&hub, id, permit, handshake, dialect, Opening::Polling));
    };
    if entrance.is_of_reactor() {
        open();
    } else if !node.spawn_on(id.reactor(), open) {
        return Ok(turn_away(service));
    }
    match is_opened.await {
        Ok(true) => {}
        Ok(false) => return Ok(refuse(service, &generate_id::taken(), is_upgrade)),
        // The reactor has ended.
        Err(_) => return Ok(turn_away(service)),
    }
    let mut response = polled(dialect.own_packets(first), dialect.callback(query));
    if let Some(cookie) = &node.options.cookie
        && let Ok(value) = HeaderValue::try_from(session_cookie(cookie, id))
    {
        response.headers_mut().insert(SET_COOKIE, value);
    }
    Ok(response)
}

/// The packets that begin a session, whatever its transport.
fn first_packets(
    options: &Options,
    id: SessionId,
    transport: TransportKind,
    protocol: Protocol,
) -> Vec<ByteString> {
    let initial = options.initial_packet.iter().map(|text| format!("4{text}").into());
    [open_packet(options, id, transport, protocol)].into_iter().chain(initial).collect()
}

fn open_packet(options: &Options, id: SessionId, transport: TransportKind, protocol: Protocol) -> ByteString {
    let can_upgrade = transport == TransportKind::Polling && options.allow_upgrades && options.websocket;
    open::packet(&open::Open {
        sid: id.as_str(),
        upgrade_to_websocket: can_upgrade,
        ping_interval_ms: options.ping_interval_ms,
        ping_timeout_ms: options.ping_timeout_ms,
        max_payload: (protocol == Protocol::V4).then(|| match transport {
            TransportKind::Polling => options.polling_payload_max(),
            TransportKind::WebSocket => options.websocket_payload_max(),
        }),
    })
}

fn session_cookie(cookie: &Cookie, id: SessionId) -> String {
    let mut built = cookie::Cookie::build((cookie.name.as_str(), id.as_str()))
        .path(cookie.path.as_str())
        .http_only(cookie.http_only)
        .secure(cookie.secure)
        .same_site(match cookie.same_site {
            SameSite::Strict => cookie::SameSite::Strict,
            SameSite::Lax => cookie::SameSite::Lax,
            SameSite::None => cookie::SameSite::None,
        });
    if let Some(seconds) = cookie.max_age_s {
        built = built.max_age(cookie::time::Duration::seconds(seconds));
    }
    built.to_string()
}

/// To a handshake while the node drains: another node is the place for it, and another connection the way to that.
fn turn_away(service: &HttpService) -> Response<Full<Bytes>> {
    service.hub.node.metrics.refusals.of(Refused::Draining).increment();
    let mut response =
        plain(StatusCode::SERVICE_UNAVAILABLE, "draining: this node does not take new clients");
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
