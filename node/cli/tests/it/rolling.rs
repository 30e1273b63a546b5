//! A rolling restart: nodes that are programs of their own, joined by a real broker, behind a real balancer, under
//! official clients.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use fanfare::{Io, Options};
use fanfare_test_support::relay;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use crate::client::{Http, hung_up};
use crate::config::Node;
use crate::nats::{Server, bus, free_port};
use crate::support::{DEADLINE, judge_folder, serve};

const CLIENTS: u64 = 60;
const PER_SECOND: u32 = 20;
/// Longer than the balancer takes to notice.
const WAIT: Duration = Duration::from_millis(3_000);

#[tokio::test]
async fn a_rolling_restart_moves_every_client_at_the_pace_and_costs_only_what_is_said_while_they_are_away() {
    let broker = Server::start();
    let publisher = Io::builder().options(Options { reactors: 1, ..Options::default() });
    let publisher = publisher.bus(bus(&[broker.url()])).build();
    relay::install(&publisher);
    let publisher_url = serve(&publisher).await;
    let mut places: Vec<Place> = (0..3).map(|_| Place::new(&broker)).collect();
    for place in &mut places {
        place.start().await;
    }
    let balancer = Balancer::start(&places);
    for n in 0..places.len() {
        balancer.uses(n).await;
    }
    let mut clients = Judge::start(&format!("{},{publisher_url}", balancer.url)).await;
    clients.says("connected").await;
    for n in 0..places.len() {
        restart(n, &mut places).await;
        balancer.uses(n).await;
    }
    clients.finish().await;
    for place in places {
        let log = place.node.expect("it runs").end().await;
        assert_sound(&log);
    }
    publisher.close().await;
}

/// Drains a node, and starts it again once all its clients are with the others. They come no faster than they are let go.
async fn restart(n: usize, places: &mut [Place]) {
    let mut node = places[n].node.take().expect("it runs");
    let here = places[n].counts("fanfare_connections").await;
    assert!(here > 0, "node {n} has clients");
    let opened = others(places, n, "fanfare_connections_opened_total").await;
    let start = Instant::now();
    node.signal("-TERM").await;
    loop {
        let came = others(places, n, "fanfare_connections_opened_total").await - opened;
        // As this is asked after the counting, at least as many were let go.
        let let_go = start.elapsed().saturating_sub(WAIT).as_secs_f64() * f64::from(PER_SECOND);
        assert!(came as f64 <= let_go, "{came} of {here} came back after {:?}", start.elapsed());
        if others(places, n, "fanfare_sockets").await == CLIENTS && !node.runs() {
            break;
        }
        assert!(start.elapsed() < DEADLINE, "{came} of {here} came back, node {n} runs: {}", node.runs());
        sleep(Duration::from_millis(10)).await;
    }
    let (code, log) = node.ended().await;
    assert_eq!(code, Some(0), "{log:?}");
    assert_sound(&log);
    places[n].start().await;
}

async fn others(places: &[Place], n: usize, metric: &str) -> u64 {
    let mut sum = 0;
    for (_, place) in places.iter().enumerate().filter(|(other, _)| *other != n) {
        sum += place.counts(metric).await;
    }
    sum
}

fn assert_sound(log: &[String]) {
    let faults: Vec<_> = log.iter().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    assert!(faults.is_empty(), "{faults:?}");
}

/// Where a node runs, whenever it does.
struct Place {
    listen: String,
    operations: String,
    nats: String,
    node: Option<Node>,
}

impl Place {
    fn new(broker: &Server) -> Self {
        let address = || format!("127.0.0.1:{}", free_port());
        Self { listen: address(), operations: address(), nats: broker.url(), node: None }
    }

    async fn start(&mut self) {
        let arguments = ["--reactors", "2", "--nats", &self.nats, "--ops-listen", &self.operations];
        let (wait_ms, per_second) = (WAIT.as_millis().to_string(), PER_SECOND.to_string());
        let settings = [
            ("COOKIE__NAME", "io"),
            ("DRAIN__WAIT_MS", wait_ms.as_str()),
            ("DRAIN__CONNECTIONS_PER_SECOND", per_second.as_str()),
        ];
        self.node = Some(Node::start_at(&self.listen, &arguments, &settings).await);
    }

