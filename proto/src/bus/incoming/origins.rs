//! All senders, and the bounds of what is remembered of them: how many, on how many subjects, and the bytes and the age
//! of parts that do not make a whole yet.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::origin::Origin;
use crate::bus::meters::BusMeters;

/// Senders remembered; beyond it those that were silent longest are forgotten.
pub(super) const ORIGINS_MAX: usize = 10_000;
/// Subjects remembered of all senders together; beyond it those of the senders that were silent longest are forgotten.
const SUBJECTS_MAX: usize = 1_000_000;
/// Time that an envelope may take from its first part to its last.
pub(super) const PARTS_AGE_MAX: Duration = Duration::from_secs(30);
/// A node that was not heard for so long, and for ten of its intervals, is forgotten.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(60);
const INTERVALS_MAX: u32 = 10;
/// Interval at which senders are looked through.
const TIDY_INTERVAL: Duration = Duration::from_secs(5);
/// If nothing at all comes for longer than this, the fault is on this node's side, and no sender counts as silent.
const DEAF_AFTER: Duration = Duration::from_secs(1);
/// The list of envelopes in parts is searched for finished ones when it has grown by so many.
const BEGUN_MIN: usize = 1024;

/// All senders.
#[derive(Debug)]
pub(super) struct Origins {
    origins: HashMap<u64, Origin>,
    /// Envelopes of which a first part came, the oldest first; some may be finished.
    begun: VecDeque<Begun>,
    /// When `begun` has this many it is time to drop the finished ones.
    begun_max: usize,
    parts_bytes_max: u64,
    pub(super) subjects_max: usize,
    meters: Arc<BusMeters>,
    now: Option<Instant>,
    /// Time for which this node has been receiving.
    listened: Duration,
    /// When senders are looked through next, in this time.
    tidy_at: Duration,
    /// Counts the frames, and the batches that are released.
    frames: u64,
    batches: u64,
}

/// An envelope of which a first part came.
#[derive(Debug)]
struct Begun {
    at: Instant,
    instance: u64,
    path: Arc<str>,
    number: u64,
}

impl Origins {
    /// Creates the state of a node that has heard nobody yet. Parts may have so many bytes.
    pub(super) fn new(parts_bytes_max: u64, meters: Arc<BusMeters>) -> Self {
        Self {
            origins: HashMap::new(),
            begun: VecDeque::new(),
            begun_max: BEGUN_MIN,
            parts_bytes_max,
            subjects_max: SUBJECTS_MAX,
            meters,
            now: None,
            listened: Duration::ZERO,
            tidy_at: Duration::ZERO,
            frames: 0,
            batches: 0,
        }
    }

    /// Sets the time.
    pub(super) fn pass(&mut self, now: Instant) {
        let passed = self.now.map_or(Duration::ZERO, |before| now.saturating_duration_since(before));
        self.listened += passed.min(DEAF_AFTER);
        self.now = Some(self.now.map_or(now, |before| before.max(now)));
    }

    /// The time of the last [`pass`](Self::pass).
    pub(super) fn now(&self) -> Instant {
        self.now.unwrap_or_else(Instant::now)
    }

    /// The number of this batch.
    pub(super) fn batch(&self) -> u64 {
        self.batches
    }

    /// The batch was released.
    pub(super) fn next_batch(&mut self) {
        self.batches += 1;
    }

    pub(super) fn get_mut(&mut self, instance: u64) -> Option<&mut Origin> {
        self.origins.get_mut(&instance)
    }

    /// A frame of this sender came.
    pub(super) fn touch(&mut self, instance: u64) -> &mut Origin {
        self.frames += 1;
        let now = self.now();
        if self.origins.len() >= ORIGINS_MAX && !self.origins.contains_key(&instance) {
            self.remove_silent();
        }
        let origin = self.origins.entry(instance).or_insert_with(|| Origin::new(now));
        (origin.frame, origin.listened) = (self.frames, self.listened);
        origin
    }

    /// Several at once, so that a flood of senders does not search all of them again for each.
    fn remove_silent(&mut self) {
        let mut frames: Vec<_> = self.origins.values().map(|origin| origin.frame).collect();
        let (_, oldest_kept, _) = frames.select_nth_unstable(ORIGINS_MAX / 10);
        let oldest_kept = *oldest_kept;
        self.origins.retain(|_, origin| origin.frame >= oldest_kept);
    }

