//! What operators ask a node over HTTP: its metrics, and whether it lives and wants clients.
//!
//! On a port of its own, so that it answers when the clients' port is full, and is not offered to them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use metrics_process::Collector;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use crate::api::Io;
use crate::bus::publish_meters;
use crate::metrics::Metrics;

/// Connections served at a time; more wait.
const CONNECTIONS_MAX: usize = 64;
/// How long a connection may take for the head of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// After an error of `accept`, such as no free file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The operations of one node.
///
/// | path | answers |
/// |---|---|
/// | `/metrics` | everything the node counts, as Prometheus reads it |
/// | `/healthz` | 200 while the process answers at all |
/// | `/readyz` | 200 while the node wants new clients, else 503 with the reasons, one on each line |
pub struct Operations {
    io: Io,
    recorder: PrometheusRecorder,
    process: Collector,
}

impl Operations {
    /// For that node.
    pub fn new(io: Io) -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let process = Collector::default();
        metrics::with_local_recorder(&recorder, || {
            Metrics::describe();
            process.describe();
            metrics::describe_gauge!("fanfare_build_info", "The release, as a label; always 1.");
            metrics::gauge!("fanfare_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        });
        Self { io, recorder, process }
    }

    /// Listens on an address and serves it for as long as the runtime lives. Returns the address, with the port that
    /// the system chose if it was told to.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn listen(self, address: SocketAddr) -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        tokio::spawn(serve(Arc::new(self), listener));
        Ok(address)
    }

    /// Everything the node counts, in the text format of Prometheus.
    pub fn metrics(&self) -> String {
        metrics::with_local_recorder(&self.recorder, || {
            self.io.metrics().publish();
            self.process.collect();
            if let Some(meters) = self.io.bus_meters() {
                publish_meters(meters, self.io.is_connected());
            }
        });
        self.recorder.handle().render()
    }

    /// Why the node wants no new clients; empty = it does.
    pub fn reasons(&self) -> Vec<&'static str> {
        let mut reasons = Vec::new();
        if !self.io.is_healthy() {
            reasons.push("supervision gave up on an actor: restart this node");
        }
        if !self.io.was_connected() {
            reasons.push("the cluster was not reached yet: is NATS there?");
        }
        reasons
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET");
        }
        match request.uri().path() {
            "/metrics" => {
                let mut response = text(StatusCode::OK, self.metrics());
                let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" => match self.reasons().join("\n") {
                reasons if reasons.is_empty() => text(StatusCode::OK, "ready\n"),
                reasons => text(StatusCode::SERVICE_UNAVAILABLE, reasons + "\n"),
            },
            _ => text(StatusCode::NOT_FOUND, "here are /metrics, /healthz and /readyz\n"),
        }
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

async fn serve(operations: Arc<Operations>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // Never closed.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "operations: connection not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let operations = operations.clone();
        tokio::spawn(async move {
            let answer = service_fn(|request| {
                let response = operations.answer(&request);
                async move { Ok::<_, Infallible>(response) }
            });
            let mut http = http1::Builder::new();
            let served = http
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), answer);
            if let Err(error) = served.await {
                debug!(%error, "operations: connection ended");
            }
            drop(place);
        });
    }
}
