//! Closed-loop traffic with exact accounting: publishers that keep W messages in flight, receivers that check every
//! one. Fan-out and echo differ only in their [`Wording`].
//!
//! **When is a message complete?** Judged by all its receivers ([`Completion::All`]), the default: only then does W=1
//! mean that nothing can be batched, and no receiver can fall behind unnoticed. Judged by the publisher's own receipt
//! ([`Completion::Publisher`]), the server may start on the next message while members still wait for this one;
//! that is how most published figures were taken.

use crate::client::{CloseReason, Phase};
use crate::ledger::{Accounts, Ledger};
use crate::packet::Packet;
use crate::sequence::Sequence;
use crate::stamp::{STAMP_BYTES, Stamp, blank_payload};
use crate::swarm::{ClientId, Scenario, Swarm};
use crate::window::Window;

/// A message that is not complete after this time is given up, so that one lost message does not end the traffic.
const PATIENCE_NS: u64 = 2_000_000_000;

/// How messages are worded for the server, and found in its answers.
pub(crate) trait Wording {
    /// Writes what a client sends before the traffic, to be acknowledged; false if there is nothing to send.
    fn write_join(&self, channel: u32, text: &mut Vec<u8>) -> bool;
    /// Writes the message with this payload.
    fn write_message(&self, channel: u32, sequence: u64, payload: &[u8], text: &mut Vec<u8>);
    /// Finds the payload in an answer, and the acknowledgement id if it has one; `None` if it is not as agreed.
    fn payload<'a>(&self, packet: Packet<'a>) -> Option<(&'a [u8], Option<u64>)>;
}

/// Whose receipt completes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Completion {
    /// Every receiver has it.
    All,
    /// The publisher has it.
    Publisher,
}

/// The shape of the traffic. Client `i` is in channel `i % channels`; client `c` publishes on channel `c`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) clients: usize,
    pub(crate) channels: usize,
    pub(crate) window: u32,
    pub(crate) payload_bytes: usize,
    pub(crate) completion: Completion,
}

/// The traffic of one run.
#[derive(Debug)]
pub(crate) struct Traffic<W> {
    wording: W,
    completion: Completion,
    pub(crate) ledger: Ledger,
    channels: Vec<Channel>,
    receivers: Vec<Receiver>,
    /// Channels whose window has moved since they last sent.
    due: Vec<u32>,
    /// The next message's payload: filler, with the stamp written over its front.
    payload: Vec<u8>,
    /// Scratch for the text of one message.
    text: Vec<u8>,
    is_publishing: bool,
    /// Clients that have joined; messages are expected only after all have.
    joined: usize,
}

/// One publisher and those who hear it.
#[derive(Debug)]
struct Channel {
    publisher: ClientId,
    receivers: u32,
    window: Window,
    /// When a message was last sent or completed.
    progress_ns: u64,
    /// Whether it already stands in `due`.
    is_due: bool,
}

#[derive(Debug)]
struct Receiver {
    channel: u32,
    sequence: Sequence,
    /// How many messages of the channel had been sent when this client was disconnected.
    left_after: Option<u64>,
}

impl<W: Wording> Traffic<W> {
    pub(crate) fn new(wording: W, shape: Shape) -> Self {
        let channel_of = |client: usize| client % shape.channels;
        let mut channels: Vec<Channel> = (0..shape.channels)
            .map(|publisher| Channel {
                publisher,
                receivers: 0,
                window: Window::new(shape.window, 1),
                progress_ns: 0,
                is_due: false,
            })
            .collect();
        for client in 0..shape.clients {
            channels[channel_of(client)].receivers += 1;
        }
        let receiver = |client| Receiver {
            channel: channel_of(client) as u32,
            sequence: Sequence::default(),
            left_after: None,
        };
        let mut traffic = Self {
            wording,
            completion: shape.completion,
            ledger: Ledger::new(),
            channels,
            receivers: (0..shape.clients).map(receiver).collect(),
            due: Vec::new(),
            payload: blank_payload(shape.payload_bytes),
            text: Vec::new(),
            is_publishing: false,
            joined: 0,
        };
        traffic.channels.iter_mut().for_each(|channel| channel.set_needed(shape.completion));
        traffic
    }

    /// Whether every client has joined its channel.
    pub(crate) fn is_joined(&self) -> bool {
        self.joined == self.receivers.len()
    }

    /// How many clients have joined their channel.
    pub(crate) fn joined(&self) -> usize {
        self.joined
    }

