//! The binary: its configuration, its commands, and its life from start to signal.

use std::fs;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

use crate::client::{Client, Http, Polling};
use crate::support::DEADLINE;

/// The binary, without what the environment of the tests would tell it.
pub fn fanfare(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanfare"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FANFARE_") {
            command.env_remove(name);
        }
    }
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs it to its end.
pub async fn output(command: &mut Command) -> Output {
    timeout(DEADLINE, command.output()).await.expect("it ends in time").expect("it starts")
}

pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

/// A file for one test.
pub struct File(PathBuf);

impl File {
    pub fn new(name: &str, content: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, content).expect("a file");
        Self(path)
    }

    pub fn path(&self) -> &str {
        self.0.to_str().expect("a path")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A node that runs as a program of its own.
pub struct Node {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    pub url: String,
}

impl Node {
    /// Starts it on a free port.
    pub async fn start(more: &[&str]) -> Self {
        Self::start_with(more, &[]).await
    }

    /// The same with settings of the section `server`, in the environment.
    pub async fn start_with(more: &[&str], server: &[(&str, &str)]) -> Self {
        Self::start_at("127.0.0.1:0", more, server).await
    }

    /// The same on an address.
    pub async fn start_at(address: &str, more: &[&str], server: &[(&str, &str)]) -> Self {
        Self::start_in(&[], address, more, server).await
    }

    /// The same with other variables in its environment.
    pub async fn start_in(
        environment: &[(&str, &str)],
        address: &str,
        more: &[&str],
        server: &[(&str, &str)],
    ) -> Self {
        let mut arguments = vec!["serve", "--listen", address];
        arguments.extend(more);
        let mut command = fanfare(&arguments);
        command.envs(environment.iter().copied());
        command.envs(server.iter().map(|(name, value)| (format!("FANFARE_SERVER__{name}"), value)));
        let mut child = command.stdout(Stdio::null()).spawn().expect("it starts");
        let mut log = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        loop {
            let line = timeout(DEADLINE, log.next_line()).await.expect("it listens in time").expect("text");
            let line = line.expect("it listens before it ends");
            assert!(!line.contains('\u{1b}'), "colours are for terminals: {line:?}");
            if line.contains("clients can connect") {
                let (_, address) = line.split_once("address=").expect("an address");
                let address = address.split_whitespace().next().expect("an address");
                return Self { url: format!("http://{address}"), child, log };
            }
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Sends it a signal, such as `-TERM`.
    pub async fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().await.expect("the command kill");
        assert!(sent.success());
    }

    /// Interrupts it, and waits until it has ended well. The rest of its log.
    pub async fn end(self) -> Vec<String> {
        self.end_by("-INT").await
    }

    async fn end_by(self, signal: &str) -> Vec<String> {
        self.signal(signal).await;
        let (code, log) = self.ended().await;
        assert_eq!(code, Some(0));
        log
    }

    /// Waits until its log says something.
    pub async fn logs(&mut self, what: &str) {
        loop {
            let line = timeout(DEADLINE, self.log.next_line()).await.expect("it logs in time").expect("text");
            if line.expect("it says so before it ends").contains(what) {
                return;
            }
        }
    }

    /// Whether it runs still.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("its state can be asked for").is_none()
    }

    /// Waits until it has ended. Its exit code, and the rest of its log.
    pub async fn ended(mut self) -> (Option<i32>, Vec<String>) {
        let status = timeout(DEADLINE, self.child.wait()).await.expect("it ends in time").expect("a status");
        let mut rest = Vec::new();
        while let Some(line) = self.log.next_line().await.expect("text") {
            rest.push(line);
        }
        (status.code(), rest)
    }
}

#[tokio::test]
async fn the_default_configuration_is_a_file_that_changes_nothing() {
    let defaults = output(&mut fanfare(&["default-config"])).await;
    assert!(defaults.status.success());
    let file = File::new("defaults.toml", text(&defaults.stdout));
    let checked = output(&mut fanfare(&["check-config", "--config", file.path()])).await;
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    let in_force = |output: &Output| -> Vec<String> {
        text(&output.stdout).lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    };
    assert!(in_force(&defaults).len() > 20);
    let trimmed = |lines: Vec<String>| lines.join("\n").trim().to_owned();
    assert_eq!(trimmed(in_force(&checked)), trimmed(in_force(&defaults)));
    // The same without any file.
    let checked = output(&mut fanfare(&["check-config"])).await;
    assert_eq!(trimmed(in_force(&checked)), trimmed(in_force(&defaults)));
}

#[tokio::test]
async fn flags_override_the_environment_and_that_overrides_the_file() {
    let file = File::new(
        "layers.toml",
        "listen = \"127.0.0.1:1001\"\nlog = \"warn\"\napp = \"none\"\n[server]\nreactors = 1\nping_interval_ms = 1001\n",
    );
    let mut command = fanfare(&["check-config", "--listen", "127.0.0.1:3003", "--reactors", "3"]);
    command.env("FANFARE_CONFIG", file.path());
    command.env("FANFARE_LISTEN", "127.0.0.1:2002").env("FANFARE_LOG", "debug");
    command.env("FANFARE_SERVER__PING_INTERVAL_MS", "2002").env("FANFARE_SERVER__REACTORS", "2");
    let checked = output(&mut command).await;
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    for expected in [
        "listen = \"127.0.0.1:3003\"",
        "log = \"debug\"",
        "app = \"none\"",
        "reactors = 3",
        "ping_interval_ms = 2002",
    ] {
        assert!(text(&checked.stdout).contains(expected), "{expected} in {}", text(&checked.stdout));
    }
}

/// Checks that a command fails with code 1 and tells all of these.
pub async fn assert_told(command: &mut Command, faults: &[&str]) {
    let checked = output(command).await;
    let told = text(&checked.stderr);
    assert_eq!(checked.status.code(), Some(1), "{told}");
    let untold: Vec<_> = faults.iter().filter(|fault| !told.contains(**fault)).collect();
    assert!(untold.is_empty(), "{untold:?} not told in {told}");
    assert_eq!(text(&checked.stdout), "");
    assert!(!told.contains("panicked"));
}

#[tokio::test]
async fn unknown_keys_and_wrong_types_are_told_all_at_once_wherever_they_come_from() {
    let file = File::new(
        "faults.toml",
        "listen = \"nowhere\"\nlisten_too = 1\napp = \"chess\"\n\
         [server]\nping_intervall_ms = 1\npolling = \"yes\"\nmax_attachments = -1\n",
    );
    let mut command = fanfare(&["check-config", "--config", file.path()]);
    command.env("FANFARE_SERVER__PING_TIMEOUT_MS", "soon").env("FANFARE_LOGG", "info");
    command.env("FANFARE_LOG_FORMAT", "xml");
    let faults = [
        "listen:",
        "listen_too",
        "app",
        "ping_intervall_ms",
        "server.polling",
        "max_attachments",
        "ping_timeout_ms",
        "logg",
        "log_format",
    ];
    assert_told(&mut command, &faults).await;
    // The node itself does not start with it either.
    let mut command = fanfare(&["serve", "--config", file.path()]);
    assert_told(&mut command, &faults[..6]).await;
}

#[tokio::test]
async fn contradictions_are_told_all_at_once() {
    let file = File::new(
        "contradictions.toml",
        "[server]\npolling = false\nwebsocket = false\nping_interval_ms = 0\n\
         [server.cors]\norigins = [\"*\"]\ncredentials = true\n",
    );
    let mut command = fanfare(&["check-config", "--config", file.path()]);
    command.env("FANFARE_SERVER__OUTBOX_BYTES_MAX", "1");
    let faults = ["polling and websocket", "ping_interval_ms", "cors.credentials", "outbox_bytes_max"];
    assert_told(&mut command, &faults).await;
}

#[tokio::test]
async fn contradictions_are_told_beside_unknown_keys_and_wrong_types() {
    let file = File::new(
        "everything.toml",
        "unknown = 1\n[server]\npolling = false\nwebsocket = false\nupgrade_timeout_ms = \"long\"\n",
    );
    let mut command = fanfare(&["check-config", "--config", file.path()]);
    command.env("FANFARE_SERVER__PING_INTERVAL_MS", "0");
    let faults = ["unknown", "upgrade_timeout_ms", "polling and websocket", "ping_interval_ms"];
    assert_told(&mut command, &faults).await;
}

#[tokio::test]
async fn several_faults_of_one_optional_table_are_told_at_once() {
    let file = File::new(
        "tables.toml",
        "[server.cookie]\nname = 1\nsame_sight = \"lax\"\n[server.cors]\norigin = \"*\"\ncredentials = \"no\"\n",
    );
    let mut command = fanfare(&["check-config", "--config", file.path()]);
    assert_told(&mut command, &["cookie", "same_sight", "cors", "origin", "credentials"]).await;
}

#[tokio::test]
async fn a_file_that_is_missing_or_no_toml_is_told() {
    assert_told(&mut fanfare(&["check-config", "--config", "no-such-file.toml"]), &["no-such-file.toml"])
        .await;
    let file = File::new("broken.toml", "listen = \n[server\n");
    assert_told(&mut fanfare(&["check-config", "--config", file.path()]), &["TOML parse error", "line 1"])
        .await;
}

#[tokio::test]
async fn log_directives_that_cannot_be_read_are_a_fault() {
    assert_told(&mut fanfare(&["check-config", "--log", "fanfare=loud"]), &["log"]).await;
    assert_told(&mut fanfare(&["serve", "--log", "fanfare=loud"]), &["log"]).await;
}

#[tokio::test]
async fn an_address_that_is_taken_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    assert_told(
        &mut fanfare(&["serve", "--listen", &address, "--log", "error"]),
        &["cannot listen on", &address],
    )
    .await;
}

