//! Namespaces that clients make by the rules of parents, what they inherit, and how namespaces end.

mod broker;
mod churn;
mod cluster;
mod ending;
mod parents;
mod predicates;
mod room_events;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use fanfare::{
    Ack, ConnectError, Data, DisconnectReason, EmitError, Io, Namespace, Options, Params, ParentNamespace,
    Socket,
};
use serde::Deserialize;

use crate::client::Client;
use crate::support::{eventually, nothing_stays, serve};

const INVALID: &str = r#"{"message":"Invalid namespace"}"#;

fn server() -> Io {
    Io::builder().options(Options { reactors: 2, ..Options::default() }).build()
}

/// Names of the namespaces of a node but for the main one.
fn names(io: &Io) -> Vec<String> {
    io.namespaces().into_iter().map(|(name, ..)| name).filter(|name| name != "/").collect()
}

fn children(parent: &ParentNamespace) -> Vec<String> {
    let mut names: Vec<_> = parent.children().iter().map(|child| child.name().to_owned()).collect();
    names.sort();
    names
}

#[derive(Debug, Deserialize)]
struct Game {
    id: u32,
    color: String,
}

// Compatibility: namespace-regex, namespace-inherits
#[tokio::test]
async fn clients_make_the_namespaces_that_fit_a_pattern_and_handlers_are_told_the_parameters() {
    let io = server();
    let games = io.of_pattern("/game/{id}/{color}").expect("a pattern");
    games.middleware(async |Params(game): Params<Game>| match game.color.as_str() {
        "red" => Err(ConnectError::from("not red")),
        _ => Ok(()),
    });
    games.on_connect(async |socket: Socket, Params((id, color)): Params<(u32, String)>| {
        socket.emit("welcome", (id, color))
    });
    games.on("ask", async |namespace: Namespace, ack: Ack, Params(game): Params<Game>| {
        ack.send((game.id, namespace.param("color"), namespace.param("none")))
    });
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    for wrong in ["/game/7", "/game/7/red/x", "/games/7/red", "/other"] {
        assert_eq!(client.join(wrong, "").await, Err(INVALID.into()), "{wrong}");
    }
    assert_eq!(client.join("/game/7/red", "").await, Err(r#"{"message":"not red"}"#.into()));
    // A parameter that does not fit is the client's fault, and told.
    let refusal = client.join("/game/x/blue", "").await.expect_err("no number");
    assert!(refusal.contains("invalid parameters") && refusal.contains("not of type u32"), "{refusal}");
    client.join("/game/7/blue", "").await.expect("it fits");
    assert_eq!(client.receive().await.text, r#"2/game/7/blue,["welcome",7,"blue"]"#);
    client.send(r#"2/game/7/blue,1["ask"]"#).await;
    assert_eq!(client.receive().await.text, r#"3/game/7/blue,1[7,"blue",null]"#);
    assert!(children(&games).contains(&"/game/7/blue".to_owned()));
    drop(client);
    nothing_stays(&io).await;
    io.close().await;
}

// Compatibility: namespace-first-parent, io-of
#[tokio::test]
async fn the_first_parent_that_fits_is_in_charge_and_declared_namespaces_win() {
    let io = server();
    let says = |text: &'static str| async move |socket: Socket| socket.emit("by", text);
    io.of("/declared").on_connect(says("declared"));
    io.of_regex(r"^/dyn-(\d+)$").unwrap().on_connect(says("regex"));
    io.of_pattern("/{any}").unwrap().on_connect(says("pattern"));
    io.of_pattern("/dyn-1/{x}").unwrap().on_connect(says("other"));
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    let expected =
        [("/declared", "declared"), ("/dyn-1", "regex"), ("/dyn-x", "pattern"), ("/dyn-1/2", "other")];
    for (name, by) in expected {
        client.join(name, "").await.expect("somebody is in charge");
        assert_eq!(client.receive().await.text, format!(r#"2{name},["by","{by}"]"#));
    }
    io.close().await;
}

/// As in the official server, and for patterns too.
// Compatibility: namespace-manual-child
#[tokio::test]
async fn a_declared_namespace_that_fits_gets_the_handlers_of_its_parent() {
    let io = server();
    let parent = io.of_regex("^/dyn-").unwrap();
    parent.on_connect(async |socket: Socket| socket.emit("by", "parent"));
    let declared = io.of("/dyn-1");
    declared.on_connect(async |socket: Socket| socket.emit("by", "itself"));
    assert_eq!(children(&parent), ["/dyn-1"]);
    assert_eq!(io.of("dyn-1").name(), "/dyn-1");
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.join("/dyn-1", "").await.expect("it is declared");
    let said = [client.receive().await.text, client.receive().await.text];
    assert_eq!(said, [r#"2/dyn-1,["by","parent"]"#, r#"2/dyn-1,["by","itself"]"#]);
    io.close().await;
}

// Compatibility: namespace-inherits
#[tokio::test]
async fn children_get_what_is_declared_later_and_have_handlers_of_their_own() {
    let io = server();
    let parent = io.of_pattern("/{room}").unwrap();
    let ended = Arc::new(Mutex::new(Vec::new()));
    let url = serve(&io).await;
    let (mut one, mut two) = (Client::connect(&url).await, Client::connect(&url).await);
    one.join("/one", "").await.expect("it is made");
    two.join("/two", "").await.expect("it is made");
    // Own handlers of one child are neither lost nor shared.
    io.find_namespace("/one").expect("it lives").on("own", async |ack: Ack| ack.send("own"));
    parent.on("later", async |ack: Ack, Params(name): Params<String>| ack.send(name));
    parent.on_any(async |socket: Socket| socket.emit("any", ()));
    let (leaving, left) = (ended.clone(), ended.clone());
    parent.on_disconnecting(async move |reason: DisconnectReason| {
        leaving.lock().unwrap().push(format!("disconnecting {reason:?}"));
    });
    parent.on_disconnect(async move |reason: DisconnectReason, Params(name): Params<String>| {
        left.lock().unwrap().push(format!("{name} {reason:?}"));
    });
    for (client, name) in [(&mut one, "one"), (&mut two, "two")] {
        client.send(&format!(r#"2/{name},5["later"]"#)).await;
        assert_eq!(client.receive().await.text, format!(r#"2/{name},["any"]"#));
        assert_eq!(client.receive().await.text, format!(r#"3/{name},5["{name}"]"#));
    }
    one.send(r#"2/one,6["own"]"#).await;
    assert_eq!(one.receive_many(2).await[1].text, r#"3/one,6["own"]"#);
    two.send(r#"2/two,6["own"]"#).await;
    assert_eq!(two.receive().await.text, r#"2/two,["any"]"#);
    two.send("1/two,").await;
    eventually("it has left", || ended.lock().unwrap().len() == 2).await;
    let said = ended.lock().unwrap().clone();
    let expected = ["disconnecting ClientNamespaceDisconnect", "two ClientNamespaceDisconnect"];
    assert_eq!(said, expected);
    io.close().await;
}

// Compatibility: namespace-new-event
#[tokio::test]
async fn the_program_is_told_of_each_new_namespace_before_its_first_client() {
    let io = server();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tells = told.clone();
    io.on_new_namespace(move |namespace| {
        tells.lock().unwrap().push(namespace.name().to_owned());
        namespace.on_connect(async |socket: Socket| socket.emit("hooked", ()));
    });
    // One that panics keeps nobody from the rest.
    io.on_new_namespace(|_| panic!("a hook"));
    io.of("/declared");
    io.of("/declared");
    io.of_pattern("/child/{n}").unwrap();
    let url = serve(&io).await;
    for _ in 0..2 {
        let mut client = Client::connect(&url).await;
        for name in ["/declared", "/child/1"] {
            client.join(name, "").await.expect("it exists");
            assert_eq!(client.receive().await.text, format!(r#"2{name},["hooked"]"#));
        }
    }
    assert_eq!(*told.lock().unwrap(), ["/declared", "/child/1"]);
    assert_eq!(io.metrics().handler_panics.get(), 2);
    io.close().await;
}

/// On several reactors at once: one namespace, and no client before the hooks.
#[tokio::test]
async fn clients_that_come_together_make_one_namespace() {
    let io = Io::builder().options(Options { reactors: 4, ..Options::default() }).build();
    let made = Arc::new(AtomicUsize::new(0));
    let counts = made.clone();
    io.on_new_namespace(move |namespace| {
        counts.fetch_add(1, SeqCst);
        std::thread::yield_now();
        namespace.on_connect(async |socket: Socket| socket.emit("hooked", ()));
    });
    io.of_pattern("/{n}").unwrap();
    let url = serve(&io).await;
    let mut clients = Client::connect_many(&url, 8).await;
    for n in 0..20 {
        let name = format!("/{n}");
        for client in &mut clients {
            client.send(&format!("0{name},")).await;
        }
        for client in &mut clients {
            assert!(client.receive().await.text.starts_with(&format!("0{name},")));
            assert_eq!(client.receive().await.text, format!(r#"2{name},["hooked"]"#));
        }
    }
    assert_eq!(made.load(SeqCst), 20);
    io.close().await;
}

// Compatibility: namespace-parent-emit
#[tokio::test]
async fn an_emit_to_a_parent_reaches_all_children() {
    let io = server();
    let parent = io.of_pattern("/{n}").unwrap();
    parent.on("enter", async |socket: Socket, Data(room): Data<String>, ack: Ack| {
        socket.join(room).await?;
        ack.send(())
    });
    io.of("/other/one");
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    for name in ["/a", "/b", "/other/one"] {
        client.join(name, "").await.expect("it exists");
    }
    client.send(r#"2/a,1["enter","r"]"#).await;
    assert_eq!(client.receive().await.text, "3/a,1[]");
    let bytes = fanfare::Bytes::from_static(&[1, 2]);
    parent.emit("all", (1, bytes)).expect("it is sent");
    parent.to("r").emit("some", ()).expect("it is sent");
    parent.except("r").send("but").expect("it is sent");
    parent.local().volatile().compress(false).to(["r", "s"]).emit("last", ()).expect("it is sent");
    io.of("/other/one").emit("end", ()).expect("it is sent");
    let mut said = Vec::new();
    while said.last().is_none_or(|text: &String| !text.contains("end")) {
        said.push(client.receive().await.text);
    }
    // In each namespace in order; the last one is volatile.
    let of = |name: &str| -> Vec<&String> {
        said.iter().filter(|text| text.contains(name) && !text.contains("last")).collect()
    };
    let all = |name: &str| format!(r#"51-{name},["all",1,{{"_placeholder":true,"num":0}}]"#);
    assert_eq!(of("/a,"), [&all("/a"), r#"2/a,["some"]"#]);
    assert_eq!(of("/b,"), [&all("/b"), r#"2/b,["message","but"]"#]);
    assert_eq!(of("/other/one,"), [r#"2/other/one,["end"]"#]);
    assert!(matches!(parent.emit("connect", ()), Err(EmitError::Encode(_))));
    io.close().await;
}

#[tokio::test]
async fn the_same_rule_declared_twice_is_one_parent() {
    let io = server();
    let (one, two) = (io.of_pattern("/{n}").unwrap(), io.of_pattern("/{n}").unwrap());
    one.on_connect(async |socket: Socket| socket.emit("one", ()));
    two.on_connect(async |socket: Socket| socket.emit("two", ()));
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.join("/x", "").await.expect("it fits");
    let said = client.receive_many(2).await;
    assert_eq!([&*said[0].text, &*said[1].text], [r#"2/x,["one"]"#, r#"2/x,["two"]"#]);
    assert_eq!(children(&two), ["/x"]);
    io.close().await;
}
