//! Traffic with exact accounting: publishers that send by a window or by a plan, receivers that check every message.
//! Fan-out, broadcast and echo differ only in their topology and their [`Relay`].
//!
//! **When is a message complete** (closed loop only)? Judged by all its receivers ([`Completion::All`]), the default:
//! only then does W=1 mean that nothing can be batched, and no receiver can fall behind unnoticed. Judged by the
//! publisher's own receipt ([`Completion::Publisher`]), the server may start on the next message while members still
//! wait for this one; that is how most published figures were taken.
//!
//! **From when does latency count?** In a closed loop from the moment of sending; in an open loop from the moment the
//! plan wanted the message sent, so that a stall is felt by every message it delayed and not only by one.

use crate::client::packet::Packet;
use crate::client::{CloseReason, Stage};
use crate::measure::ledger::{Ledger, Side};
use crate::swarm::{ClientId, Handler, Swarm};
use crate::traffic::relay::{Call, Found, Relay};
use crate::traffic::schedule::Schedule;
use crate::traffic::stamp::{STAMP_BYTES, Stamp, blank_payload};
use crate::traffic::topology::Topology;
use crate::traffic::window::Window;

pub(crate) mod chaos;
pub(crate) mod load;
mod member;
mod moves;
pub(crate) mod phases;
pub(crate) mod relay;
pub(crate) mod schedule;
pub(crate) mod stamp;
pub(crate) mod topology;
pub(crate) mod window;

pub(crate) use member::Membership;
use member::{Member, Recovery};

/// A message that is not complete after this time is given up, so that one lost message does not end the traffic.
const PATIENCE_NS: u64 = 2_000_000_000;

/// Receipt that completes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Completion {
    /// Every receiver has it.
    All,
    /// The publisher has it.
    Publisher,
}

/// Options of the traffic.
#[derive(Debug, Clone)]
pub(crate) struct TrafficOptions {
    pub(crate) relay: Relay,
    pub(crate) payload_bytes: usize,
    /// Messages in flight on each channel, in a closed loop.
    pub(crate) window: u32,
    pub(crate) completion: Completion,
    /// Clients that are cut off ask the server to take up their session again.
    pub(crate) is_recovering: bool,
    /// Members of the authentication payload of every CONNECT.
    pub(crate) auth: serde_json::Map<String, serde_json::Value>,
    /// Latencies on the publisher's node and on other nodes are told apart; how many nodes there are.
    pub(crate) sides: Option<usize>,
}

/// The traffic of one run.
#[derive(Debug)]
pub(crate) struct Traffic {
    options: TrafficOptions,
    pub(crate) ledger: Ledger,
    channels: Vec<Channel>,
    channels_per_room: u32,
    members: Vec<Member>,
    /// The node each client is on.
    nodes: Vec<usize>,
    /// Channels whose window has moved since they last sent.
    due: Vec<u32>,
    /// The plan of the running phase, in an open loop.
    schedule: Option<Schedule>,
    /// Next channel to send on in an open loop.
    next_channel: usize,
    /// The next message's payload: filler, with the stamp written over its front.
    payload: Vec<u8>,
    /// Scratch for the text of one message.
    text: Vec<u8>,
    is_publishing: bool,
    /// Clients that have joined at least once; messages are expected only after all have.
    joined: usize,
    /// Clients that left their rooms and may join again.
    pub(crate) left: Vec<ClientId>,
    /// Clients that are gone and may come back.
    pub(crate) fallen: Vec<ClientId>,
    pub(crate) recovery: Recovery,
    /// Clients that do not read and were disconnected for it.
    pub(crate) slow_disconnected: u64,
}

/// One publisher in one room.
#[derive(Debug)]
struct Channel {
    publisher: ClientId,
    /// Members that are owed the messages sent.
    members: u32,
    /// Members that do not read.
    slow: u32,
    window: Window,
    /// Number of messages sent: also the next sequence number.
    sent: u64,
    /// Time at which a message was last sent or completed.
    progress_ns: u64,
    /// Whether it already stands in `due`.
    is_due: bool,
}

