//! Lanes of one node: each emit is numbered and sent under the lock of its lane, and a fence passes them all.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;

/// Lanes that threads share which are not reactors.
const SHARED: usize = 8;

static NEXT_THREAD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Number of this thread, so that all its emits take the same lane (ORDER-2).
    static THREAD: usize = NEXT_THREAD.fetch_add(1, Relaxed);
}

/// The number of the last emit of each lane: those of the reactors, those that other threads share, and that of the thread
/// that hears other nodes.
#[derive(Debug)]
pub struct Lanes {
    lanes: Box<[Mutex<u64>]>,
    reactors: usize,
}

impl Lanes {
    /// The lanes of a node with so many reactors.
    pub fn new(reactors: usize) -> Self {
        Self { lanes: (0..=reactors + SHARED).map(|_| Mutex::default()).collect(), reactors }
    }

    /// Sends one emit of this thread, which may be that of a reactor. `send` is told the lane and the number; all that it
    /// sends to places and to the bus is in order with the emits before. It must neither block nor emit.
    pub fn emit<R>(&self, reactor: Option<usize>, send: impl FnOnce(u16, u64) -> R) -> R {
        let lane = reactor.unwrap_or_else(|| self.reactors + THREAD.with(|thread| thread % SHARED));
        let mut last = self.lanes[lane].lock();
        *last += 1;
        send(lane as u16, *last)
    }

    /// Hands on what another node has emitted, which brings its own lane and number.
    pub fn hear<R>(&self, send: impl FnOnce() -> R) -> R {
        let _lane = self.lanes[self.reactors + SHARED].lock();
        send()
    }

    /// Waits until everything is sent that was begun before: no longer than the longest `send`, for each lane.
    pub fn fence(&self) {
        self.lanes.iter().for_each(|lane| drop(lane.lock()));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    use std::thread;

    use super::*;

    /// The seat of a session, at which threads look that emit meanwhile.
    #[test]
    fn after_a_fence_the_old_place_has_all_that_the_new_one_has_not() {
        for _ in 0..20 {
            let lanes = Lanes::new(2);
            let (is_seated, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
            let (old, new, all) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()), Mutex::new(Vec::new()));
            let emit_some = |reactor| {
                while !is_over.load(SeqCst) {
                    let sent = lanes.emit(reactor, |lane, number| {
                        let is_seated = is_seated.load(SeqCst);
                        thread::yield_now();
                        old.lock().push((lane, number));
                        if is_seated {
                            new.lock().push((lane, number));
                        }
                        (lane, number)
                    });
                    all.lock().push(sent);
                }
            };
            let at_the_cut = thread::scope(|scope| {
                for reactor in [Some(0), Some(1), None, None] {
                    scope.spawn(move || emit_some(reactor));
                }
                thread::yield_now();
                is_seated.store(true, SeqCst);
                lanes.fence();
                let at_the_cut = old.lock().clone();
                while new.lock().len() < 20 {
                    thread::yield_now();
                }
                is_over.store(true, SeqCst);
                at_the_cut
            });
            let mut there: BTreeSet<_> = at_the_cut.into_iter().collect();
            there.extend(new.into_inner());
            for sent in all.into_inner() {
                assert!(there.contains(&sent), "{sent:?} is nowhere");
            }
            let mut last = BTreeMap::new();
            for (lane, number) in old.into_inner() {
                assert_eq!(last.insert(lane, number).unwrap_or_default() + 1, number, "lane {lane}");
            }
        }
    }

    #[test]
    fn a_fence_waits_for_what_is_being_heard() {
        let lanes = Lanes::new(1);
        let is_sent = AtomicBool::new(false);
        thread::scope(|scope| {
            let (begun, waiting) = std::sync::mpsc::channel();
            let (lanes, is_sent) = (&lanes, &is_sent);
            scope.spawn(move || {
                lanes.hear(|| {
                    begun.send(()).expect("somebody waits");
                    (0..1_000).for_each(|_| thread::yield_now());
                    is_sent.store(true, SeqCst);
                });
            });
            waiting.recv().expect("it begins");
            lanes.fence();
            assert!(is_sent.load(SeqCst));
        });
    }
}
