//! Trust in the head of a request: which claims a node believes, and from which peers.

use fanfare::{ClientLimits, Cors, Io, MemoryHub, Options};

use crate::client::{Http, hung_up};
use crate::support::{eventually, serve};

const HANDSHAKE: &str = "/socket.io/?EIO=4&transport=polling";

// Compatibility: socket-handshake-proxy
#[tokio::test]
async fn only_a_trusted_proxy_tells_that_a_client_came_encrypted_and_every_node_knows() {
    for proxies in [vec![], vec!["127.0.0.1".to_owned()]] {
        let is_trusted = !proxies.is_empty();
        let limits = ClientLimits { trusted_proxies: proxies, ..ClientLimits::default() };
        let options = Options { reactors: 1, limits, ..Options::default() };
        let hub = MemoryHub::new(7);
        let nodes = [(); 2].map(|()| Io::builder().options(options.clone()).bus(hub.bus()).build());
        let url = serve(&nodes[0]).await;
        serve(&nodes[1]).await;
        eventually("the nodes know each other", || nodes.iter().all(|io| io.nodes().len() == 1)).await;
        let mut http = Http::connect(&url).await;
        let open = http.get_with(HANDSHAKE, "x-forwarded-proto: https\r\n").await.body;
        let open: serde_json::Value = serde_json::from_str(&open[1..]).expect("an open packet");
        let session = format!("{HANDSHAKE}&sid={}", open["sid"].as_str().expect("a session id"));
        assert_eq!(http.post(&session, "40").await.status, 200);
        assert!(http.get(&session).await.body.starts_with("40{"));
        for io in &nodes {
            let found = io.fetch_sockets().await.expect("everybody answers");
            let told: Vec<bool> = found.iter().map(|socket| socket.handshake().is_secure()).collect();
            assert_eq!(told, [is_trusted]);
        }
        for io in &nodes {
            io.close().await;
        }
    }
}

#[tokio::test]
async fn a_request_without_its_host_is_refused_wherever_it_leads_and_counted() {
    let io = Io::builder().build();
    let url = serve(&io).await;
    for path in ["/", HANDSHAKE] {
        let mut http = Http::connect(&url).await;
        assert!(http.write(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes()).await);
        assert_eq!(http.answer().await.expect("an answer").status, 400);
        assert_eq!(hung_up(&mut http).await, "");
    }
    assert_eq!(io.metrics().refusals.get(), 2);
    assert_eq!(io.metrics().connects.get(), 0);
    io.close().await;
}

// Compatibility: option-cors-websocket
#[tokio::test]
async fn a_websocket_of_another_origin_is_refused_and_counted_unless_that_is_switched_off() {
    const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";
    let head = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\norigin: https://evil.example\r\ncookie: session=1\r\n";
    for websocket in [true, false] {
        let cors = Cors { origins: vec!["https://app.example".into()], websocket, ..Cors::default() };
        let io = Io::builder().options(Options { cors: Some(cors), ..Options::default() }).build();
        let url = serve(&io).await;
        let answer = Http::connect(&url).await.get_with(WEBSOCKET, head).await;
        assert_eq!(answer.status, if websocket { 403 } else { 101 });
        assert_eq!(io.metrics().refusals.get(), u64::from(websocket));
        io.close().await;
    }
}
