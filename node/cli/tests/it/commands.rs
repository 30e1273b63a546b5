//! The smaller commands of the binary, and what a node says about its limits when it starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use fanfare::{Admin, Io};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::client::{Client, Http, head};
use crate::config::{fanfare, output, text};
use crate::support::DEADLINE;

// healthcheck

/// The exit code of a command, and what it says on both outputs.
async fn told(command: &mut Command) -> (Option<i32>, String) {
    let output = output(command).await;
    (output.status.code(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
}

#[tokio::test]
async fn a_healthcheck_tells_whether_a_node_wants_clients_and_why_not() {
    let free = "127.0.0.1:0".parse().expect("an address");
    let ready = Io::new();
    let address = Admin::new(ready.clone()).listen(free).await.expect("a free port");
    let url = format!("http://{address}");
    assert_eq!(
        told(&mut fanfare(&["healthcheck", "--timeout", "60s", "--url", &url])).await,
        (Some(0), "ready\n".into())
    );
    assert_eq!(
        told(&mut fanfare(&["healthcheck", "--timeout", "60s", "--live", "--url", &url])).await,
        (Some(0), "ok\n".into())
    );
    // The address of the configuration; a node that listens on all addresses is asked on this machine's own.
    let listen = format!("0.0.0.0:{}", address.port());
    let mut command = fanfare(&["healthcheck", "--timeout", "60s"]);
    assert_eq!(told(command.env("FANFARE_OPS_LISTEN", &listen)).await, (Some(0), "ready\n".into()));

    let options = fanfare_adapter_nats::NatsOptions {
        servers: vec!["nats://127.0.0.1:1".into()],
        ..fanfare_adapter_nats::NatsOptions::default()
    };
    let io = Io::builder().bus(fanfare_adapter_nats::NatsBus::new(options).unwrap()).build();
    let address = Admin::new(io.clone()).listen(free).await.expect("a free port");
    let url = format!("http://{address}");
    let (code, said) = told(&mut fanfare(&["healthcheck", "--timeout", "60s", "--url", &url])).await;
    assert!(code == Some(1) && said.contains("503") && said.contains("NATS"), "{code:?} {said}");
    assert_eq!(
        told(&mut fanfare(&["healthcheck", "--timeout", "60s", "--live", "--url", &url])).await.0,
        Some(0)
    );
    io.close().await;
}

#[tokio::test]
async fn a_healthcheck_of_nobody_or_of_who_does_not_answer_ends_in_time() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", taken.local_addr().expect("an address"));
    let patience = ["healthcheck", "--timeout", "200ms", "--url"];
    // It listens, accepts nothing, and says nothing.
    let (code, said) = told(fanfare(&patience).arg(&url)).await;
    assert!(code == Some(1) && said.contains("timed out"), "{said}");
    drop(taken);
    let (code, said) = told(fanfare(&patience).arg(&url)).await;
    assert!(code == Some(1) && said.contains("no answer from"), "{said}");
    for nonsense in ["https://127.0.0.1:1", "127.0.0.1", "http://"] {
        let (code, said) = told(fanfare(&patience).arg(nonsense)).await;
        assert!(code == Some(1) && said.contains("--url"), "{said}");
    }
    let (code, said) = told(&mut fanfare(&["healthcheck", "--config", "no-such-file.toml"])).await;
    assert!(code == Some(1) && said.contains("no-such-file.toml"), "{said}");
}

#[tokio::test]
async fn a_healthcheck_shows_its_token_and_takes_an_answer_that_comes_in_pieces() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let asking = tokio::spawn(async move {
        told(&mut fanfare(&["healthcheck", "--timeout", "60s", "--url", &url, "--token", "s3cret"])).await
    });
    let (stream, _) = timeout(DEADLINE, listener.accept()).await.expect("it asks").expect("a connection");
    let mut stream = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.expect("text");
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    assert_eq!(head[0], "GET /readyz HTTP/1.0");
    assert!(head.contains(&"authorization: Bearer s3cret".to_owned()), "{head:?}");
    for piece in ["HTTP/1.1 503 Service Una", "vailable\r\nx: y\r\n\r\nfirst rea", "son\nsecond reason\n"] {
        stream.write_all(piece.as_bytes()).await.expect("it reads");
        stream.flush().await.expect("it reads");
        tokio::task::yield_now().await;
    }
    drop(stream);
    let (code, said) = asking.await.expect("no panic");
    assert!(code == Some(1) && said.contains("first reason\nsecond reason"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
}

#[tokio::test]
async fn a_token_for_operators_is_asked_for_and_shown_to_nobody() {
    let checked = told(fanfare(&["check-config"]).env("FANFARE_OPS_TOKEN", "s3cret")).await;
    assert!(checked.0 == Some(0) && checked.1.contains("ops_token = \"***\""), "{checked:?}");
    assert!(!checked.1.contains("s3cret"), "{checked:?}");
    let (code, said) = told(fanfare(&["check-config"]).env("FANFARE_OPS_TOKEN", "")).await;
    assert!(code == Some(1) && said.contains("ops_token"), "{said}");

    let mut node = fanfare(&["serve", "--listen", "127.0.0.1:0", "--app", "none"]);
    node.envs([("FANFARE_OPS_LISTEN", "127.0.0.1:0"), ("FANFARE_OPS_TOKEN", "s3cret")]);
    node.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut node = node.spawn().expect("it starts");
    let url =
        word_after("for operators: ", &mut node, |line| assert!(!line.contains("s3cret"), "{line}")).await;
    assert_eq!(Http::connect(&url).await.get("/metrics").await.status, 401);
    let mut http = Http::connect(&url).await;
    assert_eq!(http.get_with("/metrics", "authorization: Bearer s3cret\r\n").await.status, 200);
    assert_eq!(
        told(&mut fanfare(&["healthcheck", "--timeout", "60s", "--url", &url])).await.0,
        Some(0),
        "health needs no token"
    );
    node.kill().await.expect("it ends");
}

// completions

#[tokio::test]
async fn completions_know_every_command_in_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = output(&mut fanfare(&["completions", shell])).await;
        assert!(script.status.success(), "{shell}");
        for word in ["check-config", "healthcheck", "ops-listen", "completions"] {
            assert!(text(&script.stdout).contains(word), "{word} for {shell}");
        }
    }
    // A shell of this machine reads it.
    let script = output(&mut fanfare(&["completions", "bash"])).await;
    let read = output(Command::new("bash").args(["-n", "-c", text(&script.stdout)])).await;
    assert!(read.status.success(), "{}", text(&read.stderr));
    assert_eq!(output(&mut fanfare(&["completions", "abacus"])).await.status.code(), Some(2));
}

