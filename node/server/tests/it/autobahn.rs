//! The cases of the Autobahn test suite, played by `kosoku`, against an echo over the WebSocket engine.
//!
//! The reports are left in `target/tmp/autobahn-*`; `index.html` there shows each case on the wire.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use fanfare::echo_websockets;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::LocalSet;
use tokio::time::timeout;

/// Limit of the echo: the largest messages of section 9 have 16 MiB.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// Longest time for one run of the suite; only a suite that hangs waits for it.
const SUITE_DEADLINE: Duration = Duration::from_secs(600);
/// Number of times that a case may fail. The suite gives its peer one second to close, which is not much on a busy machine.
const ATTEMPTS: u32 = 3;
/// Cases in which the engine does what it must and not all that it should: it looks for invalid UTF-8 at the end of each
/// frame and not at each segment of TCP.
const NON_STRICT: [&str; 2] = ["6.4.3", "6.4.4"];

/// Verdict of the suite on one case, in the words of Autobahn.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    behavior: String,
    behavior_close: String,
}

impl Verdict {
    fn is_pass(&self, case: &str) -> bool {
        // Where the RFC leaves it open, the suite only tells what happened.
        let is_open_or = |verdict: &str| verdict == "OK" || verdict == "INFORMATIONAL";
        let is_excused = self.behavior == "NON-STRICT" && NON_STRICT.contains(&case);
        (is_open_or(&self.behavior) || is_excused) && is_open_or(&self.behavior_close)
    }
}

/// Plays cases, each a number or a pattern; their verdicts, as they stand in the report in the folder.
async fn play(folder: &Path, cases: &[String]) -> BTreeMap<String, Verdict> {
    let _ = fs::remove_dir_all(folder);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let python = std::env::var("JUDGE_PYTHON").unwrap_or_else(|_| "python3".into());
    let mut suite = Command::new(Path::new(&python).with_file_name("kosoku"));
    suite.args(cases.iter().flat_map(|case| ["--include", case]));
    suite.arg("--outdir").arg(folder).args(["--parallelism", "4", &address]);
    suite.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let played = async {
        tokio::select! {
            ended = echo_websockets(listener, MESSAGE_BYTES_MAX) => panic!("the echo ended: {ended:?}"),
            // The report tells more than its exit code.
            played = timeout(SUITE_DEADLINE, suite.status()) => played.expect("the suite ends in time"),
        }
    };
    LocalSet::new().run_until(played).await.expect("kosoku is installed: run scripts/setup-tests.sh");
    let index = fs::read(folder.join("index.json")).expect("the suite writes a report");
    let index: BTreeMap<String, _> = serde_json::from_slice(&index).expect("the report is as Autobahn's");
    index.into_values().next().expect("it played against one server")
}

/// Plays cases, of which there are `count`, and panics with those that fail.
async fn judged(report: &str, patterns: &[&str], count: usize) {
    let mut cases: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
    let (mut faults, mut folder) = (BTreeMap::new(), PathBuf::new());
    for attempt in 1..=ATTEMPTS {
        folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{report}-{attempt}"));
        faults = play(&folder, &cases).await;
        assert!(attempt > 1 || faults.len() == count, "{} cases instead of {count}", faults.len());
        faults.retain(|case, verdict| !verdict.is_pass(case));
        if faults.is_empty() {
            return;
        }
        cases = faults.keys().cloned().collect();
    }
    panic!("these cases fail: {faults:#?}\nsee {}", folder.join("index.html").display());
}

// Compatibility: option-ws-engine
#[tokio::test]
async fn the_engine_passes_the_autobahn_cases_of_the_protocol() {
    judged("autobahn-protocol", &["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"], 247).await;
}

#[tokio::test]
async fn the_engine_passes_the_autobahn_cases_of_large_and_many_messages() {
    judged("autobahn-limits", &["9.*"], 54).await;
}
