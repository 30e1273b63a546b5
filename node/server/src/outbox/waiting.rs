//! The queue in an outbox: what waits for one client, in order, and how much of the first of it the network has taken.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::packet::{PACKET_COST, Packet};

/// A queue that grew beyond this is given back when it runs empty.
const IDLE_CAPACITY: usize = 16;

/// Something that waits to be written.
#[derive(Debug)]
pub enum Item {
    /// A packet, shared by everybody it is for.
    Packet(Arc<Packet>),
    /// A frame of the connection itself, encoded: a ping, the answer to a probe, a Close frame.
    Frame(Bytes),
    /// The encoded answer to a control frame of the client.
    Answer(Bytes),
}

impl Item {
    /// Bytes that it counts for.
    fn size(&self) -> usize {
        match self {
            Self::Packet(packet) => packet.size(),
            Self::Frame(frame) | Self::Answer(frame) => PACKET_COST + frame.len(),
        }
    }
}

/// Items that wait, oldest first. An item counts until all of it is with the network, which is when its memory is given
/// back.
#[derive(Debug, Default)]
pub struct Waiting {
    items: VecDeque<Item>,
    bytes: usize,
    /// Bytes of the first item that the network has taken.
    begun: usize,
    /// Number of answers to control frames among them.
    answers: usize,
}

impl Waiting {
    /// Appends an item.
    pub fn push(&mut self, item: Item) {
        self.bytes += item.size();
        self.answers += usize::from(matches!(item, Item::Answer(_)));
        self.items.push_back(item);
    }

    /// The items, oldest first.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.iter()
    }

    /// Bytes of the first item that the network has taken, headers of frames included.
    pub fn begun(&self) -> usize {
        self.begun
    }

    /// Bytes that wait, as they are counted against bounds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether answers to control frames wait: their client is read no further meanwhile.
    pub fn has_answers(&self) -> bool {
        self.answers > 0
    }

    /// The network has taken this many bytes more; `encoded` returns the length of an item on the wire.
    pub fn advance(&mut self, bytes: usize, encoded: impl Fn(&Item) -> usize) {
        self.begun += bytes;
        while let Some(item) = self.items.front() {
            let length = encoded(item);
            if self.begun < length {
                return;
            }
            self.begun -= length;
            self.bytes -= item.size();
            self.answers -= usize::from(matches!(item, Item::Answer(_)));
            self.items.pop_front();
        }
        debug_assert_eq!((self.begun, self.bytes, self.answers), (0, 0, 0));
        if self.items.capacity() > IDLE_CAPACITY {
            self.items = VecDeque::new();
        }
    }

    /// Hands over packets until they are `bytes_max` bytes or more. Returns their number and their bytes.
    pub(super) fn drain(&mut self, bytes_max: usize, mut take: impl FnMut(&Packet)) -> (usize, usize) {
        let (mut packets, mut bytes) = (0, 0);
        while bytes < bytes_max {
            let Some(item) = self.items.pop_front() else { break };
            bytes += item.size();
            if let Item::Packet(packet) = item {
                packets += 1;
                take(&packet);
            }
        }
        self.bytes -= bytes;
        if self.items.is_empty() && self.items.capacity() > IDLE_CAPACITY {
            self.items = VecDeque::new();
        }
        (packets, bytes)
    }

    /// Drops what waits, but not an item of which the network has taken a part: whatever follows must find a whole frame
    /// before it. Returns the number of packets dropped.
    pub fn drop_unbegun(&mut self) -> usize {
        let keep = usize::from(self.begun > 0);
        let dropped = self.items.drain(keep..).filter(|item| matches!(item, Item::Packet(_))).count();
        self.bytes = self.items.iter().map(Item::size).sum();
        self.answers = self.items.iter().filter(|item| matches!(item, Item::Answer(_))).count();
        dropped
    }

    /// Puts what waits in another queue of the same client before this.
    pub(super) fn put_before(&mut self, mut first: Self) {
        debug_assert_eq!(self.begun, 0, "nothing was written over the old transport");
        first.bytes += self.bytes;
        first.answers += self.answers;
        first.items.append(&mut self.items);
        *self = first;
    }
}
