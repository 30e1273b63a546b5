//! Environment of a measurement, so that others can repeat it: date, machine, versions, command.

use std::fmt::Write;
use std::fs;
use std::process::Command;
use std::time::SystemTime;

use serde_json::Value;

use crate::broker::Broker;
use crate::peer::{OFFICIAL, Software, UWEBSOCKETS};
use crate::session::Session;

/// Date, machine, versions and the command, in Markdown.
pub(crate) fn describe(session: &Session) -> String {
    let runs = match session.runs {
        1 => "One run".to_owned(),
        runs => format!("Medians of {runs} runs in turn, with the range in brackets"),
    };
    let mut text = heading(&runs, session.bench.seconds);
    let versions: Vec<String> = versions(session).into_iter().flatten().collect();
    let _ = writeln!(text, "Versions: {}.", versions.join("; "));
    for (peer, missing) in &session.skipped {
        let _ = writeln!(text, "\nNot measured: {}, for want of `{}`.", peer.title, missing.display());
    }
    text
}

/// Date, machine, the kind of `runs` and the command, in Markdown.
pub(crate) fn heading(runs: &str, seconds: u32) -> String {
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    format!(
        "{}; {}. {runs}, {seconds} s each; made by\n\n```sh\nmake bench{}\n```\n\n",
        &date[..10],
        machine(),
        arguments()
    )
}

/// Arguments as `make` takes them, without the folder of builds.
fn arguments() -> String {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let mut chosen = given.as_slice();
    if let [option, _folder, rest @ ..] = chosen
        && option == "--target"
    {
        chosen = rest;
    }
    if chosen.is_empty() { String::new() } else { format!(" ARGS='{}'", chosen.join(" ")) }
}

fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores of {model}, Linux {}, loopback, release builds", kernel.trim())
}

fn versions(session: &Session) -> Vec<Option<String>> {
    let uses = |software: fn(Software) -> bool| session.peers.iter().any(|peer| software(peer.software));
    let has = |broker| session.peers.iter().any(|peer| peer.broker == Some(broker));
    let mut versions =
        vec![first_line("git", &["describe", "--always", "--dirty"]).map(|id| format!("Fanfare {id}"))];
    versions.push(first_line("rustc", &["--version"]));
    if uses(|software| software == Software::Socketioxide) {
        versions.push(locked("socketioxide"));
        versions.push(locked("socketioxide-redis").filter(|_| has(Broker::Redis)));
    }
    if uses(|software| software == Software::Official) {
        versions.push(first_line("node", &["--version"]).map(|version| format!("Node.js {version}")));
        versions.push(installed(OFFICIAL, "socket.io"));
        versions.push(installed(OFFICIAL, "@socket.io/redis-adapter").filter(|_| has(Broker::Redis)));
        versions.push(installed(OFFICIAL, "@mickl/socket.io-nats-adapter").filter(|_| has(Broker::Nats)));
    }
    if uses(|software| software == Software::Uwebsockets) {
        versions.push(installed(UWEBSOCKETS, "bun").map(|version| format!("uWebSockets in {version}")));
    }
    for broker in [Broker::Nats, Broker::Redis].into_iter().filter(|broker| has(*broker)) {
        versions.push(first_line(&broker.program().to_string_lossy(), &["--version"]));
    }
    versions
}

fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(|line| line.split(" sha=").next().unwrap_or(line).to_owned())
}

/// The version of a package that npm has installed for a peer.
fn installed(peer: &str, package: &str) -> Option<String> {
    let text = fs::read(format!("{peer}/node_modules/{package}/package.json")).ok()?;
    let description: Value = serde_json::from_slice(&text).ok()?;
    Some(format!("{package} {}", description["version"].as_str()?))
}

/// The version of a crate that the peer in Rust was built with.
fn locked(package: &str) -> Option<String> {
    let lock = fs::read_to_string("loadtest/peers/socketioxide/Cargo.lock").ok()?;
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    Some(format!("{package} {}", rest.split('"').next()?))
}
