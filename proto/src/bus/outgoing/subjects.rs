//! The subjects that an instance publishes on: the number of the last envelope on each, and what heartbeats tell of it.
//!
//! Clients can choose names of namespaces, so there is no end of subjects. Those used longest ago are forgotten, once
//! heartbeats have told all that was published on them. A subject that is not known counts on from the greatest number
//! of any that was forgotten, so that its numbers never look like old ones, and its envelopes say where it started.

use std::collections::HashMap;
use std::sync::Arc;

use crate::wire;
use crate::wire::subject::Subject;

/// Subjects are told in so many heartbeats after their last use, in case one of these is lost too: the next ones, if there
/// is room.
pub(super) const TOLD_AGAIN: u64 = 3;
/// Subjects used lately that one heartbeat tells at most; the rest follows in the next ones. A namespace alone can have 1,024.
pub(super) const TAILS_USED_MAX: usize = 512;
/// Other subjects that a heartbeat tells, in turn.
pub(super) const TAILS_IN_TURN: usize = 128;
/// Subjects remembered although nothing more is to be told of them.
pub(super) const SUBJECTS_KEPT: usize = 4096;
/// Subjects remembered at most, told or not.
pub(super) const SUBJECTS_MAX: usize = 32_768;

/// All subjects that are remembered.
#[derive(Debug)]
pub(super) struct Subjects {
    sent: HashMap<Subject, Sent>,
    forgotten: Forgotten,
    pub(super) kept: usize,
    pub(super) max: usize,
    heartbeats: u64,
    /// Where the turn of the subjects used lately has got to.
    turn_used: usize,
    /// Where the turn of the subjects that nothing happens on has got to.
    turn_idle: usize,
}

/// One subject.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) path: Arc<str>,
    /// The number before the first one.
    pub(super) start: u64,
    /// The number of the last envelope.
    pub(super) last: u64,
    /// The sequence of the last envelope, and the number of heartbeats before it.
    used: u64,
    heartbeats: u64,
    /// The greatest sequence with which a receiver may have heard of `last`: that of the envelope, or of a heartbeat.
    known: u64,
    /// Heartbeats that have told it since its last use.
    told: u64,
}

/// Memory of all subjects that were forgotten.
#[derive(Clone, Copy, Debug, Default)]
struct Forgotten {
    /// The greatest number of an envelope on one of them.
    last: u64,
    /// The greatest lead of a sequence over the number that a receiver heard of together with it.
    lead: u64,
}

impl Forgotten {
    fn with(self, sent: &Sent) -> Self {
        Self { last: self.last.max(sent.last), lead: self.lead.max(sent.known.saturating_sub(sent.last)) }
    }

    /// Whether receivers of releases before `subject_start` believe the number that any of them counts on from: it may have
    /// grown by no more than the sequence has. Once that is so it stays so.
    fn is_believed_after(self, sequence: u64) -> bool {
        self.last + self.lead < sequence
    }
}

impl Sent {
    fn new(path: Arc<str>, start: u64) -> Self {
        Self { path, start, last: start, used: 0, heartbeats: 0, known: 0, told: 0 }
    }

    fn is_told(&self) -> bool {
        self.told >= TOLD_AGAIN
    }

    fn tell(&mut self, sequence: u64) -> wire::Tail {
        self.told = self.told.saturating_add(1);
        self.known = sequence;
        wire::Tail { subject: self.path.to_string(), subject_sequence: self.last, subject_start: self.start }
    }
}

impl Subjects {
    pub(super) fn new() -> Self {
        Self {
            sent: HashMap::new(),
            forgotten: Forgotten::default(),
            kept: SUBJECTS_KEPT,
            max: SUBJECTS_MAX,
            heartbeats: 0,
            turn_used: 0,
            turn_idle: 0,
        }
    }

