//! Errors: what happens to a handler that fails, and how a program hears of it.
//!
//! ```sh
//! cargo run -p fanfare --example errors
//! ```

use fanfare::{Ack, Data, EmitError, HandlerErrorKind, Io, Socket};

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

/// Declares a hook for all failures, and `divide`.
pub fn install(io: &Io) {
    // Each failure is logged and counted, too. The socket lives on.
    io.on_error(|error| match &error.kind {
        HandlerErrorKind::Rejected(why) => println!("{}: the client sent something else: {why}", error.event),
        HandlerErrorKind::Panicked(why) => println!("{}: a fault of ours: {why}", error.event),
        other => println!("{}: {other}", error.event),
    });

    // An error that it returns, or arguments that do not fit: the client gets an acknowledgement without arguments.
    io.on(
        "divide",
        async |Data((a, b)): Data<(i64, i64)>, ack: Ack| -> Result<(), Box<dyn std::error::Error>> {
            let quotient = a.checked_div(b).ok_or("division by zero")?;
            Ok(ack.send(quotient)?)
        },
    );

    // An emit that fails has sent nothing, and its error says why.
    io.on("whisper", async |socket: Socket, Data(text): Data<String>| match socket.emit("whispered", text) {
        Err(EmitError::Disconnected) => Ok(()), // it has gone: not an error here
        result => result,
    });
}
