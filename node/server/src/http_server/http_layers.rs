//! Layers of the program around every request of our own listener.
//!
//! They are tower's, for services of any kind of body. What runs within them may be polled on any thread and in any task,
//! as in another HTTP server; so a request is answered as there.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

pub use axum::body::Body as HttpBody;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use hyper::body::{Body, Incoming};
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt};
use tracing::warn;

use super::endpoint::{is_websocket_upgrade, refuse};
use super::entrance::{Entrance, Place};
use super::layers::Layers;
use super::mount::AnswerBody;
use super::response::{BoxError, plain};
use super::service::HttpService;
use fanfare_engineio::{BadRequest, HandshakeError};

/// The server within a layer of [`IoBuilder::http_layer`](crate::IoBuilder::http_layer): a service of tower for requests
/// with any body. It never fails.
#[derive(Clone)]
pub struct HttpNext(BoxCloneSyncService<Request<HttpBody>, Response<HttpBody>, Infallible>);

/// Puts one layer around what is within it.
type Wrap = Box<dyn FnOnce(HttpNext, Arc<HttpService>) -> HttpNext + Send>;

/// Layers that wait for their server, the outermost first.
#[derive(Default)]
pub struct HttpLayers(Vec<Wrap>);

impl HttpLayers {
    /// Adds a layer within those that there are.
    pub fn add<L, R>(&mut self, layer: L)
    where
        L: Layer<HttpNext> + Send + 'static,
        L::Service: Service<Request<HttpBody>, Response = Response<R>, Error: Into<BoxError>, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
        R: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        self.0.push(Box::new(move |next, service| HttpNext::around(layer.layer(next), service)));
    }

    /// The layers around the server; `None` without layers.
    pub fn build(self, service: &Arc<HttpService>) -> Option<HttpNext> {
        if self.0.is_empty() {
            return None;
        }
        let server = HttpNext::of_server(service.clone());
        Some(self.0.into_iter().rev().fold(server, |next, layer| layer(next, service.clone())))
    }
}

impl HttpNext {
    fn of_server(service: Arc<HttpService>) -> Self {
        let layers = Layers::new(&service.hub.node.options, None);
        let answer = tower::service_fn(move |mut request: Request<HttpBody>| {
            // A layer that makes a request of its own may have lost it.
            let entrance = request.extensions_mut().remove::<Entrance>().unwrap_or(Entrance {
                peer: None,
                is_encrypted: false,
                place: Place::Layered(None),
            });
            let answered = layers.clone().answer(service.clone(), entrance, request);
            async move {
                let response = answered.await.map_or_else(AnswerBody::cut, AnswerBody::with_precedence);
                Ok(response.map(HttpBody::new))
            }
        });
        Self(BoxCloneSyncService::new(answer))
    }

    /// A layer of the program around its inside. What fails in it is answered as by the official server.
    fn around<S, R>(layered: S, service: Arc<HttpService>) -> Self
    where
        S: Service<Request<HttpBody>, Response = Response<R>, Error: Into<BoxError>, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
        R: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let answer = tower::service_fn(move |request: Request<HttpBody>| {
            let (layered, service) = (layered.clone(), service.clone());
            async move {
                let (parts, body) = request.into_parts();
                let failure = Failure::prepare(service, &parts);
                match layered.oneshot(Request::from_parts(parts, body)).await {
                    Ok(response) => Ok(response.map(HttpBody::new)),
                    Err(error) => Ok(failure.answer(error.into())),
                }
            }
        });
        Self(BoxCloneSyncService::new(answer))
    }

    /// Answers a request of one of our own connections.
    pub(super) fn answer(
        &self,
        entrance: Entrance,
        request: Request<Incoming>,
    ) -> BoxFuture<'static, Response<HttpBody>> {
        let mut request = request.map(HttpBody::new);
        request.extensions_mut().insert(entrance);
        if let Some(peer) = entrance.peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        let answered = self.0.clone().oneshot(request);
        Box::pin(async move {
            let Ok(response) = answered.await;
            response
        })
    }
}

/// The answer to a request whose layer fails.
struct Failure {
    service: Arc<HttpService>,
    is_ours: bool,
    is_upgrade: bool,
    /// For the hooks, if there are any.
    request: Option<http::request::Parts>,
}

impl Failure {
    fn prepare(service: Arc<HttpService>, request: &http::request::Parts) -> Self {
        Self {
            is_ours: service.is_ours(request.uri.path()),
            is_upgrade: is_websocket_upgrade(&request.headers),
            request: service.hooks.keep(request),
            service,
        }
    }

    fn answer(self, error: BoxError) -> Response<HttpBody> {
        warn!(%error, "a layer of the program around the HTTP server failed");
        if !self.is_ours {
            return plain(StatusCode::INTERNAL_SERVER_ERROR, "internal server error").map(HttpBody::new);
        }
        let refusal = HandshakeError::BadRequest(BadRequest::MiddlewareFailure);
        let answer = refuse(&self.service, &refusal, self.is_upgrade);
        if let Some(request) = &self.request {
            self.service.hooks.on_refusal(request, &refusal, &self.service.hub.node.metrics);
        }
        answer.map(HttpBody::new)
    }
}

impl<B> Service<Request<B>> for HttpNext
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<HttpBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<HttpBody>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<HttpBody>>::poll_ready(&mut self.0, cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.0.call(request.map(HttpBody::new))
    }
}
