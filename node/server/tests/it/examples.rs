//! The programs that a newcomer starts from, and the order in which the README puts its commands.

use std::path::Path;

use fanfare::{Faults, Io, MemoryHub, Options};
use serde_json::json;

use crate::client::Client;
use crate::support::{eventually, serve};

#[path = "../../examples/chat.rs"]
#[allow(dead_code, reason = "its `main` is for whoever runs it as a program")]
mod chat;

#[tokio::test]
async fn the_chat_names_who_is_in_a_room_on_all_nodes() {
    let hub = MemoryHub::new(3);
    hub.set_faults(Faults { shuffle_subjects: true, ..Faults::default() });
    let mut options = Options { reactors: 1, ..Options::default() };
    options.cluster.heartbeat_interval_ms = 100;
    options.cluster.heartbeat_timeout_ms = 60_000;
    options.cluster.request_timeout_ms = 60_000;
    let nodes = [(); 2].map(|()| Io::builder().options(options.clone()).bus(hub.bus()).build());
    nodes.iter().for_each(chat::install);
    let urls = [serve(&nodes[0]).await, serve(&nodes[1]).await];
    eventually("the nodes know each other", || nodes.iter().all(|io| io.nodes().len() == 1)).await;

    let (mut ada, _) = Client::connect_as(&urls[0], r#"{"name":"Ada"}"#).await;
    ada.send(r#"20["enter","lobby"]"#).await;
    assert_eq!(ada.receive().await.text, r#"30[["Ada"]]"#);
    let (mut grace, _) = Client::connect_as(&urls[1], r#"{"name":"Grace"}"#).await;
    grace.send(r#"20["enter","lobby"]"#).await;
    let mut names: Vec<String> =
        serde_json::from_value(grace.receive().await.arguments()[0].clone()).expect("a list of names");
    names.sort_unstable();
    assert_eq!(names, ["Ada", "Grace"]);
    assert_eq!(ada.receive().await.arguments(), [json!("entered"), json!("Grace")]);
    grace.send(r#"2["say","hello"]"#).await;
    assert_eq!(ada.receive().await.arguments(), [json!("said"), json!("Grace"), json!("hello")]);
    drop(grace);
    assert_eq!(ada.receive().await.arguments(), [json!("left"), json!("Grace")]);
    for io in &nodes {
        io.close().await;
    }
}

#[test]
fn the_readme_installs_the_binary_before_it_uses_it_and_names_folders_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).expect("text");
    let is_command = |line: &&str| line.starts_with("cargo install ") || line.starts_with("fanfare serve ");
    let first = readme.lines().find(is_command);
    assert_eq!(first, Some("cargo install --locked --path node/cli"));
    let folders: Vec<_> =
        readme.split("path = \"../fanfare/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(folders, ["node/server", "adapter-nats"]);
    assert!(folders.iter().all(|folder| root.join(folder).join("Cargo.toml").is_file()));
}
