//! Mistakes that users make, and what the compiler says to them: each program in `tests/compile_errors` is compiled with
//! its mistake (`--cfg wrong`) and without. A line `//= …` of it must be in the messages, however they are broken into
//! lines: mostly words of our own and names of types, as those of the compiler change.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::rust_files;

/// The library as the tests were linked with it, or another copy of the same age.
fn library(folder: &Path) -> PathBuf {
    let files =
        fs::read_dir(folder).expect("the folder of the tests").map(|file| file.expect("a file").path());
    let name =
        |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libfanfare-"));
    let libraries =
        files.filter(|path| name(path) && path.extension().is_some_and(|extension| extension == "rlib"));
    let newest =
        libraries.max_by_key(|path| path.metadata().and_then(|data| data.modified()).expect("a time"));
    newest.expect("a library beside the tests")
}

fn rustc() -> PathBuf {
    let beside_cargo = Path::new(env!("CARGO")).with_file_name("rustc");
    if beside_cargo.is_file() { beside_cargo } else { "rustc".into() }
}

/// Checks a program; the library is in `folder`.
fn compile(program: &Path, folder: &Path, library: &Path, flags: &[&str]) -> Output {
    let name = program.file_stem().expect("a name").to_string_lossy();
    let out = env::temp_dir().join(format!("fanfare-{name}-{}.rmeta", std::process::id()));
    let output = Command::new(rustc())
        .args(["--edition=2024", "--crate-type=bin", "--emit=metadata", "--cap-lints=allow", "--color=never"])
        // Where the library was compiled, for its lines in the messages.
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .args(["--check-cfg=cfg(wrong)", "--crate-name=program"])
        .arg("-o")
        .arg(&out)
        .arg("-L")
        .arg(format!("dependency={}", folder.display()))
        .arg(format!("--extern=fanfare={}", library.display()))
        .args(flags)
        .arg(program)
        .output()
        .expect("the compiler runs");
    let _ = fs::remove_file(out); // there is none if it failed
    output
}

/// On one line.
fn words(text: &str) -> String {
    text.split_whitespace().filter(|word| *word != "|").collect::<Vec<_>>().join(" ")
}

/// What is wrong with a program of that folder.
fn faults(program: &Path, folder: &Path, library: &Path, guide: &str) -> Vec<String> {
    let text = fs::read_to_string(program).expect("text");
    let expected: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("//= ")).collect();
    let Some(message) = expected.first() else { return vec!["it has no line `//= …`".to_owned()] };
    let mut faults = Vec::new();
    if !guide.contains(message) {
        faults.push(format!("the guide does not list `{message}`"));
    }
    let mistaken = compile(program, folder, library, &["--cfg=wrong"]);
    let messages = String::from_utf8_lossy(&mistaken.stderr);
    if mistaken.status.success() {
        faults.push("it compiles with its mistake".to_owned());
    }
    for line in expected.iter().filter(|line| !words(&messages).contains(&words(line))) {
        faults.push(format!("the compiler does not say `{line}`, but\n{messages}"));
    }
    let cured = compile(program, folder, library, &[]);
    if !cured.status.success() {
        faults.push(format!("it does not compile without it:\n{}", String::from_utf8_lossy(&cured.stderr)));
    }
    faults
}

#[test]
fn the_compiler_says_where_the_mistake_is_and_the_guide_how_to_mend_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_to_string(root.join("../../docs/guide.md")).expect("text");
    let (_, section) = guide.split_once("\n## When it does not compile\n").expect("a section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let test = env::current_exe().expect("a path");
    let folder = test.parent().expect("a folder");
    let library = library(folder);
    let programs = fs::read_dir(root.join("tests/compile_errors")).expect("the programs");
    let programs: Vec<PathBuf> = programs.map(|entry| entry.expect("an entry").path()).collect();
    assert!(programs.len() > 20, "{programs:?}");

    // Two at once: the compiler has one thread most of the time.
    let (some, others) = programs.split_at(programs.len() / 2);
    let faults_of = |programs: &[PathBuf]| -> Vec<String> {
        let of = |program: &PathBuf| {
            let name = program.file_name().expect("a name").to_string_lossy().into_owned();
            faults(program, folder, &library, section)
                .into_iter()
                .map(move |fault| format!("{name}: {fault}"))
        };
        programs.iter().flat_map(of).collect()
    };
    let faults = std::thread::scope(|scope| {
        let others = scope.spawn(|| faults_of(others));
        let mut faults = faults_of(some);
        faults.extend(others.join().expect("no panic"));
        faults
    });
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// The compiler shows that line for a borrowed capture, and has no advice of its own for async closures.
#[test]
fn methods_that_take_a_handler_say_that_it_owns_what_it_captures() {
    const ADVICE: &str = "// owns what it captures: `async move |…|`";
    let silent = |file: &PathBuf| {
        let text = fs::read_to_string(file).expect("text");
        let lines =
            text.lines().filter(|line| line.starts_with("        H: Handler<") && !line.ends_with(ADVICE));
        lines.map(|line| format!("{}: {line} lacks {ADVICE}", file.display())).collect::<Vec<_>>()
    };
    let files = rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api"));
    let faults: Vec<String> = files.iter().flat_map(silent).collect();
    assert!(files.len() > 20 && faults.is_empty(), "{}", faults.join("\n"));
}