    /// Counts an envelope of this sequence on a subject.
    pub(super) fn count(&mut self, subject: &Subject, sequence: u64) -> &Sent {
        if !self.sent.contains_key(subject) {
            self.make_room(sequence);
            let sent = Sent::new(subject.path().into(), self.forgotten.last);
            self.sent.insert(subject.clone(), sent);
        }
        let sent = self.sent.get_mut(subject).expect("it was just inserted");
        sent.last += 1;
        (sent.used, sent.known) = (sequence, sequence);
        (sent.heartbeats, sent.told) = (self.heartbeats, 0);
        sent
    }

    /// Returns what a heartbeat of this sequence tells, and whether these are all subjects; then forgets some.
    pub(super) fn tails(&mut self, sequence: u64) -> (Vec<wire::Tail>, bool) {
        self.heartbeats += 1;
        let lately = self.heartbeats.saturating_sub(TOLD_AGAIN);
        let all = self.sent.values_mut();
        let (mut used, rest): (Vec<_>, Vec<_>) = all.partition(|sent| sent.heartbeats >= lately);
        let (mut idle, mut late): (Vec<_>, Vec<_>) = rest.into_iter().partition(|sent| sent.is_told());
        let used = in_turn(&mut self.turn_used, &mut used, TAILS_USED_MAX);
        late.truncate(TAILS_USED_MAX - used.len());
        if idle.len() > self.kept {
            // Some will be forgotten soon: what is known of them must not become new again.
            idle.clear();
        }
        let idle = in_turn(&mut self.turn_idle, &mut idle, TAILS_IN_TURN);
        let tails: Vec<_> =
            used.iter_mut().chain(&mut late).chain(idle).map(|sent| sent.tell(sequence)).collect();
        let are_all = tails.len() == self.sent.len();
        let idle = self.sent.values().filter(|sent| sent.is_told()).count();
        self.forget(idle.saturating_sub(self.kept), sequence, Care::Everything);
        (tails, are_all)
    }

    /// Forgets a tenth if there is no room for another one: there were too many since the last heartbeats.
    fn make_room(&mut self, sequence: u64) {
        for care in [Care::Everything, Care::EarlierReleases, Care::Nothing] {
            if self.sent.len() < self.max {
                return;
            }
            self.forget(self.sent.len() - self.max + self.max.div_ceil(10), sequence, care);
        }
    }

    /// Forgets so many subjects, or as many as may be forgotten: those used longest ago.
    fn forget(&mut self, surplus: usize, sequence: u64, care: Care) {
        if surplus == 0 {
            return;
        }
        let Self { sent, forgotten, .. } = self;
        let may_go = |sent: &Sent| sent.is_told() || care != Care::Everything;
        let mut used: Vec<_> = sent.values().filter(|sent| may_go(sent)).map(|sent| sent.used).collect();
        let Some(last) = used.len().min(surplus).checked_sub(1) else { return };
        let last_to_go = *used.select_nth_unstable(last).1;
        sent.retain(|_, sent| {
            let with_it = forgotten.with(sent);
            let goes = may_go(sent)
                && sent.used <= last_to_go
                && (care == Care::Nothing || with_it.is_believed_after(sequence));
            if goes {
                *forgotten = with_it;
            }
            !goes
        });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.sent.len()
    }
}

/// Considerations before a subject is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Care {
    /// Heartbeats have told it, and receivers of earlier releases believe the numbers that follow.
    Everything,
    /// Only the latter: what was lost on it and not told yet is not counted.
    EarlierReleases,
    /// None, so that there is a bound: those of earlier releases may refuse what comes before the next heartbeat.
    Nothing,
}

/// The next of `all`, at most `max` of them.
fn in_turn<'a, T>(turn: &mut usize, all: &'a mut [T], max: usize) -> &'a mut [T] {
    // What fits is told whole: it may have grown since the last turn ended.
    let start = if all.len() > max && *turn < all.len() { *turn } else { 0 };
    let end = all.len().min(start + max);
    *turn = end;
    &mut all[start..end]
}
