//! The programs that a newcomer starts from, and the order in which the documents put their commands.

#![allow(dead_code, reason = "each example has a `main`, for those who run it as a program")]

mod admission;
mod clusters;
mod events;
mod hosts;
mod operating;
mod pages;

#[path = "../../examples/acks.rs"]
mod acks;
#[path = "../../examples/actix_web_app.rs"]
mod actix_web_app;
#[path = "../../examples/auth.rs"]
mod auth;
#[path = "../../examples/axum_app.rs"]
mod axum_app;
#[path = "../../examples/background.rs"]
mod background;
#[path = "../../examples/binary.rs"]
mod binary;
#[path = "../../examples/broadcast_acks.rs"]
mod broadcast_acks;
#[path = "../../examples/chat.rs"]
mod chat;
#[path = "../../examples/cheatsheet.rs"]
mod cheatsheet;
#[path = "../../examples/cluster.rs"]
mod cluster;
#[path = "../../examples/draining.rs"]
mod draining;
#[path = "../../examples/emitter.rs"]
mod emitter;
#[path = "../../examples/errors.rs"]
mod errors;
#[path = "../../examples/hyper_app.rs"]
mod hyper_app;
#[path = "../../examples/middleware.rs"]
mod middleware;
#[path = "../../examples/monitoring.rs"]
mod monitoring;
#[path = "../../examples/namespaces.rs"]
mod namespaces;
#[path = "../../examples/own_extractor.rs"]
mod own_extractor;
#[path = "../../examples/private_messages.rs"]
mod private_messages;
#[path = "../../examples/rooms.rs"]
mod rooms;
#[path = "../../examples/tenants.rs"]
mod tenants;
#[path = "../../examples/tls.rs"]
mod tls;
#[path = "../../examples/whiteboard.rs"]
mod whiteboard;

use std::path::Path;

use fanfare::{Io, Options};

use crate::client::Client;
use crate::support::serve;

/// A node with what the example declares, and where it listens.
async fn started(install: fn(&Io)) -> (Io, String) {
    let io = Io::builder().options(Options { reactors: 1, ..Options::default() }).build();
    install(&io);
    let url = serve(&io).await;
    (io, url)
}

/// Sends a packet, and expects this one next.
async fn exchange(client: &mut Client, packet: &str, expected: &str) {
    client.send(packet).await;
    assert_eq!(client.receive().await.text, expected, "after {packet}");
}

// What the documents say of them

#[test]
fn documents_install_the_binary_before_they_use_it_and_name_folders_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).expect("text");
    let operating = std::fs::read_to_string(root.join("docs/operating.md")).expect("text");
    let is_command = |line: &&str| line.starts_with("cargo install ") || line.starts_with("fanfare serve ");
    for page in [&readme, &operating] {
        let first = page.lines().find(is_command).expect("commands");
        assert!(first.starts_with("cargo install --locked --path node/cli"), "{first}");
    }
    let folders: Vec<_> =
        readme.split("path = \"../fanfare/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(folders, ["node/server", "adapter-nats"]);
    assert!(folders.iter().all(|folder| root.join(folder).join("Cargo.toml").is_file()));
}

#[test]
fn the_guide_names_every_example_and_each_says_how_it_is_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(root.join("../../docs/guide.md")).expect("text");
    for entry in std::fs::read_dir(root.join("examples")).expect("the examples") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        let Some(program) = name.strip_suffix(".rs") else { continue };
        assert!(guide.contains(&format!("| [`{program}`](../node/server/examples/{name}) |")), "{name}");
        let text = std::fs::read_to_string(root.join("examples").join(&name)).expect("text");
        assert!(text.contains(&format!("//! cargo run -p fanfare --example {program}")), "{name}");
    }
}
