//! HTTP service of a server: which path leads where.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use http::header::CONNECTION;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Body;

use super::allow_request::AllowRequest;
use super::client_files::ClientFiles;
use super::compression::Compression;
use super::entrance::Entrance;
use super::generate_id::GenerateId;
use super::hooks::Hooks;
use super::idle::IdleConnections;
use super::origins::Origins;
use super::proxies::TrustedProxies;
use super::response::{BoxError, Cut, plain};
use super::{endpoint, host};
use crate::connection::Hub;
use crate::metrics::Refused;

/// Handler of requests that are not for Socket.IO.
pub type Fallback = Arc<dyn Fn(&Parts) -> Response<Bytes> + Send + Sync>;

/// Everything that one server offers over HTTP.
pub struct HttpService {
    /// Connections of the server.
    pub hub: Arc<Hub>,
    /// Compression of its answers.
    pub compression: Compression,
    /// TCP connections with nothing under way.
    pub idle: Arc<IdleConnections>,
    /// The path of Socket.IO, with exactly one slash at its end.
    pub path_prefix: String,
    /// The JavaScript client, if there is one to be served.
    pub client: Option<ClientFiles>,
    /// Proxies whose word about a client's address counts.
    pub proxies: TrustedProxies,
    /// Pages that may open WebSockets.
    pub origins: Origins,
    /// Asked for each handshake.
    pub allow_request: Option<Arc<dyn AllowRequest>>,
    /// Gives sessions their ids, in place of our own random numbers.
    pub generate_id: Option<GenerateId>,
    /// Told about answers.
    pub hooks: Hooks,
    /// Everything else.
    pub fallback: Option<Fallback>,
    /// Sessions that came in on threads of other servers.
    pub turn: AtomicUsize,
}

impl HttpService {
    /// Answers one request.
    pub(super) async fn answer<B>(
        self: Arc<Self>,
        entrance: Entrance,
        request: Request<B>,
    ) -> Result<Response<Full<Bytes>>, Cut>
    where
        B: Body<Error: Into<BoxError>>,
    {
        if !host::is_valid(request.version(), request.headers()) {
            self.hub.node.metrics.refusals.of(Refused::InvalidHost).increment();
            let mut response = plain(StatusCode::BAD_REQUEST, "the request needs one valid Host header");
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return Ok(response);
        }
        let path = request.uri().path();
        let rest = match self.rest_of(path) {
            Some(rest) => rest,
            // The other server has looked at the path, and may have taken something of it away.
            None if entrance.is_mounted() => path.trim_start_matches('/'),
            None => return Ok(self.answer_elsewhere(&request.into_parts().0)),
        };
        if let Some(file) = self.client.as_ref().and_then(|client| client.answer(rest, request.headers())) {
            return Ok(file);
        }
        endpoint::answer(&self, entrance, request).await
    }

    /// Whether a path is that of Socket.IO.
    pub(super) fn is_ours(&self, path: &str) -> bool {
        self.rest_of(path).is_some()
    }

    /// What follows the path of Socket.IO; `None` for another path.
    fn rest_of<'a>(&self, path: &'a str) -> Option<&'a str> {
        let may_lack_slash = !self.hub.node.options.add_trailing_slash;
        let is_bare = || may_lack_slash && self.path_prefix.strip_suffix('/') == Some(path);
        path.strip_prefix(&self.path_prefix).or_else(|| is_bare().then_some(""))
    }

    fn answer_elsewhere(&self, request: &Parts) -> Response<Full<Bytes>> {
        match &self.fallback {
            Some(fallback) => fallback(request).map(Full::new),
            None => plain(StatusCode::NOT_FOUND, "not found"),
        }
    }

    /// The reactor for a session that came in on another thread: each in its turn.
    pub(super) fn next_reactor(&self) -> usize {
        self.turn.fetch_add(1, Relaxed) % self.hub.node.reactors()
    }
}
