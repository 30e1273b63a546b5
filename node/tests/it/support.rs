//! Starting servers, running judges, and waiting for things to become true.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use fanfare::Io;
use tokio::process::Command;

/// How long anything may take before a test says that it never will.
pub const DEADLINE: Duration = Duration::from_secs(20);
/// The same for a judge, a program of its own with its own deadlines.
const JUDGE_DEADLINE: Duration = Duration::from_secs(240);

/// A server on a free port of the loopback interface.
pub async fn serve(io: &Io) -> String {
    let server = io.listen("127.0.0.1:0").await.expect("a free port");
    format!("http://{}", server.address())
}

/// Runs a script of the judge with Node.js and shows what it says if it is not content.
pub async fn judge(script: &str, arguments: &[&str]) {
    let folder = judge_folder();
    assert!(folder.join("node_modules").exists(), "the judges are not installed: run `make test`, or `npm ci` in {folder:?}");
    run(Command::new("node").arg(script).args(arguments).current_dir(folder)).await;
}

/// Runs a program and shows what it says if it fails.
pub async fn run(command: &mut Command) {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = child.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}")).wait_with_output();
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
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge")
}

/// Waits until something is true, and says what it was if it never is.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "it never became true that {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
