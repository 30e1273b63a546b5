//! A cluster in one process: two nodes, and a program that is not a node and emits to the clients of both.
//!
//! ```sh
//! cargo run -p fanfare --example emitter
//! ```
//!
//! With `fanfare_adapter_nats::NatsBus` in the place of the memory bus, each of the three is a process of its own.

use std::time::Duration;

use fanfare::{Emitter, Io, MemoryHub, Socket};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let hub = MemoryHub::new(1);
    let (first, second) = (node(&hub), node(&hub));
    println!("listening on http://{}", first.listen("127.0.0.1:3001").await?.address());
    println!("listening on http://{}", second.listen("127.0.0.1:3002").await?.address());
    let emitter = Emitter::new(hub.bus())?;
    emitter.connected(Duration::from_secs(10)).await?;
    loop {
        tick(&emitter)?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// A node whose clients are all in the room `ticks`.
pub fn node(hub: &MemoryHub) -> Io {
    let io = Io::builder().bus(hub.bus()).build();
    io.on_connect(async |socket: Socket| socket.join("ticks").await);
    io
}

/// Reaches the room on all nodes.
pub fn tick(emitter: &Emitter) -> Result<(), fanfare::EmitError> {
    emitter.of("/").to("ticks").emit("tick", "tock")
}
