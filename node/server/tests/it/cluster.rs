//! Several nodes in one process, joined by a bus without a network that hands subjects over in any order: what must be
//! the same as on one node, and what a node learns when others do not answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fanfare::{
    AckError, Arguments, Data, EmitError, Emitter, Faults, FromNode, Io, Limit, MemoryHub, Options,
    RemoteSocket, RequestError, ServerAck, Socket, SocketId,
};
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};

use crate::client::Client;
use crate::contract::contract_server_of;
use crate::support::{DEADLINE, eventually, judge, nothing_stays, serve, with_patience};

/// Long enough never to be waited for.
const LONG: Duration = Duration::from_secs(60);

/// Nodes of one cluster, which know each other.
pub struct Nodes {
    pub hub: MemoryHub,
    pub nodes: Vec<Io>,
    pub urls: Vec<String>,
}

/// Nodes that hear of each other soon, and do not take a slow node for a lost or silent one.
fn options() -> Options {
    let mut options = Options { reactors: 2, ..Options::default() };
    options.cluster.heartbeat_interval_ms = 100;
    options.cluster.heartbeat_timeout_ms = 60_000;
    options.cluster.request_timeout_ms = 60_000;
    options
}

impl Nodes {
    /// Contract servers.
    async fn start(count: usize) -> Self {
        let hub = MemoryHub::new(7);
        let builder = || contract_server_of(Io::builder().options(options()).bus(hub.bus()));
        Self::gather(&hub, (0..count).map(|_| builder()).collect()).await
    }

    /// Servers of a test's own.
    pub async fn start_with(count: usize, options: Options, declare: impl Fn(&Io)) -> Self {
        let hub = MemoryHub::new(7);
        let node = || {
            let io = Io::builder().options(options.clone()).bus(hub.bus()).build();
            declare(&io);
            io
        };
        Self::gather(&hub, (0..count).map(|_| node()).collect()).await
    }

    async fn gather(hub: &MemoryHub, nodes: Vec<Io>) -> Self {
        hub.set_faults(Faults { shuffle_subjects: true, ..Faults::default() });
        let mut urls = Vec::new();
        for io in &nodes {
            urls.push(serve(io).await);
        }
        let others = nodes.len() - 1;
        let complete = |io: &Io| io.nodes().len() == others;
        eventually("the nodes know each other", || nodes.iter().all(complete)).await;
        Self { hub: hub.clone(), nodes, urls }
    }

    /// One client on each node, in order.
    pub async fn clients(&self) -> Vec<(Client, SocketId)> {
        let mut clients = Vec::new();
        for url in &self.urls {
            let (client, id) = Client::connect_as(url, "").await;
            clients.push((client, SocketId::parse(&id).expect("a socket id")));
        }
        clients
    }

    pub async fn close(self) {
        for io in &self.nodes {
            io.close().await;
        }
    }
}

/// The next event that is not the contract's greeting.
pub async fn event(client: &mut Client) -> Vec<Value> {
    loop {
        let arguments = client.receive().await.arguments();
        if arguments[0] != "welcome" {
            return arguments;
        }
    }
}

async fn cheat_sheet_judged(mode: &str) {
    let nodes = Nodes::start(3).await;
    judge("cheatsheet.mjs", &[&nodes.urls.join(","), mode, "--threads"]).await;
    nodes.close().await;
}

// Compatibility: cluster-broadcast, option-adapter
#[tokio::test]
async fn every_line_of_the_cheat_sheet_reaches_whom_it_should_across_nodes_over_websocket() {
    cheat_sheet_judged("websocket").await;
}

#[tokio::test]
async fn every_line_of_the_cheat_sheet_reaches_whom_it_should_across_nodes_over_polling() {
    cheat_sheet_judged("polling").await;
}

// Receivers.

#[tokio::test]
async fn local_emits_stay_on_their_node_and_all_others_reach_the_cluster() {
    let nodes = Nodes::start_with(3, options(), |_| {}).await;
    let mut clients = nodes.clients().await;
    let io = &nodes.nodes[0];
    io.local().emit("local", ()).unwrap();
    io.emit("all", ()).unwrap();
    for (number, (client, _)) in clients.iter_mut().enumerate() {
        if number == 0 {
            assert_eq!(event(client).await, [json!("local")]);
        }
        assert_eq!(event(client).await, [json!("all")], "LOCAL_1: client {number}");
    }
    nodes.close().await;
}

#[tokio::test]
async fn a_private_message_reaches_its_socket_and_travels_to_that_node_alone() {
    let nodes = Nodes::start_with(3, options(), |_| {}).await;
    let mut clients = nodes.clients().await;
    let received = |node: usize| nodes.nodes[node].bus_meters().unwrap().received.get();
    // Heartbeats are received too: of those there are as many on both other nodes, give or take a few.
    let before = (received(1), received(2));
    for n in 0..2_000 {
        nodes.nodes[0].to(clients[1].1).emit("private", n).unwrap();
    }
    for n in 0..2_000 {
        assert_eq!(event(&mut clients[1].0).await, [json!("private"), json!(n)]);
    }
    assert!(received(1) - before.0 >= 2_000);
    assert!(received(2) - before.1 < 1_900, "the third node hears nothing of it");
    nodes.nodes[0].emit("end", ()).unwrap();
    assert_eq!(event(&mut clients[2].0).await, [json!("end")]);
    nodes.close().await;
}

