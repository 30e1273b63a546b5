//! Access to a cluster for commands that are not nodes of it.

use std::path::PathBuf;

use clap::Args;
use fanfare_adapter_nats::NatsBus;
use figment::value::{Dict, Value};

use crate::config::Config;
use crate::serve;

/// Flags of the commands that talk to a cluster without being a node of it.
#[derive(Args)]
pub struct ClusterFlags {
    /// Configuration file (TOML) of a node; its settings for NATS are used here too.
    #[arg(long, env = "FANFARE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// NATS servers of the cluster, separated by commas; FANFARE_NATS sets the same.
    #[arg(long, value_name = "URL[,URL…]")]
    nats: Option<String>,
    /// Time to wait for a connection to NATS.
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub patience: humantime::Duration,
}

impl ClusterFlags {
    /// Connects to the bus of the cluster. The log goes to standard error from now on.
    pub fn bus(&self) -> Result<NatsBus, String> {
        let flags = self.nats.iter().map(|nats| ("nats".to_owned(), Value::from(nats.clone()))).collect();
        let config = Config::load(self.config.as_deref(), flags).map_err(|faults| faults.to_string())?;
        let quiet = Config { log: "warn".into(), ..config };
        serve::start_log(&quiet)?;
        let missing =
            "which cluster? Name its NATS servers with --nats, FANFARE_NATS or a configuration file";
        let options = quiet.nats_options().ok_or(missing)?;
        NatsBus::new(options).map_err(|faults| faults.to_string())
    }

    /// As the nodes of the cluster hash their rooms.
    pub fn room_buckets(&self) -> u32 {
        let config = Config::load(self.config.as_deref(), Dict::new()).unwrap_or_default();
        config.server.cluster.room_buckets
    }
}

/// Runs something that waits.
pub fn block_on<T>(future: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| format!("cannot start: {error}"))?.block_on(future)
}
