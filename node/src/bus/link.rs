//! The handle through which a node speaks to its cluster.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fanfare_proto::wire::envelope::Body;
use fanfare_proto::{Identity, Outlet, PublishError, State, Subject, wire};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::pace::LogPace;
use super::peers::{Peer, Peers};
use super::requests::{FromNode, Requests, Ticket};
use super::routing::{Audience, audience_for, subjects_for, subjects_from_outside};
use crate::ids::{NodeTag, Room};

/// An emit is larger than the bus carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes are more than the bus carries: at most {max}")]
pub struct TooLarge {
    /// The size of the emit.
    pub bytes: usize,
    /// The bound.
    pub max: usize,
}

/// What other nodes are about to be asked.
pub struct Question {
    ticket: Ticket,
    subject: Subject,
    body: Body,
}

/// A node's place in the cluster. No method waits.
pub struct ClusterLink {
    /// The bus.
    pub outlet: Arc<dyn Outlet>,
    /// Who this node is there.
    pub identity: Identity,
    tag: NodeTag,
    buckets: u32,
    peers: Mutex<Peers>,
    /// Since when others can be heard, without having been kept from it.
    connected_at: Mutex<Option<Instant>>,
    requests: Arc<Requests>,
    /// Whether this node has said goodbye. Held while a sign of life is published, so that none follows the goodbye.
    departed: Mutex<bool>,
    /// For lines in the log that others can cause.
    pub(crate) log: LogPace,
    /// Wakes who sends heartbeats: there is something to tell before the next one is due.
    pub(crate) news: Notify,
}

