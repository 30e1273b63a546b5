//! The server as a whole.

use std::net::ToSocketAddrs;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use bytes::Bytes;
use fanfare_proto::Bus;
use fanfare_socketio::Parser;
use http::Response;
use http::request::Parts;
use parking_lot::Mutex;
use tracing::warn;

use super::namespace::Namespace;
use super::own_io::OwnIo;
use crate::cluster::inbound::ClusterThread;
use crate::connection::{Admission, Hub, Sessions};
use crate::http_server::{
    AllowRequest, ClientFiles, Compression, Drained, Fallback, GenerateId, Hooks, HttpLayers, HttpNext,
    HttpService, IdleConnections, Listener, MountLayer, MountService, Origins, ServeError, Server,
    TrustedProxies,
};
use crate::ids::NodeTag;
use crate::metrics::Metrics;
use crate::namespace::Registry;
use crate::node::{Node, ServingState, States};
use crate::options::{Options, ms};
use crate::outbox::Transcoder;

/// A Socket.IO server. Cheap to clone; usable from any thread.
///
/// Dereferences to its main namespace `/`, so that `io.emit(…)`, `io.to(…)`, `io.on_connect(…)` work as they
/// do in JavaScript.
#[derive(Clone)]
pub struct Io {
    pub(super) main: Namespace,
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) hub: Arc<Hub>,
    pub(super) service: Arc<HttpService>,
    /// The program's layers around the listener.
    around: Option<HttpNext>,
    server: Mutex<Option<Server>>,
    /// The thread of its bus; without one it is a node on its own. An error is reported when the server is to listen.
    cluster: Mutex<Result<Option<Arc<ClusterThread>>, Option<std::io::Error>>>,
}

impl Default for Io {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Io {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.main
    }
}

impl Io {
    /// Creates a server with default options.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Returns a builder, to configure a server.
    pub fn builder() -> IoBuilder {
        IoBuilder::default()
    }

    /// Returns the namespace of that name, and declares it if needed: from then on clients can enter it, until it is
    /// [closed](Self::close_namespace). A missing leading `/` is added; `/` is there from the start. Clients that ask for a
    /// namespace which is not declared, and which no [parent](crate::ParentNamespace) makes, get `Invalid namespace`.
    pub fn of(&self, name: &str) -> Namespace {
        Namespace(self.inner.hub.namespaces.declare(name))
    }

    /// Listens on an address, such as `"127.0.0.1:3000"`, and serves it on threads of its own until
    /// [`close`](Self::close).
    ///
    /// # Errors
    /// When the address cannot be listened on, the options contradict themselves, or this server listens already.
    pub async fn listen(&self, address: impl ToSocketAddrs + std::fmt::Debug) -> Result<Server, ServeError> {
        // The address need not have a `Display`; the `Debug` of text has quotes.
        let written = || format!("{address:?}").trim_matches('"').to_owned();
        self.listen_with(|| {
            let bound = Listener::bind(&address);
            bound
                .map(|listener| vec![listener])
                .map_err(|source| ServeError::Listen { address: written(), source })
        })
    }

    /// The same on several addresses, on Unix sockets, or on listeners that the program or a service manager has opened.
    /// A client that comes over a Unix socket has the address `127.0.0.1`, port 0: as that of a trusted proxy, if
    /// `limits.trusted_proxies` has it.
    ///
    /// ```no_run
    /// # async fn listen(io: fanfare::Io) -> Result<(), Box<dyn std::error::Error>> {
    /// use fanfare::Listener;
    ///
    /// let mine = std::net::TcpListener::bind("127.0.0.1:3000")?;
    /// io.listen_on([mine.try_into()?, Listener::bind("[::1]:3000")?, Listener::unix("/run/fanfare.sock")?]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the options contradict themselves, or this server listens already.
    pub async fn listen_on(
        &self,
        listeners: impl IntoIterator<Item = Listener>,
    ) -> Result<Server, ServeError> {
        self.listen_with(|| Ok(listeners.into_iter().collect()))
    }

