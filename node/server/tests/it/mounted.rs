//! Mounted in HTTP servers of others: axum, warp, hyper, hyper-util. The same judges, and what only such servers show.

mod hosts;

use axum::Router;
use bytes::Bytes;
use fanfare::{Ack, ConnectError, Drained, Io, Options, Socket};
use http_body_util::Empty;
use hyper::ext::Protocol;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

pub(crate) use self::hosts::{Host, hosted, serve_axum};
use self::hosts::{User, hosted_at};
use crate::client::{Client, Http, Polling};
use crate::conformance::start_profiles;
use crate::contract::contract_server;
use crate::judges::{MODES, options};
use crate::support::{DEADLINE, eventually, judge, judge_folder, nothing_stays, run};

async fn cheat_sheet_judged(host: Host) {
    let io = contract_server(options());
    io.start().expect("it starts");
    let url = hosted(&io, host).await;
    for mode in MODES {
        judge("cheatsheet.mjs", &[&url, mode, "--threads"]).await;
    }
    io.close().await;
}

// Compatibility: io-attach
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_of_the_cheat_sheet_reaches_whom_it_should_in_axum() {
    cheat_sheet_judged(Host::Axum).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_of_the_cheat_sheet_reaches_whom_it_should_in_hyper() {
    cheat_sheet_judged(Host::Hyper).await;
}

// Compatibility: io-attach-app
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_of_the_cheat_sheet_reaches_whom_it_should_in_warp() {
    cheat_sheet_judged(Host::Warp).await;
}

#[tokio::test]
async fn every_line_of_the_cheat_sheet_reaches_whom_it_should_in_hyper_util() {
    cheat_sheet_judged(Host::Auto).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_come_and_go_in_axum_as_with_the_official_server() {
    let io = contract_server(options());
    let url = hosted(&io, Host::Axum).await;
    for mode in MODES {
        judge("lifecycle.mjs", &[&url, mode]).await;
    }
    io.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_packet_is_lost_or_doubled_by_an_upgrade_in_axum() {
    let io = contract_server(options());
    judge("upgrade.mjs", &[&hosted(&io, Host::Axum).await]).await;
    io.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_client_is_at_home_in_axum() {
    let python = std::env::var("JUDGE_PYTHON").unwrap_or_else(|_| "python3".into());
    let io = contract_server(options());
    let url = hosted(&io, Host::Axum).await;
    for mode in MODES {
        run(Command::new(&python).args(["python_judge.py", &url, mode]).current_dir(judge_folder())).await;
    }
    io.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wire_in_axum_is_that_of_the_official_server() {
    wire_judged(Host::Axum).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wire_in_hyper_is_that_of_the_official_server() {
    wire_judged(Host::Layered).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wire_in_warp_is_that_of_the_official_server() {
    wire_judged(Host::Warp).await;
}

async fn wire_judged(host: Host) {
    let (servers, port) =
        start_profiles(async |io: &Io, port| hosted_at(io, host, ("127.0.0.1", port)).await.is_ok()).await;
    judge("conformance/main.mjs", &[&format!("http://127.0.0.1:{port}"), "--target", "fanfare"]).await;
    for server in &servers {
        server.close().await;
    }
}

/// A node whose sockets say who they are.
fn node() -> Io {
    let io = Io::builder().options(options()).build();
    io.middleware(async |socket: Socket| match socket.handshake().extensions().get::<User>() {
        Some(user) if user.0 == "nobody" => Err(ConnectError::new("not you")),
        _ => Ok(()),
    });
    io.on("who", async |socket: Socket, ack: Ack| {
        let handshake = socket.handshake();
        let user = handshake.extensions().get::<User>().map(|user| user.0.clone());
        ack.send((user, handshake.address.ip().is_loopback(), &*handshake.url))
    });
    io
}

async fn tcp(url: &str) -> TcpStream {
    TcpStream::connect(url.strip_prefix("http://").expect("a URL")).await.expect("a server")
}

async fn exchange(client: &mut Client) {
    client.send(r#"27["who"]"#).await;
    let answer = client.receive().await.text;
    assert!(answer.starts_with("37["), "{answer}");
}

/// A WebSocket that is open serves like any other, and nothing of it stays.
async fn carries(mut client: Client, io: &Io) {
    client.enter().await;
    for _ in 0..3 {
        exchange(&mut client).await;
    }
    drop(client);
    nothing_stays(io).await;
    io.close().await;
}

#[tokio::test]
async fn routes_of_the_application_stay_what_they_were() {
    for host in [Host::Axum, Host::Warp] {
        let io = Io::builder().options(options()).build();
        let url = hosted(&io, host).await;
        let mut http = Http::connect(&url).await;
        for hits in ["1", "2"] {
            let answer = http.get("/rest").await;
            assert_eq!((answer.status, answer.body.as_str()), (200, hits), "{host:?}");
        }
        assert_eq!(http.get("/elsewhere").await.status, 404, "{host:?}");
        assert_eq!(http.get("/socket.io/?EIO=4&transport=polling").await.status, 200, "{host:?}");
        io.close().await;
    }
}

// Compatibility: socket-request, engine-use
#[tokio::test]
async fn what_a_layer_of_the_host_has_found_reaches_middlewares_and_handlers() {
    for host in [Host::Axum, Host::Warp] {
        let io = node();
        let url = hosted(&io, host).await;
        let mut ada = Client::over_with(tcp(&url).await, "", &[("x-user", "Ada")]).await;
        ada.enter().await;
        ada.send(r#"27["who"]"#).await;
        let answer = ada.receive().await.text;
        assert_eq!(answer, r#"37["Ada",true,"/socket.io/?EIO=4&transport=websocket"]"#, "{host:?}");
        let mut nobody = Client::over_with(tcp(&url).await, "", &[("x-user", "nobody")]).await;
        nobody.raw().await.expect("an open packet");
        assert_eq!(nobody.join("/", "").await, Err(r#"{"message":"not you"}"#.to_owned()), "{host:?}");
        // Over polling there is the same.
        let mut polling = Polling::connect(&url).await;
        polling.send(r#"27["who"]"#).await;
        let answer = polling.receive().await;
        assert_eq!(answer, r#"37[null,true,"/socket.io/?EIO=4&transport=polling"]"#, "{host:?}");
        drop((ada, nobody, polling));
        io.close().await;
    }
}

/// hyper says nothing about the client. A TCP connection does; a poll has none.
#[tokio::test]
async fn the_address_comes_from_the_connection_if_nobody_tells_it() {
    let io = node();
    let url = hosted(&io, Host::Hyper).await;
    let mut client = Client::connect(&url).await;
    client.send(r#"27["who"]"#).await;
    assert!(client.receive().await.text.starts_with("37[null,true,"));
    let mut polling = Polling::connect(&url).await;
    polling.send(r#"27["who"]"#).await;
    assert!(polling.receive().await.starts_with("37[null,false,"));
    drop((client, polling));
    io.close().await;
}

#[tokio::test]
async fn a_router_may_take_its_part_off_the_path() {
    let io = node();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let app = Router::new().nest_service("/api/realtime", io.service());
    tokio::spawn(serve_axum(app, listener));
    let mut http = Http::connect(&url).await;
    let path = "/api/realtime/?EIO=4&transport=polling";
    let open = http.get(path).await;
    assert_eq!(open.status, 200);
    let sid = open.body.split('"').nth(3).expect("a session id");
    let path_of_session = format!("{path}&sid={sid}");
    for (packet, answered) in [("40", "40{"), (r#"427["who"]"#, &format!(r#"437[null,true,"{path}"]"#))] {
        assert_eq!(http.post(&path_of_session, packet).await.body, "ok");
        let answer = http.get(&path_of_session).await.body;
        assert!(answer.starts_with(answered), "{answer}");
    }
    io.close().await;
}

/// The server around is gone, and its WebSockets are not: their sockets moved to the reactors.
#[test]
fn a_websocket_over_plain_tcp_leaves_the_runtime_it_came_in_on() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    for host in [Host::Axum, Host::Hyper, Host::Auto, Host::Warp] {
        let io = node();
        let around = runtime().expect("a runtime");
        let url = around.block_on(hosted(&io, host));
        let clients = runtime().expect("a runtime");
        let (mut client, mut upgraded) = clients.block_on(async {
            let polling = Polling::connect(&url).await;
            let mut probe = Client::probe(&url, &polling.sid).await;
            probe.send_raw("2probe").await;
            assert_eq!(probe.raw().await.expect("a pong").to_text().ok(), Some("3probe"));
            probe.send_raw("5").await;
            eventually("it has upgraded", || {
                io.metrics().connections.of(fanfare::Transport::WebSocket).get() == 1
            })
            .await;
            (Client::connect(&url).await, probe)
        });
        around.shutdown_timeout(DEADLINE);
        clients.block_on(async {
            exchange(&mut client).await;
            exchange(&mut upgraded).await;
            drop((client, upgraded));
            nothing_stays(&io).await;
            io.close().await;
        });
    }
}

/// Neither TCP nor a Unix socket: what TLS of somebody else looks like.
// Compatibility: io-attach-app
#[tokio::test]
async fn a_stream_of_any_other_kind_carries_a_websocket_too() {
    let io = node();
    let (near, far) = tokio::io::duplex(64);
    tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(far), io.service()).with_upgrades());
    let client = Client::over(near, "").await;
    carries(client, &io).await;
}

#[tokio::test]
async fn a_websocket_over_http_2_is_one_like_any_other() {
    let io = node();
    let url = hosted(&io, Host::Auto).await;
    let stream = TokioIo::new(tcp(&url).await);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2");
    tokio::spawn(connection);
    let request = hyper::Request::connect(format!("{url}/socket.io/?EIO=4&transport=websocket"))
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13")
        .body(Empty::<Bytes>::new())
        .expect("a request");
    // The server's settings say that it can be asked.
    let answer = sender.send_request(request).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let upgraded = hyper::upgrade::on(answer).await.expect("a stream");
    let client = Client::upgraded(TokioIo::new(upgraded)).await;
    carries(client, &io).await;
}

#[tokio::test]
async fn a_client_that_hangs_up_takes_its_poll_with_it() {
    let io = node();
    let url = hosted(&io, Host::Axum).await;
    let polling = Polling::connect(&url).await;
    let mut poll = Http::connect(&url).await;
    poll.write(crate::client::head("GET", &polling.path(), "").as_bytes()).await;
    drop(poll);
    nothing_stays(&io).await;
    io.close().await;
}

// Compatibility: io-close
#[tokio::test]
async fn draining_and_closing_work_as_behind_a_listener() {
    let io = node();
    let url = hosted(&io, Host::Axum).await;
    let (mut client, mut http) = (Client::connect(&url).await, Http::connect(&url).await);
    let (drained, (_, code)) = tokio::join!(io.drain(), client.farewell());
    assert_eq!(drained, Drained { connections: 1, cut: 0 });
    assert_eq!(code, Some(1001));
    assert_eq!(http.get("/socket.io/?EIO=4&transport=polling").await.status, 503);
    // The rest of the application goes on.
    assert_eq!(Http::connect(&url).await.get("/rest").await.status, 200);
}

#[tokio::test]
async fn a_node_that_cannot_start_says_so_and_refuses() {
    let io = Io::builder().options(Options { ping_interval_ms: 0, ..Options::default() }).build();
    io.start().expect_err("the options contradict themselves");
    let url = hosted(&io, Host::Axum).await;
    let mut http = Http::connect(&url).await;
    assert_eq!(http.get("/socket.io/?EIO=4&transport=polling").await.status, 503);
    assert_eq!(http.get("/rest").await.status, 200);
}

/// Where nobody knows where a client is, they must not share the places of one address.
#[tokio::test]
async fn clients_of_unknown_address_are_not_one_address() {
    let mut options = options();
    options.limits.connections_per_address_max = 1;
    let io = Io::builder().options(options).build();
    let (unknown, known) = (hosted(&io, Host::Hyper).await, hosted(&io, Host::Auto).await);
    let handshake =
        async |url: &str| Http::connect(url).await.get("/socket.io/?EIO=4&transport=polling").await.status;
    assert_eq!([handshake(&unknown).await, handshake(&unknown).await], [200, 200]);
    assert_eq!([handshake(&known).await, handshake(&known).await], [200, 503]);
    io.close().await;
}
