//! Prometheus with the configuration of `deploy/`, watching real nodes behind HAProxy.

use std::net::SocketAddr;

use fanfare::{Admin, Io};

use super::balancers::Haproxy;
use super::{Daemon, Folder, ask_until, program, read, targets_up};
use crate::nats::free_port;
use crate::support::serve;

/// Starts Prometheus with two changes only: the targets, as `targets.yml` names them, and a shorter interval.
async fn prometheus(targets: &str, folder: &Folder) -> Daemon {
    let configuration = read("prometheus/prometheus.yml");
    assert!(configuration.contains("scrape_interval: 15s") && configuration.contains("scrape_timeout: 10s"));
    let hurried =
        configuration.replace("_interval: 15s", "_interval: 1s").replace("_timeout: 10s", "_timeout: 1s");
    folder.write("prometheus.yml", &hurried);
    folder.write("alerts.yml", &read("prometheus/alerts.yml"));
    folder.write("targets.yml", targets);
    let port = free_port();
    let mut command = program("prometheus");
    command.arg(format!("--config.file={}", folder.0.join("prometheus.yml").display()));
    command.arg(format!("--storage.tsdb.path={}", folder.0.join("data").display()));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    Daemon::start(&mut command, port, &folder.0.join("prometheus.log")).await
}

fn query(promql: &str) -> String {
    let encoded: String = promql.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("/api/v1/query?query={encoded}")
}

#[tokio::test]
async fn prometheus_reaches_nodes_and_balancer_and_knows_the_alerts() {
    let mut nodes = Vec::new();
    for _ in 0..3 {
        let io = Io::new();
        let clients = serve(&io).await.replace("http://", "");
        let free = "127.0.0.1:0".parse().expect("an address");
        let operators: SocketAddr = Admin::new(io.clone()).listen(free).await.expect("a free port");
        nodes.push((io, clients, operators));
    }
    let haproxy = Haproxy::start([0, 1, 2].map(|n| (nodes[n].1.as_str(), nodes[n].2.port()))).await;
    let operators: Vec<_> = nodes.iter().map(|(_, _, operators)| operators.to_string()).collect();
    let targets = format!(
        "- {{ labels: {{ role: node }}, targets: [{}] }}\n- {{ labels: {{ role: balancer }}, targets: [\"{}\"] }}\n",
        operators.iter().map(|operators| format!("\"{operators}\"")).collect::<Vec<_>>().join(", "),
        haproxy.statistics,
    );
    let folder = Folder::new();
    let prometheus = prometheus(&targets, &folder).await;
    targets_up(prometheus.address, "fanfare", 3).await;
    targets_up(prometheus.address, "haproxy", 1).await;
    let rules = ask_until(prometheus.address, "/api/v1/rules", |_| true).await;
    let rules: serde_json::Value = serde_json::from_str(&rules).expect("JSON");
    let groups = rules["data"]["groups"].as_array().expect("groups");
    let loaded: usize = groups.iter().map(|group| group["rules"].as_array().map_or(0, Vec::len)).sum();
    assert_eq!(loaded, read("prometheus/alerts.yml").matches("- alert: ").count());
    // What the alerts rely on: the job's name, and figures of the process beside those of the node.
    let three = |answer: &str| answer.contains("\"3\"");
    ask_until(prometheus.address, &query("sum(up{job=\"fanfare\"})"), three).await;
    ask_until(prometheus.address, &query("count(process_open_fds{job=\"fanfare\"})"), three).await;
    ask_until(prometheus.address, &query("count(haproxy_server_status{state=\"UP\"} == 1)"), three).await;
    for (io, _, _) in nodes {
        io.close().await;
    }
}
