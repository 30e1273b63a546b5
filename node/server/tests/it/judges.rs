//! The official JavaScript client, python-socketio and a real browser, against servers of ours.

use fanfare::{ClientLimits, Cookie, Cors, Io, Options};
use fanfare_test_support::relay;
use tokio::process::Command;

use crate::contract::{contract_server, contract_server_of};
use crate::support::{judge, judge_folder, run, serve, sized};

/// Ways on which a judge connects.
pub const MODES: [&str; 3] = ["polling", "websocket", "upgrade"];

/// More reactors than the machine may have cores, so that every emit crosses some. No judge is too slow a consumer: its
/// machine may be busy.
pub fn options() -> Options {
    // The official server bounds no data of a socket.
    let limits = ClientLimits { shared_data_bytes_max: 1_000_000, ..ClientLimits::default() };
    Options {
        reactors: 3,
        outbox_bytes_max: 64 << 20,
        slow_consumer_grace_ms: 60_000,
        limits,
        ..Options::default()
    }
}

/// A server that the judges find by another path, with a cookie, and for one foreign origin.
fn elsewhere() -> Options {
    let origins = vec!["http://page.test".into()];
    Options {
        path: "/elsewhere".into(),
        cookie: Some(Cookie::default()),
        cors: Some(Cors { origins, credentials: true, ..Cors::default() }),
        ..options()
    }
}

async fn judged(script: &str, mode: &str) {
    let io = contract_server(options());
    let url = serve(&io).await;
    judge(script, &[&url, mode]).await;
    io.close().await;
}

async fn cheat_sheet_judged(mode: &str) {
    let io = contract_server(options());
    let url = serve(&io).await;
    judge("cheatsheet.mjs", &[&url, mode, "--threads"]).await;
    io.close().await;
}

/// On one reactor the whole of a volatile burst is judged as the official server judges it.
// Compatibility: volatile-one, volatile-ready
#[tokio::test]
async fn every_line_of_the_cheat_sheet_reaches_whom_it_should_on_one_reactor() {
    let io = contract_server(Options { reactors: 1, ..options() });
    let url = serve(&io).await;
    judge("cheatsheet.mjs", &[&url, "websocket"]).await;
    io.close().await;
}

// Compatibility: volatile-polling
#[tokio::test]
async fn every_line_of_the_cheat_sheet_reaches_whom_it_should_over_polling() {
    cheat_sheet_judged(MODES[0]).await;
}

// Compatibility: emit-arguments, emit-binary, emit-io, emit-socket, emit-to, emit-except, emit-broadcast
// Compatibility: emit-local, emit-volatile, emit-compress, emit-send, emit-timeout, ack-from-client
// Compatibility: ack-broadcast, ack-broadcast-nobody, ack-binary
#[tokio::test]
async fn every_line_of_the_cheat_sheet_reaches_whom_it_should_over_websocket() {
    cheat_sheet_judged(MODES[1]).await;
}

#[tokio::test]
async fn every_line_of_the_cheat_sheet_reaches_whom_it_should_after_an_upgrade() {
    cheat_sheet_judged(MODES[2]).await;
}

#[tokio::test]
async fn clients_come_and_go_as_with_the_official_server_over_polling() {
    judged("lifecycle.mjs", MODES[0]).await;
}

// Compatibility: reason-client-namespace, reason-server-namespace, reason-transport-close
// Compatibility: socket-disconnecting, socket-disconnect-event, socket-disconnect-order, socket-disconnect
// Compatibility: socket-disconnect-close, namespace-invalid, namespace-middleware-rooms
// Compatibility: namespace-middleware-emit, namespace-middleware-error, connect-several
// Compatibility: connect-after-disconnect, emit-after-disconnect
#[tokio::test]
async fn clients_come_and_go_as_with_the_official_server_over_websocket() {
    judged("lifecycle.mjs", MODES[1]).await;
}

#[tokio::test]
async fn clients_come_and_go_as_with_the_official_server_after_an_upgrade() {
    judged("lifecycle.mjs", MODES[2]).await;
}

#[tokio::test]
async fn every_option_and_event_of_the_official_client_works_over_polling() {
    judged("client.mjs", MODES[0]).await;
}

// Compatibility: emit-reserved, packet-number-name, connect-auth
#[tokio::test]
async fn every_option_and_event_of_the_official_client_works_over_websocket() {
    judged("client.mjs", MODES[1]).await;
}

#[tokio::test]
async fn every_option_and_event_of_the_official_client_works_after_an_upgrade() {
    judged("client.mjs", MODES[2]).await;
}

// Compatibility: heartbeat-timeout, reason-ping-timeout, heartbeat-polling, option-ping
#[tokio::test]
async fn clients_notice_a_lost_heartbeat_and_so_does_the_server() {
    let io = contract_server(Options { ping_interval_ms: 500, ping_timeout_ms: 4_000, ..options() });
    let url = serve(&io).await;
    let judged = async |mode: &str| {
        let (lifecycle, client) =
            ([url.as_str(), mode, "--only", "heartbeat"], [url.as_str(), mode, "--heartbeat"]);
        tokio::join!(judge("lifecycle.mjs", &lifecycle), judge("client.mjs", &client));
    };
    tokio::join!(judged(MODES[0]), judged(MODES[1]), judged(MODES[2]));
    io.close().await;
}

// Compatibility: option-path, option-cookie, option-cors
#[tokio::test]
async fn the_official_client_finds_a_server_elsewhere_and_keeps_its_cookie() {
    let io = contract_server(elsewhere());
    let url = serve(&io).await;
    let judged = async |mode| judge("client.mjs", &[&url, mode, "--path", "/elsewhere"]).await;
    tokio::join!(judged(MODES[0]), judged(MODES[1]), judged(MODES[2]));
    io.close().await;
}

// Compatibility: option-serve-client
#[tokio::test]
async fn the_bundle_of_the_official_client_is_at_home_in_a_browser() {
    let bundle = judge_folder().join("node_modules/socket.io/client-dist");
    let here = contract_server_of(Io::builder().options(options()).client_dist(bundle));
    let elsewhere = contract_server(elsewhere());
    let urls = format!("{},{}", serve(&here).await, serve(&elsewhere).await);
    judge("client-browser.mjs", &[&urls]).await;
    here.close().await;
    elsewhere.close().await;
}

// Compatibility: upgrade-order, upgrade-meanwhile
#[tokio::test]
async fn no_packet_is_lost_or_doubled_by_an_upgrade() {
    let io = contract_server(options());
    judge("upgrade.mjs", &[&serve(&io).await]).await;
    io.close().await;
}

#[tokio::test]
async fn hundreds_of_official_clients_receive_every_message_once_and_in_order() {
    let io = Io::builder().options(options()).build();
    relay::install(&io);
    let (clients, polling) = (sized(100, 200).to_string(), sized(10, 20).to_string());
    judge("load.mjs", &[&serve(&io).await, "--clients", &clients, "--polling", &polling]).await;
    assert_eq!(io.metrics().slow_consumers.get(), 0);
    assert_eq!(io.metrics().overloads.get(), 0);
    io.close().await;
}

#[tokio::test]
async fn a_python_client_is_at_home() {
    let python = std::env::var("JUDGE_PYTHON").unwrap_or_else(|_| "python3".into());
    let io = contract_server(options());
    let url = serve(&io).await;
    for mode in MODES {
        run(Command::new(&python).args(["python_judge.py", &url, mode]).current_dir(judge_folder())).await;
    }
    io.close().await;
}