// The reference of the configuration

fn reference() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md")
}

#[tokio::test]
async fn the_reference_of_the_configuration_says_what_the_code_says() {
    let made = output(&mut fanfare(&["default-config", "--format", "markdown"])).await;
    assert!(made.status.success());
    let made = text(&made.stdout);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(reference(), made).expect("it can be written");
    }
    let kept = fs::read_to_string(reference()).unwrap_or_default();
    assert!(kept == made, "docs/configuration.md is out of date: run this test with UPDATE_DOCS=1");
}

#[tokio::test]
async fn every_key_stands_in_the_reference_and_every_line_of_it_means_something() {
    let reference = output(&mut fanfare(&["default-config", "--format", "markdown"])).await;
    let reference = text(&reference.stdout);
    let defaults = output(&mut fanfare(&["default-config"])).await;
    let defaults: toml::Table = text(&defaults.stdout).parse().expect("TOML");
    let mut variables = Vec::new();
    variables_of(&defaults, "FANFARE_", &mut variables);
    assert!(variables.len() > 40, "{variables:?}");
    // Those that are absent by default.
    variables.extend(
        ["NATS", "CLIENT_DIST", "SERVER__COOKIE__NAME", "SERVER__CORS__ORIGINS", "NATS_CLIENT__PASSWORD"]
            .map(|key| format!("FANFARE_{key}")),
    );
    for variable in variables {
        assert!(reference.contains(&format!("`{variable}`")), "{variable} is not in the reference");
    }
    assert!(reference.contains("| `reactors` | `FANFARE_SERVER__REACTORS` | `--reactors` | `0` | Threads"));
    assert!(reference.contains("`relay`: Clients join rooms"), "choices are told");
    for line in reference.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split(" | ").collect();
        assert_eq!(cells.len(), 5, "{line}");
        assert!(cells[4].len() > 10, "it says nothing: {line}");
    }
}