#[tokio::test]
async fn a_room_named_like_a_socket_of_another_node_has_all_its_members() {
    let nodes = Nodes::start_with(3, options(), |io| {
        io.on("borrow", async |socket: Socket, Data(room): Data<String>| socket.join(room).await);
    })
    .await;
    let mut clients = nodes.clients().await;
    let owner = clients[1].1;
    // Of a socket of another node, and one that only looks like an id.
    for room in [owner.to_string(), "-NxYzAbCdEfGhIjKlMnO".to_owned()] {
        let (client, _) = &mut clients[2];
        client.send(&format!("2[\"borrow\",\"{room}\"]")).await;
        let member = &nodes.nodes[2];
        eventually("it has joined", || member.local_rooms().iter().any(|name| name.as_str() == room)).await;
    }
    eventually("the others know", || {
        nodes.nodes[0].nodes().iter().any(|node| *node.node == *nodes.nodes[2].node_name() && node.rooms == 2)
    })
    .await;
    nodes.nodes[0].to(owner).emit("to both", ()).unwrap();
    nodes.nodes[0].to("-NxYzAbCdEfGhIjKlMnO").emit("to one", ()).unwrap();
    assert_eq!(event(&mut clients[1].0).await, [json!("to both")]);
    assert_eq!(event(&mut clients[2].0).await, [json!("to both")]);
    assert_eq!(event(&mut clients[2].0).await, [json!("to one")]);
    nodes.close().await;
}

#[tokio::test]
async fn rooms_and_namespaces_may_be_called_anything() {
    let names: Vec<String> = ["*", ">", "a.b", " ", "", "größe 🎺", "a>b*c", "room.>", "\u{0}", "%2F"]
        .map(String::from)
        .into_iter()
        .chain(["x".repeat(1024), "ü".repeat(512)])
        .collect();
    let namespaces: Vec<String> = names.iter().take(9).map(|name| format!("/{name}")).collect();
    let nodes = Nodes::start_with(2, options(), |io| {
        for namespace in &namespaces {
            io.of(namespace);
        }
    })
    .await;
    let mut clients = nodes.clients().await;
    let (client, id) = &mut clients[1];
    let socket = nodes.nodes[1].local_socket(*id).unwrap();
    for name in &names {
        socket.join(name).await.unwrap();
        nodes.nodes[0].to(name).except("nobody").emit("found", name).unwrap();
        assert_eq!(event(client).await, [json!("found"), json!(name)]);
        socket.leave(name).await.unwrap();
        nodes.nodes[0].to(name).emit("not found", name).unwrap();
    }
    for namespace in namespaces.iter().filter(|name| *name != "/") {
        client.join(namespace, "").await.expect("the namespace is there");
        nodes.nodes[0].of(namespace).emit("found", namespace).unwrap();
        assert_eq!(event(client).await, [json!("found"), json!(namespace)]);
    }
    nodes.close().await;
}

#[tokio::test]
async fn a_room_whose_name_is_too_long_is_joined_nowhere_whoever_asks() {
    let generous = || {
        let mut options = options();
        options.limits.room_name_bytes_max = 0;
        options
    };
    let hub = MemoryHub::new(7);
    let node = |options: Options| Io::builder().options(options).bus(hub.bus()).build();
    let nodes = Nodes::gather(&hub, vec![node(generous()), node(options())]).await;
    let mut clients = nodes.clients().await;
    let (long, longest) = ("x".repeat(1025), "x".repeat(1024));
    let counted = || nodes.nodes[1].metrics().limits.of(Limit::RoomNames).get();
    // The node that is asked says no before anybody has done anything.
    let refused = nodes.nodes[1].sockets_join(["short", &long]).await;
    assert!(matches!(refused, Err(RequestError::RoomNameTooLong(_))), "{refused:?}");
    assert_eq!(counted(), 1);
    // What others ask for is refused where it would be done.
    nodes.nodes[0].sockets_join(["short", &long]).result().unwrap();
    let emitter = Emitter::new(nodes.hub.bus()).unwrap();
    emitter.connected(LONG).await.unwrap();
    emitter.of("/").sockets_join(&long).unwrap();
    eventually("both were refused", || counted() == 3).await;
    emitter.of("/").sockets_join(&longest).unwrap();
    let rooms = || nodes.nodes[1].local_rooms();
    eventually("a name of that length is accepted", || !rooms().is_empty()).await;
    assert_eq!(rooms(), [fanfare::Room::from(&longest)]);
    nodes.nodes[1].to(&long).emit("nobody here", ()).unwrap();
    nodes.nodes[1].to(&longest).emit("somebody", ()).unwrap();
    assert_eq!(event(&mut clients[1].0).await, [json!("somebody")]);
    emitter.close(LONG).await;
    nodes.close().await;
}

// Order.