    /// Fills the windows at the next wake-up.
    pub(crate) fn start(&mut self) {
        self.is_publishing = true;
        for index in 0..self.channels.len() {
            self.mark_due(index as u32);
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

    /// Gives up messages that have waited too long.
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
    pub(crate) fn finish(&mut self) -> &Accounts {
        self.ledger.accounts.lost = self
            .receivers
            .iter()
            .map(|receiver| {
                let sent = self.channels[receiver.channel as usize].window.sent();
                receiver.sequence.missing_of(receiver.left_after.unwrap_or(sent))
            })
            .sum();
        &self.ledger.accounts
    }

    fn mark_due(&mut self, index: u32) {
        let channel = &mut self.channels[index as usize];
        if !channel.is_due {
            channel.is_due = true;
            self.due.push(index);
        }
    }

    /// Sends as many messages as the channel's window has room for.
    fn publish(&mut self, swarm: &mut Swarm, index: u32, sent_ns: u64) {
        let channel = &mut self.channels[index as usize];
        channel.is_due = false;
        while let Some(sequence) = channel.window.send() {
            Stamp { publisher: index, sequence, sent_ns }.write(&mut self.payload);
            self.text.clear();
            self.wording.write_message(index, sequence, &self.payload, &mut self.text);
            swarm.send(channel.publisher, &self.text);
            channel.progress_ns = sent_ns;
            self.ledger.accounts.expected += u64::from(channel.receivers);
        }
    }

    /// The stamp of a payload, if the payload is one that this tester sent.
    fn check(&self, payload: &[u8], ack: Option<u64>) -> Option<Stamp> {
        let stamp = Stamp::read(payload)?;
        let channel = self.channels.get(stamp.publisher as usize)?;
        let is_sent = stamp.sequence < channel.window.sent();
        let is_asked = ack.is_none_or(|id| id == stamp.sequence);
        let is_whole =
            payload.len() == self.payload.len() && payload[STAMP_BYTES..] == self.payload[STAMP_BYTES..];
        (is_sent && is_asked && is_whole).then_some(stamp)
    }
}

impl<W: Wording> Scenario for Traffic<W> {
    fn connected(&mut self, swarm: &mut Swarm, client: ClientId) {
        self.text.clear();
        if self.wording.write_join(self.receivers[client].channel, &mut self.text) {
            swarm.send(client, &self.text);
        } else {
            self.joined += 1;
        }
    }

    fn packet(&mut self, swarm: &mut Swarm, client: ClientId, packet: Packet<'_>) {
        if !self.is_joined() && matches!(packet, Packet::Ack { .. }) {
            self.joined += 1;
            return;
        }
        let (Packet::Event { data, .. } | Packet::Ack { data, .. }) = packet else { return };
        let Some((payload, ack)) = self.wording.payload(packet) else {
            return self.ledger.corrupt(client, data);
        };
        let Some(stamp) = self.check(payload, ack) else {
            return self.ledger.corrupt(client, data);
        };
        let receiver = &mut self.receivers[client];
        if receiver.channel != stamp.publisher {
            return self.ledger.stray(client, stamp.publisher);
        }
        let now_ns = swarm.now_ns();
        let latency_ns = now_ns.saturating_sub(stamp.sent_ns);
        if !self.ledger.arrived(client, &mut receiver.sequence, stamp.sequence, latency_ns) {
            return;
        }
        let channel = &mut self.channels[stamp.publisher as usize];
        let counts = self.completion == Completion::All || channel.publisher == client;
        if counts && channel.window.received(stamp.sequence) {
            channel.progress_ns = now_ns;
            self.mark_due(stamp.publisher);
        }
    }

    fn closed(&mut self, _swarm: &mut Swarm, client: ClientId, _phase: Phase, reason: &CloseReason) {
        self.ledger.disconnected(client, &reason.to_string());
        let receiver = &mut self.receivers[client];
        let index = receiver.channel;
        let channel = &mut self.channels[index as usize];
        receiver.left_after = Some(channel.window.sent());
        channel.receivers -= 1;
        channel.set_needed(self.completion);
        if channel.publisher == client {
            channel.window.set_needed(0);
        }
        channel.window.give_up();
        self.mark_due(index);
    }

    fn wake_done(&mut self, swarm: &mut Swarm) {
        if !self.is_publishing || self.due.is_empty() {
            return;
        }
        let sent_ns = swarm.tick();
        while let Some(index) = self.due.pop() {
            self.publish(swarm, index, sent_ns);
        }
    }
}

impl Channel {
    fn set_needed(&mut self, completion: Completion) {
        self.window.set_needed(match completion {
            Completion::All => self.receivers,
            Completion::Publisher => self.receivers.min(1),
        });
    }
}
