//! TLS on the listener: official clients over `https://` and `wss://`, certificates that are exchanged under them, and
//! clients that show one of their own.

use std::net::SocketAddr;
use std::time::Duration;

use fanfare::{Ack, ClientCertificates, Io, Options, ServeError, Server, Socket, TlsOptions};
use fanfare_test_support::relay;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use crate::client::{Client, Http, hung_up};
use crate::contract::contract_server;
use crate::judges::{self, MODES};
use crate::support::authority::{Authority, Identity, held, shown};
use crate::support::{DEADLINE, eventually, judge_encrypted, judge_folder, run};

fn options(identity: &Identity) -> Options {
    let Identity { certificate, key } = identity.clone();
    let tls = TlsOptions { certificate, key, ..TlsOptions::default() };
    Options { reactors: 3, tls: Some(tls), ..Options::default() }
}

fn with_tls(mut options: Options, change: impl FnOnce(&mut TlsOptions)) -> Options {
    change(options.tls.as_mut().expect("it is there"));
    options
}

/// For judges: no bound on the data of a socket, as with the official server, and no slow consumers on a busy machine.
fn patient(encrypted: Options) -> Options {
    Options { tls: encrypted.tls, ..judges::options() }
}

/// A server on a free port, with the relay.
async fn started(options: Options) -> (Io, Server) {
    let io = Io::builder().options(options).build();
    relay::install(&io);
    let server = io.listen("127.0.0.1:0").await.expect("a free port");
    (io, server)
}

/// A client over WebSocket in the main namespace.
async fn client(authority: &Authority, address: SocketAddr) -> Client {
    let stream = authority.connect(address).await.expect("a handshake");
    let mut client = Client::over(stream, "").await;
    assert!(client.raw().await.is_some_and(|open| open.is_text()));
    client.join("/", "").await.expect("everybody is let in");
    client
}

