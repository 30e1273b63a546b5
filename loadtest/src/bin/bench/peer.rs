//! The servers that are compared: each answers the relay contract.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::broker::Broker;
use crate::process::{Process, free_port};

const OFFICIAL: &str = "loadtest/peers/official";

/// A server to measure.
#[derive(Debug)]
pub(crate) struct Peer {
    /// For command lines and file names.
    pub(crate) name: &'static str,
    /// For the table.
    pub(crate) title: &'static str,
    pub(crate) software: Software,
    /// With a broker there are two nodes; without, one.
    pub(crate) broker: Option<Broker>,
}

/// What a peer runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Software {
    /// The limit, written per delivery or per wake-up.
    Floor {
        mode: &'static str,
    },
    /// Ours; without a number, one reactor for each core.
    Fanfare {
        reactors: Option<&'static str>,
    },
    Socketioxide,
    Official,
}

pub(crate) static PEERS: [Peer; 10] = [
    Peer::alone("floor-direct", "floor, direct", Software::Floor { mode: "direct" }),
    Peer::alone("floor-batched", "floor, batched", Software::Floor { mode: "batched" }),
    Peer::alone("fanfare-1", "Fanfare, 1 reactor", Software::Fanfare { reactors: Some("1") }),
    Peer::alone("fanfare", "Fanfare", Software::Fanfare { reactors: None }),
    Peer::alone("socketioxide", "socketioxide", Software::Socketioxide),
    Peer::alone("official", "socket.io", Software::Official),
    Peer::cluster("fanfare-nats", "Fanfare, NATS", Software::Fanfare { reactors: None }, Broker::Nats),
    Peer::cluster("socketioxide-redis", "socketioxide, Redis", Software::Socketioxide, Broker::Redis),
    Peer::cluster("official-redis", "socket.io, Redis", Software::Official, Broker::Redis),
    Peer::cluster("official-nats", "socket.io, NATS", Software::Official, Broker::Nats),
];

/// Nodes of one peer, and their broker if they have one.
#[derive(Debug)]
pub(crate) struct Servers {
    nodes: Vec<Process>,
    broker: Option<Process>,
}

impl Peer {
    const fn alone(name: &'static str, title: &'static str, software: Software) -> Self {
        Self { name, title, software, broker: None }
    }

    const fn cluster(name: &'static str, title: &'static str, software: Software, broker: Broker) -> Self {
        Self { name, title, software, broker: Some(broker) }
    }

    /// The first thing that is not there to run it; `None` when it can run.
    pub(crate) fn missing(&self, target: &Path) -> Option<PathBuf> {
        let program = match self.software {
            Software::Floor { .. } => target.join("release/floor"),
            Software::Fanfare { .. } => target.join("release/fanfare"),
            Software::Socketioxide => target.join("release/relay-socketioxide"),
            Software::Official => Path::new(OFFICIAL).join("node_modules/socket.io"),
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
        let log_of = |who: &str| PathBuf::from(format!("{log}.{who}.log"));
        let Some(kind) = self.broker else {
            return Ok(Servers {
                nodes: vec![self.start_node(target, None, &log_of("node"))?],
                broker: None,
            });
        };
        let broker = kind.start(&log_of("broker"))?;
        let url = kind.url(broker.port);
        let node = |who| self.start_node(target, Some(&url), &log_of(who));
        Ok(Servers { nodes: vec![node("node-1")?, node("node-2")?], broker: Some(broker) })
    }

    fn start_node(&self, target: &Path, broker: Option<&str>, log: &Path) -> Result<Process, String> {
        let port = free_port()?;
        let (number, address) = (port.to_string(), format!("127.0.0.1:{port}"));
        let mut command = match self.software {
            Software::Floor { mode } => {
                let mut command = Command::new(target.join("release/floor"));
                command.args(["--mode", mode, "--listen", &address]);
                command
            }
            Software::Fanfare { reactors } => {
                let mut command = Command::new(target.join("release/fanfare"));
                command.args(["serve", "--listen", &address]);
                command.args(reactors.iter().flat_map(|reactors| ["--reactors", reactors]));
                command.args(broker.iter().flat_map(|url| ["--nats", url]));
                return Process::start(command, port, log);
            }
            Software::Socketioxide => Command::new(target.join("release/relay-socketioxide")),
            Software::Official => {
                let mut command = Command::new("node");
                command.arg(Path::new(OFFICIAL).join("relay.mjs"));
                command
            }
        };
        if matches!(self.software, Software::Socketioxide | Software::Official) {
            command.arg(number).args(broker);
        }
        Process::start(command, port, log)
    }
}

impl Servers {
    /// Where they are and what to watch, for the command line of `loadtest`.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let urls = self.nodes.iter().map(|node| format!("--url=ws://127.0.0.1:{}", node.port));
        let pids =
            self.nodes.iter().chain(&self.broker).map(|process| format!("--server-pid={}", process.pid()));
        urls.chain(pids).collect()
    }
}

/// The peer of this name.
pub(crate) fn parse(name: &str) -> Result<&'static Peer, String> {
    PEERS.iter().find(|peer| peer.name == name).ok_or_else(|| "no such server: see --list".to_owned())
}
