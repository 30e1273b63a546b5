//! HAProxy and nginx with the configurations of `deploy/`, in front of three nodes, judged by official clients that keep
//! no cookies.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fanfare::{Cookie, Io, MemoryHub, Options};
use fanfare_test_support::relay;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{Daemon, Folder, ask, ask_until, nodes_healthy, program, read};
use crate::client::{Client, Http, Polling};
use crate::nats::free_port;
use crate::support::{eventually, judge, serve};

const MODES: [&str; 3] = ["polling", "websocket", "upgrade"];

/// Three nodes that know each other, and what HAProxy asks for their health.
struct Nodes {
    nodes: Vec<Io>,
    addresses: Vec<String>,
    readiness: Vec<Readiness>,
}

impl Nodes {
    async fn start() -> Self {
        let hub = MemoryHub::new(3);
        let mut options = Options { reactors: 1, cookie: Some(Cookie::default()), ..Options::default() };
        options.cluster.heartbeat_interval_ms = 100;
        options.cluster.heartbeat_timeout_ms = 60_000;
        options.cluster.request_timeout_ms = 60_000;
        let mut nodes = Self { nodes: Vec::new(), addresses: Vec::new(), readiness: Vec::new() };
        for _ in 0..3 {
            let io = Io::builder().options(options.clone()).bus(hub.bus()).build();
            relay::install(&io);
            nodes.addresses.push(serve(&io).await.replace("http://", ""));
            nodes.readiness.push(Readiness::start().await);
            nodes.nodes.push(io);
        }
        eventually("the nodes know each other", || nodes.nodes.iter().all(|io| io.nodes().len() == 2)).await;
        nodes
    }

    fn addresses(&self) -> [&str; 3] {
        [0, 1, 2].map(|n| self.addresses[n].as_str())
    }

    async fn close(self) {
        for io in &self.nodes {
            io.close().await;
        }
    }
}

/// Stands for the operators' port of a node: 200 until it is told otherwise, then 503, whatever it is asked.
struct Readiness {
    address: SocketAddr,
    ready: Arc<AtomicBool>,
}

impl Readiness {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let ready = Arc::new(AtomicBool::new(true));
        let told = ready.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let status = if told.load(Ordering::SeqCst) { "200 OK" } else { "503 Service Unavailable" };
                tokio::spawn(async move {
                    let answer =
                        format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                    // The caller need not wait for the answer.
                    let _ = stream.read(&mut [0; 4096]).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        Self { address, ready }
    }

    fn say(&self, ready: bool) {
        self.ready.store(ready, Ordering::SeqCst);
    }
}

/// HAProxy with its configuration as it is, until this is dropped.
pub struct Haproxy {
    daemon: Daemon,
    pub statistics: SocketAddr,
    _folder: Folder,
}

impl Haproxy {
    /// In front of three nodes: where each serves clients, and the port of its health.
    pub async fn start(nodes: [(&str, u16); 3]) -> Self {
        let folder = Folder::new();
        let (port, statistics, peers) = (free_port(), free_port(), free_port());
        let mut command = program("haproxy");
        command.args(["-db", "-f"]).arg(super::path("haproxy/haproxy.cfg"));
        command.env("BALANCER", format!("127.0.0.1:{port}")).env("BALANCER_MAXCONN", "2000");
        command.env("BALANCER_STATS", format!("127.0.0.1:{statistics}"));
        command.env("BALANCER_PEERS", format!("127.0.0.1:{peers}"));
        for (n, (address, health)) in (1..).zip(nodes) {
            command.env(format!("NODE_{n}"), address).env(format!("NODE_{n}_OPS"), health.to_string());
        }
        let daemon = Daemon::start(&mut command, port, &folder.0.join("haproxy.log")).await;
        let statistics = SocketAddr::from(([127, 0, 0, 1], statistics));
        nodes_healthy(statistics).await;
        Self { daemon, statistics, _folder: folder }
    }

    async fn in_front_of(nodes: &Nodes) -> Self {
        let node = |n: usize| (nodes.addresses[n].as_str(), nodes.readiness[n].address.port());
        Self::start([node(0), node(1), node(2)]).await
    }

    fn url(&self) -> String {
        self.daemon.url()
    }

