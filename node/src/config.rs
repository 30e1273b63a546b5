//! The configuration of the binary: a TOML file, then the environment, then flags; each overrides the one before.
//!
//! Unknown keys are faults, and all faults are told at once.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Profile, Provider};
use serde::{Deserialize, Serialize};

use fanfare::Options;

const DEFAULTS_HEAD: &str =
    "# Every key with its default. Keys that are absent keep it; unknown keys are refused.\n";

const ABSENT_BY_DEFAULT: &str = r#"# Absent by default; these lines, uncommented, would switch them on.
#
# client_dist = "node_modules/socket.io/client-dist"    # belongs at the top of the file
#
# [server.cookie]
# name = "io"
# path = "/"
# http_only = true
# same_site = "lax"
# secure = false
# max_age_s = 86400
#
# [server.cors]
# origins = ["https://example.com"]
# methods = []
# allowed_headers = []
# exposed_headers = []
# credentials = false
# max_age_s = 600
"#;

/// What the binary can be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where clients connect. Default `127.0.0.1:3000`.
    pub listen: SocketAddr,
    /// The app that runs on the node. Default `relay`.
    pub app: App,
    /// The `client-dist` folder of the npm package `socket.io`, to be served to browsers. Default none.
    pub client_dist: Option<PathBuf>,
    /// What is logged, as `tracing` directives: `info`, `debug`, `fanfare=debug,info`. Default `info`.
    pub log: String,
    /// How it is logged. Default `text`.
    pub log_format: LogFormat,
    /// Timing, sizes and transports.
    pub server: Options,
}

/// What runs on the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum App {
    /// Clients join rooms and emit to them, whoever they are; with a page at `/` to watch it.
    Relay,
    /// Nothing: clients connect and are kept.
    None,
}

/// One line of log for people, or one JSON object for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
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
            listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
            app: App::Relay,
            client_dist: None,
            log: "info".into(),
            log_format: LogFormat::Text,
            server: Options::default(),
        }
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[error("the configuration has {} fault(s):\n{}", .0.len(), .0.iter().map(|fault| format!("  - {fault}")).collect::<Vec<_>>().join("\n"))]
pub struct Faults(pub Vec<String>);

impl Config {
    /// Reads the configuration: `file` if there is one, variables that start with `FANFARE_` (a nested key is
    /// written with two underscores: `FANFARE_SERVER__PING_INTERVAL_MS`), then `flags`.
    ///
    /// # Errors
    /// With every unknown key, value of the wrong kind and contradiction.
    pub fn load(file: Option<&Path>, flags: Dict) -> Result<Self, Faults> {
        let mut told = Figment::new();
        if let Some(file) = file {
            if !file.is_file() {
                return Err(Faults(vec![format!("there is no file {}", file.display())]));
            }
            told = told.merge(Toml::file_exact(file));
        }
        // The name of the file itself comes the same way, and is no part of what is in it.
        told = told.merge(Env::prefixed("FANFARE_").ignore(&["config"]).split("__"));
        told = told.merge(Serialized::globals(flags));
        let file = file.map_or_else(String::new, |file| format!(" (reading {})", file.display()));
        let (valid, mut faults) = try_keys(&told, &file);
        // Contradictions between keys that are valid each.
        let config = valid.extract::<Self>().map_err(|error| Faults(vec![error.to_string()]))?;
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&config.log) {
            faults.push(format!("log: {error}"));
        }
        faults.extend(config.server.faults().into_iter().map(|fault| format!("server: {fault}")));
        if faults.is_empty() { Ok(config) } else { Err(Faults(faults)) }
    }

    /// The defaults as a TOML file to start from.
    pub fn default_toml() -> String {
        let defaults = toml::to_string(&Self::default()).unwrap_or_default();
        format!("{DEFAULTS_HEAD}{defaults}\n{ABSENT_BY_DEFAULT}")
    }
}

/// Tries each given key on its own against the defaults, so that one fault does not hide the others. Returns the
/// defaults with all valid keys, and the faults of the others.
fn try_keys(told: &Figment, file: &str) -> (Figment, Vec<String>) {
    let mut valid = Figment::from(Serialized::defaults(Config::default()));
    let data = match told.data() {
        Ok(data) => data,
        Err(error) => return (valid, error.into_iter().map(|error| format!("{error}{file}")).collect()),
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
            Err(error) => {
                let source = told.find_metadata(&key).map(|metadata| format!(" (from {})", metadata.name));
                faults.push(format!("{key}: {}{}", error.kind, source.unwrap_or_default()));
            }
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
