//! Middleware around every answer: CORS and compression, and outside of them the layers of the program.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body as HttpBody;
use bytes::Bytes;
use futures_util::future::Either as EitherFuture;
use futures_util::{FutureExt, TryFutureExt};
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::{Body, Incoming};
use hyper_util::service::TowerToHyperService;
use tower::util::option_layer;
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use super::activity::Activity;
use super::compression::Encoding;
use super::entrance::{Entrance, Place};
use super::http_layers::HttpNext;
use super::preamble::Peer;
use super::response::{BoxError, Cut};
use super::service::HttpService;
use super::written::{Unwritten, WatchedBody};
use crate::options::{Cors, Options};

/// The layers of one server, made once and cheap to clone for every connection.
#[derive(Clone)]
pub(super) struct Layers {
    cors: Option<CorsLayer>,
    /// Layers of the program around our own listener, and the server within them.
    around: Option<HttpNext>,
}

impl Layers {
    pub fn new(options: &Options, around: Option<HttpNext>) -> Self {
        Self { cors: options.cors.as_ref().map(cors_layer), around }
    }

    /// The service of one TCP connection.
    pub fn service(
        &self,
        service: Arc<HttpService>,
        peer: Peer,
        activity: Activity,
        unwritten: Unwritten,
    ) -> TowerToHyperService<
        impl Service<
            Request<Incoming>,
            Response = Response<WatchedBody<AnyBody>>,
            Error = Cut,
            Future = impl Future + use<>,
        > + Clone
        + use<>,
    > {
        let reactor = service.hub.node.reactor_here();
        let place = match (&self.around, reactor) {
            (None, Some(reactor)) => Place::Reactor(reactor),
            _ => Place::Layered(reactor),
        };
        let entrance = Entrance { peer: Some(peer.address), is_encrypted: peer.is_secure, place };
        let layers = self.clone();
        let service = tower::service_fn(move |request: Request<Incoming>| {
            let is_open = activity.begin();
            let answered = match &layers.around {
                None => EitherFuture::Left(
                    layers.clone().answer(service.clone(), entrance, request).map_ok(direct),
                ),
                Some(around) => EitherFuture::Right(around.answer(entrance, request).map(layered)),
            };
            let unwritten = unwritten.clone();
            async move {
                if !is_open {
                    return Err(Cut("others needed the place of this connection"));
                }
                Ok(unwritten.watch(answered.await?))
            }
        });
        TowerToHyperService::new(service)
    }

    /// Answers one request, through the layers.
    pub async fn answer<B>(
        self,
        service: Arc<HttpService>,
        entrance: Entrance,
        request: Request<B>,
    ) -> Result<Response<Full<Bytes>>, Cut>
    where
        B: Body<Error: Into<BoxError>>,
    {
        let is_preflight = self.cors.is_some() && request.method() == Method::OPTIONS;
        let answer = tower::service_fn(move |request: Request<B>| {
            let encoding = Encoding::accepted(request.headers());
            let service = service.clone();
            async move {
                let response = service.clone().answer(entrance, request).await?;
                Ok(service.compression.apply(encoding, response).await)
            }
        });
        let layered = ServiceBuilder::new().layer(option_layer(self.cors)).service(answer);
        let mut response = layered.oneshot(request).await?;
        if is_preflight {
            // As the official server: there is no content.
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        Ok(response)
    }
}

type AnyBody = Either<Full<Bytes>, HttpBody>;
type Answer = Response<AnyBody>;

fn direct(answer: Response<Full<Bytes>>) -> Answer {
    answer.map(Either::Left)
}

fn layered(answer: Response<HttpBody>) -> Result<Answer, Cut> {
    Ok(answer.map(Either::Right))
}

/// `Options::faults` has refused whatever could not be converted here.
fn cors_layer(cors: &Cors) -> CorsLayer {
    let names = |names: &[String]| -> Vec<HeaderName> {
        names.iter().filter_map(|name| HeaderName::try_from(name).ok()).collect()
    };
    let origins = if cors.origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(cors.origins.iter().filter_map(|origin| HeaderValue::try_from(origin).ok()))
    };
    let methods = if cors.methods.is_empty() {
        AllowMethods::list([
            Method::GET,
            Method::HEAD,
            Method::PUT,
            Method::PATCH,
            Method::POST,
            Method::DELETE,
        ])
    } else {
        AllowMethods::list(cors.methods.iter().filter_map(|method| method.parse().ok()))
    };
    let headers = match cors.allowed_headers.as_slice() {
        [] => AllowHeaders::mirror_request(),
        allowed => AllowHeaders::list(names(allowed)),
    };
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods(methods)
        .allow_headers(headers)
        .expose_headers(names(&cors.exposed_headers))
        .allow_credentials(cors.credentials);
    match cors.max_age_s {
        Some(seconds) => layer.max_age(Duration::from_secs(seconds)),
        None => layer,
    }
}
