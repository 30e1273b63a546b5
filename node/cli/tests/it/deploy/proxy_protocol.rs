//! HAProxy speaks the PROXY protocol to a node, judged by official clients: the node knows where they are. With a header that
//! the node does not take, or with none, nobody comes in.

use std::net::SocketAddr;

use fanfare::{Ack, ClientLimits, Io, Options, ProxyHeader, Socket, TlsOptions};

use super::{Daemon, Folder, ask_until, program};
use crate::client::{Http, head, hung_up};
use crate::nats::free_port;
use crate::support::authority::{Authority, Identity};
use crate::support::{judge, judge_encrypted};

const MODES: [&str; 3] = ["polling", "websocket", "upgrade"];

/// A node behind a proxy on this machine. It tells a client the address that it sees.
async fn node(tls: Option<TlsOptions>) -> (Io, SocketAddr) {
    let limits = ClientLimits { trusted_proxies: vec!["127.0.0.1".into()], ..ClientLimits::default() };
    let options = Options { reactors: 2, proxy_protocol: true, limits, tls, ..Options::default() };
    let io = Io::builder().options(options).build();
    io.on("address", async |socket: Socket, ack: Ack| {
        ack.send((socket.handshake().address.to_string(), socket.handshake().is_secure()))
    });
    let address = io.listen("127.0.0.1:0").await.expect("a free port").address();
    (io, address)
}

/// HAProxy with a port for each of these sections, which has its lines, and one for its metrics; until this is dropped.
struct Haproxy {
    _daemon: Daemon,
    statistics: SocketAddr,
    ports: Vec<u16>,
    _folder: Folder,
}

impl Haproxy {
    /// The first line of a section is what follows the address in its `bind`. A connection that a node refuses at once is not
    /// tried again: the header belongs to what HAProxy sends before it calls a connection made.
    async fn start(sections: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        let statistics = free_port();
        let mut text = format!(
            "global\n maxconn 500\n log stdout format raw local0 notice\n\
             defaults\n retries 0\n timeout connect 3s\n timeout client 60s\n timeout server 60s\n timeout tunnel 120s\n\
             frontend statistics\n mode http\n bind 127.0.0.1:{statistics}\n \
             http-request use-service prometheus-exporter if {{ path /metrics }}\n"
        );
        let mut ports = Vec::new();
        for (number, (bind, lines)) in sections.iter().enumerate() {
            let port = free_port();
            text += &format!("listen section_{number}\n bind 127.0.0.1:{port} {bind}\n{lines}\n");
            ports.push(port);
        }
        let file = folder.write("haproxy.cfg", &text);
        let mut command = program("haproxy");
        command.args(["-db", "-f"]).arg(file);
        let daemon = Daemon::start(&mut command, statistics, &folder.0.join("haproxy.log")).await;
        let statistics = SocketAddr::from(([127, 0, 0, 1], statistics));
        Self { _daemon: daemon, statistics, ports, _folder: folder }
    }

    fn url(&self, section: usize) -> String {
        format!("http://127.0.0.1:{}", self.ports[section])
    }

    /// For clients with a certificate's name to check.
    fn encrypted_url(&self, section: usize) -> String {
        format!("https://localhost:{}", self.ports[section])
    }
}

#[tokio::test]
async fn a_node_knows_where_official_clients_behind_haproxy_are() {
    let (io, node) = node(None).await;
    // Its checks are connections of its own, whose header says LOCAL.
    let check = "option httpchk\n http-check send meth GET uri /\n http-check expect status 404\n";
    let haproxy = Haproxy::start(&[
        ("", &format!(" mode tcp\n server node {node} send-proxy-v2")),
        ("", &format!(" mode http\n {check} server node {node} send-proxy-v2 check inter 100ms")),
    ])
    .await;
    let well = "haproxy_server_check_status{proxy=\"section_1\",server=\"node\",state=\"L7OK\"} 1";
    ask_until(haproxy.statistics, "/metrics?scope=server", |metrics| metrics.contains(well)).await;
    for section in [0, 1] {
        for mode in MODES {
            judge("address.mjs", &[&haproxy.url(section), mode]).await;
        }
    }
    assert_eq!(io.metrics().proxy_headers_refused.get(), 0);
    io.close().await;
}

/// HAProxy terminates TLS and says so, or passes it on behind the header.
#[tokio::test]
async fn a_node_knows_that_official_clients_behind_haproxy_came_encrypted() {
    let authority = Authority::new();
    let Identity { certificate, key } = authority.issue("server");
    let both = [&certificate, &key].map(|file| std::fs::read_to_string(file).expect("a file")).concat();
    let pem = authority.folder().join("both.pem");
    std::fs::write(&pem, both).expect("a file");
    let tls = TlsOptions { certificate, key, ..TlsOptions::default() };
    let ((plain, plain_node), (encrypted, encrypted_node)) = (node(None).await, node(Some(tls)).await);
    let haproxy = Haproxy::start(&[
        (
            &format!("ssl crt {}", pem.display()),
            &format!(" mode tcp\n server node {plain_node} send-proxy-v2-ssl"),
        ),
        ("", &format!(" mode tcp\n server node {encrypted_node} send-proxy-v2")),
    ])
    .await;
    for section in [0, 1] {
        for mode in MODES {
            let url = haproxy.encrypted_url(section);
            judge_encrypted(&authority, "address.mjs", &[&url, mode, "--secure"]).await;
        }
    }
    plain.close().await;
    encrypted.close().await;
}

#[tokio::test]
async fn nobody_comes_through_haproxy_with_an_old_header_or_without_one() {
    let (io, node) = node(None).await;
    let refused = |reason| io.metrics().proxy_headers_refused.of(reason).get();
    let haproxy = Haproxy::start(&[
        ("", &format!(" mode tcp\n server node {node} send-proxy")),
        ("", &format!(" mode tcp\n server node {node}")),
    ])
    .await;
    for (section, reason) in [(0, ProxyHeader::Version1), (1, ProxyHeader::Invalid)] {
        let mut http = Http::connect(&haproxy.url(section)).await;
        // It may have hung up already.
        http.write(head("GET", "/socket.io/?EIO=4&transport=polling", "").as_bytes()).await;
        assert_eq!(hung_up(&mut http).await, "");
        assert_eq!(refused(reason), 1, "{reason:?}");
    }
    assert_eq!(io.metrics().connections.get(), 0);
    io.close().await;
}