    /// Value of a metric, all its labels together.
    async fn counts(&self, metric: &str) -> u64 {
        let metrics = Http::connect(&format!("http://{}", self.operations)).await.get("/metrics").await.body;
        let lines = metrics.lines().filter_map(|line| line.strip_prefix(metric));
        let values: Vec<f64> = lines
            .filter(|rest| rest.starts_with(['{', ' ']))
            .map(|rest| rest.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number"))
            .collect();
        assert!(!values.is_empty(), "{metric} is not counted");
        values.iter().sum::<f64>() as u64
    }
}

/// HAProxy in front of the nodes, until it is dropped.
struct Balancer {
    _process: Child,
    file: PathBuf,
    url: String,
    statistics: String,
}

impl Balancer {
    fn start(places: &[Place]) -> Self {
        let address = || format!("127.0.0.1:{}", free_port());
        let (clients, statistics) = (address(), address());
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("haproxy-{}.cfg", std::process::id()));
        fs::write(&file, configuration(&clients, &statistics, places)).expect("a file");
        // Debian puts it where only root looks.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let process = Command::new("haproxy")
            .args(["-db", "-q", "-f"])
            .arg(&file)
            .env("PATH", path)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("HAProxy starts: run `make test`, or install it");
        Self { _process: process, file, url: format!("http://{clients}"), statistics }
    }

    /// Waits until it sends clients to a node.
    async fn uses(&self, n: usize) {
        let start = Instant::now();
        while self.status(n).await.as_deref() != Some("UP") {
            assert!(start.elapsed() < DEADLINE, "it does not notice that node {n} is there");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// State of a node in the eyes of the balancer; nothing while the balancer does not listen yet.
    async fn status(&self, n: usize) -> Option<String> {
        let stream = tokio::net::TcpStream::connect(&self.statistics).await.ok()?;
        let mut http = Http::over(stream);
        http.write(b"GET /;csv HTTP/1.0\r\n\r\n").await;
        let table = hung_up(&mut http).await;
        let line = table.lines().find(|line| line.starts_with(&format!("nodes,node-{n},")))?;
        line.split(',').nth(17).map(str::to_owned)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}

/// Health by `/readyz`. Requests of a session go to the node that its id names (the first four characters), also while
/// that node drains (`persist`): it ends them itself, at its pace.
fn configuration(clients: &str, statistics: &str, places: &[Place]) -> String {
    let mut servers = String::new();
    for (n, Place { listen, operations, .. }) in places.iter().enumerate() {
        let port = operations.rsplit(':').next().expect("a port");
        servers.push_str(&format!("    server node-{n} {listen} port {port}\n"));
    }
    format!(
        "\
defaults
    mode http
    timeout connect 3s
    timeout http-request 10s
    timeout client 60s
    timeout server 60s
    timeout tunnel 120s

frontend clients
    bind {clients}
    default_backend nodes

backend nodes
    balance leastconn
    stick-table type string len 4 size 10k expire 1d
    stick match url_param(sid),bytes(0,4)
    stick store-response res.cook(io),bytes(0,4)
    option persist
    option redispatch 1
    retries 2
    retry-on conn-failure
    option httpchk
    http-check send meth GET uri /readyz
    http-check expect status 200
    timeout check 3s
    default-server check inter 200ms fall 2 rise 1
{servers}
frontend statistics
    bind {statistics}
    stats enable
    stats uri /
"
    )
}

/// The official clients.
struct Judge {
    process: Child,
    lines: tokio::io::Lines<BufReader<ChildStdout>>,
    said: String,
}

impl Judge {
    async fn start(urls: &str) -> Self {
        let mut process = Command::new("node")
            .args(["rolling.mjs", urls, "--clients", &CLIENTS.to_string()])
            .current_dir(judge_folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect("Node.js runs");
        let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        Self { process, lines, said: String::new() }
    }

    async fn says(&mut self, what: &str) {
        while let Some(line) = self.line().await {
            if line == what {
                return;
            }
        }
        panic!("the clients are not {what}:\n{}", self.said);
    }

    /// Lets it come to its verdict.
    async fn finish(mut self) {
        drop(self.process.stdin.take());
        while self.line().await.is_some() {}
        let status = timeout(DEADLINE, self.process.wait()).await.expect("it ends").expect("a status");
        assert!(status.success(), "the clients are not content:\n{}", self.said);
        println!("{}", self.said);
    }

    async fn line(&mut self) -> Option<String> {
        let line =
            timeout(DEADLINE, self.lines.next_line()).await.expect("the clients say something in time");
        let line = line.expect("text")?;
        self.said.push_str(&format!("{line}\n"));
        Some(line)
    }
}
