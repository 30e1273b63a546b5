//! The cluster: nodes, their threads and mailboxes, the links between them; and the choice of the next step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::Rules;
use super::clients::{Client, Connection, Frame};
use super::emitting::{Dispatch, Emit};
use super::moving::{Fence, Move};
use crate::ids::Room;
use crate::recovery::{HandOver, LogBounds, Logs, Marks, Position, Session};

/// A room, or `None` for the whole namespace.
pub(super) type Key = Option<Room>;

/// A place: node and reactor.
pub(super) type Place = (usize, usize);

/// Items in the mailbox of a shard.
pub(super) enum Item {
    Emit(usize),
    /// The server has noticed that the connection of a session is gone.
    Noticed {
        session: usize,
        connection: usize,
    },
    Resume {
        session: usize,
        connection: usize,
        offset: Option<Position>,
    },
    Claim(usize),
    Seat(usize),
    Cut(usize),
    Release(usize),
    Unseat(usize),
    TakeOver(usize),
}

/// Messages between nodes, in the order of each link.
pub(super) enum Message {
    Emit(usize),
    Subscribe(Key),
    Unsubscribe(Key),
    /// For the mailbox of a shard.
    Item(usize, Item),
    FenceAsk(usize),
    FenceAnswer(usize),
    HandOver(usize, Box<HandOver<Frame>>),
}

/// A session at a shard.
pub(super) struct Resident {
    pub(super) session: Session<Frame>,
    pub(super) connection: Option<usize>,
    /// The move that it was seated for.
    pub(super) seated_for: Option<usize>,
}

pub(super) struct Shard {
    pub(super) inbox: VecDeque<Item>,
    pub(super) logs: Logs<Frame>,
    pub(super) marks: Marks,
    pub(super) residents: BTreeMap<usize, Resident>,
    /// Chance in eight that it does something when it is its turn.
    speed: u64,
}

#[derive(Default)]
pub(super) struct LaneState {
    pub(super) number: u64,
    /// Emits under way: one, since it holds the lock.
    pub(super) dispatches: Vec<Dispatch>,
}

pub(super) struct Node {
    pub(super) shards: Vec<Shard>,
    /// Those of the reactors, of two other threads, and last that of the thread that hears other nodes.
    pub(super) lanes: Vec<LaneState>,
    /// Shards with members of a room, and how many.
    pub(super) index: BTreeMap<Key, BTreeMap<usize, usize>>,
    /// By node: rooms that it has subscribed to, as far as this one knows.
    pub(super) subscribed: Vec<BTreeSet<Key>>,
}

pub(super) struct Link {
    pub(super) messages: VecDeque<Message>,
    speed: u64,
}

/// Numbers of a play, for the record.
#[derive(Default)]
pub(super) struct Played {
    pub(super) moves: usize,
    pub(super) recoveries: usize,
    /// Moves that were given up in time.
    pub(super) released: usize,
    /// Sessions that could not be recovered, and were told so.
    pub(super) told: usize,
}

pub(super) struct World {
    pub(super) rules: Rules,
    pub(super) rng: Rng,
    pub(super) nodes: Vec<Node>,
    pub(super) links: BTreeMap<(usize, usize), Link>,
    pub(super) emits: Vec<Emit>,
    pub(super) clients: Vec<Client>,
    pub(super) connections: Vec<Connection>,
    /// Connections that are gone, and the server does not know it yet.
    pub(super) unnoticed: Vec<(usize, usize)>,
    pub(super) moves: Vec<Move>,
    pub(super) fences: Vec<Fence>,
    pub(super) played: Played,
    pub(super) fault: Option<String>,
}

/// SplitMix64.
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    pub(super) fn chance(&mut self, of_eight: u64) -> bool {
        (self.below(8) as u64) < of_eight
    }
}

const STEPS: usize = 1_500;