impl Traffic {
    pub(crate) fn new(options: TrafficOptions, topology: &Topology) -> Self {
        let channel = |publisher: &ClientId| Channel {
            publisher: *publisher,
            members: 0,
            slow: 0,
            window: Window::new(options.window, 0),
            sent: 0,
            progress_ns: 0,
            is_due: false,
        };
        let mut ledger = Ledger::new();
        let nodes = match options.sides {
            Some(count) => {
                ledger.tell_sides_apart();
                topology.targets.iter().map(|target| target % count).collect()
            }
            None => Vec::new(),
        };
        let per_room = topology.publishers_per_room;
        Self {
            ledger,
            channels: topology.publishers.iter().map(channel).collect(),
            channels_per_room: per_room,
            members: topology.rooms_of.iter().map(|rooms| Member::new(rooms, per_room)).collect(),
            nodes,
            due: Vec::new(),
            schedule: None,
            next_channel: 0,
            payload: blank_payload(options.payload_bytes),
            text: Vec::new(),
            is_publishing: false,
            joined: 0,
            left: Vec::new(),
            fallen: Vec::new(),
            recovery: Recovery::default(),
            slow_disconnected: 0,
            options,
        }
    }

    /// Whether every client has joined its rooms.
    pub(crate) fn is_joined(&self) -> bool {
        self.joined == self.members.len()
    }

    /// Number of clients that have joined their rooms.
    pub(crate) fn joined(&self) -> usize {
        self.joined
    }

    /// Publishes from the next wake-up on: by this plan, or by filling the windows if there is none.
    pub(crate) fn start(&mut self, schedule: Option<Schedule>) {
        self.is_publishing = true;
        if schedule.is_some() {
            self.ledger.planned.get_or_insert(0);
        }
        self.schedule = schedule;
        if self.schedule.is_none() {
            (0..self.channels.len()).for_each(|index| self.mark_due(index as u32));
        }
    }

    /// Sends nothing more; what is in flight may still arrive.
    pub(crate) fn stop(&mut self) {
        self.is_publishing = false;
    }

    /// Whether everything that was sent has arrived.
    pub(crate) fn is_complete(&self) -> bool {
        self.ledger.accounts.received >= self.ledger.accounts.expected
    }

    /// Gives up messages that have waited too long. In an open loop nothing waits for them.
    pub(crate) fn give_up_stalled(&mut self, now_ns: u64) {
        for index in 0..self.channels.len() {
            let channel = &mut self.channels[index];
            if now_ns.saturating_sub(channel.progress_ns) > PATIENCE_NS && channel.window.is_waiting() {
                channel.window.give_up();
                self.ledger.stalled(index);
                self.mark_due(index as u32);
            }
        }
    }

    /// Closes the books.
    pub(crate) fn finish(&mut self) {
        let per_room = self.channels_per_room;
        let missing = self
            .members
            .iter()
            .flat_map(|member| member.sequences(per_room))
            .map(|(channel, sequence)| sequence.missing_of(self.channels[channel].sent));
        self.ledger.accounts.lost = missing.sum();
    }

    fn mark_due(&mut self, index: u32) {
        let channel = &mut self.channels[index as usize];
        if !channel.is_due {
            channel.is_due = true;
            self.due.push(index);
        }
    }

    /// Sends as many messages as the channel's window has room for.
    fn fill_window(&mut self, swarm: &mut Swarm, index: u32, now_ns: u64) {
        self.channels[index as usize].is_due = false;
        while self.channels[index as usize].window.send().is_some() {
            self.publish(swarm, index, now_ns);
        }
    }

    /// Sends what the plan wants sent by now, the channels in turn, and sees to being woken for the next message.
    fn follow_schedule(&mut self, swarm: &mut Swarm, now_ns: u64) {
        let Some(mut schedule) = self.schedule.take() else { return };
        let issued = schedule.issued();
        while let Some(planned_ns) = schedule.next(now_ns) {
            let index = self.next_channel;
            self.next_channel = (index + 1) % self.channels.len();
            if swarm.stage_of(self.channels[index].publisher) == Stage::Ready {
                self.publish(swarm, index as u32, planned_ns);
            }
        }
        let planned = self.ledger.planned.unwrap_or(0) + schedule.issued() - issued;
        self.ledger.planned = Some(planned);
        if let Some(upcoming_ns) = schedule.upcoming() {
            swarm.wake_at(upcoming_ns);
        }
        self.schedule = Some(schedule);
    }

    fn publish(&mut self, swarm: &mut Swarm, index: u32, sent_ns: u64) {
        let channel = &mut self.channels[index as usize];
        let sequence = channel.sent;
        channel.sent += 1;
        channel.progress_ns = sent_ns;
        Stamp { publisher: index, sequence, sent_ns }.write(&mut self.payload);
        self.text.clear();
        let room = index / self.channels_per_room;
        self.options.relay.write_message(room, sequence, &self.payload, &mut self.text);
        swarm.send(channel.publisher, &self.text);
        if self.options.relay.is_binary {
            swarm.send_attachment(channel.publisher, &self.payload);
        }
        self.ledger.sent += 1;
        self.ledger.accounts.expected += u64::from(channel.members);
    }

