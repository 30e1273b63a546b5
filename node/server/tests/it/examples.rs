//! The programs that a newcomer starts from, and the order in which the documents put their commands.

#![allow(dead_code, reason = "each example has a `main`, for whoever runs it as a program")]

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use fanfare::{Bytes, Faults, Io, MemoryHub, Options};
use serde_json::json;

use tokio::net::{TcpListener, TcpStream};

use crate::client::{Client, Http, head};
use crate::support::authority::{Authority, Identity};
use crate::support::{DEADLINE, eventually, serve};

#[path = "../../examples/acks.rs"]
mod acks;
#[path = "../../examples/actix_web_app.rs"]
mod actix_web_app;
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
#[path = "../../examples/rooms.rs"]
mod rooms;
#[path = "../../examples/tls.rs"]
mod tls;

#[tokio::test]
async fn the_chat_names_who_is_in_a_room_on_all_nodes() {
    let hub = MemoryHub::new(3);
    hub.set_faults(Faults { shuffle_subjects: true, ..Faults::default() });
    let mut options = Options { reactors: 1, ..Options::default() };
    options.cluster.heartbeat_interval_ms = 100;
    options.cluster.heartbeat_timeout_ms = 60_000;
    options.cluster.request_timeout_ms = 60_000;
    let nodes = [(); 2].map(|()| Io::builder().options(options.clone()).bus(hub.bus()).build());
    nodes.iter().for_each(chat::install);
    let urls = [serve(&nodes[0]).await, serve(&nodes[1]).await];
    eventually("the nodes know each other", || nodes.iter().all(|io| io.nodes().len() == 1)).await;

    let (mut ada, _) = Client::connect_as(&urls[0], r#"{"name":"Ada"}"#).await;
    ada.send(r#"20["enter","lobby"]"#).await;
    assert_eq!(ada.receive().await.text, r#"30[["Ada"]]"#);
    let (mut grace, _) = Client::connect_as(&urls[1], r#"{"name":"Grace"}"#).await;
    grace.send(r#"20["enter","lobby"]"#).await;
    let mut names: Vec<String> =
        serde_json::from_value(grace.receive().await.arguments()[0].clone()).expect("a list of names");
    names.sort_unstable();
    assert_eq!(names, ["Ada", "Grace"]);
    assert_eq!(ada.receive().await.arguments(), [json!("entered"), json!("Grace")]);
    grace.send(r#"2["say","hello"]"#).await;
    assert_eq!(ada.receive().await.arguments(), [json!("said"), json!("Grace"), json!("hello")]);
    drop(grace);
    assert_eq!(ada.receive().await.arguments(), [json!("left"), json!("Grace")]);
    for io in &nodes {
        io.close().await;
    }
}

// The small ones, each with one exchange.

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

#[tokio::test]
async fn acks_go_in_both_directions() {
    let (io, url) = started(acks::install).await;
    let mut client = Client::connect(&url).await;
    exchange(&mut client, r#"27["add",1,2]"#, "37[3]").await;
    for (answer, verdict) in [("42", "right"), ("41", "wrong")] {
        client.send(r#"28["quiz"]"#).await;
        let question = client.receive().await.text;
        let id = question.strip_suffix(r#"["question","6 * 7?"]"#).expect("the question");
        let id = id.strip_prefix('2').expect("an event");
        exchange(&mut client, &format!(r#"3{id}["{answer}"]"#), &format!(r#"38["{verdict}"]"#)).await;
    }
    drop(client);
    io.close().await;
}

/// Two servers in one program: a route of one emits through the other.
#[actix_web::test]
async fn an_application_of_actix_web_has_sockets_beside_it() {
    let origin = "http://application.example";
    let io = actix_web_app::node(origin);
    let sockets = serve(&io).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let routes = format!("http://{}", listener.local_addr().expect("an address"));
    let application = actix_web_app::serve(&io, listener).expect("it starts");
    let handle = application.handle();
    let running = tokio::spawn(application);

    let mut http = Http::connect(&sockets).await;
    let open = http.get_with("/socket.io/?EIO=4&transport=polling", &format!("origin: {origin}\r\n")).await;
    let allowed = format!("access-control-allow-origin: {origin}");
    assert!(open.headers.contains(&allowed), "{open:?}");
    let mut client = Client::connect(&sockets).await;
    let mut http = Http::connect(&routes).await;
    assert_eq!(http.get("/clients").await.body, "1");
    assert_eq!(http.get("/socket.io/?EIO=4&transport=polling").await.status, 404);
    assert_eq!(http.post("/news", "it rains").await.status, 204);
    assert_eq!(client.receive().await.text, r#"2["news","it rains"]"#);

    // Ending one leaves the other as it is.
    handle.stop(true).await;
    running.await.expect("it does not panic").expect("it ends well");
    io.emit("news", "the application is gone").expect("it is sent");
    assert_eq!(client.receive().await.text, r#"2["news","the application is gone"]"#);
    drop(client);
    io.close().await;
}

/// The routes and the sockets of one application, behind one auth layer.
#[tokio::test]
async fn an_axum_application_has_sockets_too() {
    let io = Io::builder().options(Options { reactors: 1, ..Options::default() }).build();
    axum_app::install(&io);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let app = axum_app::app(&io).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });

    let mut http = Http::connect(&format!("http://{address}")).await;
    for path in ["/news/count", "/socket.io/?EIO=4&transport=polling"] {
        assert_eq!(http.get(path).await.status, 401, "{path}");
    }
    let stream = TcpStream::connect(address).await.expect("a server");
    let mut client = Client::over_with(stream, "", &[("authorization", "Bearer Ada")]).await;
    client.enter().await;
    exchange(&mut client, r#"27["whoami"]"#, r#"37["Ada"]"#).await;
    let length = "content-length: 8\r\nauthorization: Bearer Grace\r\n";
    http.write(format!("{}it rains", head("POST", "/news", length)).as_bytes()).await;
    assert_eq!(http.answer().await.expect("an answer").status, 204);
    assert_eq!(client.receive().await.text, r#"2["news","Grace","it rains"]"#);
    let count = http.get_with("/news/count", "authorization: Bearer Ada\r\n").await;
    assert_eq!(count.body, "1");
    drop(client);
    io.close().await;
}

#[tokio::test]
async fn a_task_in_the_background_tells_the_time() {
    let (io, url) = started(|_| {}).await;
    let clock = background::clock(&io, Duration::from_millis(10));
    let mut client = Client::connect(&url).await;
    for _ in 0..2 {
        let told = client.receive().await.arguments();
        assert_eq!((&told[0], &told[2]), (&json!("time"), &json!(1)));
    }
    clock.abort();
    drop(client);
    io.close().await;
}

#[tokio::test]
async fn a_program_of_hyper_keeps_its_own_answers() {
    let io = Io::builder().options(Options { reactors: 1, ..Options::default() }).build();
    hyper_app::install(&io);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let serving = io.clone();
    tokio::spawn(async move { hyper_app::serve(&serving, listener).await });
    assert_eq!(Http::connect(&url).await.get("/").await.body, "hello from hyper");
    let mut client = Client::connect(&url).await;
    exchange(&mut client, r#"27["add",1,2]"#, "37[3]").await;
    drop(client);
    io.close().await;
}

#[tokio::test]
async fn bytes_are_handed_on_to_others() {
    let (io, url) = started(binary::install).await;
    let (mut one, mut two) = (Client::connect(&url).await, Client::connect(&url).await);
    let packet = r#"["upload",{"name":"a.txt","content":{"_placeholder":true,"num":0}}]"#;
    one.feed(&format!("51-7{packet}")).await;
    one.feed_binary(Bytes::from_static(b"abc")).await;
    one.flush().await;
    assert_eq!(one.receive().await.text, "37[3]");
    let uploaded = two.receive().await;
    assert_eq!(uploaded.arguments()[1]["name"], "a.txt");
    assert_eq!(uploaded.attachments, [Bytes::from_static(b"abc")]);
    drop((one, two));
    io.close().await;
}

#[tokio::test]
async fn everybody_is_asked_for_a_vote() {
    let (io, url) = started(broadcast_acks::install).await;
    let mut clients = Client::connect_many(&url, 3).await;
    clients[0].send(r#"27["poll","more?"]"#).await;
    for (client, answer) in clients.iter_mut().zip(["yes", "no", "yes"]) {
        let vote = client.receive().await.text;
        let id = vote.strip_suffix(r#"["vote","more?"]"#).and_then(|rest| rest.strip_prefix('2'));
        client.send(&format!(r#"3{}["{answer}"]"#, id.expect("the question"))).await;
    }
    assert_eq!(clients[0].receive().await.text, "37[2]");
    drop(clients);
    io.close().await;
}

#[tokio::test]
async fn the_cheat_sheet_reaches_who_it_says() {
    let (io, url) = started(cheatsheet::install).await;
    let (mut one, _) = Client::connect_as(&url, "{}").await;
    let (mut two, _) = Client::connect_as(&url, "{}").await;
    one.send(r#"2["cheatsheet"]"#).await;
    let mut to_sender = Vec::new();
    while to_sender.last().is_none_or(|event| event != "an event sent to all connected clients") {
        let packet = one.receive().await;
        if let Some(id) = packet.text.strip_suffix(r#"["question","do you think so?"]"#) {
            one.send(&format!(r#"3{}["yes"]"#, &id[1..])).await;
        }
        to_sender.push(packet.arguments()[0].as_str().expect("a name").to_owned());
    }
    to_sender.retain(|event| event != "maybe"); // volatile
    let expected = ["hello", "message", "bytes", "uncompressed", "what", "question", "big-announcement"];
    assert_eq!(to_sender[..7], expected);
    let mut to_other = Vec::new();
    while to_other.last().is_none_or(|event| event != "an event sent to all connected clients") {
        to_other.push(two.receive().await.arguments()[0].as_str().expect("a name").to_owned());
    }
    assert_eq!(to_other[..4], ["broadcast", "nice game", "nice game", "nice game"]);
    drop((one, two));
    io.close().await;
}

#[tokio::test]
async fn what_runs_may_finish_when_the_node_drains() {
    let io = draining::node();
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.send(r#"27["work"]"#).await;
    eventually("the work has begun", || io.metrics().handlers.get() > 0).await;
    let (drained, (packets, code)) = tokio::join!(io.drain(), client.farewell());
    assert_eq!((drained.connections, drained.cut), (1, 0));
    assert_eq!((packets, code), (vec![r#"37["done"]"#.to_owned()], Some(1001)));
}

#[tokio::test]
async fn an_emitter_reaches_the_clients_of_all_nodes() {
    let hub = MemoryHub::new(5);
    let nodes = [emitter::node(&hub), emitter::node(&hub)];
    let urls = [serve(&nodes[0]).await, serve(&nodes[1]).await];
    let mut clients = [Client::connect(&urls[0]).await, Client::connect(&urls[1]).await];
    eventually("both are in the room", || {
        nodes.iter().all(|io| io.of("/").local_rooms().iter().any(|room| room.to_string() == "ticks"))
    })
    .await;
    let outside = fanfare::Emitter::new(hub.bus()).expect("a thread");
    outside.connected(DEADLINE).await.expect("a bus in memory is there");
    // A join is in force everywhere a moment after it is here.
    for client in &mut clients {
        let heard = async {
            loop {
                emitter::tick(&outside).expect("it is sent");
                let patience = std::time::Duration::from_millis(100);
                if let Ok(packet) = tokio::time::timeout(patience, client.receive()).await {
                    break packet.text;
                }
            }
        };
        let heard = tokio::time::timeout(DEADLINE, heard).await.expect("it is heard");
        assert_eq!(heard, r#"2["tick","tock"]"#);
    }
    drop(clients);
    outside.close(DEADLINE).await;
    for io in &nodes {
        io.close().await;
    }
}

#[tokio::test]
async fn a_handler_that_fails_answers_with_nothing_and_the_socket_lives_on() {
    let (io, url) = started(errors::install).await;
    let mut client = Client::connect(&url).await;
    exchange(&mut client, r#"27["divide",6,0]"#, "37[]").await;
    exchange(&mut client, r#"28["divide","six"]"#, "38[]").await;
    exchange(&mut client, r#"29["divide",6,3]"#, "39[2]").await;
    exchange(&mut client, r#"2["whisper","hi"]"#, r#"2["whispered","hi"]"#).await;
    drop(client);
    io.close().await;
}

// Compatibility: namespace-middleware
#[tokio::test]
async fn middleware_refuses_with_data_and_leaves_a_name() {
    let (io, url) = started(middleware::install).await;
    let refused = Client::open(&url).await.join("/", "").await;
    assert_eq!(refused, Err(r#"{"message":"who are you?","data":["name"]}"#.to_owned()));
    let (mut client, _) = Client::connect_as(&url, r#"{"name":"Ada"}"#).await;
    exchange(&mut client, r#"27["whoami"]"#, r#"37["Ada"]"#).await;
    drop(client);
    io.close().await;
}

#[tokio::test]
async fn operators_see_who_is_connected() {
    let (io, url) = started(monitoring::install).await;
    let operators = monitoring::admin(&io, "127.0.0.1:0".parse().expect("an address")).await.expect("a port");
    let mut client = Client::connect(&url).await;
    exchange(&mut client, r#"27["load"]"#, "37[1]").await;
    let metrics = Http::connect(&format!("http://{operators}")).await.get("/metrics").await;
    assert!(metrics.status == 200 && metrics.body.contains("\nfanfare_sockets 1\n"), "{metrics:?}");
    drop(client);
    io.close().await;
}

#[tokio::test]
async fn a_namespace_asks_for_its_token() {
    let (io, url) = started(namespaces::install).await;
    let mut client = Client::connect(&url).await;
    let refused = client.join("/admin", r#"{"token":"guess"}"#).await;
    assert_eq!(refused, Err(r#"{"message":"wrong token"}"#.to_owned()));
    client.join("/admin", r#"{"token":"s3cret"}"#).await.expect("it is let in");
    exchange(&mut client, r#"27["hello"]"#, r#"37["hello, stranger"]"#).await;
    exchange(&mut client, r#"2/admin,8["announce"]"#, r#"2["announcement","/admin says hello"]"#).await;
    assert_eq!(client.receive().await.text, "3/admin,8[]");
    drop(client);
    io.close().await;
}

#[tokio::test]
async fn an_own_extractor_knows_the_user_behind_a_token() {
    let io = own_extractor::server();
    own_extractor::install(&io);
    let url = serve(&io).await;
    let refused = Client::open(&url).await.join("/", r#"{"token":"guess"}"#).await;
    assert_eq!(refused, Err(r#"{"message":"unknown token"}"#.to_owned()));
    let (mut client, _) = Client::connect_as(&url, r#"{"token":"s3cret"}"#).await;
    let (mut other, _) = Client::connect_as(&url, r#"{"token":"s3cret"}"#).await;
    exchange(&mut client, r#"27["whoami"]"#, r#"37["Ada"]"#).await;
    exchange(&mut client, r#"28["count",1,2,3]"#, "38[3]").await;
    client.send(r#"2["say","hello"]"#).await;
    assert_eq!(other.receive().await.text, r#"2["said","Ada","hello"]"#);
    drop((client, other));
    io.close().await;
}

#[tokio::test]
async fn a_room_hears_who_joins_speaks_and_leaves() {
    let (io, url) = started(rooms::install).await;
    let (mut one, mut two) = (Client::connect(&url).await, Client::connect(&url).await);
    exchange(&mut one, r#"27["join","lobby"]"#, "37[]").await;
    exchange(&mut two, r#"27["join","lobby"]"#, "37[]").await;
    assert_eq!(one.receive().await.arguments()[1], "lobby");
    exchange(&mut two, r#"28["members","lobby"]"#, "38[2]").await;
    two.send(r#"2["say","lobby","hi"]"#).await;
    assert_eq!(one.receive().await.text, r#"2["said","hi"]"#);
    drop(two);
    assert_eq!(one.receive().await.arguments()[0], "left");
    drop(one);
    io.close().await;
}

#[tokio::test]
async fn a_client_comes_encrypted() {
    let authority = Authority::new();
    let Identity { certificate, key } = authority.issue("server");
    let io = tls::encrypted(certificate, key);
    tls::install(&io);
    let server = io.listen("127.0.0.1:0").await.expect("a free port");
    let stream = authority.connect(server.address()).await.expect("a handshake");
    let mut client = Client::over(stream, "").await;
    client.raw().await.expect("an open packet");
    client.join("/", "").await.expect("everybody is let in");
    exchange(&mut client, r#"27["secure"]"#, "37[true]").await;
    drop(client);
    io.close().await;
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
fn the_guide_names_every_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(root.join("../../docs/guide.md")).expect("text");
    for entry in std::fs::read_dir(root.join("examples")).expect("the examples") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        assert!(
            !name.ends_with(".rs") || guide.contains(&format!("(../node/server/examples/{name})")),
            "{name}"
        );
    }
}
