//! Acknowledgements in both directions: the client asks the server, and the server asks the client.
//!
//! ```sh
//! cargo run -p fanfare --example acks
//! ```

use std::time::Duration;

use fanfare::{Ack, AckError, Data, Io, Socket};

const PATIENCE: Duration = Duration::from_secs(10);

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

/// Declares `add` and `quiz`.
pub fn install(io: &Io) {
    // await socket.emitWithAck("add", 1, 2)
    io.on("add", async |Data((a, b)): Data<(i64, i64)>, ack: Ack| ack.send(a + b));

    // Asks back before it answers. The client: socket.on("question", (text, callback) => callback("42"))
    io.on("quiz", async |socket: Socket, ack: Ack| -> Result<(), AckError> {
        let answer = socket.timeout(PATIENCE).emit_with_ack::<String>("question", "6 * 7?").await;
        let verdict = match answer {
            Ok(answer) if answer == "42" => "right",
            Ok(_) => "wrong",
            Err(AckError::Timeout) => "too late",
            Err(error) => return Err(error),
        };
        Ok(ack.send(verdict)?)
    });
}
