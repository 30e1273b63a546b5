//! Who is in the cluster? Asked from outside, by somebody who is no node.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fanfare_proto::wire::envelope::Body;
use fanfare_proto::wire::{Heartbeat, RollCall};
use fanfare_proto::{Bus, Envelope, Identity, Inbound, State, Subject};

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct NodeReport {
    /// Its name: what its socket ids begin with.
    pub node: String,
    /// The version of its software.
    pub release: String,
    /// How long it has been running, in milliseconds.
    pub uptime_ms: u64,
    /// Engine.IO sessions.
    pub connections: u64,
    /// Sockets, in any namespace.
    pub sockets: u64,
    /// Rooms with members, without those of single sockets.
    pub rooms: u64,
    /// Messages of other nodes that it knows to have missed.
    pub lost: u64,
    /// Namespaces that clients can enter there.
    pub namespaces: Vec<String>,
}

/// Nobody could be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bus was not reached in time")]
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
                // It carries it or not; who is there will say so.
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
    /// What the last heartbeat of a node said.
    pub fn new(node: &Arc<str>, heartbeat: Heartbeat) -> Self {
        let Heartbeat { release, uptime_ms, connections, sockets, rooms, lost, namespaces, .. } = heartbeat;
        Self { node: node.to_string(), release, uptime_ms, connections, sockets, rooms, lost, namespaces }
    }
}
