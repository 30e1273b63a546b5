//! Rooms that are named like sockets: ordinary rooms, whatever id they look like, and no burden for private messages.

use std::time::Duration;

use fanfare::{Bus, Faults, Io, MemoryHub, Options, SocketId};
use fanfare_proto::wire::envelope::Body;
use fanfare_proto::wire::{self, Heartbeat};
use fanfare_proto::{Envelope, Identity, Inbound, Publisher, Subject, Subscription};
use serde_json::json;

use crate::cluster::{Nodes, event};
use crate::support::{eventually, nothing_stays};

const LONG: Duration = Duration::from_secs(60);
/// Ids that a node announces one by one.
const LISTED_MAX: usize = 1024;

/// All rooms share a bucket, so that a node with any room hears what is published for any other one.
fn options() -> Options {
    let mut options = Options { reactors: 2, ..Options::default() };
    options.cluster.heartbeat_interval_ms = 500;
    options.cluster.heartbeat_timeout_ms = 10_000;
    options.cluster.room_buckets = 1;
    options
}

/// A name like the id of a socket of a node, that no socket has.
fn id_like(node: &Io, n: usize) -> String {
    format!("{}A{n:015}", node.node_name())
}

fn published(io: &Io) -> u64 {
    io.bus_meters().expect("a bus").published.get()
}

/// Waits until `io` sends what is for a socket of `owner` to so many places.
async fn goes_to(io: &Io, owner: &Io, places: u64) {
    const EMITS: u64 = 100;
    let mut n = 1_000_000;
    eventually("messages for its sockets go to as many places as they should", || {
        let before = published(io);
        for _ in 0..EMITS {
            n += 1;
            io.to(id_like(owner, n)).emit("nobody", ()).unwrap();
        }
        // Some heartbeats may be among them.
        (EMITS * places..EMITS * places + EMITS / 2).contains(&(published(io) - before))
    })
    .await;
}

/// Nodes that know all of each other.
async fn synced(count: usize) -> Nodes {
    let nodes = Nodes::start_with(count, options(), |_| {}).await;
    for io in &nodes.nodes {
        for owner in &nodes.nodes {
            goes_to(io, owner, u64::from(io.node_name() != owner.node_name())).await;
        }
    }
    nodes
}

/// JOIN-1 for the rooms of other nodes' sockets: a caller that knows that the join is done reaches it from any node.
#[tokio::test]
async fn an_awaited_join_of_the_room_of_another_nodes_socket_is_known_to_every_node() {
    let nodes = synced(3).await;
    let mut clients = nodes.clients().await;
    // What a node says is under way for a while.
    let delay_max = Duration::from_millis(40);
    nodes.hub.set_faults(Faults { delay_max, shuffle_subjects: true, ..Faults::default() });
    let member = nodes.nodes[2].local_socket(clients[2].1).unwrap();
    for n in 0..30 {
        let owner = n % 2;
        let room = if n < 2 { clients[owner].1.to_string() } else { id_like(&nodes.nodes[owner], n) };
        match n % 3 {
            0 => drop(nodes.nodes[0].to(member.id()).sockets_join(&room).await.unwrap()),
            _ => member.join(&room).await.unwrap(),
        }
        for io in &nodes.nodes {
            io.to(&room).emit("joined", n).unwrap();
            assert_eq!(event(&mut clients[2].0).await, [json!("joined"), json!(n)], "JOIN_1");
        }
        if n < 2 {
            for _ in &nodes.nodes {
                assert_eq!(event(&mut clients[owner].0).await, [json!("joined"), json!(n)]);
            }
        }
        if n % 4 == 0 {
            member.leave(&room).await.unwrap();
        }
    }
    let found = nodes.nodes[0].to(id_like(&nodes.nodes[1], 29)).fetch_sockets().await.unwrap();
    assert!(found.is_complete());
    assert_eq!(found.iter().map(|socket| socket.id()).collect::<Vec<_>>(), [clients[2].1]);
    drop(clients);
    for io in &nodes.nodes {
        nothing_stays(io).await;
        eventually("nothing is borrowed", || io.metrics().borrowed_rooms.get() == 0).await;
    }
    nodes.close().await;
}