impl World {
    /// A cluster whose logs keep so many packets of a room.
    pub(super) fn new(seed: u64, rules: Rules, packets_max: usize) -> Self {
        let mut rng = Rng(seed);
        let (nodes, reactors) = [(1, 2), (1, 3), (2, 1), (2, 2), (3, 1), (3, 2)][rng.below(6)];
        let mut world = Self {
            rules,
            nodes: Vec::new(),
            links: BTreeMap::new(),
            emits: Vec::new(),
            clients: Vec::new(),
            connections: Vec::new(),
            unnoticed: Vec::new(),
            moves: Vec::new(),
            fences: Vec::new(),
            played: Played::default(),
            fault: None,
            rng,
        };
        for node in 0..nodes {
            let shards = (0..reactors).map(|shard| world.new_shard(node * 10 + shard, packets_max)).collect();
            world.nodes.push(Node {
                shards,
                lanes: (0..reactors + 3).map(|_| LaneState::default()).collect(),
                index: BTreeMap::new(),
                subscribed: vec![BTreeSet::new(); nodes],
            });
            for other in (0..nodes).filter(|other| *other != node) {
                let speed = 1 + world.rng.below(8) as u64;
                world.links.insert((node, other), Link { messages: VecDeque::new(), speed });
            }
        }
        for client in 0..1 + world.rng.below(3) {
            world.add_client(client);
        }
        world
    }

    fn new_shard(&mut self, number: usize, packets_max: usize) -> Shard {
        let age = Duration::from_secs(1_000);
        let bounds = LogBounds { age, room_bytes: packets_max, bytes: packets_max.saturating_mul(4) };
        Shard {
            inbox: VecDeque::new(),
            logs: Logs::new(bounds, Position::new((number as u64 + 1) * 1_000_000)),
            marks: Marks::default(),
            residents: BTreeMap::new(),
            speed: 1 + self.rng.below(8) as u64,
        }
    }

    /// Takes steps until the end, when everybody is connected and nothing is under way.
    pub(super) fn play(mut self) -> Result<Played, String> {
        let emits = 1 + self.rng.below(6);
        for _ in 0..STEPS {
            match self.rng.below(40) {
                step if step < emits => self.begin_emit(),
                6 => self.cut_a_client(),
                7 => self.notice(),
                8 | 9 => self.reconnect(),
                10 => self.move_a_parked_session(),
                11 if self.rng.chance(1) => self.give_up_a_move(),
                _ => self.work(),
            }
            if let Some(fault) = self.fault {
                return Err(fault);
            }
        }
        self.links.values_mut().for_each(|link| link.speed = 8);
        self.nodes.iter_mut().flat_map(|node| &mut node.shards).for_each(|shard| shard.speed = 8);
        for _ in 0..STEPS * 100 {
            match self.rng.below(10) {
                0 => self.notice(),
                1 => self.reconnect(),
                _ => self.work(),
            }
            if self.fault.is_some() || self.is_quiet() {
                break;
            }
        }
        match self.fault.take().or_else(|| self.fault_at_the_end()) {
            Some(fault) => Err(fault),
            None => Ok(self.played),
        }
    }

    fn is_quiet(&self) -> bool {
        self.links.values().all(|link| link.messages.is_empty())
            && self.nodes.iter().flat_map(|node| &node.lanes).all(|lane| lane.dispatches.is_empty())
            && self.nodes.iter().flat_map(|node| &node.shards).all(|shard| shard.inbox.is_empty())
            && (self.fences.is_empty() && self.unnoticed.is_empty())
            && self.are_clients_quiet()
    }

    fn fault_at_the_end(&self) -> Option<String> {
        if !self.is_quiet() {
            return Some(format!("something hangs: {}", self.under_way()));
        }
        self.missing_at_the_end()
    }

    /// Everything that is not finished.
    fn under_way(&self) -> String {
        let messages: usize = self.links.values().map(|link| link.messages.len()).sum();
        let lanes = self.nodes.iter().flat_map(|node| &node.lanes);
        let emits: usize = lanes.map(|lane| lane.dispatches.len()).sum();
        let shards = self.nodes.iter().flat_map(|node| &node.shards);
        let items: usize = shards.map(|shard| shard.inbox.len()).sum();
        let (fences, unnoticed) = (self.fences.len(), self.unnoticed.len());
        format!(
            "{messages} messages, {emits} emits, {items} items, {fences} fences, {unnoticed} unnoticed; {}",
            self.clients_under_way()
        )
    }

    /// Notes the first fault.
    pub(super) fn fail(&mut self, fault: impl FnOnce() -> String) {
        self.fault.get_or_insert_with(fault);
    }

