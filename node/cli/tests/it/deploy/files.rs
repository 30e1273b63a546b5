//! The files, without running what they are for: syntax, schemas, and what one file must know of another.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use tokio::process::Command;

use super::{Folder, find, output, path, program, python, read, yaml};
use crate::nats::free_port;

/// A name of nobody's, so that the configurations of nginx and HAProxy need no name server.
const NODE: &str = "127.0.0.1:3000";

#[tokio::test]
async fn haproxy_understands_its_configuration() {
    let mut command = program("haproxy");
    command.envs([("NODE_1", NODE), ("NODE_2", NODE), ("NODE_3", NODE), ("BALANCER_MAXCONN", "100")]);
    output(command.args(["-c", "-f"]).arg(path("haproxy/haproxy.cfg"))).await;
}

#[tokio::test]
async fn nginx_understands_its_configuration() {
    let folder = Folder::new();
    let file = super::balancers::nginx_configuration(&folder, free_port(), &[NODE, NODE, NODE]);
    output(program("nginx").args(["-t", "-e", "stderr", "-p"]).arg(&folder.0).arg("-c").arg(file)).await;
}

#[tokio::test]
async fn prometheus_understands_its_configuration_and_the_alerts_alert() {
    let promtool = || {
        let mut command = program("promtool");
        command.current_dir(path("prometheus"));
        command
    };
    output(promtool().args(["check", "config", "prometheus.yml"])).await;
    let checked = output(promtool().args(["check", "rules", "alerts.yml"])).await;
    assert!(checked.contains("SUCCESS"), "{checked}");
    output(promtool().args(["test", "rules", "alerts_test.yml"])).await;
    let groups = &yaml(&path("prometheus/alerts.yml")).await[0]["groups"];
    let tests = read("prometheus/alerts_test.yml");
    for rule in groups.as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap()) {
        let name = rule["alert"].as_str().expect("a name");
        for key in ["summary", "description", "runbook"] {
            assert!(rule["annotations"][key].is_string(), "{name} has no {key}");
        }
        assert!(matches!(rule["labels"]["severity"].as_str(), Some("page" | "ticket")), "{name}");
        assert!(tests.contains(&format!("alertname=\"{name}\"")), "{name} is not tested");
    }
}

/// Grafana fills in what is chosen at the top; Prometheus must understand the rest.
#[tokio::test]
async fn prometheus_understands_each_query_of_the_dashboard() {
    let made = output(Command::new("node").arg(path("grafana/dashboard.mjs"))).await;
    assert!(
        made == read("grafana/dashboard.json"),
        "dashboard.json is stale: `node dashboard.mjs > dashboard.json`"
    );
    let dashboard: Value = serde_json::from_str(&made).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let expressions: Vec<_> = targets.map(|target| target["expr"].as_str().expect("a query")).collect();
    assert!(expressions.len() > 50);
    let mut rules = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    for (n, expression) in expressions.iter().enumerate() {
        let expression = expression.replace("$instance", ".*").replace("$__rate_interval", "1m");
        rules += &format!("  - record: panel_{n}\n    expr: {}\n", Value::from(expression));
    }
    let folder = Folder::new();
    output(program("promtool").args(["check", "rules"]).arg(folder.write("rules.yml", &rules))).await;
    // No panel lies on another.
    let mut places = BTreeSet::new();
    for panel in panels {
        let number = |key: &str| panel["gridPos"][key].as_u64().expect("a number");
        for (x, y) in (0..number("w")).flat_map(|x| (0..number("h")).map(move |y| (x, y))) {
            assert!(number("x") + x < 24, "{} is outside", panel["title"]);
            assert!(places.insert((number("x") + x, number("y") + y)), "{} lies on another", panel["title"]);
        }
    }
}

/// `docs/metrics.md` is made from the code.
#[test]
fn every_metric_that_is_asked_for_exists() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    let page = fs::read_to_string(page).expect("the page of metrics");
    let documented: BTreeSet<_> =
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split(['`', '{']).next()).collect();
    let files = [
        "grafana/dashboard.json",
        "prometheus/alerts.yml",
        "prometheus/alerts_test.yml",
        "kubernetes/autoscaler.yaml",
        "kubernetes/prometheus-adapter.yaml",
    ];
    let mut unknown = BTreeSet::new();
    for file in files {
        let text = read(file);
        let names = metrics_in(&text);
        assert!(!names.is_empty(), "{file} names none");
        let strange = names.into_iter().filter(|name| !is_one_of(&documented, name));
        unknown.extend(strange.map(str::to_owned));
    }
    assert!(unknown.is_empty(), "no node has these metrics: {unknown:?}");
}

