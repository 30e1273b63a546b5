//! The official emit cheat sheet, line by line, in Rust.
//!
//! ```sh
//! cargo run -p fanfare --example cheatsheet
//! ```
//!
//! It prints how to try it: a client that emits `cheatsheet` receives what each line sends.

use std::time::Duration;

use fanfare::{
    Ack, AckError, Auth, Bytes, ConnectError, Data, DisconnectReason, EmitError, Io, Namespace, Socket,
};
use serde::Deserialize;

const SECOND: Duration = Duration::from_secs(1);

const HOW_TO_TRY: &str = r#"Listening on http://127.0.0.1:3000. To try it, in another terminal and any folder:

    npm install socket.io-client
    node -e '
      const socket = require("socket.io-client").io("http://127.0.0.1:3000", { auth: { name: "Ada" } });
      socket.onAny((event, ...args) => console.log("received", event, ...args.filter((arg) => typeof arg !== "function")));
      socket.on("question", (text, answer) => answer("yes"));
      socket.emit("chat", "game", "hi", (answer) => console.log("acknowledged", answer));
      socket.emit("cheatsheet");
    '

Start it a second time to see what reaches everybody but the sender. Ctrl-C ends each."#;

/// Data that a client may send as `auth`.
#[derive(Deserialize)]
struct Credentials {
    #[serde(default)]
    name: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Fanfare logs with `tracing`: a handler that fails is seen only with a subscriber.
    tracing_subscriber::fmt().init();
    let io = Io::new();
    install(&io);
    let server = io.listen("127.0.0.1:3000").await?;
    println!("{HOW_TO_TRY}");
    server.closed().await;
    Ok(())
}

/// The handlers, and the event that runs through the sheet.
pub fn install(io: &Io) {
    declare_handlers(io);
    // Clients can enter a namespace only if it was declared.
    io.of("/my-namespace");

    let server = io.clone();
    io.on("cheatsheet", async move |socket: Socket| {
        emit_to_one(&socket).await?;
        emit_to_many(&server, &socket)
    });
}

/// Declared once for all sockets of the main namespace: a handler takes what it names, in any order.
fn declare_handlers(io: &Io) {
    // io.use((socket, next) => …)
    io.middleware(async |Auth(credentials): Auth<Credentials>| match credentials.name.len() {
        0..=40 => Ok(()),
        _ => Err(ConnectError::new("that name is too long")),
    });

    // io.on("connection", (socket) => …)
    io.on_connect(async |socket: Socket| {
        println!("{} connected", socket.id());
        // Handlers can also belong to one socket.
        socket.on("ping-me", async |socket: Socket| socket.emit("pong", ()));
        socket.join(["game", "game1"]).await
    });

    // socket.on("chat", (room, text, callback) => …)
    io.on("chat", async |socket: Socket, Data((room, text)): Data<(String, String)>, ack: Ack| {
        socket.to(room).emit("chat", text)?;
        ack.send("ok")
    });

    // socket.on("disconnecting", (reason) => …): it still has its rooms
    io.on_disconnecting(async |socket: Socket, reason: DisconnectReason| {
        println!("{} leaves {:?}: {reason}", socket.id(), socket.rooms());
    });

    // socket.on("disconnect", (reason) => …)
    io.on_disconnect(async |namespace: Namespace, socket: Socket| namespace.emit("left", socket.id()));
}

/// To the client that sent the event.
async fn emit_to_one(socket: &Socket) -> Result<(), EmitError> {
    // socket.emit("hello", "can you hear me?", 1, 2, "abc"): a tuple is several arguments
    socket.emit("hello", ("can you hear me?", 1, 2, "abc"))?;

    // socket.send("a message"): the event "message"
    socket.send("a message")?;

    // socket.emit("bytes", Buffer.from("raw"), { … }): bytes travel as binary attachments, wherever they stand
    socket.emit("bytes", (Bytes::from_static(b"raw"), ["mixed", "with text"]))?;

    // socket.compress(false).emit(…)
    socket.compress(false).emit("uncompressed", "that's rough")?;

    // socket.binary(false).emit(…): an error if there are bytes
    socket.binary(false).emit("what", "I have no binaries!")?;

    // socket.volatile.emit(…): dropped if the client is not ready for it, as here, where others were sent just before
    socket.volatile().emit("maybe", "do you really need it?")?;

    // socket.timeout(1000).emitWithAck(…)
    let answer: Result<String, AckError> =
        socket.timeout(SECOND).emit_with_ack("question", "do you think so?").await;
    match answer {
        Ok(answer) => println!("{} answered {answer:?}", socket.id()),
        Err(AckError::Timeout) => println!("{} did not answer in time", socket.id()),
        Err(error) => println!("no answer: {error}"),
    }
    Ok(())
}

/// To others. Operators add up, and each returns a new one.
fn emit_to_many(io: &Io, socket: &Socket) -> Result<(), EmitError> {
    // socket.broadcast.emit(…): everybody in the namespace but the sender
    socket.broadcast().emit("broadcast", "hello friends!")?;

    // socket.to("game").emit(…): everybody in the room but the sender
    socket.to("game").emit("nice game", "let's play a game")?;

    // socket.to("game1").to("game2").emit(…): everybody in one room or the other, each once, but the sender
    socket.to("game1").to("game2").emit("nice game", "let's play a game (too)")?;

    // socket.to("game").except("muted").emit(…)
    socket.to("game").except("muted").emit("nice game", "for those who listen")?;

    // io.in("game").emit(…): everybody in the room, the sender too
    io.within("game").emit("big-announcement", "the game will start soon")?;

    // io.except("muted").emit(…)
    io.except("muted").emit("big-announcement", "for those who listen")?;

    // io.of("/my-namespace").emit(…)
    io.of("/my-namespace").emit("bigger-announcement", "the tournament will start soon")?;

    // io.of("/my-namespace").to("room").emit(…)
    io.of("/my-namespace").to("room").emit("event", "message")?;

    // io.to(socketId).emit(…): one client; everybody starts in a room named after its id
    io.to(socket.id()).emit("hey", "I just met you")?;

    // io.local.emit(…): everybody on this node
    io.local().emit("hi", "my lovely babies")?;

    // io.emit(…): everybody
    io.emit("an event sent to all connected clients", ())
}