/// ORDER-2 and ONCE-1 with everything at once: rooms of many buckets, unions, the namespace, private messages, binary.
// Compatibility: cluster-local-first
#[tokio::test]
async fn emits_of_one_handler_reach_every_socket_of_the_cluster_in_order() {
    const ROUNDS: u32 = 300;
    let nodes = Nodes::start_with(3, options(), |io| {
        io.on("emit", async |socket: Socket, io: fanfare::Namespace, Data(peer): Data<SocketIdText>| {
            for n in 0..ROUNDS {
                let bytes = fanfare::Bytes::from(n.to_be_bytes().to_vec());
                let rooms: Vec<String> = (0..n % 5).map(|room| format!("room {}", n + room)).collect();
                match n % 5 {
                    0 => io.emit("n", n)?,
                    1 => io.to(peer.0).emit("n", n)?,
                    2 => io.to("everybody").emit("n", (n, bytes))?,
                    3 => io.to("everybody").to(rooms).emit("n", n)?,
                    _ => socket.to("everybody").to(peer.0).emit("n", n)?,
                }
            }
            Ok::<_, EmitError>(())
        });
    })
    .await;
    let mut clients = nodes.clients().await;
    for io in &nodes.nodes {
        for socket in io.local_sockets() {
            socket.join("everybody").await.unwrap();
            for n in 0..ROUNDS {
                socket.join(format!("room {n}")).result().unwrap();
            }
            socket.join("the last one").await.unwrap();
        }
    }
    let peer = clients[1].1;
    let (first, others) = clients.split_first_mut().unwrap();
    first.0.send(&format!("2[\"emit\",\"{peer}\"]")).await;
    for (number, (client, _)) in others.iter_mut().enumerate() {
        let private = number == 0;
        for n in (0..ROUNDS).filter(|n| private || n % 5 != 1) {
            let packet = client.receive().await;
            assert_eq!(packet.arguments()[1], json!(n), "ORDER_2, ONCE_1: node {}", number + 1);
        }
    }
    nodes.close().await;
}

#[derive(Clone, Copy)]
struct SocketIdText(SocketId);

impl<'de> serde::Deserialize<'de> for SocketIdText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        SocketId::parse(&text).map(Self).ok_or_else(|| serde::de::Error::custom("no socket id"))
    }
}

/// JOIN-1: a socket whose join is done can be reached from any node at once, and LEAVE-1.
#[tokio::test]
async fn an_awaited_join_is_known_to_the_cluster_and_nobody_is_left_in_a_room() {
    let nodes = Nodes::start_with(3, options(), |_| {}).await;
    let mut clients = nodes.clients().await;
    for n in 0..200 {
        let room = format!("room {n}");
        let (client, id) = &mut clients[1 + n % 2];
        let io = &nodes.nodes[1 + n % 2];
        io.local_socket(*id).unwrap().join(&room).await.unwrap();
        nodes.nodes[0].to(&room).emit("joined", n).unwrap();
        assert_eq!(event(client).await, [json!("joined"), json!(n)], "JOIN_1");
    }
    assert_eq!(nodes.nodes[0].rooms().await.unwrap().len(), 200);
    drop(clients);
    for io in &nodes.nodes {
        nothing_stays(io).await;
    }
    for io in &nodes.nodes {
        assert!(io.fetch_sockets().await.unwrap().is_empty(), "LEAVE_1");
        assert!(io.rooms().await.unwrap().is_empty(), "LEAVE_1");
    }
    nodes.close().await;
}

// Questions and changes.

// Compatibility: remote-fetch, remote-join-leave, remote-disconnect, remote-socket, remote-count
// Compatibility: remote-all-sockets
#[tokio::test]
async fn sockets_are_found_counted_and_moved_wherever_they_are() {
    let nodes = Nodes::start_with(3, options(), |_| {}).await;
    let mut clients = nodes.clients().await;
    for (number, io) in nodes.nodes.iter().enumerate() {
        for socket in io.local_sockets() {
            socket.share(json!({ "number": number })).unwrap();
            socket.join(["all", if number == 0 { "first" } else { "others" }]).await.unwrap();
        }
    }
    let io = &nodes.nodes[0];
    assert_eq!(*io.count().await.unwrap(), 3);
    assert_eq!(*io.to("others").count().await.unwrap(), 2);
    assert_eq!(*io.to("all").except("others").count().await.unwrap(), 1);
    assert_eq!(*io.local().count().await.unwrap(), 1);
    assert_eq!(*io.of("/nobody").count().await.unwrap(), 0);
    let rooms = io.rooms().await.unwrap();
    assert_eq!(
        rooms.iter().map(|(room, n)| (room.as_str(), *n)).collect::<Vec<_>>(),
        [("all", 3), ("first", 1), ("others", 2)]
    );
    let of_others = io.to("others").rooms().await.unwrap();
    assert_eq!(
        of_others.iter().map(|(room, n)| (room.as_str(), *n)).collect::<Vec<_>>(),
        [("all", 2), ("others", 2)]
    );

    let found = io.to("others").fetch_sockets().await.unwrap();
    assert!(found.is_complete());
    let mut ids: Vec<_> = found.iter().map(RemoteSocket::id).map(|id| id.to_string()).collect();
    ids.sort();
    let mut expected = [clients[1].1.to_string(), clients[2].1.to_string()];
    expected.sort();
    assert_eq!(ids, expected);
    let one = found.iter().find(|socket| socket.id() == clients[1].1).unwrap();
    assert_eq!(one.data::<Value>(), Some(json!({ "number": 1 })));
    assert_eq!(one.rooms().iter().map(ToString::to_string).collect::<Vec<_>>()[1..], ["all", "others"]);
    assert!(one.handshake().url.contains("EIO=4"));
    assert_eq!(one.node(), nodes.nodes[1].node_name());
    assert!(one.local().is_none());

    io.to("others").sockets_join(["new", "newer"]).await.unwrap();
    io.to("new").emit("n", 1).unwrap();
    io.to("new").sockets_leave("new").await.unwrap();
    io.to("new").emit("n", "lost").unwrap();
    one.emit("n", 2).unwrap();
    one.join("alone").await.unwrap();
    io.to("alone").emit("n", 3).unwrap();
    for (n, client) in [(1, 1), (2, 1), (3, 1), (1, 2)] {
        assert_eq!(event(&mut clients[client].0).await, [json!("n"), json!(n)]);
    }
    let done = one.disconnect(false).await.unwrap();
    assert!(done.is_complete());
    assert_eq!(clients[1].0.receive().await.text, "1");
    assert_eq!(*io.count().await.unwrap(), 2);
    io.disconnect_sockets(true).await.unwrap();
    assert_eq!(*io.count().await.unwrap(), 0);
    assert_eq!(clients[2].0.closed().await.last().unwrap().text, "1");
    nodes.close().await;
}