fn is_one_of(documented: &BTreeSet<&str>, name: &str) -> bool {
    let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
    documented.contains(name) || histogram.is_some_and(|name| documented.contains(name))
}

fn metrics_in(text: &str) -> BTreeSet<&str> {
    let starts = text.match_indices("fanfare_").map(|(start, _)| start);
    let name = |start: usize| {
        let length = text[start..].find(|c: char| !c.is_ascii_lowercase() && c != '_');
        &text[start..length.map_or(text.len(), |length| start + length)]
    };
    starts.map(name).collect()
}

#[tokio::test]
async fn systemd_understands_the_unit_and_the_node_its_configuration() {
    let fanfare = env!("CARGO_BIN_EXE_fanfare");
    output(Command::new(fanfare).args(["check-config", "--config"]).arg(path("systemd/fanfare.toml"))).await;
    if find("systemd-analyze").is_none() {
        return println!("skipped: there is no systemd-analyze");
    }
    let unit = read("systemd/fanfare.service");
    assert!(unit.contains("ExecStart=/usr/local/bin/fanfare serve "));
    let folder = Folder::new();
    let file = folder
        .write("fanfare.service", &unit.replace("/usr/local/bin/fanfare serve", &format!("{fanfare} serve")));
    output(program("systemd-analyze").args(["verify", "--man=no"]).arg(&file)).await;
    // 0 is a program that may do nothing, 100 one that may do anything.
    output(program("systemd-analyze").args(["security", "--offline=true", "--threshold=20"]).arg(&file))
        .await;
}

#[tokio::test]
async fn compose_follows_its_schema_and_what_it_mounts_is_there() {
    let file = path("compose.yaml");
    output(python("check_jsonschema").args(["--builtin-schema", "vendor.compose-spec"]).arg(&file)).await;
    let services = yaml(&file).await.remove(0)["services"].take();
    for (name, service) in services.as_object().expect("services") {
        let image = service["image"].as_str().expect("an image");
        assert!(image == "fanfare" || image.contains(':') && !image.ends_with(":latest"), "{name}: {image}");
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let source = volume.as_str().expect("a volume").split(':').next().expect("a source");
            assert!(!source.starts_with('.') || path(source).exists(), "{name} mounts {source}");
        }
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(
                port.as_str().is_some_and(|port| port.starts_with("127.0.0.1:")),
                "{name} publishes {port}"
            );
        }
        if image == "fanfare" {
            assert_eq!(service["stop_grace_period"], "75s", "longer than a drain");
            assert!(read("haproxy/haproxy.cfg").contains(&format!("{name}:3000")));
            assert!(read("nginx/nginx.conf").contains(&format!("{name}:3000")));
            assert!(read("traefik/nodes.yml").contains(&format!("{name}:3000")));
            assert!(read("prometheus/targets.yml").contains(&format!("{name}:9464")));
        } else {
            assert!(service["healthcheck"]["test"].is_array(), "{name} has no health check");
        }
    }
}

#[tokio::test]
async fn the_image_is_built_from_what_is_there() {
    let root = path("..");
    let ignored = fs::read_to_string(root.join(".dockerignore")).expect("a .dockerignore");
    let dockerfile = read("Dockerfile");
    let copied = dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "))
        .filter(|line| !line.starts_with('-'));
    let mut sources: Vec<_> = copied.flat_map(|line| line.split(' ')).collect();
    sources.retain(|source| *source != "./");
    assert!(sources.len() > 6, "{sources:?}");
    for source in &sources {
        assert!(root.join(source).exists(), "{source} is copied");
        assert!(!ignored.lines().any(|line| line == *source), "{source} is copied and ignored");
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("the workspace");
    let workspace: toml::Table = manifest.parse().expect("TOML");
    let members = workspace["workspace"]["members"].as_array().expect("members");
    for member in members.iter().filter_map(|member| member.as_str()) {
        let folder = member.split('/').next().expect("a folder");
        assert!(sources.contains(&folder), "cargo wants {member}");
    }
    let wanted = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).expect("a version");
    assert!(dockerfile.contains(&format!("RUST_VERSION={}", wanted.trim_matches('"'))), "{wanted}");
    // A configuration that the node would refuse is one that starts no container.
    let mut node = Command::new(env!("CARGO_BIN_EXE_fanfare"));
    let told =
        dockerfile.split_whitespace().filter_map(|word| word.strip_prefix("FANFARE_")?.split_once('='));
    let told: Vec<_> = told.map(|(name, value)| (format!("FANFARE_{name}"), value)).collect();
    assert_eq!(told.len(), 4, "{told:?}");
    output(node.arg("check-config").envs(told)).await;
}

