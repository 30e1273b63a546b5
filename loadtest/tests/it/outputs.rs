//! Outputs of a run beside the table: the page, limits, comparisons, the live line; and metrics that come in.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use serde_json::Value;

use crate::servers::{Baseline, Mode, loadtest};
use crate::transports::TlsProxy;

const ECHO: [&str; 7] = ["echo", "--clients", "5", "--warmup", "100ms", "--duration", "1s"];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadtest")).args(arguments).output().expect("loadtest starts")
}

#[test]
fn the_page_has_the_figures_and_three_pictures_and_needs_nothing_else() {
    let baseline = Baseline::start(Mode::Batched);
    let path = file("page.html");
    let html = ["--html", path.to_str().expect("text")];
    let (code, _) = loadtest(baseline.url(), &[&ECHO[..], &html].concat());
    let page = fs::read_to_string(&path).expect("there");
    assert_eq!((code, page.matches("<svg ").count()), (0, 3), "{page}");
    assert!(!page.contains("src=") && !page.contains("href="), "{page}");
    let (_, json) = page.split_once("id=\"report\">").expect("has the figures");
    let report: Value = serde_json::from_str(json.split_once("</script>").expect("ends").0).expect("is JSON");
    assert_eq!(report["scenario"], "echo");
}

#[test]
fn a_limit_that_is_crossed_is_exit_code_4_and_says_which() {
    let baseline = Baseline::start(Mode::Batched);
    let (code, _) = loadtest(baseline.url(), &[&ECHO[..], &["--max-p99", "10s", "--min-rate", "1"]].concat());
    assert_eq!(code, 0);
    let limits = ["--url", baseline.url(), "--max-p99", "1us", "--max-server-cpu", "0.001"];
    let output = run(&[&ECHO[..], &limits].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("LIMIT CROSSED           latency p99 is "), "{text}");
    assert!(text.contains("LIMIT CROSSED           server CPU per unit is "), "{text}");
    let idle =
        ["idle", "--clients", "1", "--hold", "100ms", "--url", baseline.url(), "--max-server-cpu", "5"];
    let output = run(&idle);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("server CPU per unit was not measured"), "{text}");
}

#[test]
fn two_reports_are_compared() {
    let baseline = Baseline::start(Mode::Batched);
    let paths = [file("before.json"), file("after.json")];
    for (path, clients) in paths.iter().zip(["5", "7"]) {
        let arguments =
            ["--url", baseline.url(), "--clients", clients, "--json", path.to_str().expect("text")];
        let output = run(&[&["echo", "--warmup", "100ms", "--duration", "1s"], &arguments[..]].concat());
        assert!(output.status.success(), "{output:?}");
    }
    let [before, after] = paths.each_ref().map(|path| path.to_str().expect("text"));
    let output = run(&["compare", before, after]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.starts_with("echo\n"), "{output:?}");
    assert!(text.contains("option clients: 5 before, 7 after"), "{text}");
    assert!(text.contains("latency p99, us"), "{text}");
    assert_eq!(run(&["compare", before, "absent.json"]).status.code(), Some(2));
}

#[test]
fn a_log_gets_a_line_for_every_phase() {
    let baseline = Baseline::start(Mode::Batched);
    let output = run(&[&ECHO[..], &["--url", baseline.url()]].concat());
    let log = String::from_utf8_lossy(&output.stderr);
    for phase in ["connect", "warmup", "measure"] {
        assert!(log.lines().any(|line| line.contains(phase) && line.ends_with("0 errors")), "{log}");
    }
    assert!(!log.contains('\u{1b}') && !log.contains('\r'), "{log:?}");
}

/// A server that publishes metrics for the token "s3cret"; every answer is a second of processor time more.
fn metrics_server() -> SocketAddr {
    let metrics = TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = metrics.local_addr().expect("bound");
    thread::spawn(move || {
        let mut second = 0;
        for stream in metrics.incoming() {
            let mut stream = BufReader::new(stream.expect("accepts"));
            let head = stream.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
            let head: Vec<String> = head.map(|line| line.to_ascii_lowercase()).collect();
            let (status, body) = match head.iter().any(|line| line == "authorization: bearer s3cret") {
                true => (
                    "200 OK",
                    format!("process_cpu_seconds_total {second}\nprocess_resident_memory_bytes 2048000\n"),
                ),
                false => ("401 Unauthorized", String::new()),
            };
            second += u32::from(!body.is_empty());
            let length = body.len();
            let _ = write!(stream.get_mut(), "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
        }
    });
    address
}

#[test]
fn a_server_can_be_watched_by_what_it_tells_prometheus() {
    let baseline = Baseline::start(Mode::Batched);
    let plain = format!("http://{}/metrics", metrics_server());
    let proxy = TlsProxy::before(metrics_server(), "metrics");
    let secure = format!("{}/metrics", proxy.url.replace("wss://", "https://"));
    let ca = ["--tls-ca", proxy.ca.to_str().expect("text")];
    for (url, trust) in [(&plain, &[][..]), (&secure, &ca)] {
        let metrics = ["--server-metrics", url, "--server-metrics-token", "s3cret"];
        let (code, report) = loadtest(baseline.url(), &[&ECHO[..], &metrics, trust].concat());
        assert_eq!(code, 0, "{report:#}");
        assert_eq!(report["usage"]["server_cpu_seconds"], 1.0, "{report:#}");
        assert_eq!(report["server_resident_kib"], 2000, "{report:#}");
        assert!(!report.to_string().contains("s3cret"), "{report:#}");
    }
}

#[test]
fn metrics_that_cannot_be_read_end_the_run_before_it_begins() {
    let baseline = Baseline::start(Mode::Batched);
    let plain = format!("http://{}/metrics", metrics_server());
    let proxies = ["untrusted", "other"].map(|name| TlsProxy::before(metrics_server(), name));
    let secure = format!("{}/metrics", proxies[0].url.replace("wss://", "https://"));
    let ca = ["--tls-ca", proxies[1].ca.to_str().expect("text")];
    for (url, reason) in
        [(&plain, "the server answered 401: give --server-metrics-token"), (&secure, "certificate")]
    {
        let metrics = ["--url", baseline.url(), "--server-metrics", url];
        let output = run(&[&ECHO[..], &metrics, &ca].concat());
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{text}");
        assert!(text.contains(url.as_str()) && text.contains(reason), "{text}");
    }
}