    fn listen_with(
        &self,
        listeners: impl FnOnce() -> Result<Vec<Listener>, ServeError>,
    ) -> Result<Server, ServeError> {
        self.check_bus()?;
        let mut server = self.inner.server.lock();
        if server.is_some() {
            return Err(ServeError::ListensAlready);
        }
        let started = Server::start(self.inner.service.clone(), self.inner.around.clone(), listeners()?)?;
        *server = Some(started.clone());
        Ok(started)
    }

    /// Runs the server's threads without listening: requests come in through a [`layer`](Self::layer) or a
    /// [`service`](Self::service) in another HTTP server. Without this call the first of these requests does it, and is
    /// refused with 503 if that fails; nothing happens if the server runs already.
    ///
    /// # Errors
    /// When the options contradict themselves, the bus does not start, or no thread can be started.
    pub fn start(&self) -> Result<(), ServeError> {
        self.check_bus()?;
        let mut server = self.inner.server.lock();
        if server.is_none() {
            *server = Some(Server::start(self.inner.service.clone(), None, Vec::new())?);
        }
        Ok(())
    }

    /// A layer of tower that answers the requests under `options().path`; all others go to the service within. Routers of
    /// axum, and whatever else is made of tower's services, take it:
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let io = fanfare::Io::new();
    /// let app: axum::Router = axum::Router::new().layer(io.layer());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Layers outside of it see its requests too. What they put into a request's extensions handlers find in
    /// [`Handshake::extensions`](crate::Handshake::extensions). The client's address is that of axum's
    /// `ConnectInfo<SocketAddr>`, or of an extension `SocketAddr`; without either it is that of the WebSocket's TCP
    /// connection, and unspecified for a client that polls, for which limits on addresses then do not count.
    ///
    /// The server around must not cut off requests that last: a poll waits for `ping_interval_ms`, 25 s by default. It has
    /// to serve with upgrades, as axum does; a connection that is plain TCP then belongs to Fanfare alone, and outlives the
    /// server around. Any other, such as TLS of that server, is still read and written by its runtime, which has to go on
    /// until [`drain`](Self::drain) or [`close`](Self::close) has returned.
    pub fn layer(&self) -> MountLayer {
        MountLayer::new(self.service())
    }

    /// The same as a service of tower and of hyper, which answers every request: also where a router has taken its part off
    /// the path, as axum's `nest_service` does. Of a `fallback` that the server was built with nothing is seen.
    pub fn service(&self) -> MountService {
        let io = self.clone();
        MountService::new(self.inner.service.clone(), move || io.start())
    }

    fn check_bus(&self) -> Result<(), ServeError> {
        if let Err(error) = &mut *self.inner.cluster.lock() {
            let error = error.take().unwrap_or_else(|| std::io::Error::other("the bus did not start"));
            return Err(ServeError::Thread(error));
        }
        Ok(())
    }

    /// Closes the server: sockets are told `server shutting down`, connections closed, the cluster left, threads
    /// ended.
    ///
    /// In another HTTP server, close or [`drain`](Self::drain) this one first and end that one afterwards: it knows nothing
    /// of the WebSockets, and would not wait for them.
    pub async fn close(&self) {
        let server = self.inner.server.lock().clone();
        if let Some(server) = server {
            server.close().await;
        }
        self.inner.hub.node.end();
        let cluster = self.inner.cluster.lock().as_ref().ok().cloned().flatten();
        if let Some(cluster) = cluster {
            cluster.close(ms(self.options().cluster.close_timeout_ms)).await;
        }
    }

    /// Ends the server without a stampede, as `options().drain` says. Until the wait is over only
    /// [`is_draining`](Self::is_draining) changes, and with it `/readyz`. Then new sessions are refused, and connections
    /// are closed at a pace: each after its running handlers have finished and its waiting packets were sent, and
    /// without a DISCONNECT packet, so that official clients come back by themselves, at another node. Their sockets are
    /// told `server shutting down`. At last the server is [closed](Self::close).
    ///
    /// [`close`](Self::close) breaks it off. If this future is dropped, the server drains and ends all the same, but
    /// does not leave the cluster before it is closed.
    pub async fn drain(&self) -> Drained {
        self.inner.hub.node.drain_to(ServingState::NotReady);
        let server = self.inner.server.lock().clone();
        let drained = match server {
            Some(server) => server.drain().await,
            None => Drained::default(),
        };
        self.close().await;
        drained
    }

