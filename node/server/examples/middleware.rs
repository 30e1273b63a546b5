//! Middleware: functions that run in order before a socket may enter, refuse it, or leave something with it.
//!
//! ```sh
//! cargo run -p fanfare --example middleware
//! ```

use fanfare::{Ack, Auth, ConnectError, Extension, Io, Socket, Value};

/// Left with the socket by the middleware, for its handlers.
#[derive(Clone)]
struct Name(String);

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

/// Declares two middlewares, and `whoami`.
pub fn install(io: &Io) {
    io.middleware(async |socket: Socket| match socket.handshake().header("x-maintenance") {
        Some(_) => Err(ConnectError::new("come back later")),
        None => Ok(()),
    });
    // Runs if the first one has let the socket pass. The client gets message and data as its `connect_error`.
    io.middleware(async |socket: Socket, Auth(auth): Auth<Value>| {
        let Some(name) = auth.get("name").and_then(Value::as_str) else {
            return Err(ConnectError::new("who are you?").with_data(["name"]));
        };
        socket.set_data(Name(name.to_owned()));
        Ok(())
    });
    io.on("whoami", |Extension(Name(name)): Extension<Name>, ack: Ack| ack.send(name));
}
