//! What comes from other nodes cannot be refused: when a shard has too much to do, the bus waits.

use std::time::{Duration, Instant};

use tracing::error;

use crate::node::Node;
use crate::options::ms;
use crate::room::Overloaded;

/// How soon it is tried again, at first and at last.
const PAUSE_MIN: Duration = Duration::from_micros(200);
const PAUSE_MAX: Duration = Duration::from_millis(20);

/// Tries until it works. After a third of the time in which silence is noticed it is given up and counted, and at once
/// if the node is ending or beyond repair: a shard that takes nothing must not deafen the node.
///
/// Meanwhile nothing else is taken from the bus, whose own bounds then tell what is lost.
pub async fn patiently<T>(node: &Node, mut attempt: impl FnMut() -> Result<T, Overloaded>) -> Option<T> {
    if let Ok(done) = attempt() {
        return Some(done);
    }
    node.metrics.bus_waits.increment();
    let start = Instant::now();
    let (mut pause, patience) = (PAUSE_MIN, ms(node.options.cluster.heartbeat_timeout_ms) / 3);
    let mut done = None;
    while done.is_none() && !node.is_ending() && node.is_healthy() && start.elapsed() < patience {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
        done = attempt().ok();
    }
    if let Some(cluster) = &node.cluster {
        cluster.was_kept();
    }
    if done.is_none() {
        node.metrics.bus_undelivered.increment();
        if !node.is_ending() {
            error!("a room shard takes nothing: something from another node was dropped");
        }
    }
    done
}
