//! Every way to a server: the node of this repository judges polling, the upgrade and both over its own TLS, a TLS proxy
//! before `baseline` the rest.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::servers::{Baseline, Mode, loadtest};

const SHORT: [&str; 4] = ["--warmup", "100ms", "--duration", "1s"];

/// A running node, built into the folder of the tester; killed when dropped.
struct Node {
    child: Child,
    url: String,
}

impl Node {
    fn start() -> Self {
        Self::start_with(&[], "ws")
    }

    /// The same with variables in its environment; the scheme is that of the URL by which its clients come.
    fn start_with(environment: &[(&str, &Path)], scheme: &str) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_loadtest")).with_file_name("fanfare");
        let mut child = Command::new(&program)
            .args(["--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"])
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}: cargo build -p fanfare-server", program.display()));
        let (log, told) = (child.stderr.take().expect("piped"), child.stdout.take().expect("piped"));
        let address = BufReader::new(log.chain(told)).lines().map_while(Result::ok).find_map(|line| {
            let address = line.split("address=").nth(1)?.split(' ').next()?;
            address.trim_matches('"').parse::<SocketAddr>().ok()
        });
        Self { url: format!("{scheme}://{}", address.expect("it listens")), child }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_transport_brings_everything_text_and_binary() {
    let node = Node::start();
    for transport in ["websocket", "polling", "upgrade", "mix"] {
        for binary in [&[][..], &["--binary"]] {
            let ways = [&["--transport", transport], binary].concat();
            let fanout = ["fanout", "--clients", "18", "--rooms", "3", "--window", "2"];
            let echo = ["echo", "--clients", "9"];
            for scenario in [&fanout[..], &echo] {
                let (code, report) = loadtest(&node.url, &[scenario, &ways, &SHORT].concat());
                assert_eq!(code, 0, "{ways:?} {scenario:?}: {report:#}");
                assert!(report["units"].as_u64() > Some(0), "{ways:?} {scenario:?}: {report:#}");
            }
        }
        let connect = ["connect", "--count", "60", "--warmup", "6", "--transport", transport];
        let (code, report) = loadtest(&node.url, &connect);
        assert_eq!(code, 0, "{connect:?}: {report:#}");
    }
}

/// A certificate for this machine, signed by itself, and its key, in files that are removed when dropped.
struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
}

impl Certificate {
    fn new(name: &str) -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("can be made");
        let file = |kind| {
            std::env::temp_dir().join(format!("fanfare-loadtest-{name}-{}.{kind}", std::process::id()))
        };
        let (certificate, key) = (file("pem"), file("key"));
        std::fs::write(&certificate, made.cert.pem()).expect("writes");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("writes");
        Self { certificate, key }
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        for file in [&self.certificate, &self.key] {
            let _ = std::fs::remove_file(file);
        }
    }
}

#[test]
fn a_node_with_tls_of_its_own_brings_everything_over_every_transport() {
    let files = Certificate::new("node");
    let environment: [(&str, &Path); 2] =
        [("FANFARE_SERVER__TLS__CERTIFICATE", &files.certificate), ("FANFARE_SERVER__TLS__KEY", &files.key)];
    let node = Node::start_with(&environment, "wss");
    let ca = files.certificate.to_str().expect("text");
    let https = node.url.replace("wss://", "https://");
    for (url, transport) in [(&node.url, "websocket"), (&https, "polling"), (&https, "upgrade")] {
        let ways = ["--transport", transport, "--tls-ca", ca];
        let fanout = ["fanout", "--clients", "18", "--rooms", "3", "--window", "2", "--payload", "20000"];
        let echo = ["echo", "--clients", "9", "--binary"];
        for scenario in [&fanout[..], &echo] {
            let (code, report) = loadtest(url, &[scenario, &ways, &SHORT].concat());
            assert_eq!(code, 0, "{ways:?} {scenario:?}: {report:#}");
            assert!(report["units"].as_u64() > Some(0), "{ways:?} {scenario:?}: {report:#}");
        }
        let connect = ["connect", "--count", "30", "--warmup", "3"];
        let (code, report) = loadtest(url, &[&connect[..], &ways].concat());
        assert_eq!(code, 0, "{ways:?} {connect:?}: {report:#}");
    }
    let (code, _) = loadtest(&node.url, &["idle", "--clients", "1", "--hold", "10ms"]);
    assert_eq!(code, 3, "nobody trusts its certificate");
    let plain = node.url.replace("wss://", "ws://");
    let (code, _) = loadtest(&plain, &["idle", "--clients", "1", "--hold", "10ms"]);
    assert_eq!(code, 3, "it takes nobody who comes in plain text");
}

