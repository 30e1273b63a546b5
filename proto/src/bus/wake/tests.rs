use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Wake;

use super::*;

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

impl Woken {
    fn times(&self) -> usize {
        self.0.load(SeqCst)
    }
}

fn waiting() -> (Waiter, Arc<Woken>) {
    let woken = Arc::new(Woken::default());
    let mut waiter = Waiter::default();
    waiter.wait(&woken.clone().into());
    (waiter, woken)
}

fn notify(waiter: &mut Waiter) {
    if let Some(pending) = waiter.notify() {
        pending.send();
    }
}

#[test]
fn a_thread_without_a_wake_task_wakes_at_once_and_only_who_waits() {
    let (mut waiter, woken) = waiting();
    notify(&mut waiter);
    assert_eq!(woken.times(), 1);
    notify(&mut waiter);
    assert_eq!(woken.times(), 1, "it is awake");
    waiter.wait(&woken.clone().into());
    waiter.stop_waiting();
    notify(&mut waiter);
    assert_eq!(woken.times(), 1, "it has found something by itself");
}

#[tokio::test]
async fn wake_ups_wait_for_the_tasks_that_were_ready_and_a_burst_is_one() {
    let (mut waiter, woken) = waiting();
    let wake_task = tokio::spawn(run());
    tokio::task::yield_now().await;
    let neighbour = tokio::spawn({
        let woken = woken.clone();
        async move { woken.times() }
    });
    notify(&mut waiter);
    notify(&mut waiter);
    assert_eq!(woken.times(), 0);
    assert_eq!(neighbour.await.unwrap(), 0, "it was ready before");
    tokio::task::yield_now().await;
    assert_eq!(woken.times(), 1);
    // It waits again, and is woken again.
    waiter.wait(&woken.clone().into());
    notify(&mut waiter);
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    assert_eq!(woken.times(), 2);
    wake_task.abort();
}

/// A thread may be held up, by a handler that computes: nobody else's wake-ups wait for it.
#[tokio::test]
async fn nobody_waits_for_the_wake_task_of_another_thread() {
    let (mut waiter, woken) = waiting();
    let wake_task = tokio::spawn(run());
    tokio::task::yield_now().await;
    notify(&mut waiter);
    // This thread does not get to its wake task; another one has something too.
    let mut waiter = std::thread::spawn(move || {
        notify(&mut waiter);
        waiter
    })
    .join()
    .unwrap();
    assert_eq!(woken.times(), 1);
    notify(&mut waiter);
    assert_eq!(woken.times(), 1, "it is awake");
    wake_task.abort();
}

#[tokio::test]
async fn a_wake_task_that_is_dropped_leaves_nobody_waiting() {
    let (mut waiter, woken) = waiting();
    let wake_task = tokio::spawn(run());
    tokio::task::yield_now().await;
    notify(&mut waiter);
    wake_task.abort();
    assert!(wake_task.await.is_err());
    assert_eq!(woken.times(), 1);
    waiter.wait(&woken.clone().into());
    notify(&mut waiter);
    assert_eq!(woken.times(), 2, "no wake task any more");
}
