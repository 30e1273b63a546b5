//! Nodes that are programs of their own.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use super::server::{Server, free_port};
use crate::client::Http;
use crate::support::DEADLINE;

/// A node that is a process, until it is dropped.
pub struct Process {
    pub child: Child,
    pub url: String,
    operations: String,
    log: PathBuf,
}

impl Process {
    pub async fn start(broker: &Server) -> Self {
        Self::configured(broker, &[]).await
    }

    /// A node with more settings, each the name of a variable and its value.
    pub async fn configured(broker: &Server, settings: &[(&str, &str)]) -> Self {
        let port = free_port();
        let (address, operations) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{}", free_port()));
        let log = broker.directory().join(format!("node-{port}.log"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_fanfare"));
        command.args(["serve", "--listen", &address, "--ops-listen", &operations]);
        command.args(["--nats", &broker.url(), "--reactors", "2"]).envs(settings.iter().copied());
        let file = File::create(&log).expect("a file for the log");
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).kill_on_drop(true);
        let child = quiet.spawn().expect("the node starts");
        let start = Instant::now();
        while tokio::net::TcpStream::connect(&address).await.is_err() {
            assert!(start.elapsed() < DEADLINE, "the node does not listen");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Self { child, url: format!("http://{address}"), operations, log }
    }

    /// Stops it in its tracks: its connections stay open and nothing moves.
    pub async fn freeze(&self) {
        self.signal("-STOP").await;
    }

    /// Resumes the process where it was stopped.
    pub async fn thaw(&self) {
        self.signal("-CONT").await;
    }

    async fn signal(&self, signal: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let status = Command::new("kill").args([signal, &id]).status().await;
        assert!(status.expect("kill runs").success());
    }

    /// Log of the process so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("the log can be read")
    }

    /// Value of a counter so far, by the name of the metric.
    pub async fn count(&self, metric: &str) -> u64 {
        let page = Http::connect(&format!("http://{}", self.operations)).await.get("/metrics").await.body;
        let line = page.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
        line.expect("a metric of that name").parse().expect("a count")
    }
}
