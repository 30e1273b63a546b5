//! The rooms of one namespace on this node: the way from an emit to the shards it concerns.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use parking_lot::{Mutex, RwLock};
use smallvec::SmallVec;

use super::events::RoomEvents;
use super::index::{Hold, RoomIndex, ShardSet};
use super::interest::Interest;
use super::mailbox::{Deliveries, Mailbox, mailbox};
use super::message::Delivery;
use super::resident::Resident;
use super::shard::{Listener, RoomShard};
use super::target::Target;
use crate::ids::{Room, SocketId};
use crate::node::{Node, Share};
use crate::outbox::Packet;

/// A shard has more to do than its mailbox holds, or is being restarted: nothing of the emit was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a room shard has too much to do: emit less, or later")]
pub struct Overloaded;

/// Runs `work` and returns whether it asks for more than the node can do: an emit in it was refused, or it broadcasts
/// while clients that read are over their bounds.
pub fn asks_too_much(node: &Node, work: impl FnOnce()) -> bool {
    let (refusals, broadcasts) = (REFUSALS.get(), BROADCASTS.get());
    work();
    REFUSALS.get() != refusals || (BROADCASTS.get() != broadcasts && node.pressure.is_on())
}

/// Origin of a request to shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// This program: it is done on all of them, or on none.
    Here,
    /// Another node: it is done on each that can take it, now or later.
    Elsewhere,
}

/// Messages for a shard that is being rebuilt, in order.
type Parked = VecDeque<(Delivery, Share)>;

/// The rooms of one namespace.
pub struct Rooms {
    key: u64,
    pub(super) node: Arc<Node>,
    index: Arc<RoomIndex>,
    /// By reactor: the way into its shard from other threads; `None` while it has none.
    mailboxes: Box<[RwLock<Option<Mailbox>>]>,
    /// By reactor: messages of other nodes for its shard while it is being rebuilt.
    pub(super) parked: Box<[Mutex<Parked>]>,
    /// A bit for each shard that died and is not rebuilt yet: until then an emit fails rather than miss members.
    pub(super) down: AtomicU64,
    /// Number of shards that died so far.
    pub(super) deaths: AtomicU64,
    /// Whether the namespace has ended: nobody is in it, and nobody comes. Emits reach nobody.
    ended: AtomicBool,
}

static NEXT_KEY: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// Number of emits of this thread that a shard refused as overloaded.
    static REFUSALS: Cell<u64> = const { Cell::new(0) };
    /// Number of broadcasts of this thread.
    static BROADCASTS: Cell<u64> = const { Cell::new(0) };
}

impl Rooms {
    /// The rooms of a namespace, without members.
    pub fn new(namespace: &Arc<str>, node: Arc<Node>) -> Self {
        let mailboxes = (0..node.reactors()).map(|_| RwLock::default()).collect();
        let parked = (0..node.reactors()).map(|_| Mutex::default()).collect();
        let key = NEXT_KEY.fetch_add(1, Relaxed);
        let interest = match &node.cluster {
            Some(cluster) => {
                Interest::new(namespace.clone(), cluster.clone(), node.options.cluster.room_buckets)
            }
            None => Interest::none(),
        };
        Self {
            key,
            index: RoomIndex::new(&node, interest),
            node,
            mailboxes,
            parked,
            down: AtomicU64::new(0),
            deaths: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        }
    }

    /// The namespace has ended, after its last member has left.
    pub fn end(&self) {
        self.ended.store(true, Relaxed);
        self.index.watchers().end();
    }

    /// Whether the namespace has ended.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }

    /// Delivers a packet on this node: all of it, or on `Overloaded` nothing. Emits made in order by one thread
    /// reach each member in that order (ORDER-2).
    pub fn broadcast(&self, target: Target, packet: Arc<Packet>, volatile: bool) -> Result<(), Overloaded> {
        BROADCASTS.set(BROADCASTS.get().wrapping_add(1));
        let target = Arc::new(target);
        let delivery = || Delivery::Broadcast { target: target.clone(), packet: packet.clone(), volatile };
        let here = || {
            self.visit(|shard| shard.broadcast(&target, &packet, volatile));
        };
        self.dispatch(self.shards_for(&target), delivery, here).map(drop).map_err(|_| self.refuse())
    }

