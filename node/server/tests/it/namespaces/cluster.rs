//! Children on several nodes: a node has those that its own clients have made.

use std::time::Duration;

use fanfare::{Ack, Data, Io, Options, Params, Socket};

use crate::client::Client;
use crate::cluster::Nodes;
use crate::support::eventually;

fn options() -> Options {
    let mut options = Options { reactors: 2, ..Options::default() };
    options.cluster.heartbeat_interval_ms = 100;
    options.cluster.heartbeat_timeout_ms = 60_000;
    options.cluster.request_timeout_ms = 60_000;
    options
}

fn declare(io: &Io) {
    let parent = io.of_pattern("/{tenant}").expect("a pattern");
    parent.on("enter", async |socket: Socket, Data(room): Data<String>, ack: Ack| {
        socket.join(room).await?;
        ack.send(())
    });
    parent.on_server_event("hello", async |Params(tenant): Params<String>, ack: fanfare::ServerAck| {
        ack.send(tenant)
    });
}

/// Three nodes: `/both` is on the first two, `/one` on the first, and nothing on the third.
async fn start() -> (Nodes, Vec<Client>) {
    let nodes = Nodes::start_with(3, options(), declare).await;
    let mut clients = Vec::new();
    for url in &nodes.urls[..2] {
        let mut client = Client::connect(url).await;
        client.join("/both", "").await.expect("it is made");
        clients.push(client);
    }
    clients[0].join("/one", "").await.expect("it is made");
    (nodes, clients)
}

// Compatibility: namespace-parent-emit
#[tokio::test]
async fn an_emit_to_a_parent_reaches_the_children_of_all_nodes() {
    let (nodes, mut clients) = start().await;
    clients[1].send(r#"2/both,1["enter","r"]"#).await;
    assert_eq!(clients[1].receive().await.text, "3/both,1[]");
    // From the node that has none of them.
    let parent = nodes.nodes[2].of_pattern("/{tenant}").expect("it is declared");
    assert!(parent.children().is_empty());
    parent.emit("all", 1).expect("it is sent");
    parent.to("r").emit("room", 2).expect("it is sent");
    parent.local().emit("never", ()).expect("it is sent");
    nodes.nodes[2].of("/both").emit("end", ()).expect("it is sent");
    let mut first: Vec<_> = clients[0].receive_many(3).await.into_iter().map(|packet| packet.text).collect();
    first.sort();
    assert_eq!(first, [r#"2/both,["all",1]"#, r#"2/both,["end"]"#, r#"2/one,["all",1]"#]);
    let second: Vec<_> = clients[1].receive_many(3).await.into_iter().map(|packet| packet.text).collect();
    assert_eq!(second, [r#"2/both,["all",1]"#, r#"2/both,["room",2]"#, r#"2/both,["end"]"#]);
    nodes.close().await;
}

/// Nodes that do not have a child answer that they do not: nobody waits for them, and nobody calls them missing.
#[tokio::test]
async fn questions_about_a_child_are_answered_by_the_nodes_that_have_it() {
    let (nodes, mut clients) = start().await;
    let both = nodes.nodes[0].find_namespace("/both").expect("its client made it");
    let sockets = both.fetch_sockets().await.expect("they answer");
    assert_eq!((sockets.value.len(), sockets.missing_nodes), (2, vec![]));
    let one = nodes.nodes[0].find_namespace("/one").expect("its client made it");
    let count = one.count().await.expect("they answer");
    assert_eq!((count.value, count.missing_nodes), (1, vec![]));
    let answers = both.server_side_emit_with_ack("hello", ()).await.expect("they answer");
    assert_eq!((answers.value.len(), answers.missing_nodes), (1, vec![]));
    let joined = both.sockets_join("r").await.expect("they answer");
    assert_eq!(joined.missing_nodes, Vec::<String>::new());
    let mut acks = both.to("r").timeout(Duration::from_secs(60)).emit_with_ack::<String>("q", ());
    for client in &mut clients {
        let asked = client.receive().await.text;
        let id = asked.trim_start_matches("2/both,").trim_end_matches(r#"["q"]"#).to_owned();
        client.send(&format!(r#"3/both,{id}["yes"]"#)).await;
    }
    let mut yes = 0;
    while let Some((_, answer)) = acks.next().await {
        yes += usize::from(answer.is_ok_and(|answer| answer == "yes"));
    }
    assert_eq!(yes, 2);
    // A node that has declared it by hand asks the others alike.
    let by_hand = nodes.nodes[2].of("/one");
    assert_eq!(by_hand.count().await.expect("they answer").value, 1);
    nodes.close().await;
}

/// Names that clients choose are told to nobody.
#[tokio::test]
async fn heartbeats_tell_rules_and_not_children() {
    let (nodes, _clients) = start().await;
    let told = || nodes.nodes[2].nodes().iter().flat_map(|node| node.namespaces.clone()).collect::<Vec<_>>();
    eventually("the rule is told", || told().iter().any(|name| name == "pattern:/{tenant}")).await;
    assert!(told().iter().all(|name| name == "/" || name == "pattern:/{tenant}"), "{:?}", told());
    nodes.close().await;
}