    /// Whether it drains, or has been drained.
    pub fn is_draining(&self) -> bool {
        self.inner.hub.node.serving_state() != ServingState::Accepting
    }

    /// The options it was built with.
    pub fn options(&self) -> &Options {
        &self.inner.hub.node.options
    }

    /// Metrics of this node.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.hub.node.metrics
    }

    /// Whether every actor that must run does; false once supervision gave up on one.
    pub fn is_healthy(&self) -> bool {
        self.inner.hub.node.is_healthy()
    }
}

/// Builder of a server. Without any setting the server behaves as the official one does by default.
#[derive(Default)]
#[must_use = "call `build` to get the server"]
pub struct IoBuilder {
    options: Options,
    bus: Option<Box<dyn Bus>>,
    client_dist: Option<PathBuf>,
    pub(super) allow_request: Option<Arc<dyn AllowRequest>>,
    pub(super) generate_id: Option<GenerateId>,
    pub(super) http_layers: HttpLayers,
    fallback: Option<Fallback>,
    pub(super) states: States,
    pub(super) parser: Option<Arc<dyn Parser>>,
}

impl IoBuilder {
    /// Timing, sizes and transports. Contradictions are errors of [`Io::listen`].
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// The bus to the other nodes of the cluster: `NatsBus`, or a `MemoryBus` for tests. Without one the server is a
    /// node on its own.
    pub fn bus(mut self, bus: impl Bus) -> Self {
        self.bus = Some(Box::new(bus));
        self
    }

    /// Serves the JavaScript client from the `client-dist` folder of the npm package `socket.io`, at
    /// `<path>/socket.io.js` and so on.
    pub fn client_dist(mut self, folder: impl Into<PathBuf>) -> Self {
        self.client_dist = Some(folder.into());
        self
    }

    /// Answers requests for other paths; without it they get 404.
    pub fn fallback(mut self, answer: impl Fn(&Parts) -> Response<Bytes> + Send + Sync + 'static) -> Self {
        self.fallback = Some(Arc::new(answer));
        self
    }

    /// The server. It does nothing until it [listens](Io::listen) or is [started](Io::start).
    pub fn build(mut self) -> Io {
        let own = OwnIo::default();
        self.states.insert(own.clone());
        let tag = NodeTag::random();
        let options = self.options.cluster;
        let start = |bus| ClusterThread::start(bus, Some(tag), options).map(Arc::new);
        let cluster = self.bus.map(start).transpose();
        let thread = cluster.as_ref().ok().cloned().flatten();
        let node =
            Node::new(self.options, self.states, tag, thread.as_ref().map(|thread| thread.link().clone()));
        let namespaces = Registry::new(node.clone());
        let main = Namespace(namespaces.declare("/"));
        let sessions = Sessions::new(node.reactors());
        let path_prefix = node.options.path_prefix();
        let proxies = TrustedProxies::new(node.options.limits.proxy_networks());
        let origins = Origins::new(node.options.cors.as_ref());
        let admission = Admission::new(node.clone());
        let parser = self.parser.or_else(|| node.options.parser.parser());
        let transcoder = parser.map(|parser| Arc::new(Transcoder::new(parser, node.clone())));
        let hub = Arc::new(Hub { node, namespaces, sessions, transcoder, admission });
        let client = self.client_dist.and_then(|folder| {
            let loaded = ClientFiles::load(&folder);
            loaded.inspect_err(|error| warn!(?folder, %error, "no JavaScript client to serve")).ok()
        });
        let service = Arc::new(HttpService {
            hub: hub.clone(),
            idle: Arc::new(IdleConnections::new(hub.node.clone())),
            compression: Compression::new(hub.node.clone()),
            path_prefix,
            client,
            proxies,
            origins,
            allow_request: self.allow_request,
            generate_id: self.generate_id,
            hooks: Hooks::default(),
            fallback: self.fallback,
            turn: AtomicUsize::default(),
        });
        if let Some(thread) = thread {
            thread.listen(hub.clone());
        }
        let cluster = Mutex::new(cluster.map_err(Some));
        let around = self.http_layers.build(&service);
        let inner = Inner { hub, service, around, server: Mutex::default(), cluster };
        let io = Io { main, inner: Arc::new(inner) };
        own.set(&io);
        io
    }
}