/// The variable of each key that is not a table.
fn variables_of(table: &toml::Table, prefix: &str, variables: &mut Vec<String>) {
    for (key, value) in table {
        let name = format!("{prefix}{}", key.to_uppercase());
        match value {
            toml::Value::Table(inner) => variables_of(inner, &format!("{name}__"), variables),
            _ => variables.push(name),
        }
    }
}

#[tokio::test]
async fn the_schema_of_the_configuration_is_json() {
    let schema = output(&mut fanfare(&["default-config", "--format", "schema"])).await;
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).expect("JSON");
    assert!(schema["properties"]["listen"]["description"].is_string());
}

// What a node says at its start

/// The log of a node that is started with a limit on its file descriptors, until it listens; then it is ended.
async fn log_with_descriptors(soft_and_hard: &str, more: &[&str]) -> Vec<String> {
    let mut command = Command::new("sh");
    let script = format!("{soft_and_hard}; exec \"$@\"");
    command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_fanfare"), "serve", "--listen", "127.0.0.1:0"]);
    command.args(["--app", "none"]).args(more);
    log_until(&mut command, |line| line.contains("clients can connect")).await
}

/// The first word that a node's log has after `mark`; each line up to there is shown to `check`.
async fn word_after(mark: &str, node: &mut Child, check: impl Fn(&str)) -> String {
    let mut log = BufReader::new(node.stderr.take().expect("a pipe")).lines();
    loop {
        let line = timeout(DEADLINE, log.next_line()).await.expect("it says it in time").expect("text");
        let line = line.expect("it says it before it ends");
        check(&line);
        if let Some((_, rest)) = line.split_once(mark) {
            return rest.split(' ').next().unwrap_or_default().to_owned();
        }
    }
}

/// The lines up to the first one that is wanted, and that one.
async fn log_until(command: &mut Command, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FANFARE_")) {
        command.env_remove(name);
    }
    command.env("FANFARE_OPS_LISTEN", "127.0.0.1:0");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("it starts");
    let mut log = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let mut lines = Vec::new();
    while !lines.last().is_some_and(|line: &String| wanted(line)) {
        let line = timeout(DEADLINE, log.next_line()).await.expect("it says it in time").expect("text");
        lines.push(line.unwrap_or_else(|| panic!("it ended before it said it: {lines:?}")));
    }
    child.kill().await.expect("it ends");
    lines
}

fn warnings(log: &[String]) -> Vec<&String> {
    log.iter().filter(|line| line.contains(" WARN ")).collect()
}

#[tokio::test]
async fn a_node_takes_all_file_descriptors_it_may_have_and_says_how_many_clients_that_is() {
    let hard = output(Command::new("sh").args(["-c", "ulimit -Hn"])).await;
    let hard = text(&hard.stdout).trim().to_owned();
    let log = log_with_descriptors("ulimit -Sn 300", &[]).await;
    if hard != "unlimited" {
        let line = log.iter().find(|line| line.contains("room for clients")).expect("it says it");
        assert!(line.contains(&format!("nofile={hard} nofile_hard={hard}")), "{line}");
    }
    let log = log_with_descriptors("ulimit -n 400", &["--reactors", "1"]).await;
    assert!(log.iter().any(|line| line.contains("nofile=400") && line.contains("clients=300")), "{log:?}");
    let warned = warnings(&log);
    assert!(warned.len() == 1 && warned[0].contains("few file descriptors"), "{warned:?}");
}

/// Nobody is left waiting for a file descriptor.
#[tokio::test]
async fn clients_beyond_the_file_descriptors_of_a_node_are_refused() {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 130; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_fanfare"), "serve"]);
    command.args(["--listen", "127.0.0.1:0", "--app", "none", "--reactors", "1"]);
    command.env("FANFARE_OPS_LISTEN", "127.0.0.1:0").stdin(Stdio::null()).stdout(Stdio::null());
    let mut node = command.stderr(Stdio::piped()).kill_on_drop(true).spawn().expect("it starts");
    let address = word_after("clients can connect address=", &mut node, |_| {}).await;
    let url = format!("http://{address}");
    let clients = Client::connect_many(&url, 30).await;
    let refused = Http::connect(&url).await.get("/socket.io/?EIO=4&transport=polling").await;
    assert!(refused.status == 503 && refused.body.contains("too many connections"), "{refused:?}");
    drop(clients);
    node.kill().await.expect("it ends");
}