/// The heartbeat timeout is longer than the test: the silence of the node goes unnoticed.
// Compatibility: remote-fetch, remote-count
#[tokio::test]
async fn a_request_names_the_nodes_that_did_not_answer() {
    let nodes = Nodes::start_with(3, options(), |_| {}).await;
    let _clients = nodes.clients().await;
    let names: Vec<_> = nodes.nodes.iter().map(|io| io.node_name().to_owned()).collect();
    nodes.hub.partition(&[&[&names[0], &names[1]]]);
    with_patience("the other two are counted", async |patience| {
        let count = nodes.nodes[0].timeout(patience).count().await.unwrap();
        assert!(count.missing_nodes.contains(&names[2]), "{:?}", count.missing_nodes);
        (*count == 2 && count.missing_nodes.len() == 1).then_some(())
    })
    .await;
    nodes.close().await;
}

#[tokio::test]
async fn a_request_waits_for_none_that_fell_silent_or_left() {
    let mut options = options();
    options.cluster.heartbeat_timeout_ms = 4_000;
    let nodes = Nodes::start_with(3, options, |_| {}).await;
    let _clients = nodes.clients().await;
    let names: Vec<_> = nodes.nodes.iter().map(|io| io.node_name().to_owned()).collect();
    nodes.hub.partition(&[&[&names[0], &names[1]]]);
    // A caller that waits when it is noticed goes on without it.
    let found = nodes.nodes[0].timeout(LONG).fetch_sockets().await.unwrap();
    assert_eq!((found.len(), found.missing_nodes.clone()), (2, vec![names[2].clone()]));
    // And from then on nobody expects it.
    assert_eq!(nodes.nodes[0].timeout(LONG).count().await.unwrap().missing_nodes, [] as [String; 0]);
    nodes.hub.heal();
    eventually("they meet again", || nodes.nodes.iter().all(|io| io.nodes().len() == 2)).await;
    assert_eq!(*nodes.nodes[0].timeout(LONG).count().await.unwrap(), 3);
    nodes.nodes[2].close().await;
    eventually("it has left", || nodes.nodes[0].nodes().len() == 1).await;
    assert_eq!(*nodes.nodes[0].timeout(LONG).count().await.unwrap(), 2);
    assert_eq!(nodes.nodes[0].requests_waiting(), 0);
    nodes.close().await;
}

#[tokio::test]
async fn while_the_bus_is_away_local_delivery_goes_on_and_requests_fail_at_once() {
    let nodes = Nodes::start_with(2, options(), |_| {}).await;
    let mut clients = nodes.clients().await;
    let io = &nodes.nodes[0];
    io.emit("n", 0).unwrap();
    for (client, _) in &mut clients {
        assert_eq!(event(client).await, [json!("n"), json!(0)]);
    }
    nodes.hub.set_connected(io.node_name(), false);
    assert!(!io.is_connected());
    io.emit("n", 1).unwrap();
    assert_eq!(event(&mut clients[0].0).await, [json!("n"), json!(1)]);
    assert!(matches!(io.timeout(LONG).count().await, Err(RequestError::Disconnected)));
    assert!(matches!(io.sockets_join("x").await, Err(RequestError::Disconnected)));
    assert!(matches!(io.emit_with_ack::<()>("q", ()).await, Err(EmitError::ClusterAway)));
    assert_eq!(*io.local().count().await.unwrap(), 1);
    let own = io.local().fetch_sockets().await.unwrap();
    own[0].join("y").await.expect("a socket of this node is this node's business");
    assert_eq!(*io.to(own[0].id()).count().await.unwrap(), 1);
    io.local_sockets()[0].join("x").await.unwrap();
    nodes.hub.set_connected(io.node_name(), true);
    eventually("it is back", || io.is_connected()).await;
    io.emit("n", 2).unwrap();
    nodes.nodes[1].to("x").emit("n", 3).unwrap();
    assert_eq!(event(&mut clients[1].0).await, [json!("n"), json!(2)]);
    assert_eq!(event(&mut clients[0].0).await, [json!("n"), json!(2)]);
    assert_eq!(event(&mut clients[0].0).await, [json!("n"), json!(3)]);
    // What was lost is known where it is missed: the emit, and nothing else.
    let lost = || nodes.nodes[1].bus_meters().unwrap().lost.get();
    eventually("the loss is noticed", || lost() >= 1).await;
    assert_eq!(lost(), 1, "LOSS_1");
    nodes.close().await;
}

