//! Other formats of packets: msgpack, judged by the official clients with its official parser, and parsers of a program.

mod own;

use fanfare::{Faults, Io, MemoryHub, Options, PacketFormat};

use crate::contract::{contract_server, contract_server_of};
use crate::judges::{MODES, options};
use crate::support::{eventually, judge, judge_folder, serve};

/// The case of a message that a POST with it as base64 is too large for, as it is for the official server.
const TOO_LARGE_TO_POST: &str = "900 kB";

/// Cases of the judges that speak the default format without a library, or fill a message of it to the byte, or send what
/// the client's msgpack cannot: it writes numbers from 2^63 on as others, and half of a surrogate pair as what it is not.
const DEFAULT_ONLY: &str = "^wire|maxPayload|close packet on polling|to their last bit|half of a surrogate";

fn msgpack() -> Options {
    Options { parser: PacketFormat::Msgpack, ..options() }
}

/// Cases that a judge leaves out in this mode, where all messages of clients are binary.
fn skipped(cases: &str, mode: &str) -> String {
    let is_posted = mode != "websocket";
    if is_posted { format!("{cases}|{TOO_LARGE_TO_POST}") } else { cases.into() }
}

async fn judged(script: &str, mode: &str, more: &[&str]) {
    let io = contract_server(msgpack());
    let url = serve(&io).await;
    let skipped = skipped(DEFAULT_ONLY, mode);
    let arguments = [&[&url, mode, "--parser", "msgpack", "--skip", &skipped], more].concat();
    judge(script, &arguments).await;
    io.close().await;
}

#[tokio::test]
async fn msgpack_clients_hear_every_line_of_the_cheat_sheet_over_polling() {
    judged("cheatsheet.mjs", MODES[0], &["--threads"]).await;
}

#[tokio::test]
async fn msgpack_clients_hear_every_line_of_the_cheat_sheet_over_websocket() {
    judged("cheatsheet.mjs", MODES[1], &["--threads"]).await;
}

// Compatibility: option-parser
#[tokio::test]
async fn msgpack_clients_hear_every_line_of_the_cheat_sheet_after_an_upgrade() {
    judged("cheatsheet.mjs", MODES[2], &["--threads"]).await;
}

#[tokio::test]
async fn msgpack_clients_come_and_go_over_polling() {
    judged("lifecycle.mjs", MODES[0], &[]).await;
}

#[tokio::test]
async fn msgpack_clients_come_and_go_over_websocket() {
    judged("lifecycle.mjs", MODES[1], &[]).await;
}

#[tokio::test]
async fn msgpack_clients_come_and_go_after_an_upgrade() {
    judged("lifecycle.mjs", MODES[2], &[]).await;
}

/// The bus knows one format only, whatever the clients of its nodes speak.
// Compatibility: option-parser
#[tokio::test]
async fn nodes_of_different_formats_share_a_cluster() {
    let hub = MemoryHub::new(7);
    hub.set_faults(Faults { shuffle_subjects: true, ..Faults::default() });
    let formats = [PacketFormat::Default, PacketFormat::Msgpack, PacketFormat::Msgpack];
    let node = |parser| {
        let mut options = Options { parser, ..options() };
        options.cluster.heartbeat_interval_ms = 100;
        options.cluster.heartbeat_timeout_ms = 60_000;
        options.cluster.request_timeout_ms = 60_000;
        contract_server_of(Io::builder().options(options).bus(hub.bus()))
    };
    let nodes = formats.map(node);
    let mut urls = Vec::new();
    for io in &nodes {
        urls.push(serve(io).await);
    }
    let complete = |io: &Io| io.nodes().len() == nodes.len() - 1;
    eventually("the nodes know each other", || nodes.iter().all(complete)).await;
    let parsers = "default,msgpack,msgpack";
    let urls = urls.join(",");
    let arguments = [&urls, "websocket", "--threads", "--parser", parsers, "--skip", DEFAULT_ONLY];
    judge("cheatsheet.mjs", &arguments).await;
    for io in nodes {
        io.close().await;
    }
}

// Compatibility: option-parser
#[tokio::test]
async fn the_msgpack_bundle_of_the_official_client_is_at_home_in_a_browser() {
    let bundle = judge_folder().join("node_modules/socket.io/client-dist");
    let io = contract_server_of(Io::builder().options(msgpack()).client_dist(bundle));
    judge("msgpack-browser.mjs", &[&serve(&io).await]).await;
    io.close().await;
}