    pub(super) fn interrupt(&mut self, path: &str) {
        self.origins
            .values_mut()
            .filter_map(|origin| origin.subject_mut(path))
            .for_each(|heard| heard.interrupt());
    }

    pub(super) fn forget_subject(&mut self, path: &str) {
        self.origins.values_mut().for_each(|origin| origin.forget_subject(path));
    }

    /// A run of a sender has ended. Returns how many of its envelopes were not complete.
    pub(super) fn forget(&mut self, instance: u64) -> u64 {
        // What it was remembered by is free at once, and counted soon.
        self.tidy_at = Duration::ZERO;
        self.origins.get_mut(&instance).map_or(0, Origin::forget)
    }

    /// The first part of an envelope came.
    pub(super) fn has_begun(&mut self, instance: u64, path: Arc<str>, number: u64) {
        self.begun.push_back(Begun { at: self.now(), instance, path, number });
        if self.begun.len() >= self.begun_max {
            let Self { begun, origins, .. } = self;
            begun.retain(|begun| is_unfinished(origins, begun));
            self.begun_max = (2 * begun.len()).max(BEGUN_MIN);
        }
    }

    /// Gives up the envelope that was begun first, if all take too much room or, if that is looked at, this one takes too
    /// long. Returns its sender and its subject; the envelope is lost.
    pub(super) fn give_up_oldest(&mut self, looks_at_age: bool) -> Option<(u64, Arc<str>)> {
        loop {
            let oldest = self.begun.front()?;
            let is_over = self.meters.parts_bytes.get() > self.parts_bytes_max;
            let is_old = || self.now().saturating_duration_since(oldest.at) > PARTS_AGE_MAX;
            if !(is_over || looks_at_age && is_old()) {
                return None;
            }
            let Begun { instance, path, number, .. } = self.begun.pop_front()?;
            let heard = self.origins.get_mut(&instance).and_then(|origin| origin.subject_mut(&path));
            if heard.is_some_and(|heard| heard.give_up(number)) {
                return Some((instance, path));
            }
        }
    }

    /// From time to time: forgets nodes that are silent, and senders that take too much room. Returns how many envelopes
    /// of each were not complete.
    pub(super) fn tidy(&mut self) -> Vec<(u64, u64)> {
        let mut lost = Vec::new();
        if self.listened < self.tidy_at {
            return lost;
        }
        self.tidy_at = self.listened + TIDY_INTERVAL;
        let mut forget = |instance: u64, origin: &mut Origin| match origin.forget() {
            0 => {}
            unfinished => lost.push((instance, unfinished)),
        };
        let mut subjects = 0;
        for (instance, origin) in &mut self.origins {
            let silent = self.listened.saturating_sub(origin.listened);
            let is_gone =
                |interval: Duration| silent > SILENCE_MAX.max(interval.min(SILENCE_MAX) * INTERVALS_MAX);
            if origin.interval().is_some_and(is_gone) {
                forget(*instance, origin);
            }
            subjects += origin.subject_count();
        }
        if subjects > self.subjects_max {
            let mut origins: Vec<_> = self.origins.iter_mut().collect();
            origins.sort_unstable_by_key(|(_, origin)| origin.frame);
            for (instance, origin) in origins {
                if subjects <= self.subjects_max / 10 * 9 {
                    break;
                }
                subjects -= origin.subject_count();
                forget(*instance, origin);
            }
        }
        self.meters.senders.set(self.origins.len() as u64);
        self.meters.sender_subjects.set(subjects as u64);
        lost
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.origins.len()
    }

    #[cfg(test)]
    pub(super) fn begun(&self) -> usize {
        self.begun.len()
    }

    #[cfg(test)]
    pub(super) fn knows(&self, instance: u64) -> bool {
        self.origins.contains_key(&instance)
    }
}

fn is_unfinished(origins: &HashMap<u64, Origin>, begun: &Begun) -> bool {
    let heard = origins.get(&begun.instance).and_then(|origin| origin.subject_ref(&begun.path));
    heard.is_some_and(|heard| heard.assembles() == Some(begun.number))
}
