//! Metrics: those of the node for Prometheus on a port of their own, and the same numbers in the program.
//!
//! ```sh
//! cargo run -p fanfare --example monitoring
//! curl http://127.0.0.1:9464/metrics
//! ```

use std::net::SocketAddr;

use fanfare::{Ack, Admin, Io};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let io = Io::new();
    install(&io);
    let operators = admin(&io, "127.0.0.1:9464".parse()?).await?;
    println!("metrics on http://{operators}/metrics, the node on http://{operators}");
    let server = io.listen("127.0.0.1:3000").await?;
    println!("listening on http://{}", server.address());
    server.closed().await;
    Ok(())
}

/// Declares `load`, which tells how many clients are connected.
pub fn install(io: &Io) {
    let counted = io.clone();
    io.on("load", async move |ack: Ack| ack.send(counted.metrics().connections.get()));
}

/// Serves metrics, health checks and the status page. `Admin::token` asks for a password.
pub async fn admin(io: &Io, address: SocketAddr) -> std::io::Result<SocketAddr> {
    Admin::new(io.clone()).listen(address).await
}
