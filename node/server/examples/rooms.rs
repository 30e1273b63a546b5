//! Rooms: joining, leaving, counting, and emitting to some of them.
//!
//! ```sh
//! cargo run -p fanfare --example rooms
//! ```

use fanfare::{Ack, Data, DisconnectReason, EmitError, Io, Namespace, Socket};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let io = Io::new();
    install(&io);
    let server = io.listen("127.0.0.1:3000").await?;
    println!("listening on http://{}", server.address());
    server.closed().await;
    Ok(())
}

/// Declares `join`, `leave`, `say` and `members`.
pub fn install(io: &Io) {
    io.on("join", async |socket: Socket, Data(room): Data<String>, ack: Ack| -> Result<(), EmitError> {
        socket.join(&room).await?; // once awaited, the whole cluster knows
        socket.to(&room).emit("joined", (room, socket.id()))?;
        ack.send(())
    });
    io.on("leave", async |socket: Socket, Data(room): Data<String>, ack: Ack| -> Result<(), EmitError> {
        socket.leave(room).await?;
        ack.send(())
    });
    // Everybody in the room but the sender, and those that do not want to hear it.
    io.on("say", async |socket: Socket, Data((room, text)): Data<(String, String)>| {
        socket.to(room).except("muted").emit("said", text)
    });
    io.on("members", async |namespace: Namespace, Data(room): Data<String>, ack: Ack| {
        let count = namespace.to(room).count().await.map_or(0, |count| count.into_value());
        ack.send(count)
    });
    // A socket that goes has left its rooms, but still knows them.
    io.on_disconnecting(async |socket: Socket, reason: DisconnectReason| {
        socket.to(socket.rooms()).emit("left", (socket.id(), reason.to_string()))
    });
}
