//! Listeners of every kind: several addresses, one that the program opened, Unix sockets.

use std::path::PathBuf;

use fanfare::{ClientLimits, Io, Listener, Options, Socket};
use tokio::net::UnixStream;

use crate::client::{Client, Http};
use crate::support::{eventually, relay};

/// A path for a socket of this test, which no other run has.
fn socket_path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("fanfare-{}-{name}.sock", std::process::id()))
}

// Compatibility: io-listen
#[tokio::test]
async fn clients_of_all_listeners_meet_on_one_server() {
    let io = Io::builder().options(Options { reactors: 2, ..Options::default() }).build();
    relay::install(&io);
    let mine = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let path = socket_path("meet");
    let listeners = [
        Listener::bind("127.0.0.1:0").expect("a free port"),
        mine.try_into().expect("it can be used"),
        Listener::unix(&path).expect("a free path"),
    ];
    let server = io.listen_on(listeners).await.expect("it starts");
    let [first, second, unix] = *server.addresses() else { panic!("{:?}", server.addresses()) };
    assert_eq!((server.address(), unix.to_string()), (first, "127.0.0.1:0".to_owned()));
    let over_unix = UnixStream::connect(&path).await.expect("it listens");
    let mut clients = [
        Client::over(tokio::net::TcpStream::connect(first).await.expect("it listens"), "").await,
        Client::over(tokio::net::TcpStream::connect(second).await.expect("it listens"), "").await,
        Client::over(over_unix, "").await,
    ];
    for client in &mut clients {
        assert!(client.raw().await.is_some_and(|open| open.is_text()));
        client.join("/", "").await.expect("everybody is let in");
    }
    io.emit("hello", "all").expect("it is encoded");
    for client in &mut clients {
        assert_eq!(client.receive().await.text, r#"2["hello","all"]"#);
    }
    io.close().await;
    assert!(!path.exists(), "the name of the socket goes with the server");
    assert!(Http::try_connect(&format!("http://{second}")).await.is_none());
}

#[tokio::test]
async fn a_client_over_a_unix_socket_is_from_here_and_its_proxy_may_be_trusted() {
    let limits = ClientLimits { trusted_proxies: vec!["127.0.0.1".into()], ..ClientLimits::default() };
    let io = Io::builder().options(Options { reactors: 1, limits, ..Options::default() }).build();
    io.on_connect(async |socket: Socket| {
        socket.emit("you", (socket.handshake().address.to_string(), socket.handshake().is_secure()))
    });
    let path = socket_path("proxy");
    io.listen_on([Listener::unix(&path).expect("a free path")]).await.expect("it starts");
    for (headers, expected) in [
        ("", r#"42["you","127.0.0.1:0",false]"#),
        ("x-forwarded-for: 192.0.2.7\r\nx-forwarded-proto: https\r\n", r#"42["you","192.0.2.7:0",true]"#),
    ] {
        let mut http = Http::over(UnixStream::connect(&path).await.expect("it listens"));
        let open = http.get_with("/socket.io/?EIO=4&transport=polling", headers).await.body;
        let open: serde_json::Value = serde_json::from_str(&open[1..]).expect("an open packet");
        let session =
            format!("/socket.io/?EIO=4&transport=polling&sid={}", open["sid"].as_str().expect("an id"));
        assert_eq!(http.post(&session, "40").await.status, 200);
        let mut heard = String::new();
        while !heard.contains("you") {
            heard = http.get(&session).await.body;
        }
        assert!(heard.ends_with(expected), "{heard}");
    }
    io.close().await;
}

#[tokio::test]
async fn a_unix_socket_left_behind_is_replaced_and_one_in_use_is_not() {
    let path = socket_path("left");
    // Dropping it closes the socket and leaves its name.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a free path"));
    let used = Listener::unix(&path).expect("nobody listens there");
    let error = Listener::unix(&path).expect_err("somebody listens there");
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    drop(used);
    assert!(!path.exists());
    std::fs::write(&path, "a file").expect("a file");
    Listener::unix(&path).expect_err("that is not a socket");
    assert!(path.exists());
    std::fs::remove_file(&path).expect("it is there");
}

/// The program may have its own listener, and the server none.
#[tokio::test]
async fn a_server_without_a_listener_runs_and_ends() {
    let io = Io::builder().options(Options { reactors: 1, ..Options::default() }).build();
    let server = io.listen_on([]).await.expect("it starts");
    assert!(server.addresses().is_empty());
    eventually("it runs", || io.is_healthy()).await;
    io.close().await;
    server.closed().await;
}
