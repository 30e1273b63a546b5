//! A vote: one event to everybody, and everybody's answer, one by one as they come or all together.
//!
//! ```sh
//! cargo run -p fanfare --example broadcast_acks
//! ```
//!
//! The client: `socket.on("vote", (question, callback) => callback("yes"))`.

use std::time::Duration;

use fanfare::{Ack, AckError, Data, Io};

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

/// Declares `poll`.
pub fn install(io: &Io) {
    let everybody = io.clone();
    io.on("poll", async move |Data(question): Data<String>, ack: Ack| -> Result<(), AckError> {
        let mut answers = everybody.timeout(PATIENCE).emit_with_ack::<String>("vote", question);
        let mut yes = 0;
        while let Some((socket, answer)) = answers.next().await {
            match answer {
                Ok(answer) => yes += u32::from(answer == "yes"),
                Err(error) => println!("{socket} has answered something else: {error}"),
            }
        }
        // All together, with the clients that did not answer: `let answers = everybody.timeout(…).emit_with_ack(…).await?`
        Ok(ack.send(yes)?)
    });
}
