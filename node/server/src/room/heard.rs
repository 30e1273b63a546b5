//! Messages of other nodes, on their way into the shards.
//!
//! They cannot be refused, and the task that reads the bus must not wait for one shard while others have nothing to do.
//! So each shard is served for itself: a message that it cannot take now waits in its mailbox behind everything before
//! it (ORDER-2), within the [backlog](crate::node::Backlog) of its reactor, and while it is being rebuilt beside it.
//! Messages beyond that are dropped for this shard alone, and counted.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::index::ShardSet;
use super::message::Delivery;
use super::rooms::{Overloaded, Rooms};
use super::target::Target;
use crate::outbox::Packet;

/// Bytes that a delivery takes beside its packet.
const OVERHEAD_BYTES: usize = 256;

/// Fate of a message for a shard.
enum Fate {
    Taken,
    /// There is no such shard, or nobody is left in it since the node ends.
    Pointless,
    /// Too much waits.
    Dropped,
}

impl Rooms {
    /// Delivers a packet that another node sent, in order with everything heard before.
    ///
    /// # Errors
    /// If a shard had too much to do: its members do not get it, and it is counted.
    pub fn hear_broadcast(
        &self,
        target: &Arc<Target>,
        packet: &Arc<Packet>,
        volatile: bool,
    ) -> Result<(), Overloaded> {
        let delivery = || Delivery::Broadcast { target: target.clone(), packet: packet.clone(), volatile };
        self.hear(target, packet.size(), delivery).map(drop)
    }

    /// Hands something to all shards that may have members of a target. Returns how many took it.
    pub(super) fn hear(
        &self,
        target: &Target,
        bytes: usize,
        delivery: impl Fn() -> Delivery,
    ) -> Result<usize, Overloaded> {
        let (mut taken, mut dropped) = (0, 0);
        for shard in self.shards_to_tell(target).iter() {
            match self.hear_at(shard, bytes + OVERHEAD_BYTES, &delivery) {
                Fate::Taken => taken += 1,
                Fate::Pointless => {}
                Fate::Dropped => dropped += 1,
            }
        }
        self.node.metrics.bus_undelivered.add(dropped);
        if dropped > 0 { Err(Overloaded) } else { Ok(taken) }
    }

    /// The shards that may have members of a target, or will have them again.
    fn shards_to_tell(&self, target: &Target) -> ShardSet {
        loop {
            let (deaths, down) = (self.deaths.load(Relaxed), self.down.load(Relaxed));
            let mut shards = self.shards_for(target);
            shards.extend(ShardSet::from_bits(down));
            // A shard that died meanwhile took its members out of the index.
            if self.deaths.load(Relaxed) == deaths {
                return shards;
            }
        }
    }

    fn hear_at(&self, shard: usize, bytes: usize, delivery: impl Fn() -> Delivery) -> Fate {
        let (node, metrics) = (&self.node, &self.node.metrics);
        // Held, so that what waits beside the mailbox is in it before anything that follows.
        let mut parked = self.parked[shard].lock();
        let is_down = self.is_down(shard);
        let mailbox = if is_down { None } else { self.mailbox(shard) };
        let is_over = if is_down { node.is_ending() } else { mailbox.is_none() };
        if is_over {
            return Fate::Pointless;
        }
        if is_down && (!node.is_healthy() || parked.len() >= node.options.mailbox_messages_max) {
            return Fate::Dropped;
        }
        let Some(share) = node.backlogs[shard].enter(bytes, &node.options.cluster) else {
            return Fate::Dropped;
        };
        match mailbox {
            None => {
                metrics.bus_waits.increment();
                parked.push_back((delivery(), share));
            }
            Some(mailbox) => match mailbox.queue(delivery(), share) {
                Some(before) if before >= node.options.mailbox_messages_max => metrics.bus_waits.increment(),
                Some(_) => {}
                None => metrics.shard_losses.increment(),
            },
        }
        Fate::Taken
    }

    /// Hands a rebuilt shard the messages that came meanwhile.
    pub(super) fn unpark(&self, shard: usize) {
        let mut parked = self.parked[shard].lock();
        self.down.fetch_and(!(1 << shard), Relaxed);
        let Some(mailbox) = self.mailbox(shard) else { return };
        for (delivery, share) in parked.drain(..) {
            if mailbox.queue(delivery, share).is_none() {
                self.node.metrics.shard_losses.increment();
            }
        }
    }

    /// The shard of this thread will not be there again.
    pub fn give_up_here(&self) {
        if let Some(shard) = self.node.reactor_here() {
            let parked = std::mem::take(&mut *self.parked[shard].lock());
            self.node.metrics.bus_undelivered.add(parked.len() as u64);
        }
    }
}

#[cfg(test)]
mod tests;