#[tokio::test]
async fn kubernetes_manifests_follow_their_schemas() {
    let folder = path("kubernetes");
    let list = yaml(&folder.join("kustomization.yaml")).await.remove(0);
    let resources: Vec<_> = list["resources"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let present: BTreeSet<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    // The list itself, and what is for Helm.
    assert_eq!(present.len(), resources.len() + 2, "each file is a resource");
    let mut check = python("kubernetes_validate");
    output(check.current_dir(&folder).args(["--strict", "--no-warn"]).args(&resources)).await;
    if let Some(kubectl) = find("kubectl") {
        output(Command::new(kubectl).arg("kustomize").arg(&folder)).await;
    }
}

/// Faults that nothing but a cluster would notice.
#[tokio::test]
async fn kubernetes_manifests_name_each_other_rightly() {
    let file = async |name: &str| yaml(&path("kubernetes").join(name)).await;
    let deployment = file("deployment.yaml").await.remove(0);
    let pod = &deployment["spec"]["template"];
    let container = &pod["spec"]["containers"][0];
    let ports: Vec<_> = container["ports"].as_array().unwrap().iter().map(|port| &port["name"]).collect();
    let grace = pod["spec"]["terminationGracePeriodSeconds"].as_u64();
    assert!(grace.is_some_and(|seconds| seconds > 65), "longer than a drain: {grace:?}");
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        assert!(ports.contains(&&container[probe]["httpGet"]["port"]), "{probe}");
    }
    for service in file("services.yaml").await {
        assert_eq!(service["spec"]["selector"], pod["metadata"]["labels"]);
        assert!(ports.contains(&&service["spec"]["ports"][0]["targetPort"]));
    }
    for one in ["disruption-budget.yaml", "network-policy.yaml"] {
        let one = file(one).await.remove(0);
        let spec = &one["spec"];
        let selector = if spec["selector"].is_null() { &spec["podSelector"] } else { &spec["selector"] };
        assert_eq!(selector["matchLabels"], pod["metadata"]["labels"]);
    }
    let target = &file("autoscaler.yaml").await[0]["spec"]["scaleTargetRef"];
    assert_eq!((&target["kind"], &target["name"]), (&deployment["kind"], &deployment["metadata"]["name"]));
    // The environment is one that the node accepts.
    let mut node = Command::new(env!("CARGO_BIN_EXE_fanfare"));
    for variable in container["env"].as_array().unwrap() {
        node.env(variable["name"].as_str().unwrap(), variable["value"].as_str().unwrap());
    }
    output(node.arg("check-config")).await;
    // The ingress does what haproxy.cfg does.
    let ingress = file("ingress.yaml").await.remove(0);
    let snippet = ingress["metadata"]["annotations"]["haproxy.org/backend-config-snippet"].as_str().unwrap();
    let haproxy = read("haproxy/haproxy.cfg");
    for line in snippet.lines().filter(|line| !line.starts_with("stick-table")) {
        assert!(haproxy.lines().any(|of_haproxy| of_haproxy.trim() == line), "{line}");
    }
}

#[tokio::test]
async fn the_other_yaml_files_are_yaml() {
    for file in [
        "traefik/traefik.yml",
        "traefik/nodes.yml",
        "prometheus/targets.yml",
        "kubernetes/prometheus-adapter.yaml",
        "grafana/provisioning/datasources/prometheus.yml",
        "grafana/provisioning/dashboards/fanfare.yml",
    ] {
        assert_eq!(yaml(&path(file)).await.len(), 1, "{file}");
    }
}