    /// Lets some thread or network do something.
    fn work(&mut self) {
        let node = self.rng.below(self.nodes.len());
        match self.rng.below(6) {
            0 | 1 => self.advance_an_emit(node),
            2 => {
                let shard = self.rng.below(self.nodes[node].shards.len());
                let speed = self.nodes[node].shards[shard].speed;
                // A reactor that emits does nothing else.
                if self.nodes[node].lanes[shard].dispatches.is_empty() && self.rng.chance(speed) {
                    self.handle_an_item(node, shard);
                }
            }
            3 => self.hear(node),
            4 => self.advance_a_fence(),
            _ => self.receive(),
        }
    }

    /// The thread that hears other nodes takes the next message of a link.
    fn hear(&mut self, node: usize) {
        let from = self.rng.below(self.nodes.len());
        let hears = self.nodes[node].lanes.last().is_some_and(|lane| lane.dispatches.is_empty());
        let Some(link) = self.links.get_mut(&(from, node)) else { return };
        if !hears || !self.rng.chance(link.speed) {
            return;
        }
        match link.messages.pop_front() {
            None => {}
            Some(Message::Emit(emit)) => self.hear_emit(node, emit),
            Some(Message::Subscribe(key)) => drop(self.nodes[node].subscribed[from].insert(key)),
            Some(Message::Unsubscribe(key)) => drop(self.nodes[node].subscribed[from].remove(&key)),
            Some(Message::Item(shard, item)) => self.nodes[node].shards[shard].inbox.push_back(item),
            Some(Message::FenceAsk(number)) => self.fence(node, number),
            Some(Message::FenceAnswer(number)) => self.fenced(number),
            Some(Message::HandOver(number, hand_over)) => self.handed_over(number, *hand_over),
        }
    }

    pub(super) fn tell(&mut self, from: usize, to: usize, message: Message) {
        if let Some(link) = self.links.get_mut(&(from, to)) {
            link.messages.push_back(message);
        }
    }

    /// Sends an item to a shard: into its mailbox, or over the link to its node.
    pub(super) fn send(&mut self, from: usize, (node, shard): Place, item: Item) {
        if from == node {
            self.nodes[node].shards[shard].inbox.push_back(item);
        } else {
            self.tell(from, node, Message::Item(shard, item));
        }
    }

    fn handle_an_item(&mut self, node: usize, shard: usize) {
        match self.nodes[node].shards[shard].inbox.pop_front() {
            None => {}
            Some(Item::Emit(emit)) => self.fan_out(node, shard, emit),
            Some(Item::Noticed { session, connection }) => self.noticed((node, shard), session, connection),
            Some(Item::Resume { session, connection, offset }) => {
                self.resume((node, shard), session, connection, offset);
            }
            Some(Item::Claim(number)) => self.claim(number),
            Some(Item::Seat(number)) => self.seat(number),
            Some(Item::Cut(number)) => self.cut(number),
            Some(Item::Release(number)) => self.release(number),
            Some(Item::Unseat(number)) => self.unseat(number),
            Some(Item::TakeOver(number)) => self.take_over(number),
        }
    }

    /// A member takes its place in a room of a shard.
    pub(super) fn enter(&mut self, (node, shard): Place, key: Key) {
        let shards = self.nodes[node].index.entry(key.clone()).or_default();
        let is_first = shards.is_empty();
        *shards.entry(shard).or_default() += 1;
        if is_first {
            self.tell_all(node, || Message::Subscribe(key.clone()));
        }
    }

    pub(super) fn leave(&mut self, (node, shard): Place, key: Key) {
        let index = &mut self.nodes[node].index;
        let Some(shards) = index.get_mut(&key) else { return };
        if let Some(count) = shards.get_mut(&shard) {
            *count -= 1;
            if *count == 0 {
                shards.remove(&shard);
            }
        }
        if shards.is_empty() {
            index.remove(&key);
            self.tell_all(node, || Message::Unsubscribe(key.clone()));
        }
    }

    pub(super) fn tell_all(&mut self, from: usize, message: impl Fn() -> Message) {
        for to in 0..self.nodes.len() {
            self.tell(from, to, message());
        }
    }
}
