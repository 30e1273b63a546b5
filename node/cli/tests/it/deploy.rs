//! Files of `deploy/`, judged by the programs that they are for.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::support::DEADLINE;

mod balancers;
mod files;
mod monitoring;
mod proxy_protocol;

/// The path of a file in `deploy/`.
fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("deploy/{file}: {error}"))
}

/// A program of the system; `None` if it is not installed.
fn find(name: &str) -> Option<PathBuf> {
    let told = std::env::var_os("PATH").unwrap_or_default();
    // Packages put servers there, where not everybody looks.
    let folders = std::env::split_paths(&told).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

fn program(name: &str) -> Command {
    Command::new(
        find(name).unwrap_or_else(|| panic!("{name} is not installed: scripts/setup-tests.sh does that")),
    )
}

/// A module of the Python that `make test` installs.
fn python(module: &str) -> Command {
    let mut command = Command::new(std::env::var_os("JUDGE_PYTHON").unwrap_or_else(|| "python3".into()));
    command.args(["-m", module]);
    command
}

/// Runs a program to its end and returns what it said; shows that if it fails.
async fn output(command: &mut Command) -> String {
    let output = timeout(DEADLINE, command.stdin(Stdio::null()).kill_on_drop(true).output()).await;
    let output = output.expect("it ends in time").unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} is not content:\n{said}{complained}");
    said
}

/// A YAML file, as JSON.
async fn yaml(file: &Path) -> Vec<serde_json::Value> {
    let mut command = Command::new(std::env::var_os("JUDGE_PYTHON").unwrap_or_else(|| "python3".into()));
    let script = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
    let json = output(command.args(["-c", script]).arg(file)).await;
    serde_json::from_str(&json).expect("JSON")
}

/// A folder that is removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("fanfare-deploy-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).expect("a file");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A server that runs until this is dropped.
struct Daemon {
    _child: Child,
    address: SocketAddr,
}

impl Daemon {
    /// Starts it and waits until it listens. It must be one process, so that killing that ends it.
    async fn start(command: &mut Command, port: u16, log: &Path) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let file = fs::File::create(log).expect("a log");
        let errors = file.try_clone().expect("the same log");
        let quiet = command.stdin(Stdio::null()).stdout(file).stderr(errors).kill_on_drop(true);
        let mut child = quiet.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let start = std::time::Instant::now();
        while TcpStream::connect(address).await.is_err() {
            let ended = child.try_wait().expect("its state can be asked for").is_some();
            let log = || fs::read_to_string(log).unwrap_or_default();
            assert!(!ended && start.elapsed() < DEADLINE, "it does not listen: {command:?}\n{}", log());
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        Self { _child: child, address }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// The head and the body of what a GET is answered with. In HTTP 1.0, so that the body ends with the connection.
pub async fn ask(address: SocketAddr, path: &str) -> std::io::Result<(String, String)> {
    let answer = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n").as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    let answer = timeout(DEADLINE, answer).await.expect("an answer in time")?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    Ok((head.to_ascii_lowercase(), body.to_owned()))
}

/// Asks until the answer is 200 and as it should be; shows the end of the last one if it never is.
async fn ask_until(address: SocketAddr, path: &str, is_right: impl Fn(&str) -> bool) -> String {
    let start = std::time::Instant::now();
    loop {
        // It may not listen on all of its ports yet.
        let (head, body) =
            ask(address, path).await.unwrap_or_else(|error| (error.to_string(), String::new()));
        if head.contains(" 200 ") && is_right(&body) {
            return body;
        }
        let shown = body.get(body.len().saturating_sub(2_000)..).unwrap_or(&body);
        assert!(start.elapsed() < DEADLINE, "{path} never became right: {head}\n{shown}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Waits until HAProxy has asked three nodes for their health and all were well. Before that it deals clients out to
/// nodes that may not listen yet.
pub async fn nodes_healthy(statistics: SocketAddr) {
    let healthy = |metrics: &str| {
        let is_well = |line: &&str| {
            line.starts_with("haproxy_server_check_status{") && line.ends_with("state=\"L7OK\"} 1")
        };
        let is_up =
            |line: &&str| line.starts_with("haproxy_server_status{") && line.ends_with("state=\"UP\"} 1");
        metrics.lines().filter(is_well).count() == 3 && metrics.lines().filter(is_up).count() == 3
    };
    ask_until(statistics, "/metrics?scope=server", healthy).await;
}

/// Waits until Prometheus has reached so many targets of a job, and none of them fails.
pub async fn targets_up(prometheus: SocketAddr, job: &str, count: usize) {
    let up = |answer: &str| {
        let answer: serde_json::Value = serde_json::from_str(answer).expect("JSON");
        let targets = answer["data"]["activeTargets"].as_array().cloned().unwrap_or_default();
        let mut of_job = targets.iter().filter(|target| target["labels"]["job"] == job);
        of_job.clone().count() == count && of_job.all(|target| target["health"] == "up")
    };
    ask_until(prometheus, "/api/v1/targets?state=active", up).await;
}
