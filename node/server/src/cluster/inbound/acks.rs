//! Acknowledgements of all clients that a broadcast reaches, on all nodes.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fanfare_proto::wire;
use tokio::time::Instant;

use crate::cluster::outbound::{FromNode, Ticket};
use crate::ids::SocketId;
use crate::namespace::NamespaceCore;
use crate::options::deadline_after;
use crate::socket::{AckUpdate, LocalAcks};
use fanfare_socketio::Arguments;

/// Answers as they come. Dropping it forgets those that have not come.
pub struct ClusterAcks {
    namespace: Arc<NamespaceCore>,
    /// This node's clients; `None` once nothing more comes from them.
    here: Option<LocalAcks>,
    /// Those of other nodes; `None` on a node of its own, and for `local`.
    elsewhere: Option<Ticket>,
    deadline: Instant,
    /// Sockets that were asked, and have not answered.
    open: HashSet<SocketId>,
    /// Answers that were not handed out yet.
    ready: VecDeque<(SocketId, Arguments)>,
    /// The nodes that have reported which sockets they asked.
    reported: HashSet<Arc<str>>,
    /// Nodes that left or fell silent.
    missing_nodes: Vec<String>,
    /// Whether the time was up before all sockets had answered or gone.
    timed_out: bool,
}

impl ClusterAcks {
    pub fn new(
        namespace: Arc<NamespaceCore>,
        here: LocalAcks,
        elsewhere: Option<Ticket>,
        timeout: Duration,
    ) -> Self {
        Self {
            namespace,
            here: Some(here),
            elsewhere,
            deadline: deadline_after(timeout),
            open: HashSet::new(),
            ready: VecDeque::new(),
            reported: HashSet::new(),
            missing_nodes: Vec::new(),
            timed_out: false,
        }
    }

    /// The next answer; `None` when everybody has answered or gone, or the time is up.
    pub async fn next(&mut self) -> Option<(SocketId, Arguments)> {
        loop {
            if let Some(answer) = self.ready.pop_front() {
                return Some(answer);
            }
            if self.here.is_none() && self.elsewhere.is_none() {
                return None;
            }
            let deadline = self.deadline;
            tokio::select! {
                biased;
                told = next_here(&mut self.here) => self.heard_here(told),
                told = next_elsewhere(&mut self.elsewhere) => self.heard_elsewhere(told),
                () = tokio::time::sleep_until(deadline) => self.give_up(),
            }
        }
    }

    /// Sockets that were asked and have not answered, or were disconnected before they did.
    pub fn unanswered(&self) -> impl Iterator<Item = SocketId> + '_ {
        self.open.iter().copied()
    }

    /// The nodes that did not report which sockets they asked, or left before their clients answered.
    pub fn missing_nodes(&self) -> &[String] {
        &self.missing_nodes
    }

    /// Whether the time was up before everybody had answered or gone.
    pub fn timed_out(&self) -> bool {
        self.timed_out
    }

    fn heard_here(&mut self, told: Option<AckUpdate>) {
        match told {
            Some(AckUpdate::Asked(socket)) => drop(self.open.insert(socket)),
            Some(AckUpdate::Answer(socket, arguments)) => self.answered(socket, arguments),
            // It stays among the sockets that did not answer.
            Some(AckUpdate::Gone(_)) => {}
            None => self.here = None,
        }
    }

    fn heard_elsewhere(&mut self, told: Option<FromNode>) {
        match told {
            Some(FromNode::Answers(node, answers)) => {
                self.reported.insert(node);
                self.take(answers);
            }
            Some(FromNode::Gone(node)) => {
                if self.elsewhere.as_mut().is_some_and(|ticket| ticket.expected.remove(&node)) {
                    self.missing_nodes.push(node.to_string());
                }
            }
            Some(FromNode::Reply(..)) => {}
            None => self.elsewhere = None,
        }
    }

    fn take(&mut self, answers: wire::BroadcastAnswers) {
        self.open.extend(answers.asked.iter().filter_map(|id| SocketId::parse(id)));
        for answer in answers.answers {
            let arguments = Arguments::from_json_with(&answer.arguments, answer.attachments);
            match (SocketId::parse(&answer.socket), arguments) {
                (Some(socket), Ok(arguments)) => self.answered(socket, arguments),
                _ => self.namespace.node.metrics.bus_invalid_messages.increment(),
            }
        }
    }

    fn answered(&mut self, socket: SocketId, arguments: Arguments) {
        if self.open.remove(&socket) {
            self.ready.push_back((socket, arguments));
        }
    }

    fn give_up(&mut self) {
        self.timed_out = true;
        self.namespace.node.metrics.acks_timed_out.add(self.open.len() as u64);
        self.here = None;
        let ticket = self.elsewhere.take();
        // A node that has reported which sockets it asked did its part: its clients did not.
        let expected = ticket.iter().flat_map(|ticket| ticket.expected.iter());
        let silent = expected.filter(|node| !self.reported.contains(*node));
        self.missing_nodes.extend(silent.map(ToString::to_string));
        if !self.missing_nodes.is_empty() {
            self.namespace.node.metrics.requests_incomplete.increment();
        }
    }
}

async fn next_here(here: &mut Option<LocalAcks>) -> Option<AckUpdate> {
    match here {
        Some(acks) => acks.next().await,
        None => std::future::pending().await,
    }
}

async fn next_elsewhere(elsewhere: &mut Option<Ticket>) -> Option<FromNode> {
    match elsewhere {
        Some(ticket) => ticket.next().await,
        None => std::future::pending().await,
    }
}