/// Clients that say nothing take no file descriptor from probes, and none from clients that speak.
#[tokio::test]
async fn a_node_full_of_silent_clients_answers_probes_and_clients_that_speak() {
    const CLIENTS: usize = 120;
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 300; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_fanfare"), "serve"]);
    command.args(["--listen", "127.0.0.1:0", "--app", "none", "--reactors", "1"]);
    command.env("FANFARE_OPS_LISTEN", "127.0.0.1:0").stdin(Stdio::null()).stdout(Stdio::null());
    let mut node = command.stderr(Stdio::piped()).kill_on_drop(true).spawn().expect("it starts");
    let operations = std::cell::RefCell::new(String::new());
    let address = word_after("clients can connect address=", &mut node, |line| {
        if let Some((_, told)) = line.split_once("for operators: ") {
            *operations.borrow_mut() = told.split(' ').next().unwrap_or_default().to_owned();
        }
    });
    let url = format!("http://{}", address.await);
    let operations = operations.into_inner();
    let _clients = Client::connect_many(&url, CLIENTS).await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(Http::connect(&url).await);
    }
    assert_eq!(Http::connect(&operations).await.get("/healthz").await.body, "ok\n");
    // It may find a moment in which the silent ones have not made room yet; stock clients try again, too.
    let start = std::time::Instant::now();
    loop {
        let mut late = Http::connect(&url).await;
        late.write(head("GET", "/socket.io/?EIO=4&transport=polling", "").as_bytes()).await;
        if late.answer().await.is_ok_and(|answer| answer.status == 200) {
            break;
        }
        assert!(start.elapsed() < DEADLINE, "a client that speaks is never let in");
    }
    let scarce = "fanfare_limits_reached_total{limit=\"file_descriptors\"}";
    let mut metrics = String::new();
    let value = |metrics: &str, name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse::<f64>().expect("a number"))
    };
    while value(&metrics, scarce) == 0.0 {
        assert!(start.elapsed() < DEADLINE, "file descriptors were never scarce: {metrics}");
        metrics = Http::connect(&operations).await.get("/metrics").await.body;
    }
    assert_eq!(value(&metrics, "fanfare_connections{transport=\"websocket\"}"), CLIENTS as f64);
    assert_eq!(value(&metrics, "fanfare_accept_errors_total"), 0.0);
    let used = value(&metrics, "process_open_fds");
    assert!(used > 100.0 && used < 270.0, "{used} file descriptors are in use");
    node.kill().await.expect("it ends");
}

#[tokio::test]
async fn a_node_warns_of_settings_that_are_going_to_hurt() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("hurting.toml");
    fs::write(
        &file,
        "[server]\nreactors = 1\nping_interval_ms = 90000\n[server.limits]\nconnections_max = 301\n",
    )
    .expect("a file");
    let path = file.to_str().expect("a path");
    let log = log_with_descriptors("ulimit -n 400", &["--config", path]).await;
    let warned = warnings(&log);
    assert!(warned.len() == 2 && warned[1].contains("connections_max=301"), "{warned:?}");
    let advice = log.iter().find(|line| line.contains("many proxies")).expect("advice");
    assert!(advice.contains(" INFO ") && advice.contains("ping_interval_ms=90000"), "{advice}");
    let _ = fs::remove_file(file);
}

/// The log of a node whose NATS is not there, until it has said so, and `also` has come after that.
async fn log_without_nats(filter: &str, also: &str) -> Vec<String> {
    let mut command = fanfare(&["serve", "--listen", "127.0.0.1:0", "--app", "none", "--log-format", "json"]);
    command.args(["--nats", "nats://127.0.0.1:1", "--log", filter]);
    let said = std::cell::Cell::new(false);
    log_until(&mut command, |line| {
        said.set(said.get() || line.contains("cannot connect to NATS yet"));
        said.get() && line.contains(also)
    })
    .await
}

#[tokio::test]
async fn the_client_library_of_nats_is_heard_only_if_it_is_asked_for() {
    const THEIRS: &str = "\"target\":\"async_nats";
    let log = log_without_nats("trace", "").await;
    assert!(!log.iter().any(|line| line.contains(THEIRS)), "{log:?}");
    log_without_nats("info,async_nats=trace", THEIRS).await;
}
