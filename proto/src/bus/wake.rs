//! Wake-ups of other threads, sent together.
//!
//! This lies at the seam since both sides of it wake threads: a node those of its reactors, a bus the one that publishes.
//!
//! Waking a thread costs a system call, and a thread that is woken by the first item of a burst works on that one alone
//! while the others come in: it writes to every member once for each. So on a thread with a wake task a wake-up waits
//! until the tasks that were ready have had their turn. It waits for its own thread only: another thread that has
//! something for the same waiter meanwhile wakes it at once, since nothing may wait for a thread that is held up.

use std::cell::RefCell;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Poll, Waker};

/// A task that waits until there is something for it. It lies under the lock of what it waits for.
#[derive(Debug, Default)]
pub struct Waiter {
    /// The waker of the task; `None` while it is awake.
    waker: Option<Waker>,
    /// The wake task that is going to wake it.
    owed_by: Option<u64>,
}

/// A wake-up to be sent when the lock that the waiter lies under is free again.
#[must_use = "the waiter is not woken before this is sent"]
pub struct PendingWake {
    waker: Waker,
    can_wait: bool,
}

impl Waiter {
    /// Notes that the task has found nothing, and is to be woken.
    pub fn wait(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            None => self.waker = Some(waker.clone()),
        }
        self.owed_by = None;
    }

    /// Notes that the task has found something by itself.
    pub fn stop_waiting(&mut self) {
        *self = Self::default();
    }

    /// Notes that there is something for the task. Returns the wake-up to send; `None` if the task is awake, or this
    /// thread is going to wake it anyhow.
    pub fn notify(&mut self) -> Option<PendingWake> {
        let here = here();
        if here.is_some() && self.owed_by == here {
            return None;
        }
        if here.is_some() && self.owed_by.is_none() {
            let waker = self.waker.clone()?;
            self.owed_by = here;
            return Some(PendingWake { waker, can_wait: true });
        }
        self.owed_by = None;
        Some(PendingWake { waker: self.waker.take()?, can_wait: false })
    }
}

impl PendingWake {
    /// Wakes the waiter: together with the next others of this thread's wake task, or at once.
    pub fn send(self) {
        if self.can_wait { put_off(self.waker) } else { self.waker.wake() }
    }
}

/// Wake-ups that this thread has put off.
struct PutOff {
    /// The number of the wake task.
    wake_task: u64,
    /// Tasks of other threads, to be woken.
    wakers: Vec<Waker>,
    /// The wake task itself, while it waits.
    task: Option<Waker>,
}

static NEXT_WAKE_TASK: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// `None` on a thread without a wake task.
    static PUT_OFF: RefCell<Option<PutOff>> = const { RefCell::new(None) };
}

/// The wake task of this thread, if it has one. A thread that is ending has none.
fn here() -> Option<u64> {
    PUT_OFF.try_with(|put_off| put_off.borrow().as_ref().map(|put_off| put_off.wake_task)).ok().flatten()
}

fn put_off(waker: Waker) {
    let mut waker = Some(waker);
    let wake_task = PUT_OFF.try_with(|put_off| {
        let mut put_off = put_off.borrow_mut();
        let put_off = put_off.as_mut()?;
        put_off.wakers.extend(waker.take());
        put_off.task.take()
    });
    // There is no wake task after all, or it has to be woken itself.
    if let Some(waker) = waker.or(wake_task.ok().flatten()) {
        waker.wake();
    }
}

/// Runs the wake task of the thread it is polled on, which must be one task among the others. When it is dropped, what
/// was put off is woken, and from then on wake-ups are sent at once.
pub async fn run() {
    let _registration = Registration::new();
    let mut sent = Vec::new();
    poll_fn(|cx| {
        PUT_OFF.with_borrow_mut(|put_off| {
            if let Some(put_off) = put_off {
                put_off.task = Some(cx.waker().clone());
                std::mem::swap(&mut put_off.wakers, &mut sent);
            }
        });
        sent.drain(..).for_each(Waker::wake);
        Poll::Pending
    })
    .await
}

/// Keeps this thread putting wake-ups off while it lives.
struct Registration;

impl Registration {
    fn new() -> Self {
        let wake_task = NEXT_WAKE_TASK.fetch_add(1, Relaxed);
        PUT_OFF.set(Some(PutOff { wake_task, wakers: Vec::new(), task: None }));
        Self
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let put_off = PUT_OFF.try_with(RefCell::take).ok().flatten();
        put_off.into_iter().flat_map(|put_off| put_off.wakers).for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests;
