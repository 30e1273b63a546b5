//! The link of a node to its cluster: sends messages and questions, and holds the knowledge about other nodes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use fanfare_proto::wire::envelope::Body;
use fanfare_proto::{Identity, PublishError, Publisher, State, Subject, wire};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tracing::{error, info};

use super::agreement::Agreement;
use super::borrowed::{Announcement, Borrowed};
use super::directory::Directory;
use super::pace::LogPace;
use super::peers::{Peer, Peers};
use super::requests::{FromNode, Requests, Ticket};
use super::routing::{Audience, audience_for, subjects_for, subjects_from_outside};
use crate::ids::{NodeTag, Room, SocketId};
use crate::options::{ClusterOptions, ms};

/// An emit is larger than the bus carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes are more than the bus carries: at most {max}")]
pub struct TooLarge {
    /// The size of the emit.
    pub bytes: usize,
    /// The bound.
    pub max: usize,
}

/// A question that is about to be put to other nodes.
pub struct Question {
    ticket: Ticket,
    subjects: Vec<Subject>,
    body: Body,
}

/// A node's place in the cluster. No method waits.
pub struct ClusterLink {
    /// The bus.
    pub bus: Arc<dyn Publisher>,
    /// Identity of this node on the bus.
    pub identity: Identity,
    buckets: u32,
    peers: Mutex<Peers>,
    /// The part of `peers` that emits read, without its lock.
    directory: ArcSwap<Directory>,
    /// Nodes were heard of that were not known before: rooms may bear the names of their sockets.
    has_new_owners: AtomicBool,
    borrowed: Borrowed,
    /// Locked after `peers`.
    agreement: Mutex<Agreement>,
    /// Moment since which others can be heard without interruption.
    connected_at: Mutex<Option<Instant>>,
    requests: Arc<Requests>,
    /// Subjects of namespaces and rooms that are heard, with the number of times each is wanted.
    subscribed: Mutex<HashMap<Subject, u32>>,
    /// Whether this node has said goodbye. Held while a heartbeat is published, so that none follows the goodbye.
    departed: Mutex<bool>,
    /// Pace of log lines that other nodes can cause.
    pub(crate) log: LogPace,
    /// Wakes the heartbeat task: there is something to tell before the next one is due.
    pub(crate) news: Notify,
}

