//! The operators' port: a thread with a runtime of its own, and few places that nobody can keep from others.
//!
//! It must answer whatever happens elsewhere: a probe that is not answered in time restarts the node. So nothing here
//! waits for a reactor or for the listener of the clients, which leaves it some file descriptors
//! (`http_server::descriptors`).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tower::ServiceExt;
use tracing::{debug, warn};

/// Connections served at a time; for one more an older one is closed.
const CONNECTIONS_MAX: usize = 32;
/// Bytes of the largest head of a request.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Time that a connection may take to send the head of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Time that a connection may last in all, so that nobody keeps a place for good, whatever is asked or not read.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause after an error of `accept`, such as a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Listens on an address and serves it until the calling runtime ends. Returns the address in use.
pub(super) fn open(router: Router, address: SocketAddr) -> io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (open, closed) = oneshot::channel::<()>();
    std::thread::Builder::new().name("fanfare-admin".into()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = serve(router, listener) => {}
                _ = closed => {}
            }
        });
    })?;
    // Dropped with the runtime of the caller.
    tokio::spawn(async move {
        let _open = open;
        std::future::pending::<()>().await;
    });
    Ok(address)
}

async fn serve(router: Router, listener: std::net::TcpListener) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "administration: cannot wait for connections"),
    };
    let mut places = Places::default();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => places.take(&router, stream),
            Err(error) => {
                warn!(%error, "administration: TCP connection not accepted");
                places.free_one();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Connections that are served, the oldest first.
#[derive(Default)]
struct Places(Vec<Place>);

struct Place {
    task: AbortHandle,
    /// Whether the head of its request has arrived.
    has_asked: Arc<AtomicBool>,
}

impl Places {
    fn take(&mut self, router: &Router, stream: TcpStream) {
        self.0.retain(|place| !place.task.is_finished());
        if self.0.len() >= CONNECTIONS_MAX {
            self.free_one();
        }
        let has_asked = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(serve_one(router.clone(), stream, has_asked.clone()));
        self.0.push(Place { task: task.abort_handle(), has_asked });
    }

    /// Closes the oldest connection that has asked for nothing yet, or else the oldest of all.
    fn free_one(&mut self) {
        let silent = self.0.iter().position(|place| !place.has_asked.load(Relaxed));
        if !self.0.is_empty() {
            self.0.remove(silent.unwrap_or(0)).task.abort();
            debug!("administration: connection closed, for there are too many");
        }
    }
}

async fn serve_one(router: Router, stream: TcpStream, has_asked: Arc<AtomicBool>) {
    let router = router.map_request(move |request: hyper::Request<Incoming>| {
        has_asked.store(true, Relaxed);
        request
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match tokio::time::timeout(CONNECTION_TIMEOUT, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "administration: HTTP connection ended"),
        Err(_) => debug!("administration: HTTP connection timed out"),
    }
}