// Acknowledgements.

#[tokio::test]
async fn every_client_of_the_cluster_answers_a_broadcast() {
    let nodes = Nodes::start_with(3, options(), |_| {}).await;
    let mut clients = nodes.clients().await;
    let asked = nodes.nodes[0].timeout(LONG).emit_with_ack::<String>("who", ("are", "you"));
    for (client, id) in &mut clients {
        let packet = client.receive().await;
        let ack = packet.text.strip_prefix('2').unwrap().split('[').next().unwrap().to_owned();
        assert_eq!(packet.arguments(), [json!("who"), json!("are"), json!("you")]);
        client.send(&format!("3{ack}[\"{id}\"]")).await;
    }
    let answers = asked.await.unwrap();
    assert!(answers.is_complete());
    for (socket, answer) in &answers.answers {
        assert_eq!(answer.as_ref().unwrap(), socket.as_str());
    }
    assert_eq!(answers.answers.len(), 3);
    nodes.close().await;
}

// Compatibility: ack-broadcast-timeout
#[tokio::test]
async fn answers_come_one_by_one_and_those_who_stay_silent_are_named() {
    let nodes = Nodes::start_with(2, options(), |_| {}).await;
    let mut clients = nodes.clients().await;
    let silent = clients[1].1;
    let asked = nodes.nodes[0].timeout(LONG).emit_with_ack::<Arguments>("q", ());
    let (client, id) = &mut clients[0];
    let ack = client.receive().await.text.strip_prefix('2').unwrap().split('[').next().unwrap().to_owned();
    client.feed(&format!("61-{ack}[{{\"_placeholder\":true,\"num\":0}},2]")).await;
    client.feed_binary(fanfare::Bytes::from_static(b"bytes")).await;
    client.flush().await;
    let mut stream = std::pin::pin!(asked.into_stream());
    let (socket, answer) = stream.next().await.expect("one answer");
    assert_eq!((socket, answer.unwrap().len()), (*id, 2));
    assert!(stream.next().now_or_never().is_none(), "the other one may still answer");

    with_patience("its node did its part", async |patience| {
        let answers = nodes.nodes[0].to(silent).timeout(patience).emit_with_ack::<()>("q", ()).await.unwrap();
        assert!(answers.answers.is_empty() && answers.timed_out);
        (answers.unanswered == [silent] && answers.missing_nodes.is_empty()).then_some(())
    })
    .await;
    nodes.close().await;
}

// Compatibility: remote-socket-ack
#[tokio::test]
async fn a_socket_of_another_node_is_asked_alone() {
    let nodes = Nodes::start_with(2, options(), |_| {}).await;
    let mut clients = nodes.clients().await;
    let found = nodes.nodes[0].to(clients[1].1).fetch_sockets().await.unwrap();
    let asked = tokio::spawn({
        let socket = found[0].timeout(LONG);
        async move { socket.emit_with_ack::<u32>("q", ()).await }
    });
    let ack =
        clients[1].0.receive().await.text.strip_prefix('2').unwrap().split('[').next().unwrap().to_owned();
    clients[1].0.send(&format!("3{ack}[42]")).await;
    assert_eq!(asked.await.unwrap().unwrap(), 42);
    let silent = found[0].timeout(Duration::from_millis(100)).emit_with_ack::<u32>("q", ()).await;
    assert!(matches!(silent, Err(AckError::Timeout)), "{silent:?}");
    found[0].disconnect(false).await.unwrap();
    let gone = found[0].timeout(LONG).emit_with_ack::<u32>("q", ()).await;
    assert!(matches!(gone, Err(AckError::Disconnected)), "{gone:?}");
    nodes.close().await;
}

/// Whatever the other node says when the time is up there must not be taken for a disconnection. The asker looks only
/// after it has heard everything that was said, and after its own time is up: so does one whose machine is busy.
#[tokio::test]
async fn a_silent_socket_of_another_node_is_slow_and_not_disconnected_whoever_notices_first() {
    let nodes = Nodes::start_with(2, options(), |_| {}).await;
    let mut clients = nodes.clients().await;
    let (asker, answerer) = (&nodes.nodes[0], &nodes.nodes[1]);
    let silent = clients[1].1;
    let short = Duration::from_millis(200);
    let found = asker.to(silent).fetch_sockets().await.unwrap();
    let socket = found[0].timeout(short);
    let mut alone = Box::pin(socket.emit_with_ack::<u32>("alone", ()));
    let alone_before = (&mut alone).now_or_never();
    let mut together = asker.to(silent).timeout(short).emit_with_ack::<u32>("together", ()).into_future();
    let together_before = (&mut together).now_or_never();
    for _ in 0..2 {
        asked(&mut clients[1].0).await;
    }
    let start = std::time::Instant::now();
    while answerer.observe().await.sockets.iter().any(|socket| socket.acks_pending > 0) {
        assert!(start.elapsed() < DEADLINE, "the other node waits for ever");
    }
    // What it said before this was heard before this.
    answerer.emit("fence", ()).unwrap();
    assert_eq!(event(&mut clients[0].0).await, [json!("fence")]);

    let alone = match alone_before {
        Some(answer) => answer,
        None => alone.await,
    };
    assert!(matches!(alone, Err(AckError::Timeout)), "{alone:?}");
    let together = match together_before {
        Some(answers) => answers.unwrap(),
        None => together.await.unwrap(),
    };
    assert!(together.timed_out, "{together:?}");
    assert_eq!((together.unanswered, together.missing_nodes), (vec![silent], vec![]));
    assert_eq!(asker.metrics().acks_timed_out.get(), 2);
    nodes.close().await;
}