async fn echoes(client: &mut Client) {
    client.send(r#"27["echo","still here"]"#).await;
    assert_eq!(client.receive().await.text, r#"37["still here"]"#);
}

async fn judged(script: &str, mode: &str) {
    let authority = Authority::new();
    let io = contract_server(patient(options(&authority.issue("server"))));
    let server = io.listen("127.0.0.1:0").await.expect("a free port");
    let url = format!("https://{}", server.address());
    judge_encrypted(&authority, script, &[&url, mode]).await;
    io.close().await;
}

#[tokio::test]
async fn every_line_of_the_cheat_sheet_reaches_whom_it_should_encrypted_over_polling() {
    judged("cheatsheet.mjs", MODES[0]).await;
}

#[tokio::test]
async fn every_line_of_the_cheat_sheet_reaches_whom_it_should_encrypted_over_websocket() {
    judged("cheatsheet.mjs", MODES[1]).await;
}

/// The session lives on the reactor of its handshake; the stream of the WebSocket comes from another, with its TLS.
#[tokio::test]
async fn every_line_of_the_cheat_sheet_reaches_whom_it_should_encrypted_after_an_upgrade() {
    judged("cheatsheet.mjs", MODES[2]).await;
}

#[tokio::test]
async fn clients_come_and_go_encrypted_as_with_the_official_server() {
    for mode in MODES {
        judged("lifecycle.mjs", mode).await;
    }
}

/// Over polling alone: the synchronous client reads and writes one TLS session of its WebSocket from two threads at a time,
/// which Python's OpenSSL loses bytes over, with any server.
#[tokio::test]
async fn a_python_client_is_at_home_encrypted() {
    let authority = Authority::new();
    let io = contract_server(patient(options(&authority.issue("server"))));
    let server = io.listen("127.0.0.1:0").await.expect("a free port");
    let url = format!("https://{}", server.address());
    let python = std::env::var("JUDGE_PYTHON").unwrap_or_else(|_| "python3".into());
    let mut command = Command::new(&python);
    command.args(["python_judge.py", &url, MODES[0]]).current_dir(judge_folder());
    run(authority.trusted_by(&mut command)).await;
    io.close().await;
}

#[tokio::test]
async fn a_socket_knows_that_it_is_encrypted() {
    let authority = Authority::new();
    let (io, server) = started(options(&authority.issue("server"))).await;
    io.on("secure", async |socket: Socket, ack: Ack| ack.send(socket.handshake().is_secure()));
    let mut client = client(&authority, server.address()).await;
    client.send(r#"27["secure"]"#).await;
    assert_eq!(client.receive().await.text, "37[true]");
    io.close().await;
}

#[tokio::test]
async fn http_1_is_chosen_among_the_protocols_of_a_browser() {
    let authority = Authority::new();
    let (io, server) = started(options(&authority.issue("server"))).await;
    let stream = authority.connect(server.address()).await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    io.close().await;
}

#[tokio::test]
async fn new_connections_see_a_new_certificate_and_old_ones_live_on() {
    let authority = Authority::new();
    let identity = authority.issue("server");
    // Nothing but the call reloads.
    let (io, server) = started(with_tls(options(&identity), |tls| tls.reload_interval_ms = 0)).await;
    let mut old = client(&authority, server.address()).await;
    let before = held(&identity.certificate);
    authority.issue("server");
    let stream = authority.connect(server.address()).await.expect("a handshake");
    assert_eq!(shown(&stream), before);
    server.reload_tls().expect("it can be used");
    let stream = authority.connect(server.address()).await.expect("a handshake");
    assert_eq!(shown(&stream), held(&identity.certificate));
    assert_ne!(shown(&stream), before);
    echoes(&mut old).await;
    io.close().await;
}

#[tokio::test]
async fn a_changed_file_is_noticed_and_a_broken_one_changes_nothing() {
    let authority = Authority::new();
    let identity = authority.issue("server");
    let (io, server) = started(with_tls(options(&identity), |tls| tls.reload_interval_ms = 20)).await;
    let (reloads, failures) = (|| io.metrics().tls_reloads.get(), || io.metrics().tls_reload_failures.get());
    let mut old = client(&authority, server.address()).await;
    let before = held(&identity.certificate);
    std::fs::write(&identity.certificate, "half a certific").expect("a file");
    eventually("the fault is noticed", || failures() > 0).await;
    let stream = authority.connect(server.address()).await.expect("a handshake");
    assert_eq!(shown(&stream), before);
    authority.issue("server");
    // A look may come between the writing of the certificate and that of the key.
    eventually("the change is noticed", || reloads() > 0).await;
    let stream = authority.connect(server.address()).await.expect("a handshake");
    assert_eq!(shown(&stream), held(&identity.certificate));
    echoes(&mut old).await;
    io.close().await;
}

#[tokio::test]
async fn a_server_does_not_start_with_a_broken_file_and_says_which() {
    let authority = Authority::new();
    let identity = authority.issue("server");
    std::fs::write(&identity.key, "half a k").expect("a file");
    let io = Io::builder().options(options(&identity)).build();
    let error = io.listen("127.0.0.1:0").await.err().expect("it cannot start");
    assert!(matches!(error, ServeError::Tls(_)));
    assert!(error.to_string().contains(&identity.key.display().to_string()), "{error}");
    io.close().await;
}

/// Whether a client that shows this certificate, or none, gets an answer.
async fn is_let_in(authority: &Authority, server: &Server, identity: Option<&Identity>) -> bool {
    let stream = TcpStream::connect(server.address()).await.expect("it listens");
    let Ok(stream) = authority.encrypt(stream, identity).await else { return false };
    Http::over(stream).try_get("/socket.io/?EIO=4&transport=polling").await.is_ok()
}

#[tokio::test]
async fn clients_show_a_certificate_where_they_must_and_none_of_strangers() {
    let (authority, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let (known, unknown) = (clients.issue("client"), strangers.issue("client"));
    for (needed, without) in [(ClientCertificates::Required, false), (ClientCertificates::Allowed, true)] {
        let options = with_tls(options(&authority.issue("server")), |tls| {
            tls.client_ca = Some(clients.certificate());
            tls.client_certificates = needed;
        });
        let (io, server) = started(options).await;
        assert!(is_let_in(&authority, &server, Some(&known)).await);
        assert_eq!(is_let_in(&authority, &server, None).await, without);
        assert!(!is_let_in(&authority, &server, Some(&unknown)).await);
        let failures = if without { 1 } else { 2 };
        // A client learns of it before it is counted.
        eventually("they are counted", || io.metrics().tls_handshake_failures.get() == failures).await;
        io.close().await;
    }
}

#[tokio::test]
async fn a_handshake_that_goes_nowhere_ends_in_the_time_of_a_head() {
    let authority = Authority::new();
    let (io, server) =
        started(Options { header_timeout_ms: 200, ..options(&authority.issue("server")) }).await;
    let mut silent = TcpStream::connect(server.address()).await.expect("it listens");
    let mut begun = TcpStream::connect(server.address()).await.expect("it listens");
    // The beginning of a ClientHello.
    begun.write_all(&[0x16, 3, 1, 2, 0, 1]).await.expect("it is sent");
    for stream in [&mut silent, &mut begun] {
        let end = timeout(DEADLINE, stream.read_to_end(&mut Vec::new())).await;
        let _ = end.expect("the server hangs up");
    }
    assert_eq!(io.metrics().head_timeouts.get(), 2);
    // An encrypted connection without a request has no more time.
    let mut encrypted = Http::over(authority.connect(server.address()).await.expect("a handshake"));
    assert_eq!(hung_up(&mut encrypted).await, "");
    assert_eq!(io.metrics().head_timeouts.get(), 3);
    io.close().await;
}

#[tokio::test]
async fn plain_http_is_refused_and_counted() {
    let authority = Authority::new();
    let (io, server) = started(options(&authority.issue("server"))).await;
    let mut http = Http::connect(&format!("http://{}", server.address())).await;
    assert!(http.write(b"GET / HTTP/1.1\r\nhost: fanfare.example\r\n\r\n").await);
    // The answer is an alert of TLS.
    hung_up(&mut http).await;
    eventually("it is counted", || io.metrics().tls_handshake_failures.get() == 1).await;
    io.close().await;
}

/// While handshakes of others hang, nobody waits for them.
#[tokio::test]
async fn silent_connections_hold_nobody_up() {
    let authority = Authority::new();
    let (io, server) = started(options(&authority.issue("server"))).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(server.address()).await.expect("it listens"));
    }
    let mut client = timeout(DEADLINE, client(&authority, server.address())).await.expect("a client");
    echoes(&mut client).await;
    eventually("they count as idle", || io.metrics().http_connections_idle.get() >= 50).await;
    // A close waits for nobody either.
    timeout(DEADLINE.min(Duration::from_secs(30)), io.close()).await.expect("it closes");
}
