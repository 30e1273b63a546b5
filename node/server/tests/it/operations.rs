//! Requests of operators to a node over HTTP.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use fanfare::{Admin, Io, MemoryHub, Options};

use crate::client::{Client, Http, head};
use crate::support::{DEADLINE, eventually, serve};

/// The status and the body of a GET.
async fn get(address: &str, path: &str) -> (u16, String) {
    let answer = Http::connect(&format!("http://{address}")).await.get(path).await;
    (answer.status, answer.body)
}

async fn operations_of(io: &Io) -> String {
    let free = "127.0.0.1:0".parse().expect("an address");
    Admin::new(io.clone()).listen(free).await.expect("a free port").to_string()
}

/// The value of a metric, named with its label if it has one.
fn value(metrics: &str, name: &str) -> Option<f64> {
    let line = metrics.lines().find(|line| line.starts_with(&format!("{name} ")))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn a_scrape_shows_what_the_node_does() {
    let hub = MemoryHub::new(1);
    let io = Io::builder().options(Options { reactors: 2, ..Options::default() }).bus(hub.bus()).build();
    let url = serve(&io).await;
    let operations = operations_of(&io).await;
    let mut clients = Client::connect_many(&url, 3).await;
    io.emit("hello", ()).unwrap();
    for client in &mut clients {
        client.receive().await;
    }
    let (status, metrics) = get(&operations, "/metrics").await;
    assert_eq!(status, 200);
    assert_eq!(value(&metrics, "fanfare_connections{transport=\"websocket\"}"), Some(3.0), "{metrics}");
    assert_eq!(value(&metrics, "fanfare_connections{transport=\"polling\"}"), Some(0.0));
    assert_eq!(value(&metrics, "fanfare_connections_opened_total{transport=\"websocket\"}"), Some(3.0));
    assert_eq!(value(&metrics, "fanfare_deliveries_total"), Some(3.0));
    assert_eq!(value(&metrics, "fanfare_packets_received_total{type=\"connect\"}"), Some(3.0));
    assert_eq!(value(&metrics, "fanfare_packets_sent_total{type=\"connect\"}"), Some(3.0));
    assert_eq!(value(&metrics, "fanfare_packets_sent_total{type=\"event\"}"), Some(3.0));
    // Three times `42["hello"]`, and three CONNECT packets of some length.
    assert!(value(&metrics, "fanfare_sent_bytes_total").is_some_and(|bytes| bytes > 33.0));
    assert_eq!(value(&metrics, "fanfare_handshake_duration_seconds_count"), Some(3.0));
    assert!(value(&metrics, "fanfare_fanout_duration_seconds_count").is_some_and(|count| count >= 1.0));
    assert_eq!(value(&metrics, "fanfare_ready"), Some(1.0));
    assert!(value(&metrics, "fanfare_bus_frames_published_total").is_some_and(|frames| frames >= 1.0));
    assert!(value(&metrics, "process_cpu_seconds_total").is_some());
    assert!(value(&metrics, "process_resident_memory_bytes").is_some_and(|bytes| bytes > 1e6));
    assert!(metrics.contains("fanfare_build_info{version="));
    for line in metrics.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let name = line.split(['{', ' ']).next().expect("a name");
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
        let name = of_histogram.filter(|name| name.ends_with("_seconds")).unwrap_or(name);
        assert!(metrics.contains(&format!("# HELP {name} ")), "{name} has no description");
    }
    drop(clients);
    eventually("they have gone", || io.metrics().connections.get() == 0).await;
    let metrics = get(&operations, "/metrics").await.1;
    assert_eq!(value(&metrics, "fanfare_connections{transport=\"websocket\"}"), Some(0.0));
    let gone = "fanfare_connections_closed_total{reason=\"transport close\"}";
    assert_eq!(value(&metrics, gone), Some(3.0));
    assert_eq!(value(&metrics, "fanfare_sockets_disconnected_total{reason=\"transport close\"}"), Some(3.0));
    io.close().await;
}

