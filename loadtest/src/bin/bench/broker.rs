//! Brokers that the nodes of a cluster talk over.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Process, free_port};

/// The brokers that peers use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broker {
    Nats,
    Redis,
}

impl Broker {
    /// Path of its program.
    pub(crate) fn program(self) -> PathBuf {
        match self {
            Self::Nats => "target/venv/bin/nats-server".into(),
            Self::Redis => "/usr/bin/redis-server".into(),
        }
    }

    /// Starts one that keeps nothing on disk.
    pub(crate) fn start(self, log: &Path) -> Result<Process, String> {
        let port = free_port()?;
        let mut command = Command::new(self.program());
        match self {
            Self::Nats => command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]),
            Self::Redis => command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""]),
        };
        Process::start(command, port, log)
    }

    /// URL of a broker on this port.
    pub(crate) fn url(self, port: u16) -> String {
        match self {
            Self::Nats => format!("nats://127.0.0.1:{port}"),
            Self::Redis => format!("redis://127.0.0.1:{port}"),
        }
    }
}
