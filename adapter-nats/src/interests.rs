//! The subjects that the node wants to hear, and how far the server knows. No clock, no I/O.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fanfare_proto::BusMeters;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The wishes of a node.
#[derive(Debug)]
pub(crate) struct Interests {
    wishes: HashMap<Arc<str>, Wish>,
    /// Not subscribed to yet. Some may be unwanted by now.
    fresh: Vec<Arc<str>>,
    /// Subscribed to since the last confirmation.
    unconfirmed: Vec<Arc<str>>,
    /// When to look whether a subject is still unwanted; in order, since the delay is always the same. No subject
    /// stands in it twice.
    leaving: VecDeque<(Instant, Arc<str>)>,
    delay: Duration,
    /// Number of requests to the server, and of those that it is known to have carried out.
    asked: u64,
    confirmed: u64,
    /// Waits for the requests up to some number; each is told whether these are proven.
    waiting: Vec<(u64, oneshot::Sender<bool>)>,
    meters: Arc<BusMeters>,
}

/// One subject. It is dropped when it is unsubscribed.
#[derive(Debug, Default)]
struct Wish {
    is_subscribed: bool,
    /// Unwanted, and to be unsubscribed at this time.
    ends_at: Option<Instant>,
    /// Whether it stands in `leaving`, though perhaps with an earlier time.
    is_leaving: bool,
}

impl Interests {
    /// None yet. What becomes unwanted stays subscribed for `delay`.
    pub(crate) fn new(delay: Duration, meters: Arc<BusMeters>) -> Self {
        Self {
            wishes: HashMap::new(),
            fresh: Vec::new(),
            unconfirmed: Vec::new(),
            leaving: VecDeque::new(),
            delay,
            asked: 0,
            confirmed: 0,
            waiting: Vec::new(),
            meters,
        }
    }

    /// Adds a subject. Returns whether there is something to do.
    pub(crate) fn add(&mut self, path: &str) -> bool {
        if let Some(wish) = self.wishes.get_mut(path) {
            if wish.ends_at.take().is_some() {
                self.meters.interests.add(1);
            }
            return false;
        }
        let path: Arc<str> = path.into();
        self.wishes.insert(path.clone(), Wish::default());
        self.fresh.push(path);
        self.asked += 1;
        self.meters.interests.add(1);
        true
    }

    /// Makes a subject unwanted. Returns whether there is something to do, later.
    pub(crate) fn remove(&mut self, path: &str, now: Instant) -> bool {
        let Some((path, _)) = self.wishes.get_key_value(path) else { return false };
        let path = path.clone();
        let wish = self.wishes.get_mut(&path).expect("it was just found");
        if wish.ends_at.is_some() {
            return false;
        }
        let ends_at = now + self.delay;
        wish.ends_at = Some(ends_at);
        self.meters.interests.set(self.meters.interests.get().saturating_sub(1));
        if !std::mem::replace(&mut wish.is_leaving, true) {
            self.leaving.push_back((ends_at, path));
        }
        true
    }

    /// Returns the time at which [`take_unwanted`](Self::take_unwanted) has something to do.
    pub(crate) fn next_end(&self) -> Option<Instant> {
        self.leaving.front().map(|(ends_at, _)| *ends_at)
    }

    /// Forgets what was unwanted for long enough. Returns the subjects to be unsubscribed.
    pub(crate) fn take_unwanted(&mut self, now: Instant) -> Vec<Arc<str>> {
        let mut unwanted = Vec::new();
        while self.leaving.front().is_some_and(|(ends_at, _)| *ends_at <= now) {
            let (_, path) = self.leaving.pop_front().expect("there is a first one");
            let wish = self.wishes.get_mut(&path).expect("what stands in the list is not dropped");
            match wish.ends_at {
                // Wanted and unwanted again meanwhile.
                Some(ends_at) if ends_at > now => self.leaving.push_back((ends_at, path)),
                Some(_) => {
                    let wish = self.wishes.remove(&path);
                    self.unconfirmed.retain(|unconfirmed| *unconfirmed != path);
                    if wish.is_some_and(|wish| wish.is_subscribed) {
                        unwanted.push(path);
                    }
                }
                None => wish.is_leaving = false,
            }
        }
        unwanted
    }

    /// Takes the subjects to subscribe to.
    pub(crate) fn take_fresh(&mut self) -> Vec<Arc<str>> {
        let mut fresh = std::mem::take(&mut self.fresh);
        // Those that were dropped and wished again stand there twice.
        fresh.retain(|path| self.wishes.get(path).is_some_and(|wish| !wish.is_subscribed));
        fresh
    }

    /// Puts a subject back that was not subscribed to after all.
    pub(crate) fn put_back(&mut self, path: Arc<str>) {
        self.fresh.push(path);
    }

    /// Notes that the server was asked. False if the subject is no longer wished, or was subscribed to before.
    pub(crate) fn subscribed(&mut self, path: &Arc<str>) -> bool {
        let Some(wish) = self.wishes.get_mut(path).filter(|wish| !wish.is_subscribed) else { return false };
        wish.is_subscribed = true;
        self.unconfirmed.push(path.clone());
        true
    }

    /// Notes that nothing is known to be in force any more: the connection is lost, or another one, or it is to be proven anew.
    pub(crate) fn doubt(&mut self) {
        self.asked += 1;
    }

    /// Returns the mark to confirm with, if anything is not confirmed.
    pub(crate) fn mark(&self) -> Option<u64> {
        (self.asked > self.confirmed).then_some(self.asked)
    }

    /// Notes that requests up to this mark are in force, `proven` or as far as can be told. Returns the subjects.
    pub(crate) fn confirm(&mut self, mark: u64, proven: bool) -> Vec<Arc<str>> {
        self.confirmed = self.confirmed.max(mark);
        let confirmed = self.confirmed;
        for (_, done) in self.waiting.extract_if(.., |(mark, _)| *mark <= confirmed) {
            // An error means that nobody waits any more.
            let _ = done.send(proven);
        }
        std::mem::take(&mut self.unconfirmed)
    }

    /// Returns what resolves when everything asked so far is confirmed; `None` if it is.
    pub(crate) fn synced(&mut self) -> Option<oneshot::Receiver<bool>> {
        let mark = self.mark()?;
        let (done, synced) = oneshot::channel();
        if self.waiting.len() == self.waiting.capacity() {
            // Those that have waited long enough, while nothing can be confirmed.
            self.waiting.retain(|(_, done)| !done.is_closed());
        }
        self.waiting.push((mark, done));
        Some(synced)
    }

    /// Ends all waits.
    pub(crate) fn give_up(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests;
