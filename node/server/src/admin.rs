//! Administration of a node over HTTP: its metrics, its health and readiness, snapshots of its actors.
//!
//! Listens on a port of its own, so that it answers when the clients' port is full, and is not offered to clients; what
//! serves that port is in `admin::port`.

mod auth;
mod port;
mod status;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use metrics_process::Collector;

use self::auth::Access;
use self::status::Status;
use crate::api::Io;
use crate::cluster::outbound::{describe_meters, meter_descriptions};
use crate::metrics::{Description, Metrics, table};

/// Number of connections, and of sockets of each namespace, that `/debug/actors` shows unless asked for more.
const ACTORS_SHOWN: usize = 100;

const PAGE: &str = include_str!("../assets/status.html");
const PATHS: &str = "here are /, /metrics, /healthz, /readyz, /status and /debug/actors\n";
const BUILD_INFO: &str = "The release, as a label; always 1.";

type Shared = State<Arc<Admin>>;

/// The operations of one node.
///
/// | path | answers |
/// |---|---|
/// | `/` | a page on which people see the node and its cluster live |
/// | `/metrics` | everything the node counts, as Prometheus reads it |
/// | `/healthz` | 200 while the process answers at all |
/// | `/readyz` | 200 while the node wants new clients, else 503 with the reasons, one on each line |
/// | `/status` | the data of the page, as JSON |
/// | `/debug/actors` | snapshots of the actors, as JSON; `?max=1000` for more of them |
///
/// With a token all but `/healthz` and `/readyz` need it, as a bearer token or as the password of HTTP Basic.
pub struct Admin {
    io: Io,
    recorder: PrometheusRecorder,
    process: Collector,
    access: Access,
}

impl Admin {
    /// Creates the administration of a node.
    pub fn new(io: Io) -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let process = Collector::default();
        metrics::with_local_recorder(&recorder, || {
            Metrics::describe();
            describe_meters();
            process.describe();
            metrics::describe_gauge!("fanfare_build_info", BUILD_INFO);
            metrics::gauge!("fanfare_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        });
        Self { io, recorder, process, access: Access::open() }
    }

    /// Requires this token of every request but health checks.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        self.access = Access::locked(token);
        self
    }

    /// Listens on an address and serves it on a thread of its own, for as long as the calling runtime lives: whatever
    /// that runtime, the reactors and the clients do, operators are answered. Returns the address, with the port that the
    /// system chose for port 0.
    ///
    /// # Errors
    /// When the address cannot be listened on, or no thread can be started.
    pub async fn listen(self, address: SocketAddr) -> std::io::Result<SocketAddr> {
        port::open(router(Arc::new(self)), address)
    }

    /// Returns everything the node counts, in the text format of Prometheus.
    pub fn metrics(&self) -> String {
        self.io.metrics().ready.set(i64::from(self.reasons().is_empty()));
        metrics::with_local_recorder(&self.recorder, || {
            self.io.publish_metrics();
            self.process.collect();
        });
        self.recorder.handle().render() + &self.io.metrics().render_histograms()
    }

    /// Returns a Markdown table of all metrics but those of the process.
    pub fn reference() -> String {
        let versions: &[&str] = &["the release"];
        let build = Description {
            name: "fanfare_build_info",
            kind: "gauge",
            label: Some(("version", versions)),
            help: BUILD_INFO,
        };
        let mut all = Metrics::descriptions();
        all.extend(meter_descriptions());
        all.push(build);
        all.sort_by_key(|description| description.name);
        table(&all)
    }

    /// Reasons why the node does not want new clients; empty if it does.
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.io.is_draining() {
            reasons.push("draining: this node is about to end, clients belong on others".into());
        }
        if !self.io.is_healthy() {
            reasons.push("supervision gave up on an actor: restart this node".into());
        }
        if !self.io.was_connected() {
            reasons.push("the cluster was not reached yet: is NATS there?".into());
        }
        reasons.extend(self.io.cluster_faults());
        reasons
    }
}

/// Routes of the port: health for everybody, the rest for those who bring the token.
fn router(admin: Arc<Admin>) -> Router {
    let locked = Router::new()
        .route("/", get(async || typed("text/html; charset=utf-8", PAGE)))
        .route("/metrics", get(metrics_page))
        .route("/status", get(async |State(admin): Shared| json(&Status::of(&admin.io, admin.reasons()))))
        .route("/debug/actors", get(actors))
        .fallback(async || text(StatusCode::NOT_FOUND, PATHS))
        .method_not_allowed_fallback(async || text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n"))
        .layer(from_fn_with_state(admin.clone(), require_token));
    Router::new()
        .route("/healthz", get(async || text(StatusCode::OK, "ok\n")))
        .route("/readyz", get(readiness))
        .merge(locked)
        .with_state(admin)
}

async fn require_token(State(admin): Shared, request: Request, next: Next) -> Response {
    if admin.access.lets_in(request.headers()) {
        return next.run(request).await;
    }
    let mut response = text(StatusCode::UNAUTHORIZED, "the token of `ops_token` is asked for\n");
    let basic = HeaderValue::from_static("Basic realm=\"fanfare operations\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, basic);
    response
}

async fn readiness(State(admin): Shared) -> Response {
    match admin.reasons().join("\n") {
        reasons if reasons.is_empty() => text(StatusCode::OK, "ready\n"),
        reasons => text(StatusCode::SERVICE_UNAVAILABLE, reasons + "\n"),
    }
}

async fn metrics_page(State(admin): Shared) -> Response {
    typed("text/plain; version=0.0.4; charset=utf-8", admin.metrics())
}

/// Parameters of `/debug/actors`. What is no number counts as none.
#[derive(serde::Deserialize)]
struct ActorsQuery {
    max: Option<String>,
}

async fn actors(State(admin): Shared, Query(query): Query<ActorsQuery>) -> Response {
    let max = query.max.and_then(|max| max.parse().ok()).unwrap_or(ACTORS_SHOWN);
    json(&admin.io.observe_at_most(max).await)
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let mut response = typed("text/plain; charset=utf-8", body);
    *response.status_mut() = status;
    response
}

fn json(value: &impl serde::Serialize) -> Response {
    // Plain structures with text for keys are always JSON.
    typed("application/json", serde_json::to_vec(value).unwrap_or_default())
}

fn typed(kind: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