    /// The stamp of a payload, if the payload is one that this tester sent.
    fn check(&self, found: &Found<'_>) -> Option<Stamp> {
        let payload = found.payload;
        let stamp = Stamp::read(payload)?;
        let channel = self.channels.get(stamp.publisher as usize)?;
        let is_sent = stamp.sequence < channel.sent;
        let is_asked = found.ack.is_none_or(|id| id == stamp.sequence);
        let is_whole =
            payload.len() == self.payload.len() && payload[STAMP_BYTES..] == self.payload[STAMP_BYTES..];
        (is_sent && is_asked && is_whole).then_some(stamp)
    }

    fn delivered(&mut self, now_ns: u64, client: ClientId, stamp: Stamp) {
        let member = &mut self.members[client];
        let is_late_for_leaver = member.membership == Membership::Out && stamp.sent_ns > member.changed_ns;
        let is_slow = member.is_slow;
        let Some(sequence) = member.sequence(stamp.publisher, self.channels_per_room) else {
            return self.ledger.stray(client, stamp.publisher);
        };
        if is_late_for_leaver {
            return self.ledger.stray(client, stamp.publisher);
        }
        let latency_ns = now_ns.saturating_sub(stamp.sent_ns);
        if !self.ledger.arrived(client, sequence, stamp.sequence, latency_ns) {
            return;
        }
        if !sequence.owes(stamp.sequence) {
            self.ledger.accounts.expected += 1;
        }
        let channel = &mut self.channels[stamp.publisher as usize];
        if !self.nodes.is_empty() {
            let is_local = self.nodes[client] == self.nodes[channel.publisher];
            self.ledger.measure_side(if is_local { Side::Local } else { Side::Remote }, latency_ns);
        }
        let counts = match self.options.completion {
            Completion::All => !is_slow,
            Completion::Publisher => channel.publisher == client,
        };
        if counts && channel.window.received(stamp.sequence) {
            channel.progress_ns = now_ns;
            self.mark_due(stamp.publisher);
        }
    }
}

impl Handler for Traffic {
    fn connected(&mut self, swarm: &mut Swarm, client: ClientId, data: &[u8]) {
        if self.options.is_recovering && self.recognise(client, data) {
            return;
        }
        self.join(swarm, client);
    }

    fn packet(&mut self, swarm: &mut Swarm, client: ClientId, packet: Packet<'_>, attachment: Option<&[u8]>) {
        let (Packet::Event { data, .. }
        | Packet::Ack { data, .. }
        | Packet::BinaryEvent { data, .. }
        | Packet::BinaryAck { data, .. }) = packet
        else {
            return;
        };
        if matches!(packet, Packet::Ack { .. }) && self.options.relay.call != Call::Echo {
            return self.moved(swarm, client);
        }
        let Some(found) = self.options.relay.find(packet, attachment, self.payload.len()) else {
            return self.ledger.corrupt(client, data);
        };
        let Some(stamp) = self.check(&found) else {
            return self.ledger.corrupt(client, data);
        };
        if self.options.is_recovering
            && let Some(offset) = found.offset
        {
            self.members[client].offset.clear();
            self.members[client].offset.extend_from_slice(offset);
        }
        self.delivered(swarm.now_ns(), client, stamp);
    }

    fn closed(&mut self, _swarm: &mut Swarm, client: ClientId, stage: Stage, reason: &CloseReason) {
        self.fell(client, stage, reason);
    }

    fn wake_done(&mut self, swarm: &mut Swarm) {
        if !self.is_publishing {
            return;
        }
        if self.schedule.is_some() {
            let now_ns = swarm.tick();
            self.follow_schedule(swarm, now_ns);
        } else if !self.due.is_empty() {
            let now_ns = swarm.tick();
            while let Some(index) = self.due.pop() {
                self.fill_window(swarm, index, now_ns);
            }
        }
    }

    fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }
}

impl Channel {
    fn set_needed(&mut self, completion: Completion) {
        let readers = self.members - self.slow;
        self.window.set_needed(match completion {
            Completion::All => readers,
            Completion::Publisher => readers.min(1),
        });
    }
}
