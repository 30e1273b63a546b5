//! A cluster in your own program: nodes find each other over NATS, and everything reaches the clients of all.
//!
//! ```sh
//! target/venv/bin/nats-server --addr 127.0.0.1 --port 4222      # or any NATS of your own
//! cargo run -p fanfare --example cluster -- 127.0.0.1:3001      # in each terminal a node, with a port of its own
//! ```
//!
//! Clients of one node need not know of the others: `io("http://127.0.0.1:3001").emitWithAck("online")` counts those of all.
//! The variable `NATS` names other servers, separated by commas.

use fanfare::{Ack, Bus, Data, EmitError, Io, Namespace, ServerAck, Socket, SocketId};
use fanfare_adapter_nats::{NatsBus, NatsOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let servers = std::env::var("NATS").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned());
    let servers = servers.split(',').map(str::to_owned).collect();
    // Without NATS the node serves its own clients meanwhile, and joins the cluster when NATS is there.
    let io = node(NatsBus::new(NatsOptions { servers, ..NatsOptions::default() })?);
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3001".to_owned());
    let server = io.listen(address).await?;
    println!("node {} listens on http://{}", io.node_name(), server.address());
    tokio::signal::ctrl_c().await?;
    io.drain().await; // its clients come back at the other nodes
    Ok(())
}

/// A node of the cluster that the bus connects.
pub fn node(bus: impl Bus) -> Io {
    let io = Io::builder().bus(bus).build();
    io.on("join", join);
    io.on("say", async |socket: Socket, Data((room, text)): Data<(String, String)>| {
        socket.to(room).emit("said", (socket.id(), text)) // never waits for the cluster
    });
    io.on("online", online);
    io.on("who", who);
    io.on("nodes", nodes);
    io.on("kick", async |namespace: Namespace, Data(id): Data<SocketId>| {
        namespace.to(id).disconnect_sockets(false).await.map(drop)
    });
    // The question of `nodes`, as it reaches each of them.
    io.on_server_event("clients", |io: Io, ack: ServerAck| ack.send((io.node_name(), io.clients_count())));
    io
}

/// Answers when every node sends the emits to this room here as well.
async fn join(socket: Socket, Data(room): Data<String>, ack: Ack) -> Result<(), EmitError> {
    socket.join(room).await?;
    ack.send(())
}

/// Answers with the number of clients in all, and with the names of nodes that did not say how many they have.
async fn online(namespace: Namespace, ack: Ack) -> Result<(), EmitError> {
    match namespace.count().await {
        Ok(count) => ack.send((*count, count.missing_nodes)),
        // NATS is away: nobody can tell. There are those of this node at least.
        Err(_) => ack.send((namespace.local_sockets().len(), ["all others"])),
    }
}

/// Answers with the members of a room, each with its node.
async fn who(
    namespace: Namespace,
    Data(room): Data<String>,
    ack: Ack,
) -> Result<(), Box<dyn std::error::Error>> {
    let sockets = namespace.to(room).fetch_sockets().await?;
    let members: Vec<_> = sockets.iter().map(|socket| (socket.id(), socket.node())).collect();
    Ok(ack.send(members)?)
}

/// Asks every node, this one too, for the number of its clients.
async fn nodes(io: Io, ack: Ack) -> Result<(), Box<dyn std::error::Error>> {
    let answers = io.servers().include_self().emit_with_ack("clients", ()).await?;
    let clients: Result<Vec<(String, usize)>, _> =
        answers.iter().map(|answer| answer.arguments.deserialize()).collect();
    Ok(ack.send(clients?)?)
}
