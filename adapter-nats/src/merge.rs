//! Makes one stream of all subscriptions, in the order of each sender.
//!
//! The client library gives each subscription a channel of its own and fills them in the order of arrival. So a task
//! that saw a message finds everything that arrived before it in some channel: a batch is taken until no channel has
//! anything left, and only then [released](Incoming::release).
//!
//! A channel is looked at only after its own waker said so: nodes subscribe to thousands of subjects.

use std::collections::{HashMap, VecDeque};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use async_nats::Subscriber;
use fanfare_proto::wire::envelope::Body;
use fanfare_proto::{BusMeters, Envelope, Inbound, Incoming};
use futures_util::Stream;
use slab::Slab;

use crate::arrivals::{Change, SlotWaker};
use crate::inbox::Inbox;
use crate::shared::Shared;

/// Bytes of the smallest envelope.
const OVERHEAD_BYTES: usize = 256;

struct Slot {
    path: Arc<str>,
    subscriber: Subscriber,
    state: Arc<SlotWaker>,
    waker: Waker,
}

/// The task that merges. It must run [unconstrained](tokio::task::coop::unconstrained): tokio's budget would make
/// channels look empty.
pub(crate) struct Merge {
    shared: Arc<Shared>,
    incoming: Incoming,
    inbox: Arc<Inbox>,
    meters: Arc<BusMeters>,
    slots: Slab<Slot>,
    numbers: HashMap<Arc<str>, usize>,
    /// Bytes that this turn may still take, and when it began.
    room: usize,
    now: Instant,
    /// Items released at the end of this turn.
    released: VecDeque<Inbound>,
}

impl Merge {
    pub(crate) fn new(
        shared: Arc<Shared>,
        incoming: Incoming,
        inbox: Arc<Inbox>,
        meters: Arc<BusMeters>,
    ) -> Self {
        let (slots, numbers, released) = (Slab::new(), HashMap::new(), VecDeque::new());
        Self { shared, incoming, inbox, meters, slots, numbers, room: 0, now: Instant::now(), released }
    }
}

impl Future for Merge {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.room = this.inbox.room();
        this.now = Instant::now();
        let (mut slots, mut changes) = (Vec::new(), Vec::new());
        let closed = loop {
            if let Some(closed) = this.shared.arrivals.take(&mut slots, &mut changes, cx) {
                break closed;
            }
            changes.drain(..).for_each(|change| this.apply(change));
            slots.drain(..).for_each(|slot| this.read(slot));
        };
        this.incoming.release(&mut this.released, this.now);
        if !this.released.is_empty() {
            this.shared.hear_signs(this.released.iter().filter_map(sign_of));
            let bytes = this.released.iter().map(bytes_of).sum();
            this.inbox.append(&mut this.released, bytes);
        }
        if closed { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Merge {
    fn apply(&mut self, change: Change) {
        match change {
            Change::Add { path, subscriber } => self.add(path, subscriber),
            Change::Confirm { path } => self.incoming.subscribed(&path, self.now),
            Change::Remove { path } => self.remove(&path),
        }
    }

    fn add(&mut self, path: Arc<str>, subscriber: Subscriber) {
        let vacant = self.slots.vacant_entry();
        let number = vacant.key();
        let arrivals = self.shared.arrivals.clone();
        let state = SlotWaker::new(arrivals, number);
        let waker = Waker::from(state.clone());
        self.numbers.insert(path.clone(), number);
        vacant.insert(Slot { path, subscriber, state, waker });
        // Something may have arrived already, and the channel does not know the waker yet.
        self.read(number);
    }

    fn remove(&mut self, path: &str) {
        if let Some(number) = self.numbers.remove(path) {
            self.read(number);
            // Dropping the subscriber unsubscribes.
            self.slots.remove(number);
        }
        self.incoming.unsubscribed(path);
    }

    /// Takes everything that a channel has.
    fn read(&mut self, number: usize) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        // First, so that what comes from now on lists it again.
        slot.state.unlist();
        let mut cx = Context::from_waker(&slot.waker);
        while let Poll::Ready(Some(message)) = pin!(&mut slot.subscriber).poll_next(&mut cx) {
            let Some(room) = self.room.checked_sub(message.payload.len() + OVERHEAD_BYTES) else {
                // The numbers of what follows tell the loss.
                self.meters.overruns.increment();
                continue;
            };
            self.room = room;
            // It is counted, and there is nobody to tell.
            if let Err(refusal) = self.incoming.take(&slot.path, message.payload, self.now) {
                tracing::debug!(path = &*slot.path, %refusal, "a frame was skipped");
            }
        }
    }
}

/// The envelope, if it says that a node lives or leaves.
fn sign_of(item: &Inbound) -> Option<&Envelope> {
    match item {
        Inbound::Envelope(envelope) if matches!(envelope.body, Body::Heartbeat(_) | Body::Goodbye(_)) => {
            Some(envelope)
        }
        Inbound::Envelope(_) | Inbound::Lost { .. } | Inbound::State(_) => None,
    }
}

/// Bytes that it takes in the inbox.
fn bytes_of(item: &Inbound) -> usize {
    match item {
        Inbound::Envelope(envelope) => envelope.body.encoded_len() + OVERHEAD_BYTES,
        Inbound::Lost { .. } | Inbound::State(_) => 0,
    }
}
