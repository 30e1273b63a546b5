//! The PROXY protocol in front of HTTP and of TLS: required where it is switched on, and believed from trusted proxies alone.

use std::net::SocketAddr;

use fanfare::{Ack, ClientLimits, Io, Options, ProxyHeader, Server, Socket, TlsOptions};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::{Client, Http, hung_up};
use crate::support::authority::Authority;
use crate::support::eventually;

/// The header of a client at 192.0.2.7:4711.
const PROXIED: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\x0a\0\0\x01\x12\x67\x01\xbb";
/// The same of one that came to the proxy over TLS.
const PROXIED_SECURE: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14\xc0\0\x02\x07\x0a\0\0\x01\x12\x67\x01\xbb\x20\0\x05\x01\0\0\0\0";
/// A connection of the proxy itself.
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

fn options(proxy: &str) -> Options {
    let limits = ClientLimits { trusted_proxies: vec![proxy.into()], ..ClientLimits::default() };
    Options { reactors: 2, proxy_protocol: true, limits, ..Options::default() }
}

async fn started(options: Options) -> (Io, Server) {
    let io = Io::builder().options(options).build();
    io.on("me", async |socket: Socket, ack: Ack| {
        ack.send((socket.handshake().address.to_string(), socket.handshake().is_secure()))
    });
    let server = io.listen("127.0.0.1:0").await.expect("a free port");
    (io, server)
}

async fn connect(address: SocketAddr, header: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(header).await.expect("it is sent");
    stream
}

async fn me(mut client: Client) -> String {
    assert!(client.raw().await.is_some_and(|open| open.is_text()));
    client.join("/", "").await.expect("everybody is let in");
    client.send(r#"27["me"]"#).await;
    client.receive().await.text
}

#[tokio::test]
async fn a_client_has_the_address_of_the_header() {
    let (io, server) = started(options("127.0.0.1")).await;
    for (header, expected) in
        [(PROXIED, r#"37["192.0.2.7:4711",false]"#), (PROXIED_SECURE, r#"37["192.0.2.7:4711",true]"#)]
    {
        let stream = connect(server.address(), header).await;
        assert_eq!(me(Client::over(stream, "").await).await, expected);
    }
    let own = connect(server.address(), LOCAL).await;
    let expected = format!(r#"37["{}",false]"#, own.local_addr().expect("it is connected"));
    assert_eq!(me(Client::over(own, "").await).await, expected);
    assert_eq!(io.metrics().proxy_headers_refused.get(), 0);
    io.close().await;
}

#[tokio::test]
async fn the_header_stands_before_tls() {
    let authority = Authority::new();
    let identity = authority.issue("server");
    let tls = TlsOptions { certificate: identity.certificate, key: identity.key, ..TlsOptions::default() };
    let (io, server) = started(Options { tls: Some(tls), ..options("127.0.0.1") }).await;
    let stream = connect(server.address(), PROXIED).await;
    let stream = authority.encrypt(stream, None).await.expect("a handshake");
    assert_eq!(me(Client::over(stream, "").await).await, r#"37["192.0.2.7:4711",true]"#);
    io.close().await;
}

#[tokio::test]
async fn nobody_comes_without_a_header_or_past_the_proxy() {
    let (io, server) = started(options("127.0.0.1")).await;
    let refused = |reason| io.metrics().proxy_headers_refused.of(reason).get();
    for (bytes, reason) in [
        (&b"GET / HTTP/1.1\r\nhost: fanfare.example\r\n\r\n"[..], ProxyHeader::Invalid),
        (b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n", ProxyHeader::Version1),
    ] {
        let mut http = Http::over(connect(server.address(), bytes).await);
        assert_eq!(hung_up(&mut http).await, "");
        assert_eq!(refused(reason), 1);
    }
    io.close().await;
    let (io, server) = started(options("10.0.0.1")).await;
    let mut http = Http::over(connect(server.address(), PROXIED).await);
    assert_eq!(hung_up(&mut http).await, "");
    assert_eq!(io.metrics().proxy_headers_refused.of(ProxyHeader::Untrusted).get(), 1);
    io.close().await;
}

#[tokio::test]
async fn a_header_that_does_not_come_ends_in_the_time_of_a_head() {
    let (io, server) = started(Options { header_timeout_ms: 200, ..options("127.0.0.1") }).await;
    for beginning in [&b""[..], &PROXIED[..20], PROXIED] {
        let mut http = Http::over(connect(server.address(), beginning).await);
        assert_eq!(hung_up(&mut http).await, "");
    }
    eventually("they are counted", || io.metrics().head_timeouts.get() == 3).await;
    io.close().await;
}

/// Behind a trusted proxy each client has its own share of the idle connections.
#[tokio::test]
async fn idle_connections_count_for_the_client_and_not_for_its_proxy() {
    let mut options = options("127.0.0.1");
    options.limits.idle_connections_per_address_max = 1;
    let (io, server) = started(options).await;
    let mut first = Http::over(connect(server.address(), PROXIED).await);
    eventually("it is idle", || io.metrics().http_connections_idle.get() == 1).await;
    let mut second = Http::over(connect(server.address(), PROXIED).await);
    assert_eq!(hung_up(&mut first).await, "");
    assert_eq!(second.get("/").await.status, 404);
    io.close().await;
}