    /// Does something on each reactor that may have members of the target, in order with the emits of this thread.
    /// Returns how many these are.
    ///
    /// # Errors
    /// If it is not done on all of them; for [`Asker::Here`] it is done on none then.
    pub fn on_shards(
        &self,
        target: &Target,
        asker: Asker,
        work: impl Fn() + Clone + Send + 'static,
    ) -> Result<usize, Overloaded> {
        let delivery = || Delivery::Run(Box::new(work.clone()));
        match asker {
            Asker::Here => self.dispatch(self.shards_for(target), delivery, &work),
            Asker::Elsewhere => self.hear(target, 0, delivery),
        }
    }

    /// Sends to the shards of other threads, and enters the one of this thread.
    fn dispatch(
        &self,
        shards: ShardSet,
        delivery: impl Fn() -> Delivery,
        here: impl FnOnce(),
    ) -> Result<usize, Overloaded> {
        let (deaths, down) = (self.deaths.load(Relaxed), self.down.load(Relaxed));
        let this = self.node.reactor_here();
        let mailboxes: SmallVec<[Mailbox; 8]> = shards
            .iter()
            .filter(|shard| Some(*shard) != this)
            .filter_map(|shard| self.mailbox(shard))
            .collect();
        let places: Option<SmallVec<[_; 8]>> = mailboxes.iter().map(Mailbox::reserve).collect();
        // A shard that died meanwhile took its members out of the index.
        let complete = down == 0 && self.deaths.load(Relaxed) == deaths;
        let (true, Some(places)) = (complete, places) else { return Err(Overloaded) };
        let mut reached = places.len();
        let lost = places.into_iter().filter_map(|place| (!place.send(delivery())).then_some(())).count();
        self.node.metrics.shard_losses.add(lost as u64);
        if shards.iter().any(|shard| Some(shard) == this) {
            reached += 1;
            here();
        }
        Ok(reached)
    }

    /// Members of the target that live on this thread's reactor.
    pub fn select_here(&self, target: &Target) -> Vec<SocketId> {
        self.visit(|shard| shard.select(target)).unwrap_or_default()
    }

    /// Rooms of those members of the target that live on this thread's reactor, with the number of them in each.
    pub fn census_here(&self, target: &Target) -> Vec<(Room, u64)> {
        self.visit(|shard| shard.census(target)).unwrap_or_default()
    }

    /// Adds a socket that lives on this thread's reactor. Returns false if there is no shard.
    pub fn enter(&self, seat: super::Member, rooms: &[Room]) -> bool {
        self.visit(|shard| shard.enter(seat, rooms)).is_some()
    }

    /// A socket of this thread's reactor is gone.
    pub fn exit(&self, id: SocketId) {
        self.visit(|shard| shard.exit(id));
    }

    /// Tells `listener` of each packet that a broadcast queues for a socket of this thread's reactor, until it exits.
    pub fn listen(&self, id: SocketId, listener: Listener) {
        self.visit(|shard| shard.listen(id, listener));
    }

    /// Ends [`listen`](Self::listen).
    pub fn unlisten(&self, id: SocketId) {
        self.visit(|shard| shard.unlisten(id));
    }

    /// A socket of this thread's reactor joins a room.
    pub fn join(&self, id: SocketId, room: &Room) {
        self.visit(|shard| shard.join(id, room));
    }

    /// A socket of this thread's reactor leaves a room.
    pub fn leave(&self, id: SocketId, room: &Room) {
        self.visit(|shard| shard.leave(id, room));
    }

    /// Events of the rooms from now on. `sockets` tells who has been admitted, and whether it is in its own room.
    pub fn events<S, I>(&self, sockets: impl FnOnce() -> S) -> RoomEvents
    where
        S: IntoIterator<Item = (SocketId, I)>,
        I: FnOnce() -> bool,
    {
        self.index.subscribe(sockets)
    }

    /// Routes a room to a reactor before the join that is on its way there arrives (JOIN-1).
    pub fn hold(&self, room: &Room, reactor: usize) -> Hold {
        self.index.hold(room, reactor)
    }

    /// Runs something on a reactor, after everything this thread sent there before.
    pub fn run_on(&self, reactor: usize, work: impl FnOnce() + Send + 'static) -> Result<(), Overloaded> {
        // What is done to a socket of a namespace that has ended does nothing, on any thread.
        if self.node.reactor_here() == Some(reactor) || self.has_ended() {
            work();
            return Ok(());
        }
        self.send(reactor, Delivery::Run(Box::new(work)))
    }

