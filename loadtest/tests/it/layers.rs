//! The layers of `src/lib.rs`: a module knows only those declared above it. And no file grows beyond what one reads.

use std::fs;
use std::path::{Path, PathBuf};

const LINES_MAX: usize = 400;

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file, its path below `src` and its text.
fn sources() -> Vec<(String, String)> {
    let (mut files, mut folders) = (Vec::new(), vec![source_folder()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(source_folder()).expect("it is below").display().to_string();
                files.push((name, fs::read_to_string(&path).expect("text")));
            }
        }
    }
    assert!(files.len() > 50, "the sources are elsewhere");
    files
}

/// The modules of the crate in the order of their declaration.
fn layers() -> Vec<String> {
    let lib = fs::read_to_string(source_folder().join("lib.rs")).expect("lib.rs");
    let declared = lib.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    declared.map(str::to_owned).collect()
}

/// The modules that a line names after `crate::`; the rules of formatting put no group there.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    code.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}

#[test]
fn a_module_knows_only_the_layers_above_it() {
    let layers = layers();
    let layer = |module: &str| layers.iter().position(|layer| layer == module);
    let mut faults = Vec::new();
    let programs = ["bin/", "lib.rs", "main.rs"];
    for (file, text) in sources().iter().filter(|(file, _)| !programs.iter().any(|it| file.starts_with(it))) {
        let module = file.split('/').next().expect("a path").trim_end_matches(".rs");
        let own = layer(module).unwrap_or_else(|| panic!("lib.rs does not declare {module}"));
        for (number, line) in (1..).zip(text.lines()) {
            for other in named(line) {
                if layer(other).is_none_or(|other| other > own) {
                    faults.push(format!("{file}:{number}: `{module}` must not know `{other}`"));
                }
            }
            // Otherwise it would be a way around the layers.
            if line.contains("super::super::") || line.contains("crate::{") {
                faults.push(format!("{file}:{number}: write one path from `crate::` on"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_file_is_longer_than_one_reads() {
    for (file, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{file} has {lines} lines: split it by what it is responsible for");
    }
}
