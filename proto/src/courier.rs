//! Wake-ups of other threads, carried together.
//!
//! Waking a thread costs a system call, and a thread that is woken by the first item of a burst works on that one alone
//! while the others come in: it writes to every member once for each. So on a thread with a courier wake-ups wait until
//! the tasks that were ready have had their turn; on any other thread they are not put off.

use std::cell::RefCell;
use std::future::poll_fn;
use std::task::{Poll, Waker};

#[derive(Default)]
struct Errands {
    /// Tasks of other threads, to be woken.
    wakers: Vec<Waker>,
    /// The courier's own task, while it sleeps.
    courier: Option<Waker>,
}

thread_local! {
    /// `None` on a thread without a courier.
    static ERRANDS: RefCell<Option<Errands>> = const { RefCell::new(None) };
}

/// Wakes a task of another thread: with the next errands of this thread's courier, or at once if it has none.
pub fn wake(waker: Waker) {
    // The thread may be ending, and its errands with it.
    let mut waker = Some(waker);
    let courier = ERRANDS.try_with(|errands| {
        let mut errands = errands.borrow_mut();
        let errands = errands.as_mut()?;
        errands.wakers.extend(waker.take());
        errands.courier.take()
    });
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
            let errands = errands.get_or_insert_default();
            errands.courier = Some(cx.waker().clone());
            std::mem::swap(&mut errands.wakers, &mut carried);
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
        ERRANDS.set(Some(Errands::default()));
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
