//! The layers of `ARCHITECTURE.md`: a module knows only those above it. And no file grows beyond what one reads.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::rust_files;

const LINES_MAX: usize = 450;
/// The one pair that stands on a line and knows each other.
const PAIR: [&str; 2] = ["namespace", "socket"];
fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file: its path below `src`, and its text.
fn sources() -> Vec<(String, String)> {
    let root = source_folder();
    let name = |path: &Path| path.strip_prefix(&root).expect("it is below").display().to_string();
    let text = |path: &Path| fs::read_to_string(path).expect("text");
    let files: Vec<_> = rust_files(&root).iter().map(|path| (name(path), text(path))).collect();
    assert!(files.len() > 50, "the sources are elsewhere");
    files
}

/// The number of the line on which each module stands; the top is 0.
fn layers() -> HashMap<String, usize> {
    let architecture = source_folder().join("../../../ARCHITECTURE.md");
    let architecture = fs::read_to_string(architecture).expect("ARCHITECTURE.md");
    let (_, block) = architecture.split_once("```layers\n").expect("a block of layers");
    let (block, _) = block.split_once("```").expect("the end of the block");
    let mut layers = HashMap::new();
    for (number, line) in block.lines().enumerate() {
        for module in line.split_whitespace() {
            assert_eq!(layers.insert(module.to_owned(), number), None, "{module} stands there twice");
        }
    }
    layers
}

/// Modules whose parts stand on layers of their own.
const SPLIT: [&str; 1] = ["cluster"];

/// The module that a file belongs to: the first part of its path, or the first two.
fn module_of(file: &str) -> String {
    let mut parts = file.trim_end_matches(".rs").split('/');
    let first = parts.next().expect("a path");
    match parts.next().filter(|_| SPLIT.contains(&first)) {
        Some(second) => format!("{first}::{second}"),
        None => first.to_owned(),
    }
}

/// Source without comments. Nothing in a string looks like a path of ours.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(number, line)| (number + 1, line.split("//").next().unwrap_or_default()))
}

/// The modules that a file names after `crate::`, each with the number of its line.
fn named(text: &str) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    let mut grouped = false;
    for (number, line) in code(text) {
        let mut rest = line;
        if grouped {
            // Inside `use crate::{ … }`, over several lines: each part begins with a module.
            grouped = !line.contains("};");
            named.extend(first_segments(line.trim_end_matches("};")).map(|module| (number, module)));
            continue;
        }
        while let Some(at) = rest.find("crate::") {
            let is_ours = !rest[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
            rest = &rest[at + "crate::".len()..];
            if !is_ours {
                continue;
            }
            if let Some(group) = rest.strip_prefix('{') {
                grouped = !group.contains("};");
                named.extend(
                    first_segments(group.split("};").next().unwrap_or_default()).map(|m| (number, m)),
                );
                break;
            }
            named.extend(first_segments(rest.split(',').next().unwrap_or_default()).map(|m| (number, m)));
        }
    }
    named
}

/// The first segment of each path in `a::b, c::{d, e}`.
fn first_segments(paths: &str) -> impl Iterator<Item = String> {
    let mut depth = 0;
    let mut paths_of_depth_0 = vec![String::new()];
    for letter in paths.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => paths_of_depth_0.push(String::new()),
            _ if depth == 0 => paths_of_depth_0.last_mut().expect("one at least").push(letter),
            _ => {}
        }
    }
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let segment = move |path: &str| path.chars().take_while(|letter| is_part(*letter)).collect::<String>();
    let first = move |path: String| {
        let first = segment(path.trim());
        match path.trim().strip_prefix(&format!("{first}::")).filter(|_| SPLIT.contains(&first.as_str())) {
            Some(rest) => format!("{first}::{}", segment(rest)),
            None => first,
        }
    };
    paths_of_depth_0.into_iter().map(first).filter(|segment| !segment.is_empty())
}

