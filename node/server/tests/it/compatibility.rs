//! The page on compatibility and the tests name each other: a row says which tests show it, a test says which rows it
//! shows, and neither stands alone.
//!
//! A test in Rust has a line `// Compatibility: row, row` above its attributes, a script of the differential harness stands in
//! `rows.json`. The last column of the page is made of these: `UPDATE_DOCS=1 cargo test -p fanfare --test it compatibility`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{judge_folder, rust_files};

const MARKER: &str = "// Compatibility:";
/// Folders whose tests may name rows.
const FOLDERS: [&str; 8] = [
    "adapter-nats/tests",
    "node/cli/tests",
    "node/engineio/src",
    "node/server/src",
    "node/server/tests",
    "node/socketio/src",
    "loadtest/tests",
    "proto/src",
];
const STATES: [&str; 3] = ["works", "differs", "absent"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page() -> PathBuf {
    root().join("docs/compatibility.md")
}

/// Tests by the row that they show.
type Shown = BTreeMap<String, BTreeSet<String>>;

/// The name of a test's module: that of its file, or of the folder of a `tests.rs`.
fn module(path: &Path) -> String {
    let stem = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
    match stem(path).as_str() {
        "tests" | "mod" => stem(path.parent().expect("a folder")),
        name => name.to_owned(),
    }
}

/// The rows that the tests of one file name.
fn named(path: &Path, shown: &mut Shown) {
    let text = fs::read_to_string(path).expect("text");
    let mut rows = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(names) = line.strip_prefix(MARKER) {
            rows.extend(names.split(',').map(|name| name.trim().to_owned()));
        } else if let Some((_, function)) = line.split_once("fn ").filter(|_| !rows.is_empty()) {
            let name: String = function.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            for row in rows.drain(..) {
                shown.entry(row).or_default().insert(format!("{}::{name}", module(path)));
            }
        }
    }
    assert!(rows.is_empty(), "{} names rows without a test: {rows:?}", path.display());
}

fn shown() -> Shown {
    let mut shown = Shown::new();
    for file in FOLDERS.iter().flat_map(|folder| rust_files(&root().join(folder))) {
        // This file shows what a marker looks like.
        if module(&file) != "compatibility" {
            named(&file, &mut shown);
        }
    }
    let scripts = fs::read_to_string(judge_folder().join("differential/rows.json")).expect("text");
    let scripts: BTreeMap<String, Vec<String>> = serde_json::from_str(&scripts).expect("rows by script");
    for (script, rows) in scripts {
        assert!(!rows.is_empty(), "the script {script} shows nothing");
        for row in rows {
            shown.entry(row).or_default().insert(script.clone());
        }
    }
    shown
}

/// The cells of a row of the page, if the line is one: `name | official | Fanfare | state | tests`.
fn row(line: &str) -> Option<[&str; 5]> {
    let cells = line.strip_prefix('|')?.strip_suffix('|')?;
    // A bar of a type or a regular expression is written `\|`.
    let mut bars = cells.match_indices('|').filter(|(at, _)| !cells[..*at].ends_with('\\')).map(|(at, _)| at);
    let mut from = 0;
    let mut found: Vec<&str> = Vec::new();
    for bar in bars.by_ref().chain([cells.len()]) {
        found.push(cells[from..bar].trim());
        from = bar + 1;
    }
    let cells: [&str; 5] =
        found.try_into().unwrap_or_else(|cells: Vec<_>| panic!("{} cells: {line}", cells.len()));
    (cells[0] != "row" && !cells[0].starts_with("---")).then_some(cells)
}

/// The page with its last column made anew.
fn made_anew(page: &str, shown: &Shown) -> String {
    let mut made = String::new();
    for line in page.lines() {
        // An empty last cell has no room for the space before the bar.
        let line = line.strip_suffix("| |").map_or(line.to_owned(), |rest| format!("{rest}|  |"));
        match row(&line) {
            Some([name, official, here, state, _]) if state != "absent" => {
                let tests = shown.get(name).into_iter().flatten();
                let tests: Vec<String> = tests.map(|test| format!("`{test}`")).collect();
                made += &format!("| {name} | {official} | {here} | {state} | {} |\n", tests.join(", "));
            }
            _ => made += &format!("{line}\n"),
        }
    }
    made
}

#[test]
fn the_page_names_the_tests_that_name_its_rows() {
    let (kept, shown) = (fs::read_to_string(page()).expect("the page"), shown());
    let made = made_anew(&kept, &shown);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(page(), &made).expect("to write the page");
    } else {
        assert!(kept == made, "docs/compatibility.md is out of date: run this test with UPDATE_DOCS=1");
    }
    let rows: Vec<[&str; 5]> = made.lines().filter_map(row).collect();
    let names: BTreeSet<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(names.len(), rows.len(), "two rows have the same name");
    for [name, _, _, state, tests] in &rows {
        assert!(STATES.contains(state), "{name} is {state}");
        assert!(
            !tests.trim().is_empty(),
            "{name}: no test names this row, or there is no reason why it is absent"
        );
        assert!(
            *state != "absent" || !shown.contains_key(*name),
            "{name} is absent, and yet there is a test"
        );
    }
    let strangers: Vec<_> = shown.keys().filter(|name| !names.contains(name.as_str())).collect();
    assert!(strangers.is_empty(), "tests name rows that the page does not have: {strangers:?}");
}

#[test]
fn what_is_absent_has_an_issue_of_its_own_or_no_place_here() {
    let page = fs::read_to_string(page()).expect("the page");
    let absent = page.lines().filter_map(row).filter(|row| row[3] == "absent").map(|row| row[0]);
    let allowed = ["option-deflate", "option-recovery", "option-webtransport", "socket-recovered"];
    assert_eq!(absent.collect::<BTreeSet<_>>(), BTreeSet::from(allowed));
}