impl std::fmt::Debug for ClusterLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterLink").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl ClusterLink {
    /// Creates the link of the node with this tag.
    pub fn new(
        bus: Arc<dyn Publisher>,
        identity: Identity,
        tag: NodeTag,
        options: ClusterOptions,
    ) -> Arc<Self> {
        let buckets = options.room_buckets.max(1);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let agreement = Agreement::new(now.as_millis() as u64, identity.instance, buckets);
        Arc::new(Self {
            bus,
            identity,
            buckets,
            agreement: Mutex::new(agreement),
            peers: Mutex::new(Peers::new(tag, ms(options.heartbeat_interval_ms))),
            directory: ArcSwap::from_pointee(Directory::new(tag)),
            has_new_owners: AtomicBool::new(false),
            borrowed: Borrowed::default(),
            connected_at: Mutex::default(),
            requests: Arc::default(),
            subscribed: Mutex::default(),
            departed: Mutex::new(false),
            log: LogPace::new(),
            news: Notify::new(),
        })
    }

    /// Whether the cluster was ever reached.
    pub fn was_connected(&self) -> bool {
        self.bus.state() != State::Connecting
    }

    /// Whether the cluster can be reached now.
    pub fn is_connected(&self) -> bool {
        self.bus.state() == State::Connected
    }

    /// Subscribes to a namespace that this node's clients can enter from now on, and announces it to the others if
    /// `is_news`.
    pub fn serve(&self, namespace: &Arc<str>, is_news: bool) {
        self.subscribe(Subject::Namespace(namespace.clone()));
        if is_news {
            self.news.notify_one();
        }
    }

    /// A namespace has ended here.
    pub fn unserve(&self, namespace: &Arc<str>) {
        self.unsubscribe(Subject::Namespace(namespace.clone()));
    }

    /// Subscribes to a subject, until as many calls of [`unsubscribe`](Self::unsubscribe): a namespace may end while
    /// another one of its name begins.
    pub fn subscribe(&self, subject: Subject) {
        let mut subscribed = self.subscribed.lock();
        let count = subscribed.entry(subject.clone()).or_default();
        *count += 1;
        if *count == 1 {
            // Under the lock, so that the bus hears of changes in their order.
            self.bus.subscribe(subject);
        }
    }

    /// Ends one call of [`subscribe`](Self::subscribe).
    pub fn unsubscribe(&self, subject: Subject) {
        let mut subscribed = self.subscribed.lock();
        let Entry::Occupied(mut count) = subscribed.entry(subject) else { return };
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            let (subject, _) = count.remove_entry();
            self.bus.unsubscribe(&subject);
        }
    }

    // Saying.

    /// Checks that the bus can carry a body, before anything of an emit is done.
    ///
    /// # Errors
    /// If it is too large.
    pub fn check_size(&self, body: &Body) -> Result<(), TooLarge> {
        let (bytes, max) = (body.encoded_len(), self.bus.envelope_bytes_max());
        if bytes > max { Err(TooLarge { bytes, max }) } else { Ok(()) }
    }

    /// Subjects of the nodes that may have members of these rooms; none if all members are here.
    pub fn route(&self, namespace: &Arc<str>, rooms: &[Room]) -> Vec<Subject> {
        if self.identity.node.is_empty() {
            return subjects_from_outside(namespace, rooms, self.buckets);
        }
        subjects_for(namespace, rooms, &self.directory.load(), self.buckets)
    }

    /// Sends a message along a [route](Self::route). `body` has passed [`check_size`](Self::check_size).
    pub fn say(&self, subjects: &[Subject], body: Body) {
        self.publish(subjects, body);
    }

    /// Sends a message to every node that serves a namespace.
    pub fn say_to_namespace(&self, namespace: &Arc<str>, body: Body) {
        self.publish(&[Subject::Namespace(namespace.clone())], body);
    }

    /// Sends a message to one node.
    pub fn say_to_node(&self, node: &Arc<str>, body: Body) {
        self.publish(&[Subject::Node(node.clone())], body);
    }

    /// Sends a message to all nodes.
    pub fn say_to_all(&self, body: Body) {
        self.publish(&[Subject::Nodes], body);
    }

    /// Sends a heartbeat to all nodes, unless this one has said goodbye: a later heartbeat would revive the node for as
    /// long as silence takes to be noticed.
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
        match self.bus.publish(subjects, body) {
            Ok(()) => {}
            // The node has left. Its program may not know it yet.
            Err(PublishError::Closed) => self.bus.meters().dropped.increment(),
            // Emits were checked. What a node answers is cut into pieces that fit.
            Err(error) => tracing::warn!(%error, "a message to the cluster was not published"),
        }
    }

    // Asking.

    /// Asks the nodes that these rooms concern; `body` makes the question of the request's number. `None` if that is this
    /// node alone.
    ///
    /// # Errors
    /// If the question is larger than the bus carries; no node was asked then.
    pub fn question(
        &self,
        namespace: &Arc<str>,
        rooms: &[Room],
        body: impl FnOnce(u64) -> Body,
    ) -> Result<Option<Question>, TooLarge> {
        let peers = self.peers.lock();
        let is_away = !self.is_connected();
        let audience = audience_for(namespace, rooms, &self.directory.load(), &peers, is_away);
        let (expected, subjects) = match audience {
            Audience::Here => return Ok(None),
            Audience::Nodes(nodes) => (nodes.clone(), nodes.into_iter().map(Subject::Node).collect()),
            Audience::All => (peers.serving(namespace), vec![Subject::Namespace(namespace.clone())]),
        };
        // Under the lock: a node that goes now is taken from the peers before the waiting requests are told.
        let ticket = self.requests.open(expected);
        drop(peers);
        let body = body(ticket.id);
        self.check_size(&body)?;
        Ok(Some(Question { ticket, subjects, body }))
    }

    /// Puts a question, once this node has done its part.
    pub fn ask(&self, question: Question) -> Ticket {
        self.publish(&question.subjects, question.body);
        question.ticket
    }

    /// An answer came.
    pub fn answered(&self, request: u64, answer: FromNode) -> bool {
        self.requests.answer(request, answer)
    }

    /// Number of requests that wait for answers.
    pub fn requests_waiting(&self) -> usize {
        self.requests.len()
    }

    // Knowing.

    /// The nodes that are alive, without this one.
    pub fn peers(&self) -> Vec<Peer> {
        self.peers.lock().all()
    }

    /// Number of nodes that are alive, without this one.
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
        let now = Instant::now();
        *self.connected_at.lock() = hears.then_some(now);
        if !hears {
            // Nothing comes from the others, so they need not know what would concern this node.
            self.borrowed.give_up();
        }
        self.update_peers(|peers| (peers.set_hearing(hears, now), Vec::new()));
    }

    /// Notes that this node was kept from reading until now: other nodes must not count as silent for that time.
    pub(crate) fn was_kept(&self) {
        let mut since = self.connected_at.lock();
        *since = since.map(|_| Instant::now());
    }

    /// Since when others can be heard; `None` if they cannot.
    pub(crate) fn hears_since(&self) -> Option<Instant> {
        *self.connected_at.lock()
    }

    /// Notes a message of a node. Returns whether the node is known to be alive.
    pub(crate) fn heard_of(&self, node: &Arc<str>) -> bool {
        self.update_peers(|peers| {
            peers.remember(node);
            (peers.knows(node), Vec::new())
        })
    }

    /// The moment at which the first of the other nodes will have been silent for too long.
    pub(crate) fn next_silence(&self, patience: Duration) -> Option<Instant> {
        let since = self.hears_since()?;
        self.peers.lock().next_silence(since, patience)
    }

    /// Changes the knowledge about other nodes. Requests do not wait any more for nodes that are gone as a result.
    pub(crate) fn update_peers<R>(&self, change: impl FnOnce(&mut Peers) -> (R, Vec<Arc<str>>)) -> R {
        let mut peers = self.peers.lock();
        let (result, gone) = change(&mut peers);
        if let Some(directory) = peers.take_directory() {
            // Stored before anybody looks for rooms of new owners, and under the lock, so that the last one stays.
            if directory.known_count() != self.directory.load().known_count() {
                self.has_new_owners.store(true, Relaxed);
            }
            self.directory.store(Arc::new(directory));
        }
        let is_changed = self.agreement.lock().judge(peers.iter());
        drop(peers);
        if is_changed {
            self.tell_agreement();
        }
        gone.iter().for_each(|node| self.requests.gone(node));
        result
    }

    /// Announces at once that this node yields from now on, or does not yield any more.
    fn tell_agreement(&self) {
        self.news.notify_one();
        match self.dispute() {
            Some(reason) => self.log.say(|| {
                error!(reason, "settings of this node differ from its cluster: it does not take new clients")
            }),
            None => self
                .log
                .say(|| info!("settings of this node agree with its cluster again: it takes new clients")),
        }
    }

    /// Reason why this node yields to others, in words for operators, if it does.
    pub fn dispute(&self) -> Option<String> {
        self.agreement.lock().dispute().map(ToString::to_string)
    }

    /// Number of other nodes that differ in a setting that all need alike.
    pub fn disagreeing_count(&self) -> usize {
        self.agreement.lock().disagreeing()
    }

    /// When this node started, in milliseconds since 1970.
    pub(crate) fn started_at_ms(&self) -> u64 {
        self.agreement.lock().started_at_ms()
    }

    /// Time has passed: everything may be known of more nodes.
    pub(crate) fn update_synced(&self) {
        self.update_peers(|peers| (peers.update_synced(Instant::now()), Vec::new()));
    }

    // Rooms that are named like sockets of other nodes.

    /// The id of another node's socket that this name is, as far as such nodes are known.
    pub fn foreign_id(&self, room: &str) -> Option<SocketId> {
        self.directory.load().foreign_id(room)
    }

    /// The room of another node's socket has its first member here in a namespace: the others are told at once.
    pub fn borrow(&self, id: SocketId) {
        if self.borrowed.enter(id) {
            self.news.notify_one();
        }
    }

    /// The room of another node's socket has lost its last member here in a namespace.
    pub fn give_back(&self, id: SocketId) {
        self.borrowed.leave(id);
    }

    /// Waits until the others have confirmed what was borrowed so far; not while they cannot be heard.
    pub async fn borrowing_confirmed(&self) {
        if self.is_connected() {
            self.borrowed.confirmed().await;
        }
    }

    /// Returns the announcement of the borrowed ids, due to all nodes now, and the ticket for their confirmations, if
    /// needed.
    pub(crate) fn announce(&self) -> (Announcement, Option<Ticket>) {
        let peers = self.peers.lock();
        let announcement = self.borrowed.announce();
        // Opened under the lock, so that a node that goes from now on is noticed.
        let ticket = announcement.to_confirm.map(|_| self.requests.open(peers.confirming()));
        (announcement, ticket)
    }

    /// The others have confirmed this change, or have been waited for long enough.
    pub(crate) fn confirmed(&self, change: u64) {
        self.borrowed.confirm(change);
    }

    /// Ends all announcements: the node leaves.
    pub(crate) fn announces_no_more(&self) {
        self.borrowed.give_up();
    }

    /// Whether nodes were heard of since the last call, so that rooms may bear the ids of their sockets.
    pub(crate) fn take_new_owners(&self) -> bool {
        self.has_new_owners.swap(false, Relaxed)
    }
}

/// Encodes a target for the bus.
pub fn target(namespace: &str, rooms: &[Room], except: &[Room]) -> wire::Target {
    let names = |rooms: &[Room]| rooms.iter().map(|room| room.as_str().to_owned()).collect();
    wire::Target { namespace: namespace.to_owned(), rooms: names(rooms), except: names(except) }
}

#[cfg(test)]
mod tests;
