//! A bus without a network: several nodes in one process, with faults by seed for tests.

use std::collections::{HashMap, HashSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_core::Stream;
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, timeout};

use crate::bus::incoming::Incoming;
use crate::bus::meters::BusMeters;
use crate::bus::outgoing::{Frame, Outgoing, encode};
use crate::bus::{Bus, Closed, Identity, Inbound, PublishError, Publisher, State, Subscription, Synced};
use crate::wire::envelope::Body;
use crate::wire::subject::Subject;

/// Longest wait for subscriptions while the bus is cut off.
const SYNC_TIMEOUT: Duration = Duration::from_secs(5);

/// Faults to inject, each with a probability from 0 to 1 for every frame and receiver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    /// A frame is lost.
    pub drop: f64,
    /// A frame comes twice.
    pub duplicate: f64,
    /// A frame overtakes the one before it, as no bus may let it.
    pub overtake: f64,
    /// A frame, and with it all that follow, takes up to this long.
    pub delay_max: Duration,
    /// Subjects are handed over in any order, as a bus with a channel for each subscription does.
    pub shuffle_subjects: bool,
}

impl Default for Faults {
    /// No faults.
    fn default() -> Self {
        Self { drop: 0.0, duplicate: 0.0, overtake: 0.0, delay_max: Duration::ZERO, shuffle_subjects: false }
    }
}

/// Where memory buses meet. Cheap to clone.
#[derive(Clone)]
pub struct MemoryHub {
    state: Arc<Mutex<Hub>>,
    /// The largest frame; larger envelopes travel in parts.
    frame_bytes_max: usize,
    envelope_bytes_max: usize,
    /// Frames that wait for a receiver; more are lost.
    queue_frames_max: usize,
}

struct Hub {
    random: SmallRng,
    faults: Faults,
    members: Vec<Member>,
}

struct Member {
    identity: Identity,
    meters: Arc<BusMeters>,
    interests: HashSet<String>,
    waiting: VecDeque<Waiting>,
    /// The subscription's task.
    task: Option<Waker>,
    /// Members of different groups do not hear each other.
    group: usize,
    state: State,
    /// Wakes the tasks that wait until it is connected again, or closed.
    is_back: Arc<Notify>,
    /// Changes of the state that the subscription has not told yet.
    told: VecDeque<State>,
    /// Interests that the subscription does not follow yet.
    wanted: Vec<String>,
    /// Interests that end once nothing waits on them.
    unwanted: HashSet<String>,
}

struct Waiting {
    frame: Frame,
    due: Instant,
}

impl MemoryHub {
    /// A hub without faults. The seed decides what faults do later.
    pub fn new(seed: u64) -> Self {
        let hub =
            Hub { random: SmallRng::seed_from_u64(seed), faults: Faults::default(), members: Vec::new() };
        Self {
            state: Arc::new(Mutex::new(hub)),
            frame_bytes_max: 1024 * 1024,
            envelope_bytes_max: 16 * 1024 * 1024,
            queue_frames_max: 65_536,
        }
    }

    /// The same hub with other sizes, for buses made from the result.
    pub fn with_bounds(
        &self,
        frame_bytes_max: usize,
        envelope_bytes_max: usize,
        queue_frames_max: usize,
    ) -> Self {
        Self { state: self.state.clone(), frame_bytes_max, envelope_bytes_max, queue_frames_max }
    }

    /// A bus that meets the others here.
    pub fn bus(&self) -> MemoryBus {
        MemoryBus { hub: self.clone() }
    }

    /// Injects these faults from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.state.lock().faults = faults;
    }

    /// Splits the hub: each of these groups hears only itself, and nodes in no group hear each other.
    pub fn partition(&self, groups: &[&[&str]]) {
        for member in &mut self.state.lock().members {
            let group = groups.iter().position(|group| group.contains(&&*member.identity.node));
            member.group = group.map_or(0, |group| group + 1);
        }
    }

    /// Lets all nodes hear each other again.
    pub fn heal(&self) {
        self.partition(&[]);
    }

    /// Cuts a node off, as if its server were gone, or connects it again.
    pub fn set_connected(&self, node: &str, connected: bool) {
        let mut hub = self.state.lock();
        for member in hub.members.iter_mut().filter(|member| *member.identity.node == *node) {
            let next = if connected { State::Connected } else { State::Disconnected };
            if member.state == next || member.state == State::Closed {
                continue;
            }
            let meter = if connected { &member.meters.reconnects } else { &member.meters.disconnects };
            meter.increment();
            member.state = next;
            member.told.push_back(next);
            member.is_back.notify_waiters();
            member.wake();
        }
    }
}