/// The id with which the client is asked next.
async fn asked(client: &mut Client) -> String {
    client
        .receive()
        .await
        .text
        .strip_prefix('2')
        .expect("an event")
        .split('[')
        .next()
        .expect("an id")
        .to_owned()
}

#[tokio::test]
async fn one_client_that_leaves_does_not_take_the_answers_of_others_with_it() {
    let nodes = Nodes::start_with(2, options(), |_| {}).await;
    let mut clients = Client::connect_many(&nodes.urls[1], 4).await;
    let answers = nodes.nodes[0].timeout(LONG).emit_with_ack::<u32>("q", ());
    for client in &mut clients {
        asked(client).await;
    }
    drop(clients.pop());
    eventually("it has gone", || nodes.nodes[1].local_sockets().len() == 3).await;
    for client in &mut clients {
        client.send("30[7]").await;
    }
    let answers = answers.await.unwrap();
    assert_eq!((answers.unanswered.len(), answers.timed_out), (1, false));
    assert_eq!(answers.into_values(), [7, 7, 7]);
    nodes.close().await;
}

#[tokio::test]
async fn a_socket_that_leaves_while_it_is_asked_is_disconnected_and_not_slow() {
    let nodes = Nodes::start_with(2, options(), |_| {}).await;
    let mut clients = nodes.clients().await;
    let found = nodes.nodes[0].to(clients[1].1).fetch_sockets().await.unwrap();
    let answer = tokio::spawn({
        let socket = found[0].timeout(LONG);
        async move { socket.emit_with_ack::<u32>("q", ()).await }
    });
    asked(&mut clients[1].0).await;
    drop(clients.pop());
    let answer = answer.await.unwrap();
    assert!(matches!(answer, Err(AckError::Disconnected)), "{answer:?}");
    nodes.close().await;
}

#[tokio::test]
async fn hundreds_of_sockets_are_told_in_pieces_and_asked_for_nothing_that_is_not_wanted() {
    let nodes = Nodes::start_with(2, options(), |io| {
        io.on("ask and forget", async |io: fanfare::Namespace| drop(io.emit_with_ack::<()>("q", ())));
    })
    .await;
    let mut clients = Client::connect_many(&nodes.urls[1], 400).await;
    let found = nodes.nodes[0].fetch_sockets().await.unwrap();
    assert!(found.is_complete());
    let ids: std::collections::HashSet<_> = found.iter().map(|socket| socket.id().to_string()).collect();
    assert_eq!(ids.len(), 400);
    clients[0].send("2[\"ask and forget\"]").await;
    for client in &mut clients {
        asked(client).await;
    }
    let pending = async || {
        let seen = nodes.nodes[1].observe().await;
        seen.sockets.iter().map(|socket| socket.acks_pending).sum::<usize>()
    };
    assert_eq!(pending().await, 0);
    nodes.close().await;
}

/// Together they are more than the bus carries at a time, which hides nobody.
#[tokio::test]
async fn sockets_that_are_large_are_told_like_all_others() {
    let mut options = options();
    options.limits.auth_bytes_max = 0;
    let nodes = Nodes::start_with(2, options, |_| {}).await;
    let auth = format!("{{\"t\":\"{}\"}}", "x".repeat(900_000));
    let mut clients = vec![Client::connect(&nodes.urls[1]).await];
    for _ in 0..20 {
        clients.push(Client::connect_as(&nodes.urls[1], &auth).await.0);
    }
    let found = nodes.nodes[0].fetch_sockets().await.unwrap();
    assert!(found.is_complete());
    assert_eq!(found.len(), 21);
    assert_eq!(found.iter().filter(|socket| socket.auth().len() > 900_000).count(), 20);
    nodes.close().await;
}

/// A bus that carries little: an answer must admit what it had to leave out.
#[tokio::test]
async fn a_node_that_cannot_tell_of_a_socket_is_missing() {
    let hub = MemoryHub::new(7).with_bounds(1_024, 16 * 1_024, 10_000);
    let node = || Io::builder().options(options()).bus(hub.bus()).build();
    let nodes = Nodes::gather(&hub, vec![node(), node()]).await;
    let _small = Client::connect(&nodes.urls[1]).await;
    let found = nodes.nodes[0].fetch_sockets().await.unwrap();
    assert_eq!((found.len(), found.is_complete()), (1, true));
    let auth = format!("{{\"t\":\"{}\"}}", "x".repeat(20_000));
    let _large = Client::connect_as(&nodes.urls[1], &auth).await;
    let found = nodes.nodes[0].fetch_sockets().await.unwrap();
    assert_eq!(found.len(), 1, "the others are told");
    assert_eq!(found.missing_nodes, [nodes.nodes[1].node_name()]);
    assert_eq!(nodes.nodes[0].metrics().requests_incomplete.get(), 1);
    nodes.close().await;
}

