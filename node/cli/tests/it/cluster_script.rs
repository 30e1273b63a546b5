//! `scripts/cluster.sh`, which `make cluster` runs: it starts a whole cluster, and nothing of it stays.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::deploy::{ask, targets_up};
use crate::support::{DEADLINE, eventually, judge};

/// As in the background, in many a CI, and under `nohup`.
const IGNORING_SIGNALS: &str = "--ignore-signal=INT,QUIT,HUP";
/// As in a terminal, wherever these tests run.
const IN_A_TERMINAL: &str = "--default-signal";
/// Last line of the script, printed once everything runs.
const READY: &str = "Everything is ready. Ctrl-C ends all of it.";
/// Six programs start one after the other, perhaps beside much else.
const START_MAX: Duration = Duration::from_secs(120);

#[tokio::test]
async fn one_command_starts_a_cluster_and_ends_it_however_it_was_started() {
    let script = Script::start(IGNORING_SIGNALS, Path::new(env!("CARGO_BIN_EXE_fanfare")), &[]);
    script.ready().await;
    let said = script.said();
    let links: Vec<_> = said.split([' ', ',', '\n']).filter(|word| word.starts_with("http://")).collect();
    assert_eq!(links.len(), 13, "{said}");
    for link in links {
        let (address, path) =
            link["http://".len()..].split_once('/').unwrap_or((&link["http://".len()..], ""));
        let answer = ask(address.parse().expect("an address"), &format!("/{path}")).await;
        assert!(answer.as_ref().is_ok_and(|(head, _)| head.contains(" 200 ")), "{link}: {answer:?}");
    }
    let (_, logs) = said.split_once("logs:").expect("it names its logs");
    let logs = Path::new(logs.split('*').next().expect("a folder").trim());
    for node in 1..=3 {
        let log = std::fs::read_to_string(logs.join(format!("node-{node}.log"))).expect("a log");
        let complaint = log.lines().find(|line| line.contains(" WARN ") && line.contains("NATS"));
        assert!(log.contains("connected to NATS") && complaint.is_none(), "{complaint:?}");
    }
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
    for mode in ["polling", "websocket", "upgrade"] {
        judge("balancer.mjs", &[&address(script.ports.balancer), mode, "--clients", "12"]).await;
    }
    targets_up(local(script.ports.prometheus), "fanfare", 3).await;
    targets_up(local(script.ports.prometheus), "haproxy", 1).await;
    script.tell("TERM");
    let (ports, lines) = (script.ports, script.lines.clone());
    let output = script.ended().await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(lines.lock().expect("no panic").last().map(String::as_str), Some(READY), "it goes on talking");
    assert!(!logs.exists(), "its files stay");
    for port in ports.all() {
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "{port} is still served");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_with_the_variable_that_moves_it() {
    let ports = Ports::free();
    let taken = [ports.statistics, ports.first + 1];
    let _taken = taken.map(|port| std::net::TcpListener::bind(local(port)).expect("it was free"));
    let fanfare = Path::new(env!("CARGO_BIN_EXE_fanfare"));
    let output = Script::start_at(ports, IN_A_TERMINAL, fanfare, &[]).ended().await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), told.lines().count()), (Some(1), 2), "{output:?}");
    for (port, variable) in taken.into_iter().zip(["STATS_PORT", "FIRST_PORT"]) {
        let line = told.lines().find(|line| line.starts_with(&format!("port {port} (")));
        assert!(line.is_some_and(|line| line.contains(&format!(" {variable}="))), "{variable}: {told}");
    }
}