#[tokio::test]
async fn rooms_that_look_like_sockets_of_no_node_concern_no_private_message() {
    let nodes = synced(3).await;
    let mut clients = nodes.clients().await;
    let member = nodes.nodes[2].local_socket(clients[2].1).unwrap();
    let names: Vec<String> = (0..200).map(|n| format!("-NxYzAbCdEfGhIjKl{n:03}")).collect();
    member.join(&names).await.unwrap();
    nodes.nodes[0].to(&names[7]).emit("to the room", ()).unwrap();
    assert_eq!(event(&mut clients[2].0).await, [json!("to the room")]);
    assert_eq!(nodes.nodes[2].metrics().borrowed_rooms.get(), 0);
    goes_to(&nodes.nodes[0], &nodes.nodes[1], 1).await;
    goes_to(&nodes.nodes[1], &nodes.nodes[1], 0).await;
    // Nor is anybody but its node asked about a single socket.
    let names: Vec<_> = nodes.nodes.iter().map(|io| io.node_name().to_owned()).collect();
    nodes.hub.partition(&[&[&names[0], &names[1]]]);
    let found = nodes.nodes[0].to(clients[1].1).timeout(LONG).fetch_sockets().await.unwrap();
    assert_eq!((found.len(), found.is_complete()), (1, true));
    nodes.close().await;
}

#[tokio::test]
async fn a_borrowed_room_costs_messages_for_other_sockets_nothing() {
    let nodes = synced(3).await;
    let mut clients = nodes.clients().await;
    let member = nodes.nodes[2].local_socket(clients[2].1).unwrap();
    member.join(clients[1].1).await.unwrap();
    assert_eq!(nodes.nodes[2].metrics().borrowed_rooms.get(), 1);
    goes_to(&nodes.nodes[0], &nodes.nodes[1], 1).await;
    nodes.nodes[0].to(clients[1].1).emit("to both", ()).unwrap();
    for (client, _) in &mut clients[1..] {
        assert_eq!(event(client).await, [json!("to both")]);
    }
    nodes.close().await;
}

#[tokio::test]
async fn more_borrowed_rooms_than_can_be_listed_are_reached_too() {
    let nodes = synced(3).await;
    let mut clients = nodes.clients().await;
    let member = nodes.nodes[2].local_socket(clients[2].1).unwrap();
    let rooms: Vec<String> = (0..=LISTED_MAX).map(|n| id_like(&nodes.nodes[1], n)).collect();
    member.join(&rooms).await.unwrap();
    for (n, room) in rooms.iter().enumerate().step_by(100) {
        nodes.nodes[0].to(room).emit("n", n).unwrap();
        assert_eq!(event(&mut clients[2].0).await, [json!("n"), json!(n)], "JOIN_1");
    }
    goes_to(&nodes.nodes[0], &nodes.nodes[1], 2).await;
    member.leave(&rooms[0]).await.unwrap();
    goes_to(&nodes.nodes[0], &nodes.nodes[1], 1).await;
    nodes.nodes[0].to(&rooms[1]).emit("still", ()).unwrap();
    assert_eq!(event(&mut clients[2].0).await, [json!("still")]);
    nodes.close().await;
}

#[tokio::test]
async fn a_room_is_known_as_borrowed_once_its_name_turns_out_to_be_an_id() {
    let nodes = synced(2).await;
    let mut clients = nodes.clients().await;
    let names: Vec<_> = nodes.nodes.iter().map(|io| io.node_name().to_owned()).collect();
    nodes.hub.partition(&[&[&names[0], &names[1]]]);
    let late = Io::builder().options(options()).bus(nodes.hub.bus()).build();
    let room = id_like(&late, 1);
    let member = nodes.nodes[1].local_socket(clients[1].1).unwrap();
    member.join(&room).await.unwrap();
    nodes.nodes[0].to(&room).emit("n", 1).unwrap();
    assert_eq!(event(&mut clients[1].0).await, [json!("n"), json!(1)]);
    nodes.hub.heal();
    eventually("they know it", || nodes.nodes.iter().all(|io| io.nodes().len() == 2)).await;
    // Meanwhile and when it is synced.
    nodes.nodes[0].to(&room).emit("n", 2).unwrap();
    assert_eq!(event(&mut clients[1].0).await, [json!("n"), json!(2)]);
    goes_to(&nodes.nodes[0], &late, 1).await;
    for (n, io) in [&nodes.nodes[0], &nodes.nodes[1], &late].into_iter().enumerate() {
        io.to(&room).emit("n", 3 + n).unwrap();
        assert_eq!(event(&mut clients[1].0).await, [json!("n"), json!(3 + n)]);
    }
    late.close().await;
    nodes.close().await;
}

// Nodes of other kinds.

/// A node that a test speaks for.
struct Spoken {
    bus: std::sync::Arc<dyn Publisher>,
    subscription: Subscription,
    name: &'static str,
}

