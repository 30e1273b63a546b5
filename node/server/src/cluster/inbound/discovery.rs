//! Discovery of the cluster's nodes by a program that is not a node.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fanfare_proto::wire::envelope::Body;
use fanfare_proto::wire::{Heartbeat, RollCall};
use fanfare_proto::{Bus, Envelope, Identity, Inbound, State, Subject};

/// Characters of a release that are shown.
const RELEASE_CHARS_MAX: usize = 64;

/// Report of a node about itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct NodeReport {
    /// Name of the node: the start of its socket ids.
    pub node: String,
    /// Version of the node's software, as the node says it: at most 64 characters, others than printable ones escaped.
    pub release: String,
    /// Time since the node started, in milliseconds.
    pub uptime_ms: u64,
    /// Engine.IO sessions.
    pub connections: u64,
    /// Sockets, in any namespace.
    pub sockets: u64,
    /// Rooms with members, without those of single sockets.
    pub rooms: u64,
    /// Messages of other nodes that the node knows to have missed.
    pub lost: u64,
    /// Namespaces that clients can enter there; characters that cannot be printed are escaped.
    pub namespaces: Vec<String>,
}

/// No node could be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bus of the cluster was not reached in time")]
pub struct NotReached;

/// Asks all nodes to report, and waits for their answers as long as `wait` says, once the bus is reached, which may take
/// `patience`.
///
/// # Errors
/// If the bus cannot be reached.
pub async fn roll_call(
    bus: impl Bus,
    patience: Duration,
    wait: Duration,
) -> Result<Vec<NodeReport>, NotReached> {
    let (bus, mut subscription) = Box::new(bus).start(Identity::new(""));
    bus.subscribe(Subject::Nodes);
    let mut nodes = BTreeMap::new();
    let mut deadline = Instant::now() + patience;
    let mut reached = false;
    let next = |subscription: &mut fanfare_proto::Subscription, cx: &mut std::task::Context<'_>| {
        subscription.as_mut().poll_next(cx)
    };
    loop {
        let inbound = std::future::poll_fn(|cx| next(&mut subscription, cx));
        match tokio::time::timeout_at(deadline.into(), inbound).await {
            Ok(Some(Inbound::State(State::Connected))) => {
                reached = true;
                bus.synced().await;
                // The bus carries it or not; the nodes present will answer.
                let _ = bus.publish(&[Subject::Nodes], Body::RollCall(RollCall {}));
                deadline = Instant::now() + wait;
            }
            Ok(Some(Inbound::Envelope(Envelope { node, body: Body::Heartbeat(heartbeat), .. }))) => {
                nodes.insert(node.clone(), NodeReport::new(&node, heartbeat));
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => break,
        }
    }
    bus.close(Duration::ZERO).await;
    if reached { Ok(nodes.into_values().collect()) } else { Err(NotReached) }
}

impl NodeReport {
    /// Makes a report of a node's last heartbeat.
    pub fn new(node: &Arc<str>, heartbeat: Heartbeat) -> Self {
        let Heartbeat { release, uptime_ms, connections, sockets, rooms, lost, namespaces, .. } = heartbeat;
        let release = printable(release.chars().take(RELEASE_CHARS_MAX));
        let namespaces = namespaces.iter().map(|namespace| printable(namespace.chars())).collect();
        // The name was checked when the envelope was decoded.
        Self { node: node.to_string(), release, uptime_ms, connections, sockets, rooms, lost, namespaces }
    }
}

/// Escapes what must not reach the terminal of an operator: control characters, and those that change the direction of
/// what follows or show nothing.
fn printable(text: impl Iterator<Item = char>) -> String {
    let mut printable = String::new();
    for character in text {
        match character {
            '"' | '\'' => printable.push(character),
            character => printable.extend(character.escape_debug()),
        }
    }
    printable
}

#[cfg(test)]
mod tests;