/// A bus that carries envelopes to the other buses of its hub.
pub struct MemoryBus {
    hub: MemoryHub,
}

impl Bus for MemoryBus {
    fn start(self: Box<Self>, identity: Identity) -> (Arc<dyn Publisher>, Subscription) {
        let meters = Arc::new(BusMeters::default());
        let mut incoming = Incoming::new(&identity, self.hub.envelope_bytes_max, meters.clone());
        let own = Subject::Node(identity.node.clone()).path();
        incoming.subscribed(&own, Instant::now().into_std());
        let member = Member {
            identity: identity.clone(),
            meters: meters.clone(),
            interests: HashSet::from([own]),
            waiting: VecDeque::new(),
            task: None,
            group: 0,
            state: State::Connected,
            is_back: Arc::default(),
            told: VecDeque::from([State::Connected]),
            wanted: Vec::new(),
            unwanted: HashSet::new(),
        };
        meters.interests.set(1);
        let mut hub = self.hub.state.lock();
        let number = hub.members.len();
        hub.members.push(member);
        drop(hub);
        let subscription = MemorySubscription {
            hub: self.hub.clone(),
            number,
            incoming,
            ready: VecDeque::new(),
            sleep: None,
        };
        let outgoing = Mutex::new(Outgoing::new(identity));
        let publisher = MemoryPublisher { hub: self.hub.clone(), number, outgoing, meters };
        (Arc::new(publisher), Box::pin(subscription))
    }
}

struct MemoryPublisher {
    hub: MemoryHub,
    number: usize,
    outgoing: Mutex<Outgoing>,
    meters: Arc<BusMeters>,
}

impl Publisher for MemoryPublisher {
    fn publish(&self, subjects: &[Subject], mut body: Body) -> Result<(), PublishError> {
        if self.state() == State::Closed {
            return Err(PublishError::Closed);
        }
        let mut outgoing = self.outgoing.lock();
        outgoing.complete(&mut body);
        let bytes = encode(&body);
        let max = self.hub.envelope_bytes_max;
        if bytes.len() > max {
            return Err(PublishError::TooLarge { bytes: bytes.len(), max });
        }
        let numbered = outgoing.number(subjects);
        let mut hub = self.hub.state.lock();
        if hub.members[self.number].state != State::Connected {
            self.meters.dropped.increment();
            return Ok(());
        }
        for copy in numbered {
            for frame in copy.frames(&bytes, self.hub.frame_bytes_max) {
                self.meters.published.increment();
                self.meters.published_bytes.add(frame.bytes.len() as u64);
                hub.carry(self.number, &frame, self.hub.queue_frames_max);
            }
        }
        Ok(())
    }

    fn subscribe(&self, subject: Subject) {
        let mut hub = self.hub.state.lock();
        let member = &mut hub.members[self.number];
        let path = subject.path();
        member.unwanted.remove(&path);
        if member.interests.insert(path.clone()) {
            member.wanted.push(path);
        }
        member.count_interests();
        member.wake();
    }

    fn unsubscribe(&self, subject: &Subject) {
        let mut hub = self.hub.state.lock();
        let member = &mut hub.members[self.number];
        let path = subject.path();
        if member.interests.contains(&path) {
            member.unwanted.insert(path);
        }
        member.wake();
    }

    fn synced(&self) -> Synced {
        let hub = self.hub.state.lock();
        let member = &hub.members[self.number];
        if member.state != State::Disconnected {
            return Box::pin(std::future::ready(()));
        }
        let (is_back, meters) = (member.is_back.clone().notified_owned(), self.meters.clone());
        Box::pin(async move {
            if timeout(SYNC_TIMEOUT, is_back).await.is_err() {
                meters.unsynced.increment();
            }
        })
    }

    fn faults(&self) -> Vec<String> {
        Vec::new()
    }

    fn envelope_bytes_max(&self) -> usize {
        self.hub.envelope_bytes_max
    }

    fn state(&self) -> State {
        self.hub.state.lock().members[self.number].state
    }

    fn meters(&self) -> &BusMeters {
        &self.meters
    }

    fn close(&self, _: Duration) -> Closed {
        let mut hub = self.hub.state.lock();
        let member = &mut hub.members[self.number];
        member.state = State::Closed;
        member.is_back.notify_waiters();
        member.interests.clear();
        member.count_interests();
        member.wake();
        Box::pin(std::future::ready(()))
    }
}

