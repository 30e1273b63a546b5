//! Mounting: the same answers as behind our listener, as a service and as a layer within somebody else's HTTP server.
//!
//! Requests come in on any thread of any tokio runtime, and their bodies are read there. What they ask for goes to the
//! reactor of their session as messages; a session never leaves its reactor, and its WebSocket is taken there.

mod body;
mod extended_connect;

use std::convert::Infallible;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};

use axum::extract::{ConnectInfo, OriginalUri};
use bytes::Bytes;
use futures_util::TryFutureExt;
use futures_util::future::{Either as EitherFuture, MapOk};
use http::header::HOST;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body_util::Either;
use hyper::body::Body;
use tower::{Layer, Service};
use tracing::error;

pub use self::body::AnswerBody;
use super::entrance::{Entrance, Place};
use super::layers::Layers;
use super::listener::ServeError;
use super::response::{BoxError, plain};
use super::service::HttpService;

/// Starts the reactors, unless they run already.
type Start = Box<dyn Fn() -> Result<(), ServeError> + Send + Sync>;

type Answering = Pin<Box<dyn Future<Output = Result<Response<AnswerBody>, Infallible>> + Send>>;

/// Fanfare as a service for somebody else's HTTP server: answers every request, whatever its path. See
/// [`Io::service`](crate::Io::service).
///
/// It is a service of tower and of hyper.
#[derive(Clone)]
pub struct MountService(Arc<Mount>);

/// Fanfare as a layer of tower: requests under its path are answered, all others go to the service within. See
/// [`Io::layer`](crate::Io::layer).
#[derive(Clone)]
pub struct MountLayer(MountService);

/// The service that a [`MountLayer`] makes.
#[derive(Clone)]
pub struct Mounted<S> {
    ours: MountService,
    others: S,
}

struct Mount {
    service: Arc<HttpService>,
    layers: Layers,
    start: Start,
    /// `start` was called with success.
    started: AtomicBool,
}

impl MountService {
    /// A service that is started by its first request.
    pub fn new(
        service: Arc<HttpService>,
        start: impl Fn() -> Result<(), ServeError> + Send + Sync + 'static,
    ) -> Self {
        let layers = Layers::new(&service.hub.node.options, None);
        Self(Arc::new(Mount { service, layers, start: Box::new(start), started: AtomicBool::new(false) }))
    }

    fn answer<B>(&self, request: Request<B>) -> Answering
    where
        B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        let mount = self.0.clone();
        Box::pin(async move { Ok(mount.answer(request).await) })
    }
}

impl MountLayer {
    /// A layer of a service.
    pub fn new(service: MountService) -> Self {
        Self(service)
    }
}

impl Mount {
    async fn answer<B>(&self, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body<Error: Into<BoxError>>,
    {
        if !self.runs() {
            return AnswerBody::of(plain(StatusCode::SERVICE_UNAVAILABLE, "this node is not running"));
        }
        let (mut parts, body) = request.into_parts();
        let entrance = Entrance { peer: peer(&parts), is_encrypted: false, place: Place::Mounted };
        let is_extended_connect = extended_connect::into_upgrade(&mut parts);
        set_original_uri(&mut parts);
        set_host(&mut parts);
        let answered = self
            .layers
            .clone()
            .answer(self.service.clone(), entrance, Request::from_parts(parts, body))
            .await;
        let mut response = answered.map_or_else(AnswerBody::cut, AnswerBody::of);
        if is_extended_connect {
            extended_connect::answer(&mut response);
        }
        response
    }

    /// Whether there are reactors to answer; starts them if nobody has.
    fn runs(&self) -> bool {
        if self.service.hub.node.is_ending() {
            return false;
        }
        if self.started.load(Relaxed) {
            return true;
        }
        match (self.start)() {
            Ok(()) => self.started.store(true, Relaxed),
            Err(error) => {
                error!(%error, "requests are refused: the node does not start");
                return false;
            }
        }
        true
    }

    fn is_ours<B>(&self, request: &Request<B>) -> bool {
        self.service.is_ours(request.uri().path())
    }
}

/// Other end of the TCP connection, as the server around says with an extension of the request.
fn peer(parts: &Parts) -> Option<SocketAddr> {
    let told = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer);
    told.or_else(|| parts.extensions.get::<SocketAddr>().copied())
}

/// A router of axum takes its own part off the path; a handshake keeps what was requested.
fn set_original_uri(parts: &mut Parts) {
    if let Some(OriginalUri(uri)) = parts.extensions.get::<OriginalUri>() {
        parts.uri = uri.clone();
    }
}

/// HTTP/2 names the host in its target, for which HTTP/1.1 has a header.
fn set_host(parts: &mut Parts) {
    if parts.version >= Version::HTTP_2
        && !parts.headers.contains_key(HOST)
        && let Some(host) =
            parts.uri.authority().and_then(|authority| HeaderValue::try_from(authority.as_str()).ok())
    {
        parts.headers.insert(HOST, host);
    }
}

impl<B> Service<Request<B>> for MountService
where
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Answering {
        self.answer(request)
    }
}

impl<B> hyper::service::Service<Request<B>> for MountService
where
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<B>) -> Answering {
        self.answer(request)
    }
}

impl<S> Layer<S> for MountLayer {
    type Service = Mounted<S>;

    fn layer(&self, others: S) -> Mounted<S> {
        Mounted { ours: self.0.clone(), others }
    }
}

type EitherBody<R> = Either<AnswerBody, R>;

impl<S, B, R> Service<Request<B>> for Mounted<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    R: Body<Data = Bytes, Error: Into<BoxError>>,
{
    type Response = Response<EitherBody<R>>;
    type Error = S::Error;
    type Future =
        EitherFuture<Ours<R, S::Error>, MapOk<S::Future, fn(Response<R>) -> Response<EitherBody<R>>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.others.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if self.ours.0.is_ours(&request) {
            return EitherFuture::Left(Ours { answering: self.ours.answer(request), _others: PhantomData });
        }
        EitherFuture::Right(self.others.call(request).map_ok(|response| response.map(Either::Right)))
    }
}

/// An answer of ours, where those of others have another body and other errors.
pub struct Ours<R, E> {
    answering: Answering,
    _others: PhantomData<fn() -> (R, E)>,
}

impl<R, E> Future for Ours<R, E> {
    type Output = Result<Response<EitherBody<R>>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Ok(response) = std::task::ready!(self.answering.as_mut().poll(cx));
        Poll::Ready(Ok(response.map(Either::Left)))
    }
}

#[cfg(test)]
mod tests;
