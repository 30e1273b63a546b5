//! The direction of imports: the bus knows the wire it carries; the wire does not know what carries it.

use std::fs;
use std::path::{Path, PathBuf};

/// Every source file below a folder, and the module's own file.
fn sources(module: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut files, mut folders) = (vec![root.join(format!("{module}.rs"))], vec![root.join(module)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    assert!(files.len() > 3, "the sources are elsewhere");
    files
}

#[test]
fn the_wire_does_not_know_the_bus() {
    for file in sources("wire") {
        let text = fs::read_to_string(&file).expect("text");
        for (number, line) in (1..).zip(text.lines()) {
            let code = line.split("//").next().unwrap_or_default();
            let is_inside = !code.contains("crate::") || code.contains("crate::wire");
            assert!(is_inside && !code.contains("crate::{"), "{}:{number}: {line}", file.display());
        }
    }
}