impl Spoken {
    fn join(hub: &MemoryHub, name: &'static str) -> Self {
        let (bus, subscription) = Box::new(hub.bus()).start(Identity::new(name));
        bus.subscribe(Subject::Nodes);
        Self { bus, subscription, name }
    }

    /// Says it now, and until it is heard of no more.
    fn beat(&self, heartbeat: Heartbeat) {
        let heartbeat = Heartbeat { namespaces: vec!["/".into()], room_buckets: 1, ..heartbeat };
        self.bus.publish(&[Subject::Nodes], Body::Heartbeat(heartbeat)).unwrap();
    }

    /// The next thing it hears that `pick` makes something of.
    async fn hear<T>(&mut self, mut pick: impl FnMut(Body) -> Option<T>) -> T {
        let hearing = async {
            loop {
                match std::future::poll_fn(|cx| self.subscription.as_mut().poll_next(cx)).await {
                    Some(Inbound::Envelope(Envelope { body, .. })) => {
                        if let Some(picked) = pick(body) {
                            return picked;
                        }
                    }
                    Some(_) => {}
                    None => panic!("the bus has ended"),
                }
            }
        };
        tokio::time::timeout(crate::support::DEADLINE, hearing).await.expect("it hears it in time")
    }

    fn is_known_to(&self, io: &Io) -> bool {
        io.nodes().iter().any(|node| *node.node == *self.name)
    }
}

fn broadcast_of(body: Body) -> Option<String> {
    match body {
        Body::Broadcast(wire::Broadcast { packet, .. }) => Some(packet),
        _ => None,
    }
}

/// Which says how many ids it has borrowed and lists none, and confirms nothing.
#[tokio::test]
async fn a_node_of_an_older_release_is_reached_and_waited_for_by_nobody() {
    let nodes = synced(2).await;
    let mut clients = nodes.clients().await;
    let mut older = Spoken::join(&nodes.hub, "0ldN");
    older.beat(Heartbeat { borrowed_ids: 1, ..Heartbeat::default() });
    eventually("it is known", || nodes.nodes.iter().all(|io| older.is_known_to(io))).await;
    nodes.nodes[0].to(clients[1].1).emit("private", ()).unwrap();
    assert_eq!(older.hear(broadcast_of).await, "42[\"private\"]");
    assert_eq!(event(&mut clients[1].0).await, [json!("private")]);
    // A newer node that borrows tells it what it understands.
    let member = nodes.nodes[1].local_socket(clients[1].1).unwrap();
    let joined = tokio::time::timeout(crate::support::DEADLINE, member.join(clients[0].1).into_future());
    joined.await.expect("nobody waits for the older node").unwrap();
    let borrows = |body| match body {
        Body::Heartbeat(heartbeat) => (heartbeat.borrowed_ids > 0).then_some(heartbeat),
        _ => None,
    };
    let heartbeat = older.hear(borrows).await;
    assert_eq!((heartbeat.borrowed_ids, heartbeat.borrowed), (1, vec![clients[0].1.to_string()]));
    nodes.nodes[0].to(clients[0].1).emit("to both", ()).unwrap();
    for (client, _) in &mut clients {
        assert_eq!(event(client).await, [json!("to both")]);
    }
    nodes.close().await;
}

#[tokio::test]
async fn a_node_that_does_not_confirm_holds_a_join_up_for_no_longer_than_a_request() {
    let mut options = options();
    options.cluster.request_timeout_ms = 300;
    let nodes = Nodes::start_with(1, options, |_| {}).await;
    let _clients = nodes.clients().await;
    let mut silent = Spoken::join(&nodes.hub, "s1lt");
    silent.beat(Heartbeat { confirms: true, ..Heartbeat::default() });
    eventually("it is known", || silent.is_known_to(&nodes.nodes[0])).await;
    let member = &nodes.nodes[0].local_sockets()[0];
    let incomplete = || nodes.nodes[0].metrics().requests_incomplete.get();
    let before = incomplete();
    member.join("s1ltA000000000000000").await.unwrap();
    assert_eq!(incomplete(), before + 1);
    let asks = |body| match body {
        Body::Heartbeat(heartbeat) => (heartbeat.request > 0).then_some(heartbeat.borrowed),
        _ => None,
    };
    assert_eq!(silent.hear(asks).await, ["s1ltA000000000000000"]);
    // A join of any other room waits for nobody.
    member.join("a room").await.unwrap();
    assert_eq!(incomplete(), before + 1);
    assert_eq!(SocketId::parse("a room"), None);
    nodes.close().await;
}
