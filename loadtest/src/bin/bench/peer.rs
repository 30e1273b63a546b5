//! The servers that are compared: each answers the relay contract.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::broker::Broker;
use crate::build;
use crate::servers::Servers;

/// Folders of the peers that npm installs.
pub(crate) const OFFICIAL: &str = "loadtest/peers/official";
pub(crate) const UWEBSOCKETS: &str = "loadtest/peers/uwebsockets";

/// A server to measure.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Name in command lines and file names.
    pub(crate) name: &'static str,
    /// Title in the table.
    pub(crate) title: &'static str,
    pub(crate) software: Software,
    /// With a broker there are two nodes; without, one.
    pub(crate) broker: Option<Broker>,
}

/// Software that a peer runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Software {
    /// The baseline, written per delivery or per wake-up.
    Baseline {
        mode: &'static str,
    },
    /// Fanfare; without a number, one reactor for each core.
    Fanfare {
        reactors: Option<&'static str>,
    },
    Socketioxide,
    Official,
    /// The server of Bun, with Engine.IO and Socket.IO written by hand.
    Uwebsockets,
}

pub(crate) static PEERS: [Peer; 11] = [
    Peer::alone("baseline-direct", "baseline, direct", Software::Baseline { mode: "direct" }),
    Peer::alone("baseline-batched", "baseline, batched", Software::Baseline { mode: "batched" }),
    Peer::alone("fanfare-1", "Fanfare, 1 reactor", Software::Fanfare { reactors: Some("1") }),
    Peer::alone("fanfare", "Fanfare", Software::Fanfare { reactors: None }),
    Peer::alone("socketioxide", "socketioxide", Software::Socketioxide),
    Peer::alone("official", "socket.io", Software::Official),
    Peer::alone("uwebsockets", "uWebSockets", Software::Uwebsockets),
    Peer::cluster("fanfare-nats", "Fanfare, NATS", Software::Fanfare { reactors: None }, Broker::Nats),
    Peer::cluster("socketioxide-redis", "socketioxide, Redis", Software::Socketioxide, Broker::Redis),
    Peer::cluster("official-redis", "socket.io, Redis", Software::Official, Broker::Redis),
    Peer::cluster("official-nats", "socket.io, NATS", Software::Official, Broker::Nats),
];

impl Peer {
    const fn alone(name: &'static str, title: &'static str, software: Software) -> Self {
        Self { name, title, software, broker: None }
    }

    const fn cluster(name: &'static str, title: &'static str, software: Software, broker: Broker) -> Self {
        Self { name, title, software, broker: Some(broker) }
    }

    /// Returns the first thing that is missing to run it; `None` when it can run.
    pub(crate) fn missing(&self, target: &Path) -> Option<PathBuf> {
        let program = match self.software {
            Software::Baseline { .. } => target.join("release/baseline"),
            Software::Fanfare { .. } => target.join("release/fanfare"),
            Software::Socketioxide => target.join("release/relay-socketioxide"),
            Software::Official => Path::new(OFFICIAL).join("node_modules/socket.io"),
            Software::Uwebsockets => Path::new(UWEBSOCKETS).join("node_modules/.bin/bun"),
        };
        let adapter = match (self.software, self.broker) {
            (Software::Official, Some(Broker::Nats)) => Some("node_modules/@mickl/socket.io-nats-adapter"),
            (Software::Official, Some(Broker::Redis)) => Some("node_modules/@socket.io/redis-adapter"),
            _ => None,
        };
        let adapter = adapter.map(|folder| Path::new(OFFICIAL).join(folder));
        let broker = self.broker.map(Broker::program);
        [Some(program), adapter, broker].into_iter().flatten().find(|path| !path.exists())
    }

    /// Starts its nodes, and before them its broker; logs go to files that begin with `log`.
    pub(crate) fn start(&self, target: &Path, log: &str) -> Result<Servers, String> {
        Servers::start(self.broker, log, |port, url| self.node(target, port, url))
    }

    fn node(&self, target: &Path, port: u16, broker: Option<&str>) -> Result<Command, String> {
        let mut command = match self.software {
            Software::Baseline { mode } => {
                let mut command = Command::new(target.join("release/baseline"));
                command.args(["--mode", mode, "--listen", &format!("127.0.0.1:{port}")]);
                return Ok(command);
            }
            Software::Fanfare { reactors } => {
                return build::node(&target.join("release/fanfare"), port, reactors, broker);
            }
            Software::Socketioxide => Command::new(target.join("release/relay-socketioxide")),
            Software::Official => {
                let mut command = Command::new("node");
                command.arg(Path::new(OFFICIAL).join("relay.mjs"));
                command
            }
            Software::Uwebsockets => {
                let folder = Path::new(UWEBSOCKETS);
                let mut command = Command::new(folder.join("node_modules/.bin/bun"));
                command.arg(folder.join("relay.js"));
                command
            }
        };
        command.arg(port.to_string()).args(broker);
        Ok(command)
    }
}

/// The peer of this name.
pub(crate) fn parse(name: &str) -> Result<&'static Peer, String> {
    PEERS.iter().find(|peer| peer.name == name).ok_or_else(|| "no such server: see --list".to_owned())
}