/// Values that are looked up for a scrape: rooms, memberships, what waits, and the time handlers took.
#[tokio::test]
async fn a_scrape_takes_stock() {
    let io = Io::new();
    let (open, opened) = tokio::sync::watch::channel(false);
    io.on("wait", move |_: fanfare::Socket| {
        let mut opened = opened.clone();
        async move { opened.wait_for(|open| *open).await.map(drop) }
    });
    let url = serve(&io).await;
    let operations = operations_of(&io).await;
    let mut clients = Client::connect_many(&url, 2).await;
    io.sockets_join(["a", "b"]).await.unwrap();
    clients[0].send("2[\"wait\"]").await;
    let metrics = || async { get(&operations, "/metrics").await.1 };
    let running = "fanfare_mailbox_messages{actor=\"socket\"}";
    eventually("the handler waits", || io.metrics().handlers.get() == 1).await;
    let before = metrics().await;
    assert_eq!(value(&before, "fanfare_rooms"), Some(2.0), "{before}");
    assert_eq!(value(&before, "fanfare_room_memberships"), Some(4.0));
    assert_eq!(value(&before, running), Some(1.0));
    assert_eq!(value(&before, "fanfare_event_duration_seconds_count"), Some(0.0));
    open.send(true).unwrap();
    eventually("it has ended", || io.metrics().handlers.get() == 0).await;
    let asked = io.timeout(std::time::Duration::from_secs(2)).emit_with_ack::<()>("question", ());
    assert!(asked.await.unwrap().timed_out);
    io.sockets_leave("b").await.unwrap();
    let after = metrics().await;
    assert_eq!(value(&after, running), Some(0.0));
    assert_eq!(value(&after, "fanfare_event_duration_seconds_count"), Some(1.0));
    assert_eq!(value(&after, "fanfare_acks_timed_out_total"), Some(2.0));
    assert_eq!(value(&after, "fanfare_acks_pending"), Some(0.0));
    assert_eq!(value(&after, "fanfare_rooms"), Some(1.0));
    assert_eq!(value(&after, "fanfare_room_memberships"), Some(2.0));
    drop(clients.pop());
    eventually("one has gone", || io.metrics().memberships.get() == 1).await;
    io.close().await;
    assert_eq!(io.metrics().memberships.get(), 0);
}

#[tokio::test]
async fn promtool_finds_nothing_wrong_with_a_scrape() {
    let io = Io::builder().bus(MemoryHub::new(1).bus()).build();
    let url = serve(&io).await;
    let operations = operations_of(&io).await;
    let clients = Client::connect_many(&url, 2).await;
    let metrics = get(&operations, "/metrics").await.1;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed: see scripts/setup-tests.sh");
    promtool.stdin.take().expect("a pipe").write_all(metrics.as_bytes()).unwrap();
    let found = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&found.stderr).into_owned() + &String::from_utf8_lossy(&found.stdout);
    assert!(found.status.success() && said.trim().is_empty(), "{said}");
    drop(clients);
    io.close().await;
}

const METRICS_HEAD: &str = "# Metrics

What a node tells Prometheus at `/metrics` of its operations port (9464 on loopback, unless configured). This page is written
by a test from the code: `UPDATE_DOCS=1 cargo test -p fanfare --test it metrics_page`.

Counters are sums since the start of the process. Times are in seconds, sizes in bytes. No label has a value that clients
choose. Nothing is counted for each delivery: a broadcast adds its recipients once. What waits for clients, rooms and
acknowledgements pending are counted when they are asked for, by a look at each connection and socket; 15 seconds between two
scrapes are fine for a hundred thousand of them.

Beside these there is what the process uses, under the usual names: `process_cpu_seconds_total`,
`process_resident_memory_bytes`, `process_virtual_memory_bytes`, `process_open_fds`, `process_max_fds`, `process_threads`,
`process_start_time_seconds`.

";

#[test]
fn the_metrics_page_is_what_the_code_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let wanted = METRICS_HEAD.to_owned() + &Admin::reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, &wanted).unwrap();
    }
    let there = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(there == wanted, "docs/metrics.md is stale: run this test with UPDATE_DOCS=1");
}

/// Documents that name a metric which does not exist mislead operators who alert on it.
#[test]
fn documents_name_metrics_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let reference = Admin::reference();
    let decisions =
        std::fs::read_dir(root.join("docs/decisions")).unwrap().map(|entry| entry.unwrap().path());
    let docs = ["differences", "guide", "measuring", "operating"].map(|page| format!("docs/{page}.md"));
    let pages = ["README.md", "ARCHITECTURE.md"].into_iter().map(str::to_owned).chain(docs);
    let pages = pages.map(|page| root.join(page));
    for page in pages.chain(decisions) {
        let text = std::fs::read_to_string(&page).unwrap();
        for name in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            let is_metric = name.starts_with("fanfare_")
                && ["_total", "_seconds", "_bytes", "_info"].iter().any(|unit| name.ends_with(unit));
            assert!(!is_metric || reference.contains(&format!("`{name}`")), "{}: {name}", page.display());
        }
    }
}

#[tokio::test]
async fn people_and_debuggers_find_their_way() {
    let hub = MemoryHub::new(1);
    let (io, other) = (Io::builder().bus(hub.bus()).build(), Io::builder().bus(hub.bus()).build());
    let url = serve(&io).await;
    let operations = operations_of(&io).await;
    let clients = Client::connect_many(&url, 3).await;
    eventually("they see each other", || io.nodes().len() == 1).await;
    let (status, page) = get(&operations, "/").await;
    assert!(status == 200 && page.contains("<title>Fanfare node"), "{page}");
    let status: serde_json::Value = serde_json::from_str(&get(&operations, "/status").await.1).unwrap();
    assert_eq!(status["websocket"], 3);
    assert_eq!(status["namespaces"][0]["sockets"], 3);
    assert_eq!(status["cluster"]["others"][0]["node"], other.node_name());
    let actors = |path: &'static str| {
        let operations = operations.clone();
        async move {
            let answer = get(&operations, path).await.1;
            serde_json::from_str::<serde_json::Value>(&answer).unwrap()
        }
    };
    let all = actors("/debug/actors").await;
    assert_eq!(
        (all["connections"].as_array().unwrap().len(), all["sockets"].as_array().unwrap().len()),
        (3, 3)
    );
    assert!(all["namespaces"].as_array().is_some_and(|shards| !shards.is_empty()));
    assert_eq!(actors("/debug/actors?max=2").await["sockets"].as_array().unwrap().len(), 2);
    drop(clients);
    io.close().await;
    other.close().await;
}

