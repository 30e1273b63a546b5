//! A small chat: names, rooms, who is there, who is typing.
//!
//! ```sh
//! cargo run -p fanfare --example chat -- node_modules/socket.io/client-dist
//! ```
//!
//! The argument, or the variable `CLIENT_DIST`, is the folder `client-dist` of the npm package `socket.io`, from which
//! the page gets its client. Without it the folder that `make run` fills is taken.

use std::path::PathBuf;

use fanfare::{Ack, Auth, Bytes, ConnectError, Data, EmitError, Io, Namespace, Socket};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use serde::Deserialize;

const PAGE: &str = include_str!("chat.html");
const NAME_CHARS_MAX: usize = 20;

/// What the page sends as `auth`.
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
    let io = Io::builder().client_dist(client).fallback(page).build();
    io.middleware(log_in);
    io.on("enter", enter);
    io.on("say", say);
    io.on("typing", typing);
    io.on_disconnecting(async |socket: Socket| leave(&socket).await);
    let server = io.listen("127.0.0.1:3000").await?;
    println!("Open http://{} in two tabs", server.address());
    server.closed().await;
    Ok(())
}

/// The folder with the JavaScript client.
fn client_dist() -> PathBuf {
    let told = std::env::args_os().nth(1).or_else(|| std::env::var_os("CLIENT_DIST"));
    told.map_or_else(|| "target/client/node_modules/socket.io/client-dist".into(), PathBuf::from)
}

/// Lets in who has a name. The page shows the refusal.
async fn log_in(socket: Socket, Auth(login): Auth<Login>) -> Result<(), ConnectError> {
    let name = login.name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return Err(ConnectError::new(format!("a name has 1 to {NAME_CHARS_MAX} characters")));
    }
    socket.set_data(Name(name.to_owned()));
    Ok(())
}

/// Moves to a room, and answers with the names of those who are in it.
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
    ack.send((names_in(&namespace, &room),))
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

fn names_in(namespace: &Namespace, room: &str) -> Vec<String> {
    let is_there = |socket: &Socket| socket.data().is_some_and(|Place(place)| place == room);
    namespace.local_sockets().iter().filter(|socket| is_there(socket)).map(name).collect()
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
