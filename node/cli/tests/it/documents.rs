//! Text that the documents tell people to type: commands that the program knows, settings that it takes, files that exist.

use std::fs;
use std::path::{Path, PathBuf};

use fanfare::Io;
use tokio::process::Command;

use crate::config::{File, fanfare, output, text};
use crate::support::authority::{Authority, Identity};
use crate::support::{judge_folder, relay, run, serve};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// The blocks of code in this language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let (text, fence) = (read(page), format!("```{language}\n"));
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().expect("a block").to_owned()).collect()
}

/// The words of a command, without its comment.
fn words(line: &str) -> Vec<String> {
    let command = line.split(" # ").next().expect("a command");
    command.split_whitespace().map(|word| word.trim_matches('\'').to_owned()).collect()
}

#[tokio::test]
async fn the_program_knows_every_command_that_the_documents_show() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("documents");
    fs::create_dir_all(&folder).expect("a folder");
    let mut known = 0;
    for page in ["README.md", "docs/operating.md"] {
        let lines = blocks(page, "sh").join("\n");
        for line in lines.lines().filter(|line| *line == "fanfare" || line.starts_with("fanfare ")) {
            let mut words = words(line);
            let file = words.iter().position(|word| word == ">").map(|at| {
                let file = words[at + 1].clone();
                words.truncate(at);
                file
            });
            let arguments: Vec<&str> = match words.get(1).map(String::as_str) {
                // The same flags, and it ends.
                None | Some("serve") => {
                    ["check-config"].into_iter().chain(words.iter().skip(2).map(String::as_str)).collect()
                }
                Some("nodes" | "emit" | "healthcheck") => {
                    words[1..].iter().map(String::as_str).chain(["--help"]).collect()
                }
                Some(_) => words[1..].iter().map(String::as_str).collect(),
            };
            let mut command = fanfare(&arguments);
            let said = output(command.current_dir(&folder)).await;
            assert!(said.status.success(), "{page}: {line}: {}", text(&said.stderr));
            if let Some(file) = file {
                fs::write(folder.join(file), &said.stdout).expect("it can be written");
            }
            known += 1;
        }
    }
    assert!(known > 10, "{known} commands: they are elsewhere");
}

#[tokio::test]
async fn the_program_takes_the_settings_that_the_documents_show() {
    let settings = blocks("docs/operating.md", "toml");
    assert_eq!(settings.len(), 3);
    // The files that they name are not on this machine.
    let authority = Authority::new();
    let Identity { certificate, key } = authority.issue("server");
    for (n, settings) in settings.iter().enumerate() {
        let settings = &settings
            .replace(
                "/etc/letsencrypt/live/chat.example/fullchain.pem",
                certificate.to_str().expect("a path"),
            )
            .replace("/etc/letsencrypt/live/chat.example/privkey.pem", key.to_str().expect("a path"));
        let file = File::new(&format!("documents-{n}.toml"), settings);
        let said = output(&mut fanfare(&["check-config", "--config", file.path()])).await;
        assert!(said.status.success(), "{settings}\n{}", text(&said.stderr));
    }
}

#[test]
fn documents_link_to_files_that_exist() {
    let mut pages: Vec<PathBuf> = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"]
        .into_iter()
        .chain(["deploy/README.md", "loadtest/README.md", "node/tests/judge/README.md"])
        .map(|page| root().join(page))
        .collect();
    for folder in ["docs", "docs/decisions"] {
        let entries = fs::read_dir(root().join(folder)).expect("a folder");
        let files = entries.map(|entry| entry.expect("an entry").path());
        pages.extend(files.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    let mut links = 0;
    for page in pages {
        let text = fs::read_to_string(&page).expect("text");
        let folder = page.parent().expect("a folder");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().expect("a path");
            if file.is_empty() || file.contains("://") {
                continue;
            }
            assert!(folder.join(file).exists(), "{} links to {target}", page.display());
            links += 1;
        }
    }
    assert!(links > 50, "{links} links: they are elsewhere");
}

#[tokio::test]
async fn the_client_of_the_guide_speaks_to_a_node() {
    let io = Io::new();
    relay::install(&io);
    let url = serve(&io).await;
    let script = blocks("docs/guide.md", "js").concat().replace("http://127.0.0.1:3000", &url);
    // What it would log ends it.
    let script = script.replace("console.log(payload)", "heard(payload)");
    let script = format!(
        "let heard; const came = new Promise((done) => (heard = done)); {script}; await came; socket.close();"
    );
    let mut node = Command::new("node");
    run(node.args(["--input-type=module", "--eval", &script]).current_dir(judge_folder())).await;
    assert_eq!(io.metrics().admissions.get(), 1);
    io.close().await;
}
