//! A smoke run of `bench`: one row against the floor, into a document of its own.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};
use std::{env, fs};

/// Runs `bench` in a folder of its own, in which "release builds" are the binaries of this test.
fn bench(folder: &Path, arguments: &[&str]) -> Output {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder.join("docs")).expect("makes a folder");
    let builds = Path::new(env!("CARGO_BIN_EXE_floor")).parent().expect("is in a folder");
    symlink(builds, folder.join("release")).expect("links");
    let document =
        "before\n<!-- written by make bench -->\nold\n<!-- end of what make bench writes -->\nafter\n";
    fs::write(folder.join("docs/performance.md"), document).expect("writes");
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.current_dir(folder).args(["--target", ".", "--runs", "2", "--seconds", "1"]);
    command.args(arguments).output().expect("bench starts")
}

#[test]
fn a_small_bench_writes_the_table_and_the_picture() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    let output = bench(&folder, &["--row", "echo", "--peer", "floor-direct", "--peer", "floor-batched"]);
    assert!(output.status.success(), "{output:?}");
    let document = fs::read_to_string(folder.join("docs/performance.md")).expect("there");
    assert!(document.starts_with("before\n") && document.ends_with("after\n"), "{document}");
    assert!(!document.contains("old"), "{document}");
    assert!(document.contains("| ack round trip, 100 clients, µs | "), "{document}");
    assert!(!document.contains("failed"), "{document}");
    assert!(document.contains("make bench ARGS='--runs 2 --seconds 1 --row echo "), "{document}");
    assert!(fs::read_to_string(folder.join("docs/performance.svg")).expect("there").starts_with("<svg "));
    let kept = folder.join("target/bench/echo.floor-direct.2.json");
    assert!(kept.exists(), "the report is kept");
}

#[test]
fn a_server_that_is_not_there_is_skipped() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-skipped");
    let output = bench(&folder, &["--row", "echo", "--peer", "official", "--print"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(
        text.contains("skipped: socket.io, because there is no loadtest/peers/official/node_modules"),
        "{text}"
    );
    assert!(text.contains("Not measured: socket.io"), "{text}");
}
