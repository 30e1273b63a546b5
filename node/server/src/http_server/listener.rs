//! The main thread of a server: accepts connections, deals them out to the reactors, and closes down.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use super::descriptors::{Descriptors, Room};
use super::drain::{self, Drained};
use super::http_layers::HttpNext;
use super::listeners::{Accepted, Listener, Listeners, UNIX_ADDRESS};
use super::reactor::Reactor;
use super::service::HttpService;
use super::tls::{Tls, TlsError};
use crate::outbox::Ending;

/// After an error of `accept`, such as no free file descriptor: long enough not to spin, short for clients.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Idle connections that may be about to close when the next connection is accepted, while file descriptors are scarce.
const CLOSING_MAX: usize = 4;
/// Looks for an idle connection that could make room, and the time between two of them.
const ROOM_TRIES: u32 = 100;
const ROOM_POLL: Duration = Duration::from_millis(1);
/// Interval at which a closing server checks whether all connections have gone.
const CLOSE_POLL: Duration = Duration::from_millis(10);
/// Time that a closing server gives its connections to say goodbye.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Reason why a server did not start. `Debug` writes the same as `Display`, because Rust prints it if `main` returns
/// the error.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// As it was given.
        address: String,
        /// Error of the system.
        source: io::Error,
    },
    /// No thread could be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// One server listens once.
    #[error("the server already listens")]
    ListensAlready,
    /// The files of TLS cannot be used.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    /// The options contradict themselves.
    #[error("invalid options: {}", .0.join("; "))]
    Options(Vec<String>),
}

impl fmt::Debug for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A server that listens. Dropping it does not stop it.
#[derive(Clone)]
pub struct Server {
    addresses: Arc<[SocketAddr]>,
    service: Arc<HttpService>,
    tls: Option<Arc<Tls>>,
    control: Arc<Control>,
}

