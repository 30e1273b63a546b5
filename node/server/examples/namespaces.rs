//! Namespaces: one that lets everybody in, and one that asks for a token.
//!
//! ```sh
//! cargo run -p fanfare --example namespaces
//! ```
//!
//! The client: `io("http://127.0.0.1:3000/admin", { auth: { token: "s3cret" } })`.

use fanfare::{Ack, Auth, ConnectError, EmitError, Io, Socket};
use serde::Deserialize;

/// Data that clients send as `auth`.
#[derive(Deserialize)]
struct Credentials {
    #[serde(default)]
    token: String,
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

/// Declares `hello` in the main namespace, and `announce` in `/admin`.
pub fn install(io: &Io) {
    io.on("hello", async |ack: Ack| ack.send("hello, stranger"));

    // Each namespace has middleware, handlers and rooms of its own. A socket of one hears nothing of the other.
    let admin = io.of("/admin");
    admin.middleware(async |Auth(credentials): Auth<Credentials>| match credentials.token.as_str() {
        "s3cret" => Ok(()),
        _ => Err(ConnectError::new("wrong token")),
    });
    let everybody = io.clone();
    admin.on("announce", async move |socket: Socket, ack: Ack| -> Result<(), EmitError> {
        everybody.emit("announcement", format!("{} says hello", socket.namespace().name()))?;
        ack.send(())
    });
}
