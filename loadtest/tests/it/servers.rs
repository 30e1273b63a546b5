//! Child processes: `baseline`, and one run of `loadtest`.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// Way in which `baseline` writes.
#[derive(Debug, Clone, Copy)]
pub enum Mode {
    Direct,
    Batched,
}

/// A running `baseline`; killed when dropped.
pub struct Baseline {
    child: Child,
    address: SocketAddr,
    url: String,
}

impl Baseline {
    pub fn start(mode: Mode) -> Self {
        let mode = match mode {
            Mode::Direct => "direct",
            Mode::Batched => "batched",
        };
        let mut child = Command::new(env!("CARGO_BIN_EXE_baseline"))
            .args(["--listen", "127.0.0.1:0", "--mode", mode])
            .stdout(Stdio::piped())
            .spawn()
            .expect("baseline starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("baseline speaks");
        let address = line.split(' ').find_map(|word| word.parse().ok()).expect("baseline tells its address");
        Self { child, address, url: format!("ws://{address}") }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn pid(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Baseline {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running `loadtest worker`; killed when dropped.
pub struct Worker {
    child: Child,
    pub address: String,
}

impl Worker {
    pub fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_loadtest"))
            .args(["worker", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("worker starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("worker speaks");
        let address = line.trim().rsplit(' ').next().expect("worker tells its address").to_owned();
        Self { child, address }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `loadtest`; its exit code and its report (null if it made none).
pub fn loadtest(url: &str, arguments: &[&str]) -> (i32, Value) {
    loadtest_of(&[arguments, &["--url", url]].concat())
}

/// Runs `loadtest` with exactly these arguments.
pub fn loadtest_of(arguments: &[&str]) -> (i32, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(arguments)
        .args(["--json", "-"])
        .output()
        .expect("loadtest starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let report = text.find('{').and_then(|start| serde_json::from_str(&text[start..]).ok());
    (output.status.code().expect("not killed"), report.unwrap_or_default())
}