#[tokio::test]
async fn help_lists_the_commands() {
    let help = output(&mut fanfare(&["--help"])).await;
    assert!(help.status.success());
    let commands: Vec<&str> = text(&help.stdout)
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    for expected in ["serve", "check-config", "default-config", "version"] {
        assert!(commands.contains(&expected), "{expected} in {commands:?}");
    }
    for command in commands.into_iter().filter(|command| *command != "help") {
        let help = output(&mut fanfare(&[command, "--help"])).await;
        assert!(help.status.success(), "{command} --help");
    }
    let version = output(&mut fanfare(&["version"])).await;
    assert_eq!(text(&version.stdout).trim(), format!("fanfare {}", env!("CARGO_PKG_VERSION")));
    assert_eq!(output(&mut fanfare(&["dance"])).await.status.code(), Some(2));
}

#[tokio::test]
async fn a_node_serves_its_page_and_its_relay_and_ends_well_when_it_is_interrupted() {
    let node = Node::start(&["--reactors", "2"]).await;
    let page = Http::connect(&node.url).await.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<html") && page.body.contains("socket.io"));
    assert_eq!(Http::connect(&node.url).await.get("/nothing-here").await.status, 404);

    let mut clients = Client::connect_many(&node.url, 10).await;
    for client in &mut clients {
        client.send("20[\"join\",\"room\"]").await;
        assert_eq!(client.receive().await.text, "30[]");
    }
    clients[0].send("2[\"emit\",\"room\",{\"hello\":[1,2]}]").await;
    for client in &mut clients {
        assert_eq!(client.receive().await.text, "2[\"msg\",{\"hello\":[1,2]}]");
    }
    let mut polling = Polling::connect(&node.url).await;
    let polled = tokio::spawn(async move { polling.poll().await });
    let closed = tokio::spawn(async move {
        for client in &mut clients {
            assert_eq!(client.closed().await, []);
        }
    });
    let log = node.end().await;
    closed.await.expect("clients see the connection close");
    assert!(polled.await.expect("the poll is answered").body.contains('1'));
    assert!(log.iter().any(|line| line.contains("ended")), "{log:?}");
    assert!(!log.iter().any(|line| line.contains("WARN") || line.contains("ERROR")), "{log:?}");
}

#[tokio::test]
async fn a_node_without_an_app_serves_no_page_and_ends_well_when_it_is_terminated() {
    let node = Node::start_with(&["--app", "none", "--log-format", "text"], &[("DRAIN__WAIT_MS", "0")]).await;
    assert_eq!(Http::connect(&node.url).await.get("/").await.status, 404);
    let mut client = Client::connect(&node.url).await;
    client.send("20[\"echo\",1]").await;
    let closed = tokio::spawn(async move { client.closed().await });
    node.end_by("-TERM").await;
    assert_eq!(closed.await.expect("the client sees the connection close"), []);
}