#[tokio::test]
async fn a_process_that_ends_is_named_with_the_end_of_its_log() {
    let fanfare = Path::new(env!("CARGO_BIN_EXE_fanfare"));
    let script = Script::start(IN_A_TERMINAL, fanfare, &[("FANFARE_LOG", "loud")]);
    let lines = script.lines.clone();
    let output = script.ended_within(START_MAX).await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(told.starts_with("node ") && told.contains(" has ended (exit code 1)"), "{told}");
    for words in ["\"loud\" is not a level", "FIRST_PORT or FIRST_OPS_PORT moves it"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let lines = lines.lock().expect("no panic").clone();
    assert_eq!(lines, ["NATS listens"], "it announces what is not there");
}

#[tokio::test]
async fn ctrl_c_ends_a_cluster_and_what_does_not_end_is_killed() {
    let stubborn = Stubborn::new();
    let script = Script::start(IN_A_TERMINAL, &stubborn.program, &[("STOP_SECONDS", "1")]);
    stubborn.start(3).await;
    script.tell("INT");
    let output = script.ended().await;
    let complaints = String::from_utf8_lossy(&output.stderr).matches("does not end: killing it").count();
    assert_eq!((complaints, output.status.success()), (3, true), "{output:?}");
    stubborn.end().await;
}

#[tokio::test]
async fn a_second_signal_does_not_wait_for_what_does_not_end() {
    let stubborn = Stubborn::new();
    for ignoring in [IGNORING_SIGNALS, IN_A_TERMINAL] {
        let script = Script::start(ignoring, &stubborn.program, &[("STOP_SECONDS", "3600")]);
        stubborn.start(3).await;
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
        stubborn.end().await;
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
        std::fs::write(
            &program,
            "#!/bin/sh\ntrap '' INT TERM HUP\necho $$ >>\"$0.pids\"\nwhile :; do sleep 1; done\n",
        )
        .expect("a file");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("its owner");
        Self { program }
    }

    /// Where each that runs notes its process id.
    fn notes(&self) -> PathBuf {
        self.program.with_added_extension("pids")
    }

    fn pids(&self) -> Vec<String> {
        let notes = std::fs::read_to_string(self.notes()).unwrap_or_default();
        notes.lines().map(str::to_owned).collect()
    }

    /// Waits until so many of them run.
    async fn start(&self, count: usize) {
        let start = Instant::now();
        while self.pids().len() < count {
            assert!(start.elapsed() < START_MAX, "the script does not start them");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until none of them runs.
    async fn end(&self) {
        let is_gone = |pid: &String| !Path::new("/proc").join(pid).exists();
        eventually("nothing that the script started stays", || self.pids().iter().all(is_gone)).await;
        let _ = std::fs::remove_file(self.notes());
    }
}

impl Drop for Stubborn {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.program);
        let _ = std::fs::remove_file(self.notes());
    }
}

/// The script, which ends what it started when it is told to, also when a test fails.
struct Script {
    id: u32,
    ports: Ports,
    /// Lines read so far from standard output.
    lines: Arc<Mutex<Vec<String>>>,
    run: JoinHandle<std::io::Result<Output>>,
}

impl Script {
    /// Starts it with signals as told, and `program` as the nodes.
    fn start(signals: &str, program: &Path, settings: &[(&str, &str)]) -> Self {
        Self::start_at(Ports::free(), signals, program, settings)
    }

    fn start_at(ports: Ports, signals: &str, program: &Path, settings: &[(&str, &str)]) -> Self {
        let mut child = Command::new("env")
            .args([signals, "scripts/cluster.sh", "--reactors", "1"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
            .env("FANFARE", program)
            .envs(ports.settings())
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the script starts");
        let id = child.id().expect("it was not waited for");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let said = lines.clone();
        let run = tokio::spawn(async move {
            while let Ok(Some(line)) = output.next_line().await {
                said.lock().expect("no panic").push(line);
            }
            child.wait_with_output().await
        });
        Self { id, ports, lines, run }
    }

    fn said(&self) -> String {
        self.lines.lock().expect("no panic").join("\n")
    }

    /// Waits until it says that everything is there.
    async fn ready(&self) {
        let start = Instant::now();
        while !self.said().ends_with(READY) {
            assert!(!self.run.is_finished() && start.elapsed() < START_MAX, "never ready: {}", self.said());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn tell(&self, signal: &str) {
        if !self.run.is_finished() {
            // It may have ended in this moment.
            let _ = std::process::Command::new("kill").args(["-s", signal, &self.id.to_string()]).output();
        }
    }

    /// Waits until the script has ended, and everything that writes to its log: all that it started.
    async fn ended(self) -> Output {
        self.ended_within(DEADLINE).await
    }

    async fn ended_within(mut self, time: Duration) -> Output {
        let ended = tokio::time::timeout(time, &mut self.run).await;
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

/// Output of `fanfare nodes`, if it can reach the broker.
async fn nodes_of(broker: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_fanfare"))
        .args(["nodes", "--nats", broker, "--wait", "3s"])
        .stdin(Stdio::null())
        .output();
    String::from_utf8(output.await.expect("it runs").stdout).expect("text")
}
