//! What comes from other nodes cannot be refused: when a shard has too much to do, the bus waits.

use std::time::Duration;

use tracing::error;

use crate::node::Node;
use crate::room::Overloaded;

/// How soon it is tried again, at first and at last.
const PAUSE_MIN: Duration = Duration::from_micros(200);
const PAUSE_MAX: Duration = Duration::from_millis(20);
/// After so long something is broken: a shard that takes nothing must not stop all others.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tries until it works. After a long time it is given up, and counted as undelivered.
///
/// Meanwhile nothing else is taken from the bus, whose own bounds then tell what is lost.
pub async fn patiently<T>(node: &Node, mut attempt: impl FnMut() -> Result<T, Overloaded>) -> Option<T> {
    if let Ok(done) = attempt() {
        return Some(done);
    }
    node.metrics.bus_waits.increment();
    let (mut pause, mut waited) = (PAUSE_MIN, Duration::ZERO);
    while waited < PATIENCE {
        tokio::time::sleep(pause).await;
        waited += pause;
        pause = (pause * 2).min(PAUSE_MAX);
        if let Ok(done) = attempt() {
            return Some(done);
        }
    }
    node.metrics.bus_undelivered.increment();
    error!("a room shard takes nothing: something from another node was dropped");
    None
}
