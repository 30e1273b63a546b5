//! A small chat: names, rooms, the people present, the people typing.
//!
//! ```sh
//! cargo run -p fanfare --example chat -- node_modules/socket.io/client-dist
//! ```
//!
//! As a cluster over a NATS server, one node in each terminal; the members of a room are shown on all of them:
//!
//! ```sh
//! NATS=nats://127.0.0.1:4222 LISTEN=127.0.0.1:3001 cargo run -p fanfare --example chat
//! NATS=nats://127.0.0.1:4222 LISTEN=127.0.0.1:3002 cargo run -p fanfare --example chat
//! ```
//!
//! The argument, or the variable `CLIENT_DIST`, is the folder `client-dist` of the npm package `socket.io`, from which
//! the page gets its client. Without it the folder that `make run` fills is taken.

use std::path::PathBuf;

use fanfare::{Ack, Auth, Bytes, ConnectError, Data, EmitError, Io, Namespace, RequestError, Socket};
use fanfare_adapter_nats::{NatsBus, NatsOptions};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use serde::Deserialize;

const PAGE: &str = include_str!("chat.html");
const NAME_CHARS_MAX: usize = 20;

/// Data that the page sends as `auth`.
#[derive(Deserialize)]
struct Login {
    name: String,
}

/// Kept with each socket.
#[derive(Clone)]
struct Name(String);

/// Kept with each socket that has entered a room.
#[derive(Clone)]
struct Place(String);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Fanfare logs with `tracing`: a handler that fails is seen only with a subscriber.
    tracing_subscriber::fmt().init();
    let client = client_dist();
    if !client.join("socket.io.js").is_file() {
        eprintln!(
            "{} has no socket.io.js: `npm install socket.io`, and name its client-dist folder",
            client.display()
        );
    }
    let mut builder = Io::builder().client_dist(client).fallback(page);
    if let Ok(servers) = std::env::var("NATS") {
        let servers = servers.split(',').map(str::to_owned).collect();
        builder = builder.bus(NatsBus::new(NatsOptions { servers, ..NatsOptions::default() })?);
    }
    let io = builder.build();
    install(&io);
    let address = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let server = io.listen(address).await?;
    println!("Open http://{} in two tabs", server.address());
    server.closed().await;
    Ok(())
}

/// The chat itself, on any node.
pub fn install(io: &Io) {
    io.middleware(log_in);
    io.on("enter", enter);
    io.on("say", say);
    io.on("typing", typing);
    io.on_disconnecting(async |socket: Socket| leave(&socket).await);
}

/// The folder with the JavaScript client.
fn client_dist() -> PathBuf {
    let told = std::env::args_os().nth(1).or_else(|| std::env::var_os("CLIENT_DIST"));
    told.map_or_else(|| "target/client/node_modules/socket.io/client-dist".into(), PathBuf::from)
}

/// Lets in every client that has a name. The page shows the refusal.
async fn log_in(socket: Socket, Auth(login): Auth<Login>) -> Result<(), ConnectError> {
    let name = login.name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return Err(ConnectError::new(format!("a name has 1 to {NAME_CHARS_MAX} characters")));
    }
    socket.set_data(Name(name.to_owned()));
    // For the other nodes.
    socket.share(name).map_err(|error| ConnectError::new(error.to_string()))
}

/// Moves to a room, and answers with the names of the people in it.
async fn enter(
    socket: Socket,
    namespace: Namespace,
    Data(room): Data<String>,
    ack: Ack,
) -> Result<(), EmitError> {
    leave(&socket).await?;
    socket.join(&room).await?;
    socket.set_data(Place(room.clone()));
    socket.to(&room).emit("entered", name(&socket))?;
    ack.send((names_in(&namespace, &room).await,))
}

/// Says something in the room; the sender hears it as everybody does.
async fn say(socket: Socket, namespace: Namespace, Data(text): Data<String>) -> Result<(), EmitError> {
    let Some(Place(room)) = socket.data() else { return Ok(()) };
    namespace.within(room).emit("said", (name(&socket), text))
}

/// Nobody minds if this one is lost.
async fn typing(socket: Socket) -> Result<(), EmitError> {
    let Some(Place(room)) = socket.data() else { return Ok(()) };
    socket.to(room).volatile().emit("typing", name(&socket))
}

/// Leaves the room, if the socket is in one.
async fn leave(socket: &Socket) -> Result<(), EmitError> {
    let Some(Place(room)) = socket.take_data() else { return Ok(()) };
    socket.to(&room).emit("left", name(socket))?;
    socket.leave(&room).await
}

fn name(socket: &Socket) -> String {
    socket.data().map_or_else(String::new, |Name(name)| name)
}

/// Names of everybody in a room, on all nodes.
async fn names_in(namespace: &Namespace, room: &str) -> Vec<String> {
    let found = match namespace.to(room).fetch_sockets().await {
        // Without NATS there are still those of this node.
        Err(RequestError::Disconnected) => namespace.local().to(room).fetch_sockets().await,
        found => found,
    };
    let Ok(sockets) = found else { return Vec::new() };
    sockets.iter().filter_map(|socket| socket.data()).collect()
}

/// Answers every request that is not for Socket.IO.
fn page(request: &Parts) -> Response<Bytes> {
    let (status, kind, body) = match request.uri.path() {
        "/" => (StatusCode::OK, "text/html; charset=utf-8", PAGE),
        _ => (StatusCode::NOT_FOUND, "text/plain", "not found"),
    };
    let mut response = Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
