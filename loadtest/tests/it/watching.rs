//! Processes that are measured, and messages about servers that are named wrongly.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::servers::{Baseline, Mode, loadtest, loadtest_of};

const ECHO: [&str; 7] = ["echo", "--clients", "6", "--warmup", "100ms", "--duration", "1s"];

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadtest")).args(arguments).output().expect("loadtest starts")
}

/// The exit code, and what is said on standard error.
fn told(arguments: &[&str]) -> (Option<i32>, String) {
    let output = run(arguments);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn pids(report: &Value) -> Vec<String> {
    let processes = report["usage"]["processes"].as_array().expect("a list");
    processes.iter().map(|process| process["pid"].to_string()).collect()
}

#[test]
fn processes_that_listen_at_the_urls_are_found_measured_and_named() {
    let baselines = [Baseline::start(Mode::Batched), Baseline::start(Mode::Batched)];
    let urls = ["--url", baselines[0].url(), "--url", baselines[1].url()];
    let (code, report) = loadtest_of(&[&ECHO[..], &urls].concat());
    assert_eq!(code, 0, "{report:#}");
    let (mut found, mut expected) = (pids(&report), baselines.each_ref().map(Baseline::pid).to_vec());
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{report:#}");
    assert!(report["server_cpu_us_per_unit"].is_number(), "{report:#}");
    assert!(report["server_resident_kib"].as_u64() > Some(0), "{report:#}");
    assert!(!report["warnings"].to_string().contains("not measured"), "{report:#}");

    let output = run(&[&ECHO[..], &["--url", baselines[0].url()]].concat());
    let (table, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let (pid, url) = (baselines[0].pid(), baselines[0].url());
    assert!(log.contains(&format!("measuring process {pid} (baseline), which listens at {url}")), "{log}");
    assert!(table.contains(&format!(", process {pid} (baseline)")), "{table}");
}

#[test]
fn a_server_that_is_not_measured_beside_one_that_is_is_warned_of() {
    let baselines = [Baseline::start(Mode::Batched), Baseline::start(Mode::Batched)];
    let (named, other) = (baselines[0].pid(), baselines[1].pid());
    let urls = ["--url", baselines[0].url(), "--url", baselines[1].url()];
    let (code, report) = loadtest_of(&[&ECHO[..], &urls, &["--server-pid", &named]].concat());
    let warnings = report["warnings"].to_string();
    assert_eq!(code, 0, "{report:#}");
    assert!(warnings.contains("2 URLs and 1 --server-pid"), "{warnings}");
    assert!(
        warnings.contains(&format!("process {other} (baseline) at {}", baselines[1].url())),
        "{warnings}"
    );
    // Both named, in any order; or two URLs of one process.
    let both = ["--server-pid", &other, "--server-pid", &named];
    let same = ["--url", baselines[0].url(), "--url", baselines[0].url(), "--server-pid", &named];
    for fitting in [[&urls[..], &both].concat(), same.to_vec()] {
        let (_, report) = loadtest_of(&[&ECHO[..], &fitting].concat());
        assert!(!report["warnings"].to_string().contains("--server-pid"), "{report:#}");
    }
}

#[test]
fn a_process_that_was_found_may_end_and_its_figures_are_left_out() {
    let baseline = Baseline::start(Mode::Batched);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ended.json");
    let mut tester = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["echo", "--clients", "2", "--warmup", "100ms", "--duration", "2s", "--drain", "100ms"])
        .args(["--url", baseline.url(), "--json", path.to_str().expect("text")])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("loadtest starts");
    let mut log = BufReader::new(tester.stderr.take().expect("piped")).lines().map_while(Result::ok);
    assert!(log.any(|line| line.contains("measure ")), "it measures");
    drop(baseline);
    log.for_each(drop);
    assert_eq!(tester.wait().expect("it ends").code(), Some(1), "clients were cut off");
    let report: Value = serde_json::from_str(&fs::read_to_string(path).expect("a report")).expect("JSON");
    assert!(report["usage"]["server_cpu_seconds"].is_null(), "{report:#}");
    assert!(report["warnings"].to_string().contains("has ended"), "{report:#}");
}

#[test]
fn what_is_no_url_is_answered_with_what_is_one() {
    for nonsense in ["banana", "127.0.0.1:3000", "ftp://127.0.0.1"] {
        let (code, said) = told(&[&ECHO[..], &["--url", nonsense]].concat());
        assert_eq!(code, Some(3), "{said}");
        for words in [nonsense, "ws://, wss://, http:// or https://", "ws://127.0.0.1:3000"] {
            assert!(said.contains(words), "{words} in {said}");
        }
    }
    let baseline = Baseline::start(Mode::Batched);
    let (code, report) = loadtest(&baseline.url().replace("ws://", "http://"), &ECHO);
    assert_eq!(code, 0, "{report:#}");
}

#[test]
fn a_server_that_is_not_there_is_named_with_what_to_do() {
    let idle = ["idle", "--clients", "1", "--hold", "100ms"];
    let connect = ["connect", "--count", "10"];
    let url = "ws://127.0.0.1:1";
    for scenario in [&ECHO[..], &idle, &connect] {
        let (code, said) = told(&[scenario, &["--url", url]].concat());
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains(&format!("nothing listens at {url}")), "{said}");
        assert!(said.contains("`fanfare serve`") && said.contains("--url"), "{said}");
    }
}
