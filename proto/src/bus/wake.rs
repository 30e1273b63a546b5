//! Wake-ups of other threads, carried together.
//!
//! Waking a thread costs a system call, and a thread that is woken by the first item of a burst works on that one alone
//! while the others come in: it writes to every member once for each. So on a thread with a courier a wake-up waits until
//! the tasks that were ready have had their turn. It waits for its own thread only: whoever else has something for the
//! same sleeper meanwhile wakes it at once, since nobody shall wait for a thread that is held up.

use std::cell::RefCell;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Poll, Waker};

/// A task that sleeps until there is something for it. It lies under the lock of what it waits for.
#[derive(Debug, Default)]
pub struct Sleeper {
    /// Its task; `None` while it is awake.
    waker: Option<Waker>,
    /// The courier that is going to wake it.
    owed_by: Option<u64>,
}

/// What is to be done for a sleeper when its lock is free again.
#[must_use = "the sleeper is not woken before this is run"]
pub struct Errand {
    waker: Waker,
    can_wait: bool,
}

impl Sleeper {
    /// It has found nothing.
    pub fn sleep(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            None => self.waker = Some(waker.clone()),
        }
        self.owed_by = None;
    }

    /// It has found something by itself.
    pub fn wake_up(&mut self) {
        *self = Self::default();
    }

    /// There is something for it; `None` if it is awake, or this thread is going to wake it anyhow.
    pub fn call(&mut self) -> Option<Errand> {
        let here = here();
        if here.is_some() && self.owed_by == here {
            return None;
        }
        if here.is_some() && self.owed_by.is_none() {
            let waker = self.waker.clone()?;
            self.owed_by = here;
            return Some(Errand { waker, can_wait: true });
        }
        self.owed_by = None;
        Some(Errand { waker: self.waker.take()?, can_wait: false })
    }
}

impl Errand {
    /// Wakes the sleeper: with the next errands of this thread's courier, or at once.
    pub fn run(self) {
        if self.can_wait { put_off(self.waker) } else { self.waker.wake() }
    }
}

struct Errands {
    /// Which courier this is.
    courier: u64,
    /// Tasks of other threads, to be woken.
    wakers: Vec<Waker>,
    /// The courier's own task, while it sleeps.
    task: Option<Waker>,
}

static NEXT_COURIER: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// `None` on a thread without a courier.
    static ERRANDS: RefCell<Option<Errands>> = const { RefCell::new(None) };
}

/// The courier of this thread, if it has one. A thread that is ending has none.
fn here() -> Option<u64> {
    ERRANDS.try_with(|errands| errands.borrow().as_ref().map(|errands| errands.courier)).ok().flatten()
}

fn put_off(waker: Waker) {
    let mut waker = Some(waker);
    let courier = ERRANDS.try_with(|errands| {
        let mut errands = errands.borrow_mut();
        let errands = errands.as_mut()?;
        errands.wakers.extend(waker.take());
        errands.task.take()
    });
    // There is no courier after all, or it has to be told.
    if let Some(waker) = waker.or(courier.ok().flatten()) {
        waker.wake();
    }
}

/// The courier of the thread it is polled on, which must be one task among the others. If it is dropped what waits is
/// woken, and wake-ups are not put off any more.
pub async fn run() {
    let _desk = Desk::open();
    let mut carried = Vec::new();
    poll_fn(|cx| {
        ERRANDS.with_borrow_mut(|errands| {
            if let Some(errands) = errands {
                errands.task = Some(cx.waker().clone());
                std::mem::swap(&mut errands.wakers, &mut carried);
            }
        });
        carried.drain(..).for_each(Waker::wake);
        Poll::Pending
    })
    .await
}

/// While it lives, errands are taken.
struct Desk;

impl Desk {
    fn open() -> Self {
        let courier = NEXT_COURIER.fetch_add(1, Relaxed);
        ERRANDS.set(Some(Errands { courier, wakers: Vec::new(), task: None }));
        Self
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let errands = ERRANDS.try_with(RefCell::take).ok().flatten();
        errands.into_iter().flat_map(|errands| errands.wakers).for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests;
