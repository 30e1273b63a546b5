//! Draining: Ctrl-C moves the clients to other nodes at a pace, and lets handlers finish, before the node ends.
//!
//! ```sh
//! cargo run -p fanfare --example draining
//! ```

use std::time::Duration;

use fanfare::{Ack, DrainOptions, Io, Options};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let io = node();
    let server = io.listen("127.0.0.1:3000").await?;
    println!("listening on http://{}", server.address());
    tokio::signal::ctrl_c().await?;
    // `/readyz` of `fanfare::Admin` answers 503 from here on, so that balancers send nobody any more.
    let drained = io.drain().await;
    println!("{} clients left in their turn, {} were cut off", drained.connections, drained.cut);
    Ok(())
}

/// A node that closes 100 connections a second, and has 20 seconds for all of it.
pub fn node() -> Io {
    let drain = DrainOptions {
        wait_ms: 0,
        connections_per_second: 100,
        timeout_ms: 20_000,
        ..DrainOptions::default()
    };
    let io = Io::builder().options(Options { drain, ..Options::default() }).build();
    // What runs may finish, and its answer still arrives.
    io.on("work", async |ack: Ack| {
        tokio::time::sleep(Duration::from_millis(100)).await;
        ack.send("done")
    });
    io
}
