//! Binary data: bytes stand anywhere in the arguments, and travel beside the text as attachments.
//!
//! ```sh
//! cargo run -p fanfare --example binary
//! ```

use fanfare::{Ack, Bytes, Data, EmitError, Io, Socket};
use serde::{Deserialize, Serialize};

/// In JavaScript `{ name: "a.txt", content: buffer }`.
#[derive(Deserialize, Serialize)]
struct File {
    name: String,
    content: Bytes,
}

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

/// Declares `upload`, which hands a file on to everybody else.
pub fn install(io: &Io) {
    io.on("upload", async |socket: Socket, Data(file): Data<File>, ack: Ack| -> Result<(), EmitError> {
        let bytes = file.content.len();
        socket.broadcast().emit("uploaded", file)?; // the bytes are not copied on their way
        ack.send(bytes)
    });
}
