//! Several nodes, each with clients of its own.

use fanfare::{Faults, Io, MemoryHub, Options};
use serde_json::{Value, json};

use super::{chat, cluster, emitter, exchange, private_messages};
use crate::client::Client;
use crate::support::{DEADLINE, eventually, serve};

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
    let urls = met(&nodes).await;

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

/// Two nodes that know each other, and their addresses.
async fn met(nodes: &[Io; 2]) -> [String; 2] {
    let urls = [serve(&nodes[0]).await, serve(&nodes[1]).await];
    eventually("the nodes know each other", || nodes.iter().all(|io| io.nodes().len() == 1)).await;
    urls
}

#[tokio::test]
async fn nodes_of_a_program_answer_for_all_clients() {
    let hub = MemoryHub::new(7);
    let nodes = [(); 2].map(|()| cluster::node(hub.bus()));
    let urls = met(&nodes).await;
    let (mut one, _) = Client::connect_as(&urls[0], "").await;
    let (mut two, id) = Client::connect_as(&urls[1], "").await;
    for client in [&mut one, &mut two] {
        exchange(client, r#"21["join","lobby"]"#, "31[]").await;
    }
    exchange(&mut one, r#"22["online"]"#, "32[2,[]]").await;
    two.send(r#"2["say","lobby","hello"]"#).await;
    assert_eq!(one.receive().await.arguments(), [json!("said"), json!(id), json!("hello")]);

    one.send(r#"23["who","lobby"]"#).await;
    let members = one.receive().await.arguments();
    let node_of = |id: &str| {
        let members = members[0].as_array().expect("a list").iter();
        members.filter(|member| member[0] == *id).map(|member| member[1].clone()).next()
    };
    assert_eq!(node_of(&id), Some(json!(nodes[1].node_name())));
    one.send(r#"24["nodes"]"#).await;
    let mut clients: Vec<(String, usize)> =
        serde_json::from_value(one.receive().await.arguments()[0].clone()).expect("names and numbers");
    clients.sort();
    let mut expected = nodes.each_ref().map(|io| (io.node_name().to_owned(), 1));
    expected.sort();
    assert_eq!(clients, expected);

    one.send(&format!(r#"2["kick","{id}"]"#)).await;
    assert_eq!(two.receive().await.text, "1");
    exchange(&mut one, r#"25["online"]"#, "35[1,[]]").await;
    drop((one, two));
    for io in &nodes {
        io.close().await;
    }
}

/// Connects a user of the tutorial's page: its session, and the users that it is shown.
async fn user(url: &str, auth: &str) -> (Client, Value, Vec<Value>) {
    let (mut client, _) = Client::connect_as(url, auth).await;
    let session = client.receive().await.arguments();
    assert_eq!(session[0], "session");
    let users = client.receive().await.arguments();
    assert_eq!(users[0], "users");
    (client, session[1].clone(), users[1].as_array().expect("a list").clone())
}

#[tokio::test]
async fn private_messages_reach_all_tabs_on_all_nodes_and_outlive_a_connection() {
    let (hub, store) = (MemoryHub::new(8), private_messages::Store::default());
    let nodes = [(); 2].map(|()| private_messages::node(hub.bus(), store.clone()));
    let urls = met(&nodes).await;
    let refused = Client::open(&urls[0]).await.join("/", "{}").await;
    assert_eq!(refused, Err(r#"{"message":"invalid username"}"#.to_owned()));
    let (mut ada, ada_is, _) = user(&urls[0], r#"{"username":"Ada"}"#).await;
    let (mut grace, grace_is, users) = user(&urls[1], r#"{"username":"Grace"}"#).await;
    assert_eq!(users.len(), 2);
    let came = ada.receive().await.arguments();
    let expected =
        json!({ "userID": grace_is["userID"], "username": "Grace", "connected": true, "messages": [] });
    assert_eq!(came, [json!("user connected"), expected]);

    // Another tab of Grace, on the other node, in the same session.
    let session = format!(r#"{{"sessionID":{}}}"#, grace_is["sessionID"]);
    let (mut tab, tab_is, _) = user(&urls[0], &session).await;
    assert_eq!(tab_is, grace_is);
    for client in [&mut ada, &mut grace] {
        assert_eq!(client.receive().await.arguments()[0], "user connected");
    }
    let draft = json!(["private message", { "content": "hello", "to": grace_is["userID"] }]);
    ada.send(&format!("2{draft}")).await;
    let message = json!({ "content": "hello", "from": ada_is["userID"], "to": grace_is["userID"] });
    for client in [&mut grace, &mut tab] {
        assert_eq!(client.receive().await.arguments(), [json!("private message"), message.clone()]);
    }
    // The sender's other tabs too, and the recipient once, whichever tab it is.
    let draft = json!(["private message", { "content": "hi", "to": ada_is["userID"] }]);
    tab.send(&format!("2{draft}")).await;
    for client in [&mut ada, &mut grace] {
        assert_eq!(client.receive().await.arguments()[1]["content"], "hi");
    }

    // A user has gone when the last tab has; the messages stay for the session.
    drop(tab);
    eventually("one tab is left", || nodes[0].clients_count() == 1).await;
    drop(grace);
    assert_eq!(ada.receive().await.arguments(), [json!("user disconnected"), grace_is["userID"].clone()]);
    let (_grace, _, users) = user(&urls[0], &session).await;
    let seen = users.iter().find(|user| user["username"] == "Ada").expect("Ada");
    assert_eq!(seen["messages"].as_array().map(Vec::len), Some(2));
    assert_eq!((&seen["connected"], &seen["messages"][0]), (&json!(true), &message));
    for io in &nodes {
        io.close().await;
    }
}
