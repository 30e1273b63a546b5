//! Servers of others, each with a node in it: axum, warp, hyper, hyper-util.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use fanfare::Io;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{Layer, ServiceExt};
use warp::Filter;

/// A user that the host's layer has found.
#[derive(Clone, Debug, PartialEq)]
pub struct User(pub String);

fn insert_user<B>(request: &mut hyper::Request<B>) {
    if let Some(name) = request.headers().get("x-user").and_then(|name| name.to_str().ok()) {
        let user = User(name.to_owned());
        request.extensions_mut().insert(user);
    }
}

async fn authenticate(mut request: Request, next: Next) -> Response {
    insert_user(&mut request);
    next.run(request).await
}

/// An application with a route and a state of its own, and a layer around everything.
fn axum_app(io: &Io) -> Router {
    let hits = Arc::new(AtomicUsize::new(0));
    let hit = async |State(hits): State<Arc<AtomicUsize>>| Json(hits.fetch_add(1, Relaxed) + 1);
    Router::new()
        .route("/rest", get(hit))
        .fallback(async || (StatusCode::NOT_FOUND, "not found"))
        .with_state(hits)
        .layer(io.layer())
        .layer(from_fn(authenticate))
}

/// axum with its own server, which tells the address of the client.
pub async fn serve_axum(app: Router, listener: TcpListener) {
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).await.expect("a server");
}

/// hyper's own server for HTTP/1.1, which tells nothing about the client.
async fn serve_hyper(io: Io, listener: TcpListener) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), io.service());
        tokio::spawn(connection.with_upgrades());
    }
}

/// The server of hyper-util that takes HTTP/1.1 and HTTP/2.
async fn serve_auto(io: Io, listener: TcpListener) {
    loop {
        let (stream, peer) = listener.accept().await.expect("a connection");
        let service = io.service();
        let service = tower::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(peer);
            service.clone().oneshot(request)
        });
        tokio::spawn(async move {
            let mut server = auto::Builder::new(TokioExecutor::new());
            server.http2().enable_connect_protocol();
            let service = TowerToHyperService::new(service);
            // Clients come and go as they like.
            let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
        });
    }
}

/// The same with the layer around something else, in hyper's own server.
async fn serve_layered(io: Io, listener: TcpListener) {
    let others = tower::service_fn(async |_| {
        let mut response = hyper::Response::new(Full::<Bytes>::from("not found"));
        *response.status_mut() = StatusCode::NOT_FOUND;
        Ok::<_, Infallible>(response)
    });
    let layered = TowerToHyperService::new(io.layer().layer(others));
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), layered.clone());
        tokio::spawn(connection.with_upgrades());
    }
}

/// An application of warp with a route and a state of its own, in the server that warp's own is made of. What layers find
/// is put into the requests around everything.
async fn serve_warp(io: Io, listener: TcpListener) {
    let hits = Arc::new(AtomicUsize::new(0));
    let state = warp::any().map(move || hits.clone());
    let hit = |hits: Arc<AtomicUsize>| warp::reply::json(&(hits.fetch_add(1, Relaxed) + 1));
    let others = || warp::reply::with_status("not found".to_owned(), StatusCode::NOT_FOUND);
    let filter = warp::path!("rest").and(warp::get()).and(state).map(hit).or(warp::any().map(others));
    let app = io.layer().layer(warp::service(filter));
    loop {
        let (stream, peer) = listener.accept().await.expect("a connection");
        let app = app.clone();
        let service = tower::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(peer);
            insert_user(&mut request);
            app.clone().oneshot(request)
        });
        tokio::spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            let service = TowerToHyperService::new(service);
            // Clients come and go as they like.
            let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
        });
    }
}

/// Kind of server around us.
#[derive(Clone, Copy, Debug)]
pub enum Host {
    Axum,
    Hyper,
    Layered,
    Auto,
    Warp,
}

/// Serves at an address; returns the URL.
pub async fn hosted_at(io: &Io, host: Host, address: (&str, u16)) -> std::io::Result<String> {
    let listener = TcpListener::bind(address).await?;
    let url = format!("http://{}", listener.local_addr()?);
    match host {
        Host::Axum => tokio::spawn(serve_axum(axum_app(io), listener)),
        Host::Hyper => tokio::spawn(serve_hyper(io.clone(), listener)),
        Host::Layered => tokio::spawn(serve_layered(io.clone(), listener)),
        Host::Auto => tokio::spawn(serve_auto(io.clone(), listener)),
        Host::Warp => tokio::spawn(serve_warp(io.clone(), listener)),
    };
    Ok(url)
}

/// The same on a free port of the loopback interface.
pub async fn hosted(io: &Io, host: Host) -> String {
    hosted_at(io, host, ("127.0.0.1", 0)).await.expect("a free port")
}
