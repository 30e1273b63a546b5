//! Requests to other nodes, and the answers to them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use fanfare_proto::wire;
use parking_lot::Mutex;
use tokio::sync::mpsc;

/// Answer of another node to a request.
#[derive(Debug)]
pub enum FromNode {
    /// A node's answer to a request, or a part of it.
    Reply(Arc<str>, wire::Reply),
    /// Acknowledgements of a node's clients.
    Answers(Arc<str>, wire::BroadcastAnswers),
    /// The node left or fell silent: no answer will come from it.
    Gone(Arc<str>),
}

/// Waiting requests, by their numbers.
#[derive(Debug, Default)]
pub struct Requests {
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, mpsc::UnboundedSender<FromNode>>>,
}

/// The place where the answers to one request arrive. Dropping it forgets the request.
#[derive(Debug)]
pub struct Ticket {
    /// The number of the request, never 0.
    pub id: u64,
    /// The nodes that have not answered yet.
    pub expected: HashSet<Arc<str>>,
    /// Progress of each node's answers.
    told: HashMap<Arc<str>, Told>,
    /// Bounded by the question: each node answers in pieces of limited size.
    answers: mpsc::UnboundedReceiver<FromNode>,
    requests: Arc<Requests>,
}

/// Progress of one node's answer.
#[derive(Debug, Default)]
struct Told {
    pieces: u32,
    /// Whether a piece is missing, or the node could not tell everything.
    incomplete: bool,
}

impl Requests {
    /// Opens a request, which these nodes have to answer.
    pub fn open(self: &Arc<Self>, expected: impl IntoIterator<Item = Arc<str>>) -> Ticket {
        let id = self.next.fetch_add(1, Relaxed) + 1;
        let (sender, answers) = mpsc::unbounded_channel();
        self.waiting.lock().insert(id, sender);
        let (expected, told) = (expected.into_iter().collect(), HashMap::new());
        Ticket { id, expected, told, answers, requests: self.clone() }
    }

    /// Hands an answer to its request. Returns false if the request is gone.
    pub fn answer(&self, id: u64, answer: FromNode) -> bool {
        self.waiting.lock().get(&id).is_some_and(|waiting| waiting.send(answer).is_ok())
    }

    /// A node is gone: no request must wait for it.
    pub fn gone(&self, node: &Arc<str>) {
        for waiting in self.waiting.lock().values() {
            // The caller that waits may be about to give up.
            let _ = waiting.send(FromNode::Gone(node.clone()));
        }
    }

    /// Number of waiting requests.
    pub fn len(&self) -> usize {
        self.waiting.lock().len()
    }
}

impl Ticket {
    /// The next answer; `None` once every node has answered or gone. Nodes that were not expected are welcome too.
    pub async fn next(&mut self) -> Option<FromNode> {
        let answer = loop {
            if self.expected.is_empty() {
                return None;
            }
            match self.answers.recv().await? {
                // It has nothing to say.
                FromNode::Reply(node, reply) if reply.absent => drop(self.expected.remove(&node)),
                answer => break answer,
            }
        };
        if let FromNode::Reply(node, reply) = &answer {
            self.note_piece(node, reply);
        }
        match &answer {
            FromNode::Reply(node, reply) if !reply.more => drop(self.expected.remove(node)),
            FromNode::Answers(node, answers) if answers.complete => drop(self.expected.remove(node)),
            FromNode::Reply(..) | FromNode::Answers(..) | FromNode::Gone(_) => {}
        }
        Some(answer)
    }

    fn note_piece(&mut self, node: &Arc<str>, reply: &wire::Reply) {
        let told = self.told.entry(node.clone()).or_default();
        told.pieces = told.pieces.saturating_add(1);
        // Older nodes do not number them.
        let is_gap = reply.piece != 0 && reply.piece != told.pieces;
        told.incomplete |= is_gap || reply.left_out > 0;
    }

    /// Nodes whose answers lack a part that was lost or could not be sent.
    pub fn incomplete(&self) -> impl Iterator<Item = &Arc<str>> {
        self.told.iter().filter(|(_, told)| told.incomplete).map(|(node, _)| node)
    }
}

#[cfg(test)]
impl Requests {
    /// Keeps requests from becoming known.
    pub fn pause(&self) -> impl Drop + '_ {
        self.waiting.lock()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.requests.waiting.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests;
