//! TLS and listeners of the binary: checked before they are needed, reloaded by a signal, several at a time.

use std::net::SocketAddr;

use tokio::net::UnixStream;

use crate::client::{Client, Http};
use crate::config::{File, Node, fanfare, output, text};
use crate::support::authority::{Authority, Identity, held, shown};

fn settings(identity: &Identity) -> [(&str, &str); 3] {
    [
        ("TLS__CERTIFICATE", identity.certificate.to_str().expect("a path")),
        ("TLS__KEY", identity.key.to_str().expect("a path")),
        // The signal alone reloads.
        ("TLS__RELOAD_INTERVAL_MS", "0"),
    ]
}

#[tokio::test]
async fn a_certificate_is_exchanged_by_a_signal_and_a_broken_one_is_not() {
    let authority = Authority::new();
    let identity = authority.issue("server");
    let mut node = Node::start_with(&[], &settings(&identity)).await;
    let address: SocketAddr = node.url.replace("http://", "").parse().expect("an address");
    let before = held(&identity.certificate);
    assert_eq!(shown(&authority.connect(address).await.expect("a handshake")), before);
    authority.issue("server");
    node.signal("-HUP").await;
    node.logs("certificate reloaded").await;
    let after = held(&identity.certificate);
    assert_ne!(after, before);
    assert_eq!(shown(&authority.connect(address).await.expect("a handshake")), after);
    std::fs::write(&identity.key, "half a k").expect("a file");
    node.signal("-HUP").await;
    node.logs("the old one stays in force").await;
    assert_eq!(shown(&authority.connect(address).await.expect("a handshake")), after);
    node.end().await;
}

#[tokio::test]
async fn check_config_names_the_file_that_is_wrong() {
    let authority = Authority::new();
    let Identity { certificate, key } = authority.issue("server");
    let config = format!("[server.tls]\ncertificate = {certificate:?}\nkey = {key:?}\n");
    let file = File::new("tls-check.toml", &config);
    let checked = output(&mut fanfare(&["check-config", "--config", file.path()])).await;
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    std::fs::write(&key, "half a k").expect("a file");
    for command in ["check-config", "serve"] {
        let checked =
            output(&mut fanfare(&[command, "--config", file.path(), "--listen", "127.0.0.1:0"])).await;
        assert_eq!(checked.status.code(), Some(1));
        let told = text(&checked.stderr);
        assert!(told.contains(&key.display().to_string()) && told.contains("no private key"), "{told}");
    }
}

#[tokio::test]
async fn clients_connect_to_several_addresses_and_a_unix_socket() {
    let path = std::env::temp_dir().join(format!("fanfare-cli-{}.sock", std::process::id()));
    let unix = format!("unix:{}", path.display());
    let node = Node::start(&["--listen", "127.0.0.1:0", "--listen", &unix]).await;
    Client::connect(&node.url).await;
    let stream = UnixStream::connect(&path).await.expect("it listens");
    assert_eq!(Http::over(stream).get("/").await.status, 200);
    node.end().await;
    assert!(!path.exists());
}
