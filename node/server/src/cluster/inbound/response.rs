//! Responses of several nodes.

use std::ops::Deref;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::cluster::outbound::{FromNode, Ticket, TooLarge};
use crate::node::Node;
use crate::options::deadline_after;
use crate::room::Overloaded;
use crate::socket::RoomNameTooLong;
use fanfare_socketio::EncodeError;

/// Combined answer of the nodes that answered before the deadline, and the names of the others.
///
/// Dereferences to the combined answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterResponse<T> {
    /// Combined answer of the nodes that answered.
    pub value: T,
    /// The nodes that did not answer, by name: they were too slow, or went meanwhile. Also nodes whose answers lack a
    /// part that was lost, or too large to be sent.
    pub missing_nodes: Vec<String>,
}

impl<T> ClusterResponse<T> {
    /// Whether every node has answered.
    pub fn is_complete(&self) -> bool {
        self.missing_nodes.is_empty()
    }

    /// Returns the combined answer, whichever nodes are missing.
    pub fn into_value(self) -> T {
        self.value
    }
}

impl<T> Deref for ClusterResponse<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Answers of this node's reactors.
pub type Local<T> = mpsc::UnboundedReceiver<T>;

/// Reason why nothing was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The bus is away: other nodes cannot be asked now. `local()` asks this node alone.
    #[error("the cluster cannot be reached now: its bus is away")]
    Disconnected,
    /// This node's: it has more to do than it can queue.
    #[error("the node has too much to do: ask less, or later")]
    Overloaded,
    /// The caller's: this server was to handle an event of its own (`include_self`), and does not run. Start it first.
    #[error("this server does not run, so its handlers cannot")]
    NotRunning,
    /// The caller's fault: the arguments have no JSON.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The caller's fault: more than the bus carries.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The caller's fault: the name of the room is too long.
    #[error(transparent)]
    RoomNameTooLong(#[from] RoomNameTooLong),
}

impl From<Overloaded> for RequestError {
    fn from(_: Overloaded) -> Self {
        Self::Overloaded
    }
}

/// Answers of this node's reactors and of other nodes, until all have come or the time is up.
pub struct Collection {
    ticket: Option<Ticket>,
    deadline: Instant,
    own: String,
    missing: Vec<String>,
}

impl Collection {
    /// Starts a collection; without a ticket only this node is asked.
    pub fn new(node: &Node, ticket: Option<Ticket>, timeout: Duration) -> Self {
        let own = node.tag.as_str().to_owned();
        Self { ticket, deadline: deadline_after(timeout), own, missing: Vec::new() }
    }

    /// Returns the answers of this node's reactors, one after the other. If one is not in time, this node is missing.
    pub async fn here<T>(&mut self, local: &mut Local<T>) -> Option<T> {
        match tokio::time::timeout_at(self.deadline, local.recv()).await {
            Ok(said) => said,
            Err(_) => {
                local.close();
                self.misses_here();
                None
            }
        }
    }

    /// Notes that this node has not answered.
    pub fn misses_here(&mut self) {
        self.missing.push(self.own.clone());
    }

    /// The next answer of another node; `None` when there are no more. Nodes that leave meanwhile are missing.
    pub async fn next(&mut self) -> Option<FromNode> {
        let ticket = self.ticket.as_mut()?;
        loop {
            match tokio::time::timeout_at(self.deadline, ticket.next()).await.ok().flatten()? {
                FromNode::Gone(node) => {
                    if ticket.expected.remove(&node) {
                        self.missing.push(node.to_string());
                    }
                }
                answer => return Some(answer),
            }
        }
    }

    /// Returns the nodes that did not answer, or not with everything.
    pub fn missing_nodes(mut self) -> Vec<String> {
        if let Some(ticket) = &self.ticket {
            self.missing.extend(ticket.expected.iter().chain(ticket.incomplete()).map(ToString::to_string));
        }
        self.missing.sort();
        self.missing.dedup();
        self.missing
    }
}
