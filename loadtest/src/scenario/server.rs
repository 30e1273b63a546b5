//! Options of every scenario: which servers, how they are reached, how they are watched.

use std::cell::OnceCell;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use rustls::ClientConfig;
use serde::Serialize;

use crate::client::target::{Dialing, Route, Target, TargetOptions};
use crate::client::tls::{self, Trust};
use crate::error::RunError;
use crate::measure::meter::Meter;
use crate::measure::prometheus::{MetricsToken, MetricsUrl, Scraper};
use crate::measure::watch::Watch;
use crate::scenario::share::Share;
use crate::swarm::control::Control;
use crate::swarm::{ClientId, Swarm};

/// Servers, and ways to reach and to watch them.
#[derive(Debug, Clone, Args, Serialize)]
#[non_exhaustive]
pub struct ServerOptions {
    /// Address of a server, such as ws://HOST:PORT or wss://HOST/PATH, also with http; several times for a cluster:
    /// clients are dealt round robin
    #[arg(long = "url", value_name = "URL", default_value = "ws://127.0.0.1:3000")]
    pub urls: Vec<String>,
    /// Local address to connect from; several times to have more ports: clients are dealt round robin
    #[arg(long = "source", value_name = "IP")]
    pub sources: Vec<IpAddr>,
    /// Path of the server instead of the URLs' own
    #[arg(long, value_name = "PATH")]
    pub path: Option<String>,
    /// Namespace to connect to
    #[arg(long, value_name = "NAME", default_value = "/", value_parser = parse_namespace)]
    pub namespace: String,
    /// JSON object to authenticate with, sent in every CONNECT
    #[arg(long, value_name = "JSON", value_parser = parse_auth)]
    pub auth: Option<serde_json::Map<String, serde_json::Value>>,
    /// Further header of every HTTP request; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// PEM file with the certificate authority to trust for wss:// and https://, instead of those that the machine
    /// trusts
    #[arg(long, value_name = "FILE", conflicts_with = "tls_insecure")]
    pub tls_ca: Option<PathBuf>,
    /// Trust every certificate, for wss:// and https://
    #[arg(long)]
    pub tls_insecure: bool,
    /// Transport by which clients reach the server
    #[arg(long, value_enum, default_value = "websocket")]
    pub transport: Transport,
    /// Process id of a server on this machine, to measure its processor time and memory; may be repeated; without it
    /// and --server-metrics those that listen at the URLs on this machine are found and measured
    #[arg(long = "server-pid", value_name = "PID")]
    pub pids: Vec<u32>,
    /// Page where a server publishes its metrics for Prometheus, such as http://HOST:PORT/metrics, to measure its
    /// processor time and memory (process_cpu_seconds_total, process_resident_memory_bytes); may be repeated
    #[arg(long = "server-metrics", value_name = "URL")]
    pub server_metrics: Vec<MetricsUrl>,
    /// Bearer token for --server-metrics; from the environment it stays out of process lists
    #[arg(
        long,
        value_name = "TOKEN",
        env = "LOADTEST_METRICS_TOKEN",
        hide_env_values = true,
        requires = "server_metrics"
    )]
    #[serde(skip)]
    pub server_metrics_token: Option<MetricsToken>,
    /// New connections per second before the measurement
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    pub connect_rate: u32,
    /// Seed of all chance in the run: equal seeds cut off the same clients
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Also write the report as JSON into this file; - is standard output
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Testers elsewhere, started with `loadtest worker`, that do the work instead, in equal shares; separated by
    /// commas
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',')]
    pub workers: Vec<String>,
    /// Share of the work that is this tester's own; set for a worker.
    #[arg(skip)]
    #[serde(skip)]
    pub share: Option<Share>,
}

/// Transport by which clients reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// WebSocket from the beginning
    Websocket,
    /// HTTP long-polling all the time
    Polling,
    /// HTTP long-polling first, then WebSocket, as the official client does by default
    Upgrade,
    /// Each of the three for a third of the clients
    Mix,
}

impl Transport {
    fn routes(self) -> Vec<Route> {
        match self {
            Self::Websocket => vec![Route::Websocket],
            Self::Polling => vec![Route::Polling],
            Self::Upgrade => vec![Route::Upgrade],
            Self::Mix => vec![Route::Websocket, Route::Polling, Route::Upgrade],
        }
    }
}

impl ServerOptions {
    /// Prefix of the data of every packet of the namespace.
    pub(crate) fn namespace_prefix(&self) -> Vec<u8> {
        match self.namespace.as_str() {
            "/" => Vec::new(),
            name => format!("{name},").into_bytes(),
        }
    }

    /// Prefix of the names of this tester's rooms.
    pub(crate) fn room_prefix(&self) -> String {
        self.share.map_or(String::new(), |share| format!("w{}-", share.index))
    }

    /// Makes a swarm of clients of these servers, none of them connected; `deal` says which server each belongs to.
    pub(crate) fn swarm(
        &self,
        size: usize,
        deal: impl Fn(ClientId) -> usize,
        control: &mut Control,
    ) -> Result<Swarm, RunError> {
        Ok(Swarm::new(self.dialing()?, size, deal, control.take_observer())?)
    }

    /// Makes a meter for these servers. Fails if one of them was named and does not exist.
    pub(crate) fn meter(&self) -> Result<Meter, RunError> {
        // The coordinator of a run measures for its workers.
        if self.share.is_some() {
            return Meter::new(Watch::default(), Vec::new());
        }
        let watch = Watch::find(&self.urls, &self.pids, self.server_metrics.len())?;
        let token = self.server_metrics_token.as_ref();
        let scraper = |url: &MetricsUrl| Scraper::new(url.clone(), self.trust(), token);
        Meter::new(watch, self.server_metrics.iter().map(scraper).collect::<Result<_, _>>()?)
    }

    fn dialing(&self) -> Result<Dialing, RunError> {
        let config: OnceCell<Arc<ClientConfig>> = OnceCell::new();
        let tls = || match config.get() {
            Some(config) => Ok(Arc::clone(config)),
            None => {
                let made = tls::client_config(self.trust())?;
                Ok(Arc::clone(config.get_or_init(|| made)))
            }
        };
        let options = TargetOptions { path: self.path.as_deref(), headers: &self.headers, tls: &tls };
        let auth =
            self.auth.clone().map_or(Vec::new(), |auth| serde_json::Value::from(auth).to_string().into());
        Ok(Dialing {
            targets: self.urls.iter().map(|url| Target::parse(url, &options)).collect::<Result<_, _>>()?,
            sources: self.sources.clone(),
            routes: self.transport.routes(),
            namespace: self.namespace_prefix(),
            auth,
            seed: self.seed,
        })
    }

    fn trust(&self) -> Trust<'_> {
        match &self.tls_ca {
            _ if self.tls_insecure => Trust::All,
            Some(path) => Trust::File(path),
            None => Trust::Machine,
        }
    }
}

fn parse_namespace(text: &str) -> Result<String, String> {
    let name = if text.starts_with('/') { text.to_owned() } else { format!("/{text}") };
    if name.contains([',', '?']) {
        return Err("must not contain a comma or a question mark".to_owned());
    }
    Ok(name)
}

fn parse_auth(text: &str) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("must be a JSON object: {error}"))
}
