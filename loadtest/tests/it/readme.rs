//! The commands of `README.md`, run as they stand there, but for a shorter time and with a tenth of the clients:
//! the soft limit on open files of many machines is 1,024.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::servers::{Baseline, Mode};

/// The lines of the block of commands after this heading.
fn commands(heading: &str) -> Vec<String> {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("there");
    let (_, section) = readme.split_once(heading).expect("the heading");
    let (_, block) = section.split_once("```sh\n").expect("a block of commands");
    let (block, _) = block.split_once("```").expect("the end of the block");
    block.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn the_five_commands_of_the_readme_do_what_they_say() {
    let baseline = Baseline::start(Mode::Batched);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("makes a folder");
    let commands = commands("## Five commands");
    assert_eq!(commands.len(), 5, "{commands:?}");
    for line in commands {
        let line = line.replace("ws://127.0.0.1:3000", baseline.url()).replace("000 ", "00 ");
        let mut words = line.split(' ');
        assert_eq!(words.next(), Some("loadtest"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
        command.current_dir(&folder).args(words);
        if line.contains(" fanout ") || line.contains(" echo ") {
            command.args(["--warmup", "100ms", "--duration", "1s"]);
        }
        let output = command.output().expect("loadtest starts");
        assert!(output.status.success(), "{line}: {output:?}");
    }
    for file in ["before.json", "after.json", "echo.html"] {
        assert!(folder.join(file).exists(), "{file}");
    }
}