    /// Routes a room to every reactor that may have members of the target, before the joins on their way there
    /// arrive.
    pub fn hold_for(&self, target: &Target, room: &Room) -> Vec<Hold> {
        self.shards_for(target).iter().map(|shard| self.index.hold(room, shard)).collect()
    }

    /// Interest of this node: the rooms whose messages the cluster has to send here.
    pub fn interest(&self) -> &Interest {
        self.index.interest()
    }

    /// Finds the rooms that are named like sockets of nodes that were heard of lately.
    pub fn recognise_all(&self) {
        self.index.recognise_all();
    }

    /// Number of rooms with members, without the sockets' own ones.
    pub fn count(&self) -> usize {
        self.index.room_count()
    }

    /// Number of deliveries of other threads that wait for its shards.
    pub fn waiting(&self) -> usize {
        self.mailboxes.iter().filter_map(|mailbox| mailbox.read().as_ref().map(Mailbox::len)).sum()
    }

    /// Names of the rooms that have members, without the sockets' own ones.
    pub fn names(&self) -> Vec<Room> {
        self.index.rooms()
    }

    // The side of the shard's actor.

    /// Puts an empty shard on this thread; `None` if it has one.
    pub(super) fn open_here(&self) -> Option<(Rc<Resident>, Deliveries)> {
        let number = self.node.reactor_here()?;
        let shard = || RoomShard::new(number, self.node.clone(), self.index.clone());
        let resident = Resident::enter_thread(self.key, shard)?;
        let (way, deliveries) = mailbox(self.node.options.mailbox_messages_max);
        *self.mailboxes[number].write() = Some(way);
        Some((resident, deliveries))
    }

    /// Takes a shard off this thread, unless another one has taken its place. Emits that would concern it fail until
    /// it is [`rebuilt`](Self::rebuilt).
    pub(super) fn close(&self, resident: &Rc<Resident>) {
        let Some(number) = self.node.reactor_here() else { return };
        if resident.leave_thread(self.key) {
            if !self.has_ended() {
                self.down.fetch_or(1 << number, Relaxed);
                self.deaths.fetch_add(1, Relaxed);
            }
            *self.mailboxes[number].write() = None;
        }
    }

    /// Makes the shard of this thread end, with its actor.
    pub fn abandon_here(&self) {
        if let Some(resident) = Resident::here(self.key) {
            self.abandon(&resident);
        }
    }

    fn abandon(&self, resident: &Rc<Resident>) {
        resident.poison();
        self.close(resident);
    }

    /// The shard of this thread holds all its members again.
    pub fn rebuilt(&self) {
        if let Some(number) = self.node.reactor_here() {
            self.unpark(number);
        }
    }

    pub(super) fn is_down(&self, shard: usize) -> bool {
        self.down.load(Relaxed) & (1 << shard) != 0
    }

    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    /// Enters the shard of this thread, if it has one. A panic in there ends the shard, not its visitor.
    pub(super) fn visit<R>(&self, act: impl FnOnce(&mut RoomShard) -> R) -> Option<R> {
        let resident = Resident::here(self.key)?;
        let visited = resident.visit(act);
        if visited.is_none() {
            self.abandon(&resident);
        }
        visited
    }

    pub(super) fn shards_for(&self, target: &Target) -> ShardSet {
        if target.rooms.is_empty() {
            return self.index.occupied();
        }
        let mut shards = ShardSet::default();
        for room in &target.rooms {
            shards.extend(self.index.shards_of(room.as_str()));
            let owner = SocketId::parse(room.as_str());
            if let Some(id) =
                owner.filter(|id| id.node() == self.node.tag && id.reactor() < self.node.reactors())
            {
                shards.insert(id.reactor());
            }
        }
        shards
    }

    pub(super) fn mailbox(&self, reactor: usize) -> Option<Mailbox> {
        self.mailboxes.get(reactor)?.read().clone()
    }

    fn send(&self, reactor: usize, delivery: Delivery) -> Result<(), Overloaded> {
        let mailbox = self.mailbox(reactor);
        let sent = mailbox.as_ref().and_then(Mailbox::reserve).is_some_and(|place| place.send(delivery));
        if sent { Ok(()) } else { Err(self.refuse()) }
    }

    /// Counts a refusal.
    pub fn refuse(&self) -> Overloaded {
        self.node.metrics.overloads.increment();
        REFUSALS.set(REFUSALS.get() + 1);
        Overloaded
    }
}
