//! The configuration of the binary: a TOML file, then the environment, then flags; each overrides the one before.
//!
//! Unknown keys are faults, and all faults are told at once.

mod defaults;
mod fault;
pub mod log;

use std::path::{Path, PathBuf};

use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Profile, Provider};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use fanfare::{Options, TlsOptions};
use fanfare_adapter_nats::NatsOptions;

use crate::address::Address;
use crate::listen::Listen;

pub use fault::Faults;

/// Configuration of the binary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where clients connect: an address or a name with a port, a port alone, which this machine alone reaches, a Unix
    /// socket such as `unix:/run/fanfare.sock`, or a list of these. Default `127.0.0.1:3000`.
    pub listen: Listen,
    /// Where operators ask for metrics and health: an address or a name with a port, or a port alone, which this machine
    /// alone reaches. Default `127.0.0.1:9464`; if that port is taken by somebody else, such as another node, the node
    /// goes on without.
    pub ops_listen: Address,
    /// Token that operators must present for every path but `/healthz` and `/readyz`: as a bearer token, or as the
    /// password of HTTP Basic. Default none: everybody who reaches the address may look.
    pub ops_token: Option<String>,
    /// The app that runs on the node. Default `relay`.
    pub app: App,
    /// The `client-dist` folder of the npm package `socket.io`, to be served to browsers. Default none.
    pub client_dist: Option<PathBuf>,
    /// Log filter: a level (`error`, `warn`, `info`, `debug`, `trace`, `off`), or `tracing` directives for single
    /// modules, such as `info,fanfare=debug`. The NATS client library stays silent, since the node itself logs what
    /// operators need, unless the directives name `async_nats`. Default `info`.
    pub log: String,
    /// Format of log lines. Default `text`.
    pub log_format: LogFormat,
    /// Addresses of the cluster's NATS servers, separated by commas, such as `nats://127.0.0.1:4222`; absent = a
    /// node on its own. Default none.
    pub nats: Option<String>,
    /// Settings of the connection to the NATS servers.
    pub nats_client: NatsOptions,
    /// Timing, sizes and transports.
    pub server: Options,
}

/// Application that runs on the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum App {
    /// Clients join rooms and emit to them, all of them without a check; with a page at `/` to watch it.
    Relay,
    /// Nothing: clients connect and are kept.
    None,
}

/// One line of log for people, or one JSON object for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Address::of_this_machine(3000).into(),
            ops_listen: Address::of_this_machine(9464),
            ops_token: None,
            app: App::Relay,
            client_dist: None,
            log: "info".into(),
            log_format: LogFormat::Text,
            nats: None,
            nats_client: NatsOptions { servers: Vec::new(), ..NatsOptions::default() },
            server: Options::default(),
        }
    }
}

impl Config {
    /// Reads the configuration: `file` if there is one, variables that start with `FANFARE_` (a nested key is
    /// written with two underscores: `FANFARE_SERVER__PING_INTERVAL_MS`), then `flags`.
    ///
    /// # Errors
    /// With every unknown key, value of the wrong kind and contradiction.
    pub fn load(file: Option<&Path>, flags: Dict) -> Result<Self, Faults> {
        let all_of = |faults| Faults { file: file.map(Path::to_owned), faults };
        let mut told = Figment::new();
        if let Some(file) = file {
            if !file.is_file() {
                let is =
                    if file.is_dir() { "a folder is not a configuration file:" } else { "there is no file" };
                return Err(all_of(vec![format!("{is} {}", file.display())]));
            }
            told = told.merge(Toml::file_exact(file));
        }
        // The name of the file itself comes the same way, and is not a key.
        told = told.merge(Env::prefixed("FANFARE_").ignore(&["config"]).split("__"));
        told = told.merge(Serialized::globals(flags));
        let (valid, mut faults) = try_keys(&told, file);
        // Contradictions between keys that are valid each.
        let config = valid.extract::<Self>().map_err(|error| all_of(vec![error.to_string()]))?;
        if let Err(error) = log::filter(&config.log) {
            faults.push(format!("log: {error}"));
        }
        if config.ops_token.as_ref().is_some_and(String::is_empty) {
            faults
                .push("ops_token: empty, which would let nobody in; leave it out to let everybody in".into());
        }
        faults.extend(config.server.faults().into_iter().map(|fault| format!("server: {fault}")));
        if !config.nats_client.servers.is_empty() {
            faults.push("nats_client.servers: name the servers in `nats`, at the top".into());
        } else if let Some(options) = config.nats_options() {
            faults.extend(options.faults().into_iter().map(|fault| format!("nats, nats_client: {fault}")));
        }
        if faults.is_empty() { Ok(config) } else { Err(all_of(faults)) }
    }