impl std::fmt::Debug for ClusterLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterLink").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl ClusterLink {
    /// A handle for the node of this tag.
    pub fn new(outlet: Arc<dyn Outlet>, identity: Identity, tag: NodeTag, buckets: u32) -> Arc<Self> {
        Arc::new(Self {
            outlet,
            identity,
            tag,
            buckets,
            peers: Mutex::default(),
            connected_at: Mutex::default(),
            requests: Arc::default(),
            departed: Mutex::new(false),
            log: LogPace::new(),
            news: Notify::new(),
        })
    }

    /// Whether the cluster was ever reached.
    pub fn was_connected(&self) -> bool {
        self.outlet.state() != State::Connecting
    }

    /// Whether the cluster can be reached now.
    pub fn is_connected(&self) -> bool {
        self.outlet.state() == State::Connected
    }

    /// This node's clients can enter a namespace from now on: it wants to hear what concerns it, and the others shall
    /// know.
    pub fn serve(&self, namespace: &Arc<str>) {
        self.outlet.listen(Subject::Namespace(namespace.clone()));
        self.news.notify_one();
    }

    // Saying.

    /// Whether the bus carries a body at all: asked before anything of an emit is done.
    ///
    /// # Errors
    /// If it is too large.
    pub fn check_size(&self, body: &Body) -> Result<(), TooLarge> {
        let (bytes, max) = (body.encoded_len(), self.outlet.envelope_bytes_max());
        if bytes > max { Err(TooLarge { bytes, max }) } else { Ok(()) }
    }

    /// Where those listen who may have members of these rooms; nowhere if all are here.
    pub fn route(&self, namespace: &Arc<str>, rooms: &[Room]) -> Vec<Subject> {
        if self.identity.node.is_empty() {
            return subjects_from_outside(namespace, rooms, self.buckets);
        }
        subjects_for(namespace, rooms, self.tag, &self.peers.lock(), self.buckets)
    }

    /// Says something where [`route`](Self::route) says. `body` has passed [`check_size`](Self::check_size).
    pub fn say(&self, subjects: &[Subject], body: Body) {
        self.publish(subjects, body);
    }

    /// Says something to every node that serves a namespace.
    pub fn say_to_namespace(&self, namespace: &Arc<str>, body: Body) {
        self.publish(&[Subject::Namespace(namespace.clone())], body);
    }

    /// Says something to one node.
    pub fn say_to_node(&self, node: &Arc<str>, body: Body) {
        self.publish(&[Subject::Node(node.clone())], body);
    }

    /// Says something to all nodes.
    pub fn say_to_all(&self, body: Body) {
        self.publish(&[Subject::Nodes], body);
    }

    /// Tells all nodes that this one lives, unless it has said goodbye: a heartbeat behind that would call the node
    /// back to life for as long as silence takes to be noticed.
    pub(crate) fn show_life(&self, heartbeat: Body) {
        let departed = self.departed.lock();
        if !*departed {
            self.say_to_all(heartbeat);
        }
    }

    /// Tells all nodes that this one leaves.
    pub(crate) fn say_goodbye(&self) {
        let mut departed = self.departed.lock();
        *departed = true;
        self.say_to_all(Body::Goodbye(wire::Goodbye {}));
    }

    fn publish(&self, subjects: &[Subject], body: Body) {
        match self.outlet.publish(subjects, body) {
            Ok(()) => {}
            // The node has left. Its program may not know it yet.
            Err(PublishError::Closed) => self.outlet.meters().dropped.increment(),
            // Emits were checked. What a node answers is cut into pieces that fit.
            Err(error @ PublishError::TooLarge { .. }) => tracing::warn!(%error, "not published"),
        }
    }

    // Asking.

    /// Asks those whom these rooms concern; `body` makes the question of the request's number. `None` if that is this
    /// node alone.
    ///
    /// # Errors
    /// If the question is larger than the bus carries; nobody was asked then.
    pub fn question(
        &self,
        namespace: &Arc<str>,
        rooms: &[Room],
        body: impl FnOnce(u64) -> Body,
    ) -> Result<Option<Question>, TooLarge> {
        let peers = self.peers.lock();
        let (expected, subject) = match audience_for(rooms, self.tag, &peers) {
            Audience::Here => return Ok(None),
            Audience::Node(node) => (vec![node.clone()], Subject::Node(node)),
            Audience::All => (peers.serving(namespace), Subject::Namespace(namespace.clone())),
        };
        // Under the lock: a node that goes now is taken from the peers before it is told to those who wait.
        let ticket = self.requests.open(expected);
        drop(peers);
        let body = body(ticket.id);
        self.check_size(&body)?;
        Ok(Some(Question { ticket, subject, body }))
    }

    /// Puts a question, once this node has done its part.
    pub fn ask(&self, question: Question) -> Ticket {
        self.publish(&[question.subject], question.body);
        question.ticket
    }

    /// An answer came.
    pub fn answered(&self, request: u64, answer: FromNode) -> bool {
        self.requests.answer(request, answer)
    }

    /// How many requests wait for answers.
    pub fn requests_waiting(&self) -> usize {
        self.requests.len()
    }

    // Knowing.

    /// The nodes that are alive, without this one.
    pub fn peers(&self) -> Vec<Peer> {
        self.peers.lock().all()
    }

    /// How many these are.
    pub fn peer_count(&self) -> usize {
        self.peers.lock().len()
    }

    /// Whether a node of that name is alive.
    pub fn knows(&self, node: &str) -> bool {
        self.peers.lock().knows(node)
    }

    /// The name of the node of this run, if it is alive or was lately.
    pub(crate) fn name_of(&self, instance: u64) -> Option<Arc<str>> {
        self.peers.lock().name_of(instance)
    }

    /// Others can be heard from now on, or cannot any more.
    pub(crate) fn set_hearing(&self, hears: bool) {
        *self.connected_at.lock() = hears.then(Instant::now);
    }

    /// The node was kept from listening until now: nobody was silent meanwhile.
    pub(crate) fn was_kept(&self) {
        let mut since = self.connected_at.lock();
        *since = since.map(|_| Instant::now());
    }

    /// Since when others can be heard; `None` if they cannot.
    pub(crate) fn hears_since(&self) -> Option<Instant> {
        *self.connected_at.lock()
    }

    /// A node said something. Returns whether it is known to be alive.
    pub(crate) fn heard_of(&self, node: &Arc<str>) -> bool {
        let mut peers = self.peers.lock();
        peers.remember(node);
        peers.knows(node)
    }

    /// The moment at which the first of the other nodes will have been silent for too long.
    pub(crate) fn next_silence(&self, patience: Duration) -> Option<Instant> {
        let since = self.hears_since()?;
        self.peers.lock().next_silence(since, patience)
    }

    /// Changes what is known of other nodes. Those that are gone as a result are waited for no more.
    pub(crate) fn update_peers<R>(&self, change: impl FnOnce(&mut Peers) -> (R, Vec<Arc<str>>)) -> R {
        let (result, gone) = change(&mut self.peers.lock());
        gone.iter().for_each(|node| self.requests.gone(node));
        result
    }
}

/// A target as it travels.
pub fn target(namespace: &str, rooms: &[Room], except: &[Room]) -> wire::Target {
    let names = |rooms: &[Room]| rooms.iter().map(|room| room.as_str().to_owned()).collect();
    wire::Target { namespace: namespace.to_owned(), rooms: names(rooms), except: names(except) }
}

#[cfg(test)]
mod tests;
