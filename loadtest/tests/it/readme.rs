//! The commands of `README.md` and of `docs/measuring.md`, run as they stand there, but for a shorter time and with a
//! tenth of the clients: the soft limit on open files of many machines is 1,024.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::servers::{Baseline, Mode};

/// A document, named from the folder of this crate.
fn read(document: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).expect("there")
}

/// The lines of all blocks of commands in a document or a part of it.
fn commands(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let lines = blocks.flat_map(|(block, _)| block.lines());
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// An empty folder to run commands in.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("makes a folder");
    folder
}

/// Runs the tester with the rest of a line, and expects success.
fn run(line: &str, folder: &Path, more: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.current_dir(folder).args(line.split(' ').skip(1)).args(more);
    if line.contains(" fanout ") || line.contains(" echo ") {
        command.args(["--warmup", "100ms", "--duration", "1s"]);
    }
    let output = command.output().expect("loadtest starts");
    assert!(output.status.success(), "{line}: {output:?}");
}

#[test]
fn the_five_commands_of_the_readme_do_what_they_say() {
    let baseline = Baseline::start(Mode::Batched);
    let folder = folder("readme");
    let readme = read("README.md");
    let (_, section) = readme.split_once("## Five commands").expect("the heading");
    let commands = commands(section);
    assert_eq!(commands.len(), 5, "{commands:?}");
    for line in commands {
        assert!(line.starts_with("loadtest "), "{line}");
        run(&line.replace("ws://127.0.0.1:3000", baseline.url()).replace("000 ", "00 "), &folder, &[]);
    }
    for file in ["before.json", "after.json", "echo.html"] {
        assert!(folder.join(file).exists(), "{file}");
    }
}

#[test]
fn the_commands_of_the_page_on_measuring_do_what_they_say() {
    let baseline = Baseline::start(Mode::Batched);
    let folder = folder("measuring");
    let peer = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/official");
    let mut runs = 0;
    for line in commands(&read("../docs/measuring.md")) {
        if line.starts_with("target/release/loadtest ") {
            let line = line.replace("ws://127.0.0.1:3200", baseline.url()).replace("000 ", "00 ");
            // Without it a node on port 3000 is meant.
            let url: &[&str] = if line.contains("--url") { &[] } else { &["--url", baseline.url()] };
            let clients: &[&str] = if line.contains("--clients") { &[] } else { &["--clients", "100"] };
            run(&line, &folder, &[url, clients].concat());
            runs += 1;
        } else if line == "(cd loadtest/peers/official && npm install && node relay.mjs 3200) &" {
            // Installing is for `make bench`; these are what the line needs.
            assert!(["package.json", "relay.mjs"].iter().all(|file| peer.join(file).exists()));
        } else {
            assert_eq!(line, concat!("cargo build --release -p ", env!("CARGO_PKG_NAME")));
        }
    }
    assert_eq!(runs, 2, "the page shows other commands now");
    assert!(folder.join("run.html").exists());
}
