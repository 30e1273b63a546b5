//! What comes back from several nodes.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::bus::{FromNode, Ticket, TooLarge};
use crate::room::Overloaded;
use crate::socketio::EncodeError;

/// What came until the deadline, and who did not answer.
///
/// It dereferences to what came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gathered<T> {
    /// What came.
    pub value: T,
    /// The nodes that did not answer, by name: they were too slow, or went meanwhile.
    pub missing_nodes: Vec<String>,
}

impl<T> Gathered<T> {
    /// Whether every node has answered.
    pub fn is_complete(&self) -> bool {
        self.missing_nodes.is_empty()
    }

    /// What came, whoever is missing.
    pub fn into_value(self) -> T {
        self.value
    }
}

impl<T> Deref for Gathered<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Why nothing was asked.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The bus is away: nobody else can be asked now. `local()` asks this node alone.
    #[error("the cluster cannot be reached now: its bus is away")]
    Disconnected,
    /// This node's: it has more to do than it can queue.
    #[error("the node has too much to do: ask less, or later")]
    Overloaded,
    /// The caller's fault: the arguments have no JSON.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The caller's fault: more than the bus carries.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

impl From<Overloaded> for RequestError {
    fn from(_: Overloaded) -> Self {
        Self::Overloaded
    }
}

/// Answers of other nodes, until all have come or the time is up.
pub struct Collection {
    ticket: Option<Ticket>,
    deadline: Instant,
    gone: Vec<Arc<str>>,
}

impl Collection {
    /// Nobody is asked if there is no ticket.
    pub fn new(ticket: Option<Ticket>, timeout: Duration) -> Self {
        Self { ticket, deadline: Instant::now() + timeout, gone: Vec::new() }
    }

    /// The next answer; `None` when there are no more. Nodes that leave meanwhile are missing.
    pub async fn next(&mut self) -> Option<FromNode> {
        let ticket = self.ticket.as_mut()?;
        loop {
            match tokio::time::timeout_at(self.deadline, ticket.next()).await.ok().flatten()? {
                FromNode::Gone(node) => {
                    if ticket.expected.remove(&node) {
                        self.gone.push(node);
                    }
                }
                answer => return Some(answer),
            }
        }
    }

    /// Who did not answer.
    pub fn missing_nodes(self) -> Vec<String> {
        let silent = self.ticket.as_ref().into_iter().flat_map(|ticket| ticket.expected.iter());
        let mut missing: Vec<_> = silent.chain(&self.gone).map(ToString::to_string).collect();
        missing.sort();
        missing
    }
}
