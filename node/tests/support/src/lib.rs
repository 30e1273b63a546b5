//! Starting servers, running judges, and waiting for things to become true; clients that speak the protocol by hand, and
//! the contract server that the judges talk to.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use fanfare::Io;
use tokio::process::Command;

pub mod authority;
pub mod client;
pub mod contract;
pub mod differential;
mod ports;
#[path = "../../../cli/src/relay.rs"]
pub mod relay;

pub use ports::free_port;

/// Time that anything may take before a test fails. Only failing tests wait for it, so it allows for a machine that is
/// busy with other things.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// The same for a judge, a program of its own with its own deadlines.
const JUDGE_DEADLINE: Duration = Duration::from_secs(400);

/// Amount of something that a test needs: as usual, or for `make torture`.
pub fn sized(usual: usize, torture: usize) -> usize {
    if std::env::var_os("TORTURE").is_some() { torture } else { usual }
}

/// Tries something that has to be quick, with ever more time for it, until it is: a short time depends on the load of the
/// machine. A fault fails with any time.
pub async fn with_patience<T>(what: &str, mut attempt: impl AsyncFnMut(Duration) -> Option<T>) -> T {
    let mut patience = Duration::from_millis(200);
    while patience < DEADLINE {
        if let Some(done) = attempt(patience).await {
            return done;
        }
        patience *= 3;
    }
    panic!("{what}: not even with {patience:?}")
}

/// Rust files below a folder.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

/// A server on a free port of the loopback interface.
pub async fn serve(io: &Io) -> String {
    let server = io.listen("127.0.0.1:0").await.expect("a free port");
    format!("http://{}", server.address())
}

/// Runs a script of the judge with Node.js, and panics with its output if it fails.
pub async fn judge(script: &str, arguments: &[&str]) {
    let folder = judge_folder();
    assert!(
        folder.join("node_modules").exists(),
        "the judges are not installed: run `make test`, or `npm ci` in {folder:?}"
    );
    run(Command::new("node").arg(script).args(arguments).current_dir(folder)).await;
}

/// The same against a server with a certificate of this authority.
pub async fn judge_encrypted(authority: &authority::Authority, script: &str, arguments: &[&str]) {
    let mut command = Command::new("node");
    command.arg(script).args(arguments).current_dir(judge_folder());
    run(authority.trusted_by(&mut command)).await;
}

/// Runs a program, and panics with its output if it fails.
pub async fn run(command: &mut Command) {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = child
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"))
        .wait_with_output();
    let output = tokio::time::timeout(JUDGE_DEADLINE, output).await;
    let output = output.expect("the judge does not end").expect("the judge can be read");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    let verdict: String =
        said.lines().filter(|line| !line.starts_with("ok")).map(|line| format!("{line}\n")).collect();
    assert!(output.status.success(), "the judge is not content:\n{verdict}{complained}");
}

/// The folder of the scripts.
pub fn judge_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../judge")
}

/// Waits until a condition is true; panics with its description if it never is.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "it never became true that {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until no client has left anything behind.
pub async fn nothing_stays(io: &Io) {
    let start = Instant::now();
    loop {
        let left = leftovers(io).await;
        if left.is_empty() {
            return;
        }
        assert!(start.elapsed() < DEADLINE, "clients are gone, and yet there are {left:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn leftovers(io: &Io) -> Vec<String> {
    let metrics = io.metrics();
    let seen = io.observe().await;
    let count = |what: &str, count: i64| (count != 0).then(|| format!("{count} {what}"));
    let mut left: Vec<String> = [
        count("sessions counted", metrics.connections.get()),
        count("sockets counted", metrics.sockets.get()),
        count("handlers", metrics.handlers.get()),
        count("HTTP connections", metrics.http_connections.get()),
        count("connections", seen.connections.len() as i64),
        count("sockets", seen.sockets.len() as i64),
    ]
    .into_iter()
    .flatten()
    .collect();
    for namespace in seen.namespaces {
        let shard = namespace.shard.as_ref().map_or((0, 0), |shard| (shard.members, shard.rooms));
        // Asking for it with `of` would keep it from ending.
        let found = io.find_namespace(&namespace.namespace);
        let rooms = found.map(|found| found.local_rooms()).unwrap_or_default();
        if (namespace.sockets, namespace.pending, shard) != (0, 0, (0, 0)) || !rooms.is_empty() {
            left.push(format!("{namespace:?} {:?}", &rooms[..rooms.len().min(5)]));
        }
    }
    left
}

/// Lets other tasks run, a number of times that differs from one `n` to the next.
pub async fn dawdle(n: u32) {
    let turns = n.wrapping_mul(2_654_435_761) >> 16;
    match n % 4 {
        0 => {}
        1 | 2 => {
            for _ in 0..turns % 7 {
                tokio::task::yield_now().await;
            }
        }
        _ => tokio::time::sleep(Duration::from_millis(u64::from(turns % 5))).await,
    }
}
