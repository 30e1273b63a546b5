//! A task in the background that emits: every client hears the time, and how many there are.
//!
//! ```sh
//! cargo run -p fanfare --example background
//! ```

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fanfare::Io;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let io = Io::new();
    let clock = clock(&io, Duration::from_secs(1));
    let server = io.listen("127.0.0.1:3000").await?;
    println!("listening on http://{}", server.address());
    server.closed().await;
    clock.abort();
    Ok(())
}

/// Starts the clock. `Io` is a handle: tasks and threads of the program keep clones of it, and `emit` never waits.
pub fn clock(io: &Io, every: Duration) -> JoinHandle<()> {
    let io = io.clone();
    tokio::spawn(async move {
        let mut ticks = interval(every);
        // After a pause one tick, not all that were missed.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            // Volatile: a client that is behind misses a tick, instead of getting old ones.
            if let Err(error) = io.volatile().emit("time", (now, io.metrics().connections.get())) {
                tracing::warn!(%error, "nobody was told the time");
            }
        }
    })
}