#[test]
fn a_module_knows_only_the_layers_above_it() {
    let layers = layers();
    let mut faults = Vec::new();
    for (file, text) in sources() {
        let module = module_of(&file);
        if module == "lib" || SPLIT.contains(&module.as_str()) {
            continue;
        }
        let Some(own) = layers.get(&module) else {
            faults.push(format!("{file}: ARCHITECTURE.md does not say on which layer `{module}` is"));
            continue;
        };
        for (line, other) in named(&text) {
            let is_allowed = match layers.get(&other) {
                Some(layer) => {
                    layer < own
                        || other == module
                        || PAIR == [module.as_str(), &other]
                        || PAIR == [&other, module.as_str()]
                }
                None => false,
            };
            if !is_allowed {
                faults.push(format!("{file}:{line}: `{module}` must not know `{other}`"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_layer_exists() {
    let files = sources();
    for module in layers().into_keys() {
        assert!(files.iter().any(|(file, _)| module_of(file) == module), "there is no module `{module}`");
    }
}

/// A reader who looks for something finds it.
#[test]
fn architecture_names_files_that_exist() {
    let root = source_folder().join("../../..");
    let architecture = fs::read_to_string(root.join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let (_, table) = architecture.split_once("### Where is").expect("the table");
    let (table, _) = table.split_once("## Layers").expect("its end");
    let files: Vec<_> = table.split('`').filter(|text| text.contains('/') && text.ends_with(".rs")).collect();
    assert!(files.len() > 10, "{files:?}");
    for file in files {
        let path = if file.starts_with("cluster/") { source_folder().join(file) } else { root.join(file) };
        assert!(path.is_file(), "{file}");
    }
}

/// Each bound is tested, or the table says that it is not.
#[test]
fn bounds_name_tests_that_exist() {
    let root = source_folder().join("../../..");
    let architecture = fs::read_to_string(root.join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let (_, table) = architecture.split_once("## Bounds").expect("the table");
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 50, "the table is elsewhere");
    let rust = ["node/server", "node/cli", "node/engineio", "node/socketio", "adapter-nats", "proto"]
        .map(|folder| root.join(folder));
    let rust: Vec<_> = rust.iter().flat_map(|folder| rust_files(folder)).collect();
    for row in rows {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().expect("a last column");
        let named: Vec<_> = tests.split('`').filter_map(|text| text.split_once(": ")).collect();
        assert!(tests == "none" || !named.is_empty(), "{row}");
        for (file, name) in named {
            let is_there = |path: &PathBuf, text: &str| {
                path.ends_with(file) && fs::read_to_string(path).is_ok_and(|source| source.contains(text))
            };
            let exists = if file.ends_with(".mjs") {
                is_there(&root.join("node/tests/judge").join(file), &format!("\"{name}"))
            } else {
                rust.iter().any(|path| is_there(path, &format!("fn {name}(")))
            };
            assert!(exists, "{file}: {name}");
        }
    }
}

/// Otherwise `super::super::` would be a way around the layers.
#[test]
fn no_module_reaches_the_crate_by_its_parents() {
    for (file, text) in sources() {
        // `a.rs` has one parent, the crate; `a/b.rs` has two.
        let depth = file.split('/').count();
        for (line, code) in code(&text) {
            let supers = code.matches("super::").count();
            let inline = usize::from(code.starts_with(' '));
            assert!(supers < depth + inline, "{file}:{line}: write `crate::`");
        }
    }
}

/// Names of the crates that a package needs when it is built, its own among them.
fn needs(package: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--package",
            package,
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).expect("text");
    listed.lines().filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
}

/// Programs that embed the library choose these.
#[test]
fn the_library_brings_no_settings_no_log_no_allocator_and_no_broker() {
    let needs = needs("fanfare");
    assert!(needs.iter().any(|name| name == "tokio"), "{needs:?}");
    for chosen in
        ["clap", "figment", "toml", "mimalloc", "tracing-subscriber", "async-nats", "fanfare-adapter-nats"]
    {
        assert!(!needs.iter().any(|name| name == chosen), "{chosen}");
    }
}

#[test]
fn the_codecs_are_pure() {
    for package in ["fanfare-engineio", "fanfare-socketio"] {
        let needs = needs(package);
        assert!(needs.iter().any(|name| name == "bytes"), "{needs:?}");
        for impure in ["tokio", "actix", "tracing", "log", "parking_lot", "fanfare-proto", "fanfare"] {
            assert!(!needs.iter().any(|name| name == impure), "{package} needs {impure}");
        }
    }
}

#[test]
fn no_file_is_longer_than_one_reads() {
    for (file, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{file} has {lines} lines: split it by what it is responsible for");
    }
}

#[test]
fn paths_are_found_however_they_are_written() {
    let text = "use crate::a::b;\nlet x = crate::c::d(&crate::e::F);\nuse crate::{g::{h, i}, j};\n\
        // crate::not_this\nuse crate::{\n    k::l,\n    m,\n};\npub(in crate::n) use other_crate::o;\nuse fakecrate::p;\nuse crate::cluster::q::{r, s};";
    let found: Vec<String> = named(text).into_iter().map(|(_, module)| module).collect();
    assert_eq!(found, ["a", "c", "e", "g", "j", "k", "m", "n", "cluster::q"]);
}
