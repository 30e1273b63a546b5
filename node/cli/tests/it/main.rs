//! Everything that needs the program: its commands, its settings, clusters of processes, the files in `deploy/`.

mod browser;
mod cluster_script;
mod commands;
mod config;
mod deploy;
mod documents;
mod draining;
mod messages;
mod nats;
mod rolling;
mod storms;
mod tls;

use fanfare_test_support::{self as support, client, contract};