    /// Waits until HAProxy says that about the first node.
    async fn first_is(&self, state: &str) {
        let line =
            format!("haproxy_server_status{{proxy=\"nodes\",server=\"fanfare-1\",state=\"{state}\"}} 1");
        let says = |metrics: &str| metrics.lines().any(|found| found == line);
        ask_until(self.statistics, "/metrics?scope=server", says).await;
    }
}

/// nginx with its configuration, but for addresses and for folders that need no root, until this is dropped.
async fn nginx(nodes: [&str; 3]) -> (Daemon, Folder) {
    let folder = Folder::new();
    let port = free_port();
    let file = nginx_configuration(&folder, port, &nodes);
    let mut command = program("nginx");
    command.args(["-e", "stderr", "-g", "daemon off; master_process off;", "-p"]).arg(&folder.0);
    command.arg("-c").arg(file);
    (Daemon::start(&mut command, port, &folder.0.join("nginx.log")).await, folder)
}

/// Writes it into a folder.
pub fn nginx_configuration(folder: &Folder, port: u16, nodes: &[&str; 3]) -> PathBuf {
    let mut text = read("nginx/nginx.conf");
    let mut replace = |from: &str, to: &str| {
        assert!(text.contains(from), "nginx.conf has no {from:?}");
        text = text.replace(from, to);
    };
    replace("listen 8080;", &format!("listen 127.0.0.1:{port};"));
    replace("pid /tmp/nginx.pid;", &format!("pid {};", folder.0.join("nginx.pid").display()));
    replace("worker_rlimit_nofile 20000;", "");
    replace("worker_connections 8192;", "worker_connections 512;");
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let folders = kinds.map(|kind| format!("{kind}_temp_path {}/{kind};", folder.0.display()));
    replace("http {", &format!("http {{ {}", folders.join(" ")));
    for (n, node) in (1..).zip(nodes) {
        replace(&format!("server fanfare-{n}:3000"), &format!("server {node}"));
    }
    folder.write("nginx.conf", &text)
}

async fn judged(url: &str, nodes: usize) {
    for mode in MODES {
        judge("balancer.mjs", &[url, mode, "--nodes", &nodes.to_string()]).await;
    }
}

#[tokio::test]
async fn official_clients_without_cookies_stay_on_their_node_behind_haproxy() {
    let nodes = Nodes::start().await;
    let haproxy = Haproxy::in_front_of(&nodes).await;
    judged(&haproxy.url(), 3).await;
    judge("load.mjs", &[&haproxy.url(), "--clients", "20", "--polling", "10"]).await;
    nodes.close().await;
}

#[tokio::test]
async fn official_clients_stay_on_their_node_behind_nginx() {
    let nodes = Nodes::start().await;
    let (nginx, _folder) = nginx(nodes.addresses()).await;
    judged(&nginx.url(), 3).await;
    judge("load.mjs", &[&nginx.url(), "--clients", "20", "--polling", "10"]).await;
    nodes.close().await;
}

#[tokio::test]
async fn a_node_learns_who_its_clients_are_and_they_do_not_see_the_cookie_of_the_balancer() {
    let nodes = Nodes::start().await;
    let haproxy = Haproxy::in_front_of(&nodes).await;
    let (nginx, _folder) = nginx(nodes.addresses()).await;
    let address_seen = || {
        let sockets = nodes.nodes.iter().flat_map(|io| io.local_sockets());
        let seen = sockets.map(|socket| socket.handshake().header("x-forwarded-for").map(str::to_owned));
        seen.collect::<Vec<_>>()
    };
    for balancer in [haproxy.url(), nginx.url()] {
        let client = Client::connect(&balancer).await;
        assert_eq!(address_seen(), [Some("127.0.0.1".to_owned())]);
        drop(client);
        eventually("it has gone", || address_seen().is_empty()).await;
    }
    let handshake = "/socket.io/?EIO=4&transport=polling";
    let node = nodes.addresses[0].parse().expect("an address");
    let (head, body) = ask(node, handshake).await.expect("an answer");
    assert!(head.contains("set-cookie: io=") && body.contains("sid"), "{head}");
    let (head, body) = ask(haproxy.daemon.address, handshake).await.expect("an answer");
    assert!(!head.contains("set-cookie") && body.contains("sid"), "{head}");
    nodes.close().await;
}

/// Draining needs this: new clients go elsewhere, and a polling session goes on where it is, with what waits for it.
#[tokio::test]
async fn a_node_that_is_not_ready_keeps_its_clients_behind_haproxy_and_gets_no_others() {
    let nodes = Nodes::start().await;
    let haproxy = Haproxy::in_front_of(&nodes).await;
    let first = &nodes.nodes[0];
    let sockets = || first.local_sockets().len();
    let (mut polling, mut websockets) = (Vec::new(), Vec::new());
    for _ in 0..6 {
        polling.push(Polling::connect(&haproxy.url()).await);
        websockets.push(Client::connect(&haproxy.url()).await);
    }
    let before = sockets();
    assert!(before >= 2, "{before} of 12");
    nodes.readiness[0].say(false);
    haproxy.first_is("DOWN").await;
    for client in &mut polling {
        client.send("20[\"echo\",\"still here\"]").await;
        assert_eq!(client.receive().await, "30[\"still here\"]");
    }
    for client in &mut websockets {
        client.send("20[\"echo\",\"still here\"]").await;
        assert_eq!(client.receive().await.text, "30[\"still here\"]");
    }
    judged(&haproxy.url(), 2).await;
    assert_eq!(sockets(), before);
    nodes.readiness[0].say(true);
    haproxy.first_is("UP").await;
    // It gets its share of new clients slowly, which must not slow down those that it has.
    for client in &mut polling {
        client.send("20[\"echo\",\"still here\"]").await;
        assert_eq!(client.receive().await, "30[\"still here\"]");
    }
    drop(polling);
    drop(websockets);
    nodes.close().await;
}

#[tokio::test]
async fn clients_of_a_dead_node_find_another_one() {
    let nodes = Nodes::start().await;
    let haproxy = Haproxy::in_front_of(&nodes).await;
    let (nginx, _folder) = nginx(nodes.addresses()).await;
    let mut first = None;
    while first.is_none() {
        let client = Polling::connect(&haproxy.url()).await;
        first = (!nodes.nodes[0].local_sockets().is_empty()).then_some(client);
    }
    // Its health is left as it was: balancers notice by themselves that nobody listens there.
    nodes.nodes[0].close().await;
    let orphan = first.expect("a client of the first node");
    eventually("the port is closed", || std::net::TcpStream::connect(&nodes.addresses[0]).is_err()).await;
    // On another connection: HAProxy may have closed those of the client together with those of the node.
    let answer = Http::connect(&haproxy.url()).await.post(&orphan.path(), "420[\"echo\"]").await;
    assert_eq!(answer.status, 400, "another node does not know the session: {}", answer.body);
    judged(&haproxy.url(), 2).await;
    judged(&nginx.url(), 2).await;
    nodes.close().await;
}

/// As a draining node does with new sessions. Over WebSocket: nginx.conf says what becomes of polling meanwhile.
#[tokio::test]
async fn nginx_goes_on_to_the_next_node_if_one_refuses() {
    let nodes = Nodes::start().await;
    let refusing = Readiness::start().await;
    refusing.say(false);
    let refusing = refusing.address.to_string();
    let (nginx, _folder) = nginx([&refusing, &nodes.addresses[1], &nodes.addresses[2]]).await;
    judge("balancer.mjs", &[&nginx.url(), "websocket", "--nodes", "2"]).await;
    nodes.close().await;
}

/// The configuration says 45 s in many places, which are not to be waited for in a test.
#[test]
fn no_balancer_is_less_patient_than_the_heartbeat() {
    let options = Options::default();
    let heartbeat = Duration::from_millis(options.ping_interval_ms + options.ping_timeout_ms);
    let files = [
        ("haproxy/haproxy.cfg", ["timeout client ", "timeout server ", "timeout tunnel "].as_slice()),
        ("nginx/nginx.conf", &["proxy_read_timeout ", "proxy_send_timeout "]),
        ("traefik/nodes.yml", &["responseHeaderTimeout: "]),
        ("kubernetes/ingress.yaml", &["timeout-server: "]),
    ];
    for (file, keys) in files {
        let text = fs::read_to_string(super::path(file)).expect("a file");
        for key in keys {
            let values = text.lines().filter_map(|line| line.split_once(key)).map(|(_, value)| value);
            let seconds = values.map(|value| value.trim().trim_end_matches(';').trim_end_matches('s'));
            let seconds: Vec<u64> = seconds.map(|seconds| seconds.parse().expect("seconds")).collect();
            assert!(!seconds.is_empty(), "{file} has no {key}");
            assert!(seconds.iter().all(|s| Duration::from_secs(*s) > heartbeat), "{file}: {key}{seconds:?}");
        }
    }
}
