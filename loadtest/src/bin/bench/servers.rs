//! The running nodes of one server, and their broker.

use std::path::PathBuf;
use std::process::Command;

use crate::broker::Broker;
use crate::process::{Process, free_port};

/// Nodes and their broker if they have one; killed when dropped.
#[derive(Debug)]
pub(crate) struct Servers {
    nodes: Vec<Process>,
    broker: Option<Process>,
}

impl Servers {
    /// Starts one node, or a broker and two nodes. `command` makes the command of a node from the port it must listen
    /// on and the URL of the broker. Logs go to files that begin with `log`.
    pub(crate) fn start(
        broker: Option<Broker>,
        log: &str,
        command: impl Fn(u16, Option<&str>) -> Result<Command, String>,
    ) -> Result<Self, String> {
        let log_of = |name: &str| PathBuf::from(format!("{log}.{name}.log"));
        let node = |name: &str, url: Option<&str>| {
            let port = free_port()?;
            Process::start(command(port, url)?, port, &log_of(name))
        };
        let Some(kind) = broker else {
            return Ok(Self { nodes: vec![node("node", None)?], broker: None });
        };
        let broker = kind.start(&log_of("broker"))?;
        let url = kind.url(broker.port);
        Ok(Self {
            nodes: vec![node("node-1", Some(&url))?, node("node-2", Some(&url))?],
            broker: Some(broker),
        })
    }

    /// Arguments of `loadtest` that name the URLs and the processes to watch.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let urls = self.nodes.iter().map(|node| format!("--url=ws://127.0.0.1:{}", node.port));
        let pids =
            self.nodes.iter().chain(&self.broker).map(|process| format!("--server-pid={}", process.pid()));
        urls.chain(pids).collect()
    }
}
