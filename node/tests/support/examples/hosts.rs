//! The contract server, on a listener of its own or in an application of axum: to measure what the host costs.
//!
//! ```sh
//! cargo run --release -p fanfare-test-support --example hosts -- axum 127.0.0.1:3000
//! cargo run --release -p fanfare-loadtest --bin loadtest -- fanout --url ws://127.0.0.1:3000 --clients 1000
//! ```

use axum::Router;
use fanfare::Io;
use fanfare_test_support::relay;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (host, address) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let io = Io::new();
    relay::install(&io);
    match host.as_str() {
        "owned" => io.listen(address.as_str()).await?.closed().await,
        "axum" => {
            let listener = TcpListener::bind(address).await?;
            axum::serve(listener, Router::new().layer(io.layer())).await?;
        }
        _ => return Err("usage: hosts owned|axum ADDRESS".into()),
    }
    Ok(())
}
