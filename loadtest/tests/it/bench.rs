//! Smoke runs of `bench`, each in a folder of its own: one row against the baseline, and one row of two builds.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A short run of the comparison with peers.
fn bench(folder: &Path, arguments: &[&str]) -> Output {
    bench_in(folder, &[&["--runs", "2", "--seconds", "1"], arguments].concat())
}

/// Runs `bench` in a folder of its own, in which "release builds" are the binaries of this test.
fn bench_in(folder: &Path, arguments: &[&str]) -> Output {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder.join("docs")).expect("makes a folder");
    let builds = Path::new(env!("CARGO_BIN_EXE_baseline")).parent().expect("is in a folder");
    symlink(builds, folder.join("release")).expect("links");
    let document =
        "before\n<!-- written by make bench -->\nold\n<!-- end of what make bench writes -->\nafter\n";
    fs::write(folder.join("docs/performance.md"), document).expect("writes");
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.current_dir(folder).args(["--target", "."]);
    command.args(arguments).output().expect("bench starts")
}

#[test]
fn a_small_bench_writes_the_table_and_the_picture() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    let output =
        bench(&folder, &["--row", "echo", "--peer", "baseline-direct", "--peer", "baseline-batched"]);
    assert!(output.status.success(), "{output:?}");
    let document = fs::read_to_string(folder.join("docs/performance.md")).expect("there");
    assert!(document.starts_with("before\n") && document.ends_with("after\n"), "{document}");
    assert!(!document.contains("old"), "{document}");
    assert!(document.contains("| ack round trip, 100 clients, µs | "), "{document}");
    assert!(!document.contains("failed"), "{document}");
    assert!(document.contains("make bench ARGS='--runs 2 --seconds 1 --row echo "), "{document}");
    assert!(fs::read_to_string(folder.join("docs/performance.svg")).expect("there").starts_with("<svg "));
    let kept = folder.join("target/bench/echo.baseline-direct.2.json");
    assert!(kept.exists(), "the report is kept");
}

#[test]
fn a_server_that_is_not_there_is_skipped() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-skipped");
    let chosen = ["--row", "echo", "--peer", "official", "--peer", "uwebsockets", "--print"];
    let output = bench(&folder, &chosen);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(
        text.contains("skipped: socket.io, because there is no loadtest/peers/official/node_modules"),
        "{text}"
    );
    assert!(text.contains("Not measured: socket.io"), "{text}");
    assert!(text.contains("Not measured: uWebSockets"), "{text}");
}

/// A program that answers like a build of `fanfare` and is the baseline.
fn build(folder: &Path, name: &str) -> PathBuf {
    fs::create_dir_all(folder).expect("makes a folder");
    let baseline = env!("CARGO_BIN_EXE_baseline");
    let script = format!(
        "#!/bin/sh\n# {name}\nif [ \"$1\" = --version ]; then echo fanfare {name}; exit; fi\n\
         [ \"$1 $2 $4\" = 'serve --listen --ops-listen' ] || exit 9\nexec {baseline} --mode batched --listen \"$3\"\n"
    );
    let program = folder.join("fanfare");
    fs::write(&program, script).expect("writes");
    fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("allows to run it");
    program
}

#[test]
fn two_builds_are_measured_in_turn() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let before = build(&folder.join("build-before"), "old");
    let after = build(&folder.join("build-after"), "new");
    let folder = folder.join("bench-before-after");
    let (old, new) =
        (before.parent().expect("in a folder").display().to_string(), after.display().to_string());
    let chosen = ["--pairs", "2", "--row", "echo", "--seconds", "1", "--fail-if-worse", "--threshold", "99"];
    let output = bench_in(&folder, &[&["--before", &old, "--after", &new][..], &chosen].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(text.contains("(fanfare old)") && text.contains("(fanfare new)"), "{text}");
    assert!(text.contains("pair 2 of 2, "), "{text}");
    assert!(text.contains("| ack round trip, 100 clients, µs (echo) | "), "{text}");
    let document = fs::read_to_string(folder.join("docs/performance.md")).expect("there");
    assert!(document.contains("old"), "a comparison of builds is not written into the document");
    let json = fs::read(folder.join("target/bench/before-after.json")).expect("there");
    let json: Value = serde_json::from_slice(&json).expect("is JSON");
    let comparison = &json["rows"][0]["comparison"];
    assert_eq!(comparison["ratios"].as_array().map(Vec::len), Some(2), "{json:#}");
    assert_eq!(
        (&comparison["verdict"], &json["is_same_program"]),
        (&"within".into(), &false.into()),
        "{json:#}"
    );
    // The second pair has the sides in the other order.
    let made = |name: &str| {
        fs::metadata(folder.join("target/bench").join(name)).expect("there").modified().expect("has a time")
    };
    assert!(made("echo.before.1.json") < made("echo.after.1.json"));
    assert!(made("echo.after.2.json") < made("echo.before.2.json"));
}

#[test]
fn a_build_that_serves_nothing_is_reported_and_fails() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let after = build(&folder.join("build-fine"), "new").display().to_string();
    let broken = folder.join("build-broken");
    fs::write(build(&broken, "old"), "#!/bin/sh\n[ \"$1\" = --version ] && echo fanfare\n").expect("writes");
    let before = broken.display().to_string();
    let chosen = ["--before", &before, "--after", &after, "--pairs", "1", "--row", "echo", "--seconds", "1"];
    let output = bench_in(&folder.join("bench-broken"), &chosen);
    assert!(!output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("| not measured |"), "{text}");
    assert!(
        text.contains("echo, before, pair 1: ") && text.contains("does not listen: see target/bench"),
        "{text}"
    );
}

#[test]
fn what_is_no_build_of_fanfare_is_refused_with_the_reason() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-build");
    fs::create_dir_all(&folder).expect("makes a folder");
    fs::write(folder.join("text"), "not a program").expect("writes");
    let after = build(&folder.join("fine"), "new").display().to_string();
    for (name, reason) in [
        ("text", "it cannot be run: Permission denied"),
        ("missing", "No such file or directory"),
        ("", "there is no `fanfare` in this folder"),
        ("/bin/true", "it is not a build of fanfare"),
    ] {
        let before = folder.join(name).display().to_string();
        let output = bench_in(&folder.join("bench"), &["--before", &before, "--after", &after]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text.starts_with(&format!("bench: --before {before}: ")) && text.contains(reason), "{text}");
    }
}
