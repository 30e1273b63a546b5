//! `scripts/cluster.sh`, which `make cluster` runs: it starts a whole cluster, and nothing of it stays.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::deploy::{nodes_healthy, targets_up};
use crate::support::{DEADLINE, judge};

/// As in the background, in many a CI, and under `nohup`.
const IGNORING_SIGNALS: &str = "--ignore-signal=INT,QUIT,HUP";
/// As in a terminal, wherever these tests run.
const IN_A_TERMINAL: &str = "--default-signal";

#[tokio::test]
async fn one_command_starts_a_cluster_and_ends_it_however_it_was_started() {
    let script = Script::start(IGNORING_SIGNALS, Path::new(env!("CARGO_BIN_EXE_fanfare")), &[]);
    let broker = format!("nats://127.0.0.1:{}", script.ports.nats);
    let start = Instant::now();
    while !nodes_of(&broker).await.ends_with("3 nodes\n") {
        assert!(start.elapsed() < DEADLINE, "the cluster is not there");
    }
    let (first, third) = (address(script.ports.first), address(script.ports.first + 2));
    let (mut one, mut two) = (Client::connect(&first).await, Client::connect(&third).await);
    two.send("20[\"join\",\"room\"]").await;
    assert_eq!(two.receive().await.text, "30[]");
    one.send("2[\"emit\",\"room\",1]").await;
    assert_eq!(two.receive().await.arguments(), [json!("msg"), json!(1)]);
    // The balancer deals clients out and keeps them on their nodes, and all of it is watched.
    listens(script.ports.balancer).await;
    nodes_healthy(local(script.ports.statistics)).await;
    for mode in ["polling", "websocket", "upgrade"] {
        judge("balancer.mjs", &[&address(script.ports.balancer), mode, "--clients", "12"]).await;
    }
    listens(script.ports.prometheus).await;
    targets_up(local(script.ports.prometheus), "fanfare", 3).await;
    targets_up(local(script.ports.prometheus), "haproxy", 1).await;
    script.tell("TERM");
    let (ports, output) = (script.ports, script.ended().await);
    assert!(output.status.success(), "{output:?}");
    for port in ports.all() {
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "{port} is still served");
    }
}

#[tokio::test]
async fn ctrl_c_ends_a_cluster_and_what_does_not_end_is_killed() {
    let stubborn = Stubborn::new();
    let script = Script::start(IN_A_TERMINAL, &stubborn.program, &[("STOP_SECONDS", "1")]);
    listens(script.ports.nats).await;
    script.tell("INT");
    let output = script.ended().await;
    let complaints = String::from_utf8_lossy(&output.stderr).matches("does not end: killing it").count();
    assert_eq!((complaints, output.status.success()), (3, true), "{output:?}");
}

#[tokio::test]
async fn a_second_signal_does_not_wait_for_what_does_not_end() {
    let stubborn = Stubborn::new();
    for ignoring in [IGNORING_SIGNALS, IN_A_TERMINAL] {
        let script = Script::start(ignoring, &stubborn.program, &[("STOP_SECONDS", "3600")]);
        listens(script.ports.nats).await;
        script.tell("TERM");
        // One that comes before the first was seen counts as the same.
        let start = Instant::now();
        while !script.run.is_finished() {
            assert!(start.elapsed() < DEADLINE, "it goes on waiting");
            tokio::time::sleep(Duration::from_millis(200)).await;
            script.tell("TERM");
        }
        let output = script.ended().await;
        assert!(!output.status.success(), "{output:?}");
    }
}

/// A node that does not end.
struct Stubborn {
    program: PathBuf,
}

impl Stubborn {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        static COUNT: AtomicU16 = AtomicU16::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("fanfare-stubborn-{}-{number}", std::process::id());
        let program = std::env::temp_dir().join(name);
        std::fs::write(&program, "#!/bin/sh\ntrap '' INT TERM HUP\nwhile :; do sleep 1; done\n")
            .expect("a file");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("its owner");
        Self { program }
    }
}

impl Drop for Stubborn {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.program);
    }
}

/// The script, which ends what it started when it is told to, also when a test fails.
struct Script {
    id: u32,
    ports: Ports,
    run: JoinHandle<std::io::Result<Output>>,
}

impl Script {
    /// Starts it with signals as told, and `program` as the nodes.
    fn start(signals: &str, program: &Path, settings: &[(&str, &str)]) -> Self {
        let ports = Ports::free();
        let child = Command::new("env")
            .args([signals, "scripts/cluster.sh", "--reactors", "1"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .env("FANFARE", program)
            .envs(ports.settings())
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the script starts");
        let id = child.id().expect("it was not waited for");
        Self { id, ports, run: tokio::spawn(child.wait_with_output()) }
    }

    fn tell(&self, signal: &str) {
        if !self.run.is_finished() {
            // It may have ended in this moment.
            let _ = std::process::Command::new("kill").args(["-s", signal, &self.id.to_string()]).output();
        }
    }

    /// Waits until the script has ended, and everything that writes to its log: all that it started.
    async fn ended(mut self) -> Output {
        let ended = tokio::time::timeout(DEADLINE, &mut self.run).await;
        ended.expect("it ends, and nothing stays").expect("no panic").expect("it is waited for")
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.tell("TERM");
    }
}

/// Where everything listens.
#[derive(Clone, Copy)]
struct Ports {
    /// Of the first node, and the two after it of the others.
    first: u16,
    first_operations: u16,
    nats: u16,
    balancer: u16,
    statistics: u16,
    peers: u16,
    prometheus: u16,
}

impl Ports {
    const COUNT: u16 = 11;

    /// So many ports in a row that nobody listens on. Below those of [`free_port`](crate::nats::free_port), which would
    /// give them to other tests before the script listens on them.
    fn free() -> Self {
        const ROWS: u16 = 1_900 / Ports::COUNT;
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let is_free = |port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
        // Test binaries that run side by side begin in different places.
        let begin = (std::process::id() % u32::from(ROWS)) as u16;
        for _ in 0..ROWS {
            let row = begin + NEXT.fetch_add(1, Ordering::Relaxed) % ROWS;
            let first = 10_100 + row % ROWS * Self::COUNT;
            let ports = Self {
                first,
                first_operations: first + 3,
                nats: first + 6,
                balancer: first + 7,
                statistics: first + 8,
                peers: first + 9,
                prometheus: first + 10,
            };
            if ports.all().all(is_free) {
                return ports;
            }
        }
        panic!("no free ports in a row");
    }

    fn all(&self) -> std::ops::Range<u16> {
        self.first..self.first + Self::COUNT
    }

    fn settings(&self) -> [(&str, String); 7] {
        [
            ("FIRST_PORT", self.first),
            ("FIRST_OPS_PORT", self.first_operations),
            ("NATS_PORT", self.nats),
            ("BALANCER_PORT", self.balancer),
            ("STATS_PORT", self.statistics),
            ("PEERS_PORT", self.peers),
            ("PROMETHEUS_PORT", self.prometheus),
        ]
        .map(|(name, port)| (name, port.to_string()))
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn address(port: u16) -> String {
    format!("http://{}", local(port))
}

async fn listens(port: u16) {
    let start = Instant::now();
    while TcpStream::connect(local(port)).await.is_err() {
        assert!(start.elapsed() < DEADLINE, "nobody listens on {port}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What `fanfare nodes` says, if it can reach the broker.
async fn nodes_of(broker: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_fanfare"))
        .args(["nodes", "--nats", broker])
        .stdin(Stdio::null())
        .output();
    String::from_utf8(output.await.expect("it runs").stdout).expect("text")
}
