//! The direction of imports: no file of the crate imports one that imports it, by whatever detour.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Imports = BTreeMap<String, BTreeSet<String>>;

/// The modules that each top module names after `crate::`, itself excepted.
fn imports() -> Imports {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut imports, mut folders) = (Imports::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let module = module_of(path.strip_prefix(&root).expect("it is below"));
            let text = fs::read_to_string(&path).expect("text");
            assert!(!text.contains("crate::{"), "{}: write one path from `crate::` on", path.display());
            imports.entry(module.clone()).or_default().extend(named(&text).filter(|other| *other != module));
        }
    }
    assert!(imports.len() > 15, "the sources are elsewhere");
    imports
}

fn module_of(path: &Path) -> String {
    let first: PathBuf = path.components().take(1).collect();
    first.with_extension("").display().to_string()
}

fn named(text: &str) -> impl Iterator<Item = String> {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    code.flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect())
}

#[test]
fn files_import_in_one_direction() {
    let mut imports = imports();
    // Whatever imports nothing that is left can be taken away; a circle cannot.
    while let Some(leaf) = imports.iter().find(|(_, others)| others.is_empty()).map(|(leaf, _)| leaf.clone())
    {
        imports.remove(&leaf);
        imports.values_mut().for_each(|others| {
            others.remove(&leaf);
        });
    }
    assert!(imports.is_empty(), "these import each other, or what does: {imports:#?}");
}