#[test]
fn a_namespace_that_is_not_there_is_exit_code_3() {
    let node = Node::start();
    let (code, _) =
        loadtest(&node.url, &["idle", "--clients", "1", "--hold", "10ms", "--namespace", "/none"]);
    assert_eq!(code, 3);
}

/// A proxy that speaks TLS with a certificate of its own for localhost; the file with that certificate is removed when
/// dropped.
pub struct TlsProxy {
    pub url: String,
    pub ca: PathBuf,
}

impl TlsProxy {
    pub fn before(server: SocketAddr, name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("can be made");
        let ca = std::env::temp_dir().join(format!("fanfare-loadtest-{name}-{}.pem", std::process::id()));
        std::fs::write(&ca, made.cert.pem()).expect("writes");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider's own")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("they belong together");
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let port = listener.local_addr().expect("bound").port();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, config) = (client.expect("accepts"), Arc::clone(&config));
                thread::spawn(move || serve(client, config, server));
            }
        });
        Self { url: format!("wss://localhost:{port}"), ca }
    }
}

impl Drop for TlsProxy {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.ca);
    }
}

/// Moves bytes both ways by turns, each with a short limit on waiting.
fn serve(client: TcpStream, config: Arc<ServerConfig>, server: SocketAddr) {
    let patience = Some(std::time::Duration::from_millis(2));
    let mut plain = TcpStream::connect(server).expect("connects");
    plain.set_read_timeout(patience).expect("valid");
    client.set_read_timeout(patience).expect("valid");
    let mut secure = StreamOwned::new(ServerConnection::new(config).expect("valid"), client);
    let mut buffer = [0; 65_536];
    let is_waiting = |error: &std::io::Error| {
        matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
    };
    loop {
        match secure.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                if plain.write_all(&buffer[..count]).is_err() {
                    return;
                }
            }
            Err(error) if is_waiting(&error) => {}
            Err(_) => return,
        }
        match plain.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                if secure.write_all(&buffer[..count]).is_err() {
                    return;
                }
            }
            Err(error) if is_waiting(&error) => {}
            Err(_) => return,
        }
    }
}

#[test]
fn only_trusted_certificates_are_accepted() {
    let baseline = Baseline::start(Mode::Batched);
    let proxy = TlsProxy::before(baseline.address(), "trusted");
    let ca = proxy.ca.to_str().expect("text");
    let fanout = ["fanout", "--clients", "6", "--window", "4", "--payload", "40000"];
    for trust in [&["--tls-ca", ca][..], &["--tls-insecure"]] {
        let (code, report) = loadtest(&proxy.url, &[&fanout[..], &SHORT, trust].concat());
        assert_eq!(code, 0, "{trust:?}: {report:#}");
        assert!(report["units"].as_u64() > Some(0), "{report:#}");
    }
    let other = TlsProxy::before(baseline.address(), "other");
    let ca = other.ca.to_str().expect("text");
    let (code, _) = loadtest(&proxy.url, &[&fanout[..], &SHORT, &["--tls-ca", ca]].concat());
    assert_eq!(code, 3, "signed by another authority");
}
