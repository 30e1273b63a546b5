//! `fanfare serve`: puts a node together, runs it, and ends it: at once on Ctrl-C, client by client on SIGTERM.

use std::io::IsTerminal;

use fanfare::{Admin, Bytes, Io, Server};
use fanfare_adapter_nats::NatsBus;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use crate::address::reachable;
use crate::config::{App, Config, LogFormat, log};
use crate::listen::Resolved;
use crate::{memory, preflight, relay};

/// The page on which a newcomer sees the relay live.
const DEMO_PAGE: &str = include_str!("../assets/demo.html");

/// Runs a node until it is told to end.
pub fn run(mut config: Config) -> Result<(), String> {
    start_log(&config)?;
    memory::use_small_pages();
    preflight::look_ahead(&mut config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| format!("cannot start: {error}"))?.block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), String> {
    let places = config.listen.resolve()?;
    tokio::spawn(memory::give_back());
    let mut builder = Io::builder().options(config.server.clone());
    if let Some(folder) = &config.client_dist {
        builder = builder.client_dist(folder);
    }
    if config.app == App::Relay {
        builder = builder.fallback(demo_page);
    }
    if let Some(options) = config.nats_options() {
        info!(prefix = options.prefix, servers = options.servers.len(), "joining a cluster over NATS");
        builder = builder.bus(NatsBus::new(options).map_err(|faults| faults.to_string())?);
    }
    let io = builder.build();
    info!(node = io.node_name(), version = env!("CARGO_PKG_VERSION"), "starting");
    if config.app == App::Relay {
        relay::install(&io);
        warn_about_relay(&places);
    }
    listen_for_operators(&config, &io).await?;
    let listeners = places.iter().map(Resolved::bind).collect::<Result<Vec<_>, _>>()?;
    let server = io.listen_on(listeners).await.map_err(|error| error.to_string())?;
    // Before it says that it is there: who has read that may end it.
    let mut signals = Signals::new(config.server.tls.is_some())?;
    announce(&config, &io, &places, &server);
    let told = tokio::select! {
        told = signals.end(|| reload(&server)) => told,
        () = server.closed() => return Err("the server ended by itself: see the log".into()),
    };
    tokio::spawn(async move {
        signals.end(|| {}).await;
        warn!("a second signal: ending without goodbyes");
        std::process::exit(1);
    });
    match told {
        Told::Interrupt => {
            info!("interrupted: closing all connections at once");
            io.close().await;
        }
        Told::Terminate => {
            info!("termination requested: draining; a second signal ends the node at once");
            let drained = io.drain().await;
            if drained.cut > 0 {
                return Err(format!("draining took too long: {} connections were cut off", drained.cut));
            }
        }
    }
    info!("ended");
    Ok(())
}

async fn listen_for_operators(config: &Config, io: &Io) -> Result<(), String> {
    let address = &config.ops_listen;
    let addresses = address.resolve()?;
    if config.ops_token.is_none() && !addresses.iter().all(|address| address.ip().is_loopback()) {
        warn!(%address, "everybody who reaches this address sees metrics and actors: set ops_token, or a firewall");
    }
    let mut listening = Err(std::io::ErrorKind::AddrNotAvailable.into());
    for address in addresses {
        let mut operations = Admin::new(io.clone());
        if let Some(token) = &config.ops_token {
            operations = operations.token(token);
        }
        listening = operations.listen(address).await;
        if listening.is_ok() {
            break;
        }
    }
    match listening {
        Ok(address) => {
            info!("for operators: http://{} (a page), /metrics, /healthz, /readyz", reachable(address));
        }
        // Several nodes on one machine should not need a port each for something that nobody asked for.
        Err(error) if *address == Config::default().ops_listen => {
            warn!(%error, "no metrics and health checks on {address}: choose another address with --ops-listen");
        }
        Err(error) => return Err(address.failure(&error, "--ops-listen")),
    }
    Ok(())
}

fn reload(server: &Server) {
    if let Err(error) = server.reload_tls() {
        error!(%error, "the new certificate cannot be used: the old one stays in force");
    }
}

fn announce(config: &Config, io: &Io, places: &[Resolved], server: &Server) {
    let options = io.options();
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    let mut page = None;
    for (place, address) in places.iter().zip(server.addresses()) {
        let address = match place {
            Resolved::Address(..) => {
                page = page.or_else(|| Some(format!("{scheme}://{}", reachable(*address))));
                address.to_string()
            }
            Resolved::Unix(path) => format!("unix:{}", path.display()),
        };
        info!(%address, path = options.path, reactors = options.reactors, "clients can connect");
    }
    if config.app == App::Relay {
        if let Some(page) = page {
            info!("open {page} to see it live");
        }
        if config.client_dist.is_none() {
            info!("no JavaScript client to serve: install the npm package socket.io and set --client-dist");
        }
    }
}

fn warn_about_relay(places: &[Resolved]) {
    if !places.iter().all(Resolved::is_local) {
        warn!(
            "the relay app lets anybody who can connect emit to anybody: use --app none for your own purposes"
        );
    }
}

/// Request to end that a signal makes of a node.
enum Told {
    /// A person at the terminal waits.
    Interrupt,
    /// A service manager has time, and other nodes take the clients.
    Terminate,
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// Present if there is something to reload; else it ends the process, as the end of a terminal should.
    hangup: Option<Signal>,
}

impl Signals {
    fn new(reloads: bool) -> Result<Self, String> {
        let listen = |kind| signal(kind).map_err(|error| format!("cannot wait for signals: {error}"));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: reloads.then(|| listen(SignalKind::hangup())).transpose()?,
        })
    }

    /// Waits for a signal to end, and reloads whenever one asks for that.
    async fn end(&mut self, reload: impl Fn()) -> Told {
        loop {
            let hangup = async {
                match &mut self.hangup {
                    Some(hangup) => drop(hangup.recv().await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = self.interrupt.recv() => return Told::Interrupt,
                _ = self.terminate.recv() => return Told::Terminate,
                () = hangup => reload(),
            }
        }
    }
}

/// Writes the log to standard error.
pub fn start_log(config: &Config) -> Result<(), String> {
    let filter = log::filter(&config.log).map_err(|error| format!("log: {error}"))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let log = log.with_ansi(std::io::stderr().is_terminal());
    // The reader of the log may go away; complaining about that on the same output would panic, and end the node.
    let log = log.log_internal_errors(false);
    match config.log_format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

fn demo_page(request: &Parts) -> Response<Bytes> {
    let (status, kind, body) = match request.uri.path() {
        "/" => (StatusCode::OK, "text/html; charset=utf-8", Bytes::from_static(DEMO_PAGE.as_bytes())),
        _ => (StatusCode::NOT_FOUND, "text/plain", Bytes::from_static(b"not found")),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