    /// Looks into the files that a node with this configuration would need when it starts to listen.
    ///
    /// # Errors
    /// For the first file that it could not use.
    pub fn check_files(&self) -> Result<(), String> {
        let checked = self.server.tls.as_ref().map_or(Ok(()), TlsOptions::check);
        checked.map_err(|error| format!("server.tls: {error}"))
    }

    /// The NATS servers and how to use them; `None` if the node is on its own.
    pub fn nats_options(&self) -> Option<NatsOptions> {
        let servers = self.nats.as_ref()?.split(',').map(|server| server.trim().to_owned()).collect();
        Some(NatsOptions { servers, ..self.nats_client.clone() })
    }

    /// Formats the settings as a TOML file, without secrets.
    pub fn to_toml(&self) -> String {
        let mut config = self.clone();
        let client = &mut config.nats_client;
        for secret in [&mut config.ops_token, &mut client.password, &mut client.token, &mut client.nkey_seed]
        {
            secret.as_mut().into_iter().for_each(|secret| HIDDEN.clone_into(secret));
        }
        config.nats = config.nats.map(|servers| hide_logins(&servers));
        let mut table = toml::Table::try_from(&config).unwrap_or_default();
        // They stand in `nats`.
        if let Some(client) = table.get_mut("nats_client").and_then(toml::Value::as_table_mut) {
            client.remove("servers");
        }
        toml::to_string(&table).unwrap_or_default()
    }
}

/// Stands for a secret.
const HIDDEN: &str = "***";

/// Addresses without user and password.
fn hide_logins(servers: &str) -> String {
    let hide = |server: &str| match (server.find("://"), server.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            format!("{}://{HIDDEN}{}", &server[..scheme], &server[at..])
        }
        _ => server.to_owned(),
    };
    servers.split(',').map(hide).collect::<Vec<_>>().join(",")
}

/// Tries each given key on its own against the defaults, so that one fault does not hide the others. Returns the
/// defaults with all valid keys, and the faults of the others.
fn try_keys(told: &Figment, file: Option<&Path>) -> (Figment, Vec<String>) {
    let mut valid = Figment::from(Serialized::defaults(Config::default()));
    let data = match told.data() {
        Ok(data) => data,
        Err(error) => return (valid, fault::of_file(file, error)),
    };
    let mut leaves = Vec::new();
    for profile in [Profile::Default, Profile::Global] {
        data.get(&profile).into_iter().for_each(|dict| gather("", dict, &mut leaves));
    }
    let mut faults = Vec::new();
    for (key, value) in leaves {
        let alone = Figment::from(Serialized::defaults(Config::default())).merge((key.as_str(), &value));
        match alone.extract::<Config>() {
            Ok(_) => valid = valid.merge((key.as_str(), &value)),
            Err(error) => faults.push(fault::of_key(&key, &error.kind, told)),
        }
    }
    (valid, faults)
}

/// The keys that hold something other than a table.
fn gather(prefix: &str, dict: &Dict, leaves: &mut Vec<(String, Value)>) {
    for (key, value) in dict {
        let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Dict(_, dict) => gather(&key, dict, leaves),
            _ => leaves.push((key, value.clone())),
        }
    }
}