#[tokio::test]
async fn a_token_locks_all_but_the_health() {
    let io = Io::new();
    let free = "127.0.0.1:0".parse().expect("an address");
    let operations = Admin::new(io.clone()).token("s3cret").listen(free).await.unwrap().to_string();
    for (path, wanted) in [
        ("/healthz", 200),
        ("/readyz", 200),
        ("/metrics", 401),
        ("/", 401),
        ("/status", 401),
        ("/debug/actors", 401),
    ] {
        assert_eq!(get(&operations, path).await.0, wanted, "{path}");
    }
    let mut http = Http::connect(&format!("http://{operations}")).await;
    http.write(head("GET", "/metrics", "authorization: Bearer s3cret\r\n").as_bytes()).await;
    assert_eq!(http.answer().await.unwrap().status, 200);
}

#[tokio::test]
async fn a_node_is_ready_once_its_cluster_was_reached() {
    let alone = Io::new();
    let operations = operations_of(&alone).await;
    assert_eq!(get(&operations, "/healthz").await, (200, "ok\n".into()));
    assert_eq!(get(&operations, "/readyz").await, (200, "ready\n".into()));
    assert_eq!(get(&operations, "/nothing").await.0, 404);

    let options = fanfare_adapter_nats::NatsOptions {
        servers: vec!["nats://127.0.0.1:1".into()],
        ..fanfare_adapter_nats::NatsOptions::default()
    };
    let io = Io::builder().bus(fanfare_adapter_nats::NatsBus::new(options).unwrap()).build();
    let operations = operations_of(&io).await;
    assert_eq!(get(&operations, "/healthz").await.0, 200);
    let (status, reasons) = get(&operations, "/readyz").await;
    assert!(status == 503 && reasons.contains("NATS"), "{status} {reasons}");
    io.close().await;
}

/// A GET by a thread of its own, so that it needs nothing of the test's runtime.
fn blocking_status_line(address: &str, path: &str) -> String {
    let (address, request) = (address.to_owned(), head("GET", path, ""));
    let (sender, answered) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut stream = std::net::TcpStream::connect(address).expect("a server");
        stream.write_all(request.as_bytes()).expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers and hangs up");
        let _ = sender.send(answer);
    });
    let answer = answered.recv_timeout(DEADLINE).expect("an answer in time");
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn operators_are_answered_while_every_other_thread_is_blocked() {
    let io = Io::builder().options(Options { reactors: 1, ..Options::default() }).build();
    let (go_on, told) = std::sync::mpsc::channel::<()>();
    let told = std::sync::Mutex::new(told);
    io.on("block", async move |_: fanfare::Socket| {
        told.lock().unwrap().recv_timeout(DEADLINE).expect("somebody tells");
    });
    let url = serve(&io).await;
    let operations = operations_of(&io).await;
    let mut client = Client::connect(&url).await;
    client.send("2[\"block\"]").await;
    eventually("the reactor is blocked", || io.metrics().events.get() == 1).await;
    // From here on this thread, whose runtime has opened the port, is blocked too.
    assert_eq!(blocking_status_line(&operations, "/healthz"), "HTTP/1.1 200 OK");
    assert_eq!(blocking_status_line(&operations, "/readyz"), "HTTP/1.1 200 OK");
    assert_eq!(blocking_status_line(&operations, "/metrics"), "HTTP/1.1 200 OK");
    go_on.send(()).unwrap();
    drop(client);
    io.close().await;
}

/// Silent connections have ten seconds each for their request; if they kept others waiting, twenty rounds of them would take
/// minutes.
#[tokio::test]
async fn silent_connections_to_the_operators_port_keep_nobody_waiting() {
    let io = Io::new();
    let operations = operations_of(&io).await;
    let rounds = async {
        for _ in 0..20 {
            let mut silent = Vec::new();
            for _ in 0..70 {
                silent.push(Http::connect(&format!("http://{operations}")).await);
            }
            assert_eq!(get(&operations, "/healthz").await, (200, "ok\n".into()));
        }
    };
    tokio::time::timeout(DEADLINE, rounds).await.expect("nobody waits");
}

#[tokio::test]
async fn the_operators_port_closes_with_the_runtime_that_opened_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (opened, address) = tokio::sync::oneshot::channel();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        runtime.block_on(async {
            let _ = opened.send(operations_of(&Io::new()).await);
            let _ = ended.await;
        });
    });
    let address = address.await.expect("an address");
    assert_eq!(get(&address, "/healthz").await.0, 200);
    drop(end);
    thread.join().expect("no panic");
    eventually("nobody listens any more", || std::net::TcpStream::connect(&address).is_err()).await;
}