struct Control {
    close: Notify,
    drain: Notify,
    /// Result of draining; `None` if there was none, or it was broken off.
    drained: Mutex<Option<Drained>>,
    closed: watch::Receiver<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Server {
    /// Starts the threads that serve what comes in on these listeners, if there are any; `around` are the program's layers.
    pub fn start(
        service: Arc<HttpService>,
        around: Option<HttpNext>,
        listeners: Vec<Listener>,
    ) -> Result<Self, ServeError> {
        let faults = service.hub.node.options.faults();
        if !faults.is_empty() {
            return Err(ServeError::Options(faults));
        }
        let tls = service.hub.node.options.tls.as_ref().map(Tls::load).transpose()?.map(Arc::new);
        let addresses = listeners.iter().map(Listener::address).collect::<io::Result<_>>();
        let addresses =
            addresses.map_err(|source| ServeError::Listen { address: "a listener".into(), source })?;
        let (closed_sender, closed) = watch::channel(false);
        let control = Arc::new(Control {
            close: Notify::new(),
            drain: Notify::new(),
            drained: Mutex::default(),
            closed,
            thread: Mutex::default(),
        });
        let (ready, started) = std_mpsc::channel();
        let thread = std::thread::Builder::new().name("fanfare".into()).spawn({
            let (service, tls, control) = (service.clone(), tls.clone(), control.clone());
            move || {
                let system = actix_rt::System::new();
                system.block_on(run(&service, tls, around, listeners, &control, &ready));
                // Whoever waited for this may have gone.
                let _ = closed_sender.send(true);
            }
        });
        *control.thread.lock() = Some(thread.map_err(ServeError::Thread)?);
        let started =
            started.recv().unwrap_or_else(|_| Err(io::Error::other("the main thread ended at its start")));
        started.map_err(ServeError::Thread)?;
        Ok(Self { addresses, service, tls, control })
    }

    /// The address that the server listens on, with the port that the system chose for port 0; the first, if there are
    /// several. A Unix socket has none, and neither has a server without a listener: `127.0.0.1:0` stands for them.
    pub fn address(&self) -> SocketAddr {
        self.addresses.first().copied().unwrap_or(UNIX_ADDRESS)
    }

    /// The addresses of all its listeners, in their order.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Takes new certificates from the files of [`Options::tls`](crate::Options::tls) at once; otherwise their change is
    /// noticed after a while. Connections that are open keep theirs. Without TLS this does nothing.
    ///
    /// # Errors
    /// If the files cannot be used; then what is in force stays.
    pub fn reload_tls(&self) -> Result<(), TlsError> {
        self.tls.as_ref().map_or(Ok(()), |tls| tls.reload(&self.service.hub.node.metrics))
    }

    /// Closes the server: sockets are told `server shutting down`, connections closed, threads ended.
    pub async fn close(&self) {
        self.control.close.notify_one();
        self.ended().await;
    }

    /// Lets its clients go at a pace, and then closes the server.
    pub(crate) async fn drain(&self) -> Drained {
        self.control.drain.notify_one();
        self.ended().await;
        self.control.drained.lock().unwrap_or_default()
    }

    async fn ended(&self) {
        self.closed().await;
        let thread = self.control.thread.lock().take();
        if let Some(thread) = thread {
            // It has nothing left to do but to return.
            let _ = thread.join();
        }
    }

    /// Waits until the server was closed.
    pub async fn closed(&self) {
        // An error means that the thread is gone, which is what we wait for.
        let _ = self.control.closed.clone().wait_for(|closed| *closed).await;
    }
}

async fn run(
    service: &Arc<HttpService>,
    tls: Option<Arc<Tls>>,
    around: Option<HttpNext>,
    listeners: Vec<Listener>,
    control: &Control,
    ready: &std_mpsc::Sender<io::Result<()>>,
) {
    let started: io::Result<Vec<_>> = (0..service.hub.node.reactors())
        .map(|number| Reactor::start(number, service.clone(), tls.clone(), around.clone()))
        .collect();
    let reactors = match started {
        Ok(reactors) => reactors,
        // The caller waits for this.
        Err(error) => return drop(ready.send(Err(error))),
    };
    let _ = ready.send(Ok(()));
    tokio::select! {
        () = serve(service, listeners, &reactors, control) => {}
        () = control.close.notified() => {}
        () = watch(tls.as_deref(), service) => {}
    }
    info!("closing");
    close_connections(service).await;
    service.hub.node.end();
    (0..reactors.len()).for_each(|number| service.hub.node.set_arbiter(number, None));
    reactors.iter().for_each(Reactor::stop);
    reactors.into_iter().for_each(Reactor::join);
}

/// Reloads certificates; never ends.
async fn watch(tls: Option<&Tls>, service: &HttpService) {
    match tls {
        Some(tls) => tls.watch(&service.hub.node.metrics).await,
        None => std::future::pending().await,
    }
}

/// Accepts connections until the server has been drained.
async fn serve(service: &HttpService, listeners: Vec<Listener>, reactors: &[Reactor], control: &Control) {
    let mut listeners = match Listeners::new(listeners) {
        Ok(listeners) => listeners,
        Err(error) => return tracing::error!(%error, "cannot wait for connections"),
    };
    tokio::select! {
        () = accept(service, &mut listeners, reactors) => return,
        () = control.drain.notified() => {}
    }
    let mut draining = pin!(drain::drain(service));
    // Sessions that poll do so over new connections, too: the door stays open for them, and for them alone.
    let drained = tokio::select! {
        drained = &mut draining => Some(drained),
        () = accept(service, &mut listeners, reactors) => None,
        () = drain::nobody_polls(service) => None,
    };
    // The kernel refuses new connections now, so that a balancer tries elsewhere at once.
    drop(listeners);
    info!("no more connections are accepted");
    let drained = match drained {
        Some(drained) => drained,
        None => draining.await,
    };
    *control.drained.lock() = Some(drained);
}

async fn accept(service: &HttpService, listeners: &mut Listeners, reactors: &[Reactor]) {
    let descriptors = Descriptors::of_process();
    let mut turn = 0;
    loop {
        match listeners.accept().await {
            // Refused: at once, so that its client tries another node.
            Ok(connection) if !has_room(service, descriptors, &connection).await => drop(connection),
            Ok(connection) => {
                turn = (turn + 1) % reactors.len();
                // If every reactor is behind, the kernel queues meanwhile.
                if let Err(connection) = deal(connection, reactors, turn)
                    && reactors[turn].connections.send(connection).await.is_err()
                {
                    return tracing::error!("a reactor has ended");
                }
            }
            Err(error) => {
                service.hub.node.metrics.accept_errors.increment();
                warn!(%error, "connection of a client not accepted");
                if is_out_of_descriptors(&error) {
                    service.idle.close_longest();
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether there is a file descriptor for this connection; if they are scarce, idle ones give up theirs.
async fn has_room(service: &HttpService, descriptors: Descriptors, connection: &Accepted) -> bool {
    let has_room = match descriptors.room_for(&connection.socket) {
        Room::Enough => return true,
        Room::Scarce => make_room(service).await,
        Room::None => false,
    };
    // One more than is taken, so that they do not stay scarce.
    service.idle.close_longest();
    if !has_room {
        service.idle.count_refused();
    }
    has_room
}

/// Has an idle connection closed. This waits for a moment where connections that were told to close have not done so yet,
/// or connections just accepted have not reached their reactors; one reactor that is blocked does not stop the others.
async fn make_room(service: &HttpService) -> bool {
    for _ in 0..ROOM_TRIES {
        if service.idle.closing() <= CLOSING_MAX && service.idle.close_longest() {
            return true;
        }
        tokio::time::sleep(ROOM_POLL).await;
    }
    service.idle.close_longest()
}

/// Others in the process, or on the machine, have taken the descriptors that were kept back.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    let error = error.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
    matches!(error, Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE))
}

/// Gives a connection to the first reactor, from `turn` on, that has room for it; else gives it back.
fn deal(mut connection: Accepted, reactors: &[Reactor], turn: usize) -> Result<(), Accepted> {
    for reactor in reactors[turn..].iter().chain(&reactors[..turn]) {
        match reactor.connections.try_send(connection) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(back) | TrySendError::Closed(back)) => connection = back,
        }
    }
    Err(connection)
}

/// Asks every connection to end, also those that come meanwhile, and waits a moment for their last handlers.
async fn close_connections(service: &HttpService) {
    let metrics = &service.hub.node.metrics;
    let deadline = tokio::time::Instant::now() + CLOSE_TIMEOUT;
    loop {
        for session in service.hub.sessions.all() {
            session.link.outbox.end(Ending::Shutdown);
        }
        let waiting = service.hub.sessions.count() > 0
            || metrics.sockets.get() > 0
            || metrics.handlers.get() > 0
            || service.compression.is_busy();
        if !waiting || tokio::time::Instant::now() > deadline {
            return;
        }
        tokio::time::sleep(CLOSE_POLL).await;
    }
}