#[tokio::test]
async fn a_node_closes_at_once_while_others_flood_it() {
    let nodes = Nodes::start_with(2, options(), |_| {}).await;
    let _clients = nodes.clients().await;
    let (flooding, closing) = (nodes.nodes[0].clone(), &nodes.nodes[1]);
    let stop = Arc::new(AtomicUsize::new(0));
    let flood = std::thread::spawn({
        let stop = stop.clone();
        move || {
            while stop.load(Ordering::Relaxed) == 0 {
                // Its own mailboxes may be full too.
                let _ = flooding.emit("flood", ());
                std::thread::yield_now();
            }
        }
    });
    let closed = tokio::time::timeout(DEADLINE, closing.close()).await;
    stop.store(1, Ordering::Relaxed);
    flood.join().expect("the flood ends");
    closed.expect("it does not wait for what it cannot deliver");
    nodes.close().await;
}

#[tokio::test]
async fn thousands_of_answers_that_never_come_leave_nothing_behind() {
    let nodes = Nodes::start_with(2, options(), |_| {}).await;
    let mut clients = Vec::new();
    for url in &nodes.urls {
        clients.extend(Client::connect_many(url, 20).await);
    }
    // Some are waited for until their time is up, some are given up, some while they are being asked.
    for n in 0..100 {
        let asked = nodes.nodes[0].timeout(Duration::from_millis(50 + n)).emit_with_ack::<()>("q", n);
        match n % 3 {
            0 => drop(asked),
            1 => assert!(asked.await.unwrap().answers.is_empty()),
            _ => drop(tokio::time::timeout(Duration::from_millis(n % 20), asked.into_future()).await),
        }
    }
    for io in &nodes.nodes {
        eventually("no request waits", || io.requests_waiting() == 0).await;
        loop {
            let pending: usize = io.observe().await.sockets.iter().map(|socket| socket.acks_pending).sum();
            if pending == 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    // All of them were really asked.
    for client in &mut clients {
        assert_eq!(client.receive_many(100).await.len(), 100);
    }
    nodes.close().await;
}

// Servers among themselves.

// Compatibility: server-side-emit, server-side-emit-ack
#[tokio::test]
async fn servers_tell_each_other_and_answer() {
    let heard = Arc::new(AtomicUsize::new(0));
    let nodes = Nodes::start_with(3, options(), |io| {
        let heard = heard.clone();
        io.on_server_event("count", async move |Data((n, text)): Data<(usize, String)>, from: FromNode| {
            assert_eq!((text.as_str(), from.0.len()), ("text", 4));
            heard.fetch_add(n, Ordering::Relaxed);
        });
        let name = io.node_name().to_owned();
        io.on_server_event("name", async move |ack: ServerAck| ack.send((name.clone(), 1)));
        io.on_server_event("silence", async |ack: ServerAck| drop(ack));
        io.on_server_event("panic", async |from: FromNode| assert!(from.0.is_empty(), "a handler's fault"));
    })
    .await;
    let io = &nodes.nodes[0];
    io.server_side_emit("panic", ()).unwrap();
    io.server_side_emit("count", (21, "text")).unwrap();
    let answers = io.server_side_emit_with_ack("name", ()).await.unwrap();
    assert_eq!(heard.load(Ordering::Relaxed), 42, "not by the sender itself, and in order");
    assert!(answers.is_complete());
    let mut names: Vec<(String, u32)> =
        answers.iter().map(|answer| answer.arguments.deserialize().unwrap()).collect();
    names.sort();
    let mut expected: Vec<_> = nodes.nodes[1..].iter().map(|io| (io.node_name().to_owned(), 1)).collect();
    expected.sort();
    assert_eq!(names, expected);
    let short = io.timeout(Duration::from_millis(100));
    let silence = short.server_side_emit_with_ack("silence", ()).await.unwrap();
    assert_eq!((silence.len(), silence.missing_nodes.len()), (0, 2));
    nodes.close().await;
}

/// Handlers that wait for what other nodes answer must not keep their node from hearing it, however many they are.
#[tokio::test]
async fn handlers_of_servers_events_may_all_wait_for_other_servers() {
    let options = Options { events_in_flight_max: 2, ..options() };
    let release = Arc::new(tokio::sync::Semaphore::new(0));
    let nodes = Nodes::start_with(2, options, |io| {
        let (server, release) = (io.clone(), release.clone());
        io.on_server_event("question", async move |ack: ServerAck| {
            release.acquire().await.expect("it stays open").forget();
            let counted = server.timeout(LONG).count().await.expect("the bus is there");
            ack.send(*counted)
        });
    })
    .await;
    let (io, other) = (nodes.nodes[0].clone(), &nodes.nodes[1]);
    let ask = || {
        let io = io.clone();
        tokio::spawn(async move { io.timeout(LONG).server_side_emit_with_ack("question", ()).await })
    };
    let first = [ask(), ask()];
    eventually("two are handled", || other.metrics().server_events_running.get() == 2).await;
    // Two more wait for their turn. What the handlers ask is heard all the same.
    let later = [ask(), ask()];
    eventually("all are asked", || io.requests_waiting() == 4).await;
    release.add_permits(4);
    for answers in first.into_iter().chain(later) {
        let answers = answers.await.expect("it does not panic").expect("the bus is there");
        assert_eq!((answers.len(), answers.is_complete()), (1, true));
    }
    assert_eq!(other.metrics().bus_undelivered.get(), 0);
    nodes.close().await;
}

/// The event is dropped and counted, and the caller is told at its deadline.
#[tokio::test]
async fn events_of_servers_beyond_what_may_wait_are_counted() {
    let options = Options { events_in_flight_max: 1, ..options() };
    let release = Arc::new(tokio::sync::Notify::new());
    let nodes = Nodes::start_with(2, options, |io| {
        let release = release.clone();
        io.on_server_event("stays", async move || release.notified().await);
    })
    .await;
    let (io, other) = (&nodes.nodes[0], &nodes.nodes[1]);
    io.server_side_emit("stays", ()).unwrap();
    eventually("its handler runs", || other.metrics().server_events_running.get() == 1).await;
    for _ in 0..9 {
        io.server_side_emit("stays", ()).unwrap();
    }
    // One is handled, one waits, however they arrive; each of the others is counted.
    let metrics = other.metrics();
    eventually("the others are counted", || metrics.bus_undelivered.get() == 8).await;
    release.notify_one();
    eventually("the one that waited has its turn", || metrics.server_events.get() == 2).await;
    assert_eq!(metrics.bus_undelivered.get(), 8);
    eventually("all handlers have ended", || {
        release.notify_one();
        metrics.server_events_running.get() == 0
    })
    .await;
    nodes.close().await;
}

#[tokio::test]
async fn a_node_on_its_own_has_nobody_to_ask_and_everything_works() {
    let io = Io::builder().options(options()).build();
    let url = serve(&io).await;
    let (mut client, _) = Client::connect_as(&url, "").await;
    assert_eq!(*io.count().await.unwrap(), 1);
    io.sockets_join("room").await.unwrap();
    assert_eq!(io.to("room").fetch_sockets().await.unwrap().len(), 1);
    assert!(io.server_side_emit("x", ()).is_ok());
    assert!(io.server_side_emit_with_ack("x", ()).await.unwrap().is_empty());
    assert!(io.to("nobody").timeout(LONG).emit_with_ack::<()>("q", ()).await.unwrap().is_complete());
    let asked = io.to("room").timeout(LONG).emit_with_ack::<u32>("q", ());
    let ack = client.receive().await.text.strip_prefix('2').unwrap().split('[').next().unwrap().to_owned();
    client.send(&format!("3{ack}[7]")).await;
    assert_eq!(asked.await.unwrap().into_values(), [7]);
    io.disconnect_sockets(false).await.unwrap();
    assert_eq!(client.receive().await.text, "1");
    io.close().await;
}

// From outside.

// Compatibility: emitter
#[tokio::test]
async fn a_program_that_is_no_node_emits_into_the_cluster() {
    let nodes = Nodes::start_with(2, options(), |io| {
        io.of("/other");
    })
    .await;
    let mut clients = nodes.clients().await;
    let emitter = Emitter::new(nodes.hub.bus()).unwrap();
    emitter.connected(LONG).await.unwrap();
    emitter.of("/other").emit("elsewhere", ()).unwrap();
    emitter.emit("n", (1, fanfare::Bytes::from_static(b"x"))).unwrap();
    emitter.to(clients[1].1).emit("n", 2).unwrap();
    emitter.to(clients[0].1).sockets_join(["a", "b"]).unwrap();
    assert_eq!(event(&mut clients[0].0).await[1], json!(1));
    for n in [1, 2] {
        assert_eq!(event(&mut clients[1].0).await[1], json!(n));
    }
    let joined = || nodes.nodes[0].local_rooms().len() == 2;
    eventually("it has joined", joined).await;
    emitter.to("a").to("b").except("c").emit("once", ()).unwrap();
    emitter.except("a").emit("n", 3).unwrap();
    emitter.of("/").disconnect_sockets(false).unwrap();
    assert_eq!(event(&mut clients[0].0).await, [json!("once")]);
    assert_eq!(clients[0].0.receive().await.text, "1");
    assert_eq!(event(&mut clients[1].0).await[1], json!(3));
    assert_eq!(clients[1].0.receive().await.text, "1");
    emitter.close(LONG).await;
    nodes.close().await;
}

#[tokio::test]
async fn who_is_there_is_told_to_whoever_asks() {
    let nodes = Nodes::start_with(2, options(), |_| {}).await;
    let _clients = nodes.clients().await;
    let reports = with_patience("both answer", async |patience| {
        let reports = fanfare::roll_call(nodes.hub.bus(), LONG, patience).await.unwrap();
        (reports.len() == 2).then_some(reports)
    })
    .await;
    assert!(reports.iter().all(|node| node.connections == 1 && node.release == env!("CARGO_PKG_VERSION")));
    nodes.close().await;
}
