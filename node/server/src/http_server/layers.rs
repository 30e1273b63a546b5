//! Middleware around every answer: CORS and compression.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::{Body, Incoming};
use hyper_util::service::TowerToHyperService;
use tower::util::option_layer;
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::Predicate;
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use super::response::Cut;
use super::service::HttpService;
use super::written::{Unwritten, WatchedBody};
use crate::options::{Cors, Options};

/// Marks an answer that may be compressed.
#[derive(Clone, Copy)]
pub(super) struct Compressible;

/// Compresses answers that are marked for it, from a size on.
#[derive(Clone, Copy)]
struct MarkedAndLarge(u64);

impl Predicate for MarkedAndLarge {
    fn should_compress<B: Body>(&self, response: &Response<B>) -> bool {
        self.0 > 0
            && response.extensions().get::<Compressible>().is_some()
            && response.body().size_hint().lower() >= self.0
    }
}

/// The layers of one server, made once and cheap to clone for every connection.
#[derive(Clone)]
pub(super) struct Layers {
    cors: Option<CorsLayer>,
    compression: CompressionLayer<MarkedAndLarge>,
}

impl Layers {
    pub fn new(options: &Options) -> Self {
        let threshold = MarkedAndLarge(options.http_compression_threshold_bytes.into());
        Self {
            cors: options.cors.as_ref().map(cors_layer),
            compression: CompressionLayer::new().compress_when(threshold),
        }
    }

    /// The service of one TCP connection.
    pub fn service(
        &self,
        service: Arc<HttpService>,
        peer: SocketAddr,
        unwritten: Unwritten,
    ) -> TowerToHyperService<
        impl Service<
            Request<Incoming>,
            Response = Response<impl Body<Data = Bytes, Error = impl Into<BoxError> + use<>> + use<>>,
            Error = Cut,
            Future = impl Future + use<>,
        > + Clone
        + use<>,
    > {
        let is_cors = self.cors.is_some();
        let answer = tower::service_fn(move |request| {
            let (answer, unwritten) = (service.clone().answer(peer, request), unwritten.clone());
            async move { Ok(unwritten.watch(answer.await?)) }
        });
        let layered = ServiceBuilder::new()
            .layer(option_layer(self.cors.clone()))
            .layer(self.compression.clone())
            .service(answer);
        let service = tower::service_fn(move |request: Request<Incoming>| {
            let is_preflight = is_cors && request.method() == Method::OPTIONS;
            let answered = layered.clone().oneshot(request);
            async move {
                let mut response = answered.await?;
                if is_preflight {
                    // As the official server: there is no content.
                    *response.status_mut() = StatusCode::NO_CONTENT;
                }
                Ok(response)
            }
        });
        TowerToHyperService::new(service)
    }
}

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

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

// The body type that leaves the layers is theirs; this only says that ours fits in.
const _: fn() = || {
    fn fits<B: Body<Data = Bytes>>() {}
    fits::<WatchedBody>();
};
