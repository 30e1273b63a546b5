//! One reactor: a thread with its own runtime that serves the connections dealt to it.

use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use actix_rt::Arbiter;
use fanfare_proto::wake;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::debug;

use super::activity::{Activity, Idle};
use super::http_layers::HttpNext;
use super::layers::Layers;
use super::listeners::Accepted;
use super::preamble::{self, Peer};
use super::service::HttpService;
use super::stream::{ClientStream, Socket};
use super::tls::Tls;
use super::written::{Unwritten, WatchedStream};
use crate::metrics::Gauge;
use crate::node::Node;
use crate::spawn;

/// TCP connections that may wait for a reactor; more wait in the kernel.
const BACKLOG: usize = 1024;
/// Bytes of the largest head of an HTTP request, as with the official server. A session keeps that of its handshake.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// The way to a reactor.
pub(super) struct Reactor {
    arbiter: Arbiter,
    /// Connections for it.
    pub connections: mpsc::Sender<Accepted>,
}

impl Reactor {
    /// Starts reactor `number` of the service's node. Must run in an actix system.
    pub fn start(
        number: usize,
        service: Arc<HttpService>,
        tls: Option<Arc<Tls>>,
        around: Option<HttpNext>,
    ) -> std::io::Result<Self> {
        let (connections, mut accepted) = mpsc::channel::<Accepted>(BACKLOG);
        let arbiter = Arbiter::try_new()?;
        service.hub.node.set_arbiter(number, Some(arbiter.handle()));
        arbiter.spawn_fn(move || {
            service.hub.node.bind_thread(number);
            spawn::open();
            actix_rt::spawn(wake::run());
            let layers = Layers::new(&service.hub.node.options, around);
            actix_rt::spawn(async move {
                while let Some(connection) = accepted.recv().await {
                    actix_rt::spawn(serve(service.clone(), layers.clone(), tls.clone(), connection));
                }
            });
        });
        Ok(Self { arbiter, connections })
    }

    /// Tells the thread to end.
    pub fn stop(&self) {
        self.arbiter.stop();
    }

    /// Waits for the thread's end.
    pub fn join(self) {
        // A thread that panicked has said so.
        let _ = self.arbiter.join();
    }
}

/// One more on a gauge, until it is dropped.
struct Counted<'a> {
    gauge: &'a Gauge,
}

impl<'a> Counted<'a> {
    fn new(node: &'a Node, gauge: impl Fn(&Node) -> &Gauge) -> Self {
        let gauge = gauge(node);
        gauge.increment();
        Self { gauge }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.gauge.decrement();
    }
}

async fn serve(service: Arc<HttpService>, layers: Layers, tls: Option<Arc<Tls>>, connection: Accepted) {
    let node = service.hub.node.clone();
    let Accepted { mut socket, peer } = connection;
    if let Err(error) = socket.unpark() {
        node.metrics.accept_errors.increment();
        return debug!(%peer, %error, "connection not served");
    }
    let _counted = Counted::new(&node, |node| &node.metrics.http_connections);
    let activity = Activity::new(service.idle.clone(), counted_address(&service, peer), &node.options);
    let Some(begun) = begin(&service, tls, socket, peer, activity).await else { return };
    let Begun { stream, peer, activity } = begun;
    let unwritten = Unwritten::new(activity.clone());
    let stream = WatchedStream::new(stream, unwritten.clone());
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        // `Activity` has times of its own for that.
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), layers.service(service, peer, activity.clone(), unwritten))
        .with_upgrades();
    match unless_idle(&node, peer.address, &activity, served).await {
        None | Some(Ok(())) => {}
        Some(Err(error)) => debug!(peer = %peer.address, %error, "HTTP connection ended"),
    }
}

/// Address that a connection counts for while it is idle; none for a trusted proxy.
fn counted_address(service: &HttpService, peer: SocketAddr) -> Option<IpAddr> {
    (!service.proxies.trust(peer.ip())).then(|| peer.ip())
}

/// A connection that is ready for HTTP.
struct Begun {
    stream: ClientStream,
    peer: Peer,
    activity: Activity,
}

/// Brings a connection to the beginning of HTTP, in the time that the head of its first request has. `None` if it is over.
async fn begin(
    service: &HttpService,
    tls: Option<Arc<Tls>>,
    mut socket: Socket,
    peer: SocketAddr,
    mut activity: Activity,
) -> Option<Begun> {
    let node = &service.hub.node;
    // Boxed: they are large, and over long before the connection is.
    let mut client = preamble::direct(peer);
    if node.options.proxy_protocol {
        let told = Box::pin(preamble::client(service, &mut socket, peer));
        client = unless_idle(node, peer, &activity, told).await??;
        activity = activity.of_client(counted_address(service, client.address));
    }
    let stream = match tls.filter(|_| socket.is_tcp()) {
        None => ClientStream::Plain(socket),
        Some(tls) => {
            client.is_secure = true;
            let encrypted = Box::pin(preamble::encrypt(service, &tls, socket, client.address));
            unless_idle(node, client.address, &activity, encrypted).await??
        }
    };
    Some(Begun { stream, peer: client, activity })
}

/// What comes of a connection; `None` if it was idle for too long.
async fn unless_idle<T>(
    node: &Node,
    peer: SocketAddr,
    activity: &Activity,
    served: impl Future<Output = T>,
) -> Option<T> {
    let (mut served, mut timer) = (pin!(served), pin!(sleep_until(Instant::now())));
    let ended = poll_fn(|cx| match served.as_mut().poll(cx) {
        Poll::Ready(served) => Poll::Ready(Ok(served)),
        Poll::Pending => activity.poll_idle(timer.as_mut(), cx).map(Err),
    });
    ended
        .await
        .inspect_err(|reason| {
            if *reason == Idle::HeadTooSlow {
                node.metrics.head_timeouts.increment();
            }
            debug!(%peer, ?reason, "idle HTTP connection closed");
        })
        .ok()
}