impl Hub {
    /// Hands a frame to every member that hears it.
    fn carry(&mut self, from: usize, frame: &Frame, queue_frames_max: usize) {
        let Self { random, faults, members } = self;
        let group = members[from].group;
        for (number, member) in members.iter_mut().enumerate() {
            let hears = number != from
                && member.group == group
                && member.state == State::Connected
                && member.interests.contains(&*frame.path);
            if !hears || random.random_bool(faults.drop) {
                continue;
            }
            if member.waiting.len() >= queue_frames_max {
                member.meters.overruns.increment();
                continue;
            }
            let late = faults.delay_max.mul_f64(random.random_range(0.0..=1.0));
            // Whatever is late holds up what follows it.
            let due =
                member.waiting.back().map_or(Instant::now(), |last| last.due).max(Instant::now() + late);
            let copies = 1 + usize::from(random.random_bool(faults.duplicate));
            for _ in 0..copies {
                member.waiting.push_back(Waiting { frame: frame.clone(), due });
            }
            let last = member.waiting.len() - 1;
            if last > 0 && random.random_bool(faults.overtake) {
                member.waiting.swap(last - 1, last);
            }
            member.wake();
        }
    }
}

impl Member {
    fn wake(&self) {
        if let Some(task) = &self.task {
            task.wake_by_ref();
        }
    }

    fn count_interests(&self) {
        self.meters.interests.set(self.interests.len() as u64);
    }

    /// Ends the interests that are unwanted and that nothing waits on: what was missed since is told from what was not
    /// wanted any more.
    fn end_interests(&mut self) -> Vec<String> {
        let Self { unwanted, interests, waiting, .. } = self;
        let still_comes = |path: &String| waiting.iter().any(|waiting| *waiting.frame.path == **path);
        let ended: Vec<_> = unwanted.extract_if(|path| !still_comes(path)).collect();
        interests.retain(|path| !ended.contains(path));
        self.count_interests();
        ended
    }

    fn take_due(&mut self) -> Vec<Frame> {
        let now = Instant::now();
        let due = self.waiting.iter().take_while(|waiting| waiting.due <= now).count();
        self.waiting.drain(..due).map(|waiting| waiting.frame).collect()
    }
}

struct MemorySubscription {
    hub: MemoryHub,
    number: usize,
    incoming: Incoming,
    ready: VecDeque<Inbound>,
    /// Until the next frame is due.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Stream for MemorySubscription {
    type Item = Inbound;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Inbound>> {
        let this = &mut *self;
        loop {
            if let Some(inbound) = this.ready.pop_front() {
                return Poll::Ready(Some(inbound));
            }
            let mut hub = this.hub.state.lock();
            let Hub { random, faults, members } = &mut *hub;
            let member = &mut members[this.number];
            member.task = Some(cx.waker().clone());
            let now = Instant::now().into_std();
            member.wanted.drain(..).for_each(|path| this.incoming.subscribed(&path, now));
            this.ready.extend(member.told.drain(..).map(Inbound::State));
            let frames = member.take_due();
            for frame in handed_over(frames, faults.shuffle_subjects.then_some(random)) {
                // A refused frame is counted; there is nobody to tell.
                let _ = this.incoming.take(&frame.path, frame.bytes, now);
            }
            this.incoming.release(&mut this.ready, now);
            if !member.unwanted.is_empty() {
                member.end_interests().iter().for_each(|path| this.incoming.unsubscribed(path));
            }
            if !this.ready.is_empty() {
                continue;
            }
            if member.state == State::Closed {
                return Poll::Ready(None);
            }
            let Some(next) = member.waiting.front() else { return Poll::Pending };
            let sleep = this.sleep.insert(Box::pin(tokio::time::sleep_until(next.due)));
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

/// The frames subject by subject, the subjects in random order; without randomness as they are.
fn handed_over(frames: Vec<Frame>, random: Option<&mut SmallRng>) -> Vec<Frame> {
    let Some(random) = random else { return frames };
    let mut subjects: HashMap<Arc<str>, Vec<Frame>> = HashMap::new();
    for frame in frames {
        subjects.entry(frame.path.clone()).or_default().push(frame);
    }
    let mut subjects: Vec<_> = subjects.into_iter().collect();
    subjects.sort_by(|a, b| a.0.cmp(&b.0));
    subjects.shuffle(random);
    subjects.into_iter().flat_map(|(_, frames)| frames).collect()
}

#[cfg(test)]
mod tests;
