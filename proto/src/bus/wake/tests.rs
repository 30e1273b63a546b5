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

fn asleep() -> (Sleeper, Arc<Woken>) {
    let woken = Arc::new(Woken::default());
    let mut sleeper = Sleeper::default();
    sleeper.sleep(&woken.clone().into());
    (sleeper, woken)
}

fn call(sleeper: &mut Sleeper) {
    if let Some(errand) = sleeper.call() {
        errand.run();
    }
}

#[test]
fn a_thread_without_a_courier_wakes_at_once_and_only_who_sleeps() {
    let (mut sleeper, woken) = asleep();
    call(&mut sleeper);
    assert_eq!(woken.times(), 1);
    call(&mut sleeper);
    assert_eq!(woken.times(), 1, "it is awake");
    sleeper.sleep(&woken.clone().into());
    sleeper.wake_up();
    call(&mut sleeper);
    assert_eq!(woken.times(), 1, "it has found something by itself");
}

#[tokio::test]
async fn errands_wait_for_the_tasks_that_were_ready_and_a_burst_is_one() {
    let (mut sleeper, woken) = asleep();
    let courier = tokio::spawn(run());
    tokio::task::yield_now().await;
    let neighbour = tokio::spawn({
        let woken = woken.clone();
        async move { woken.times() }
    });
    call(&mut sleeper);
    call(&mut sleeper);
    assert_eq!(woken.times(), 0);
    assert_eq!(neighbour.await.unwrap(), 0, "it was ready before");
    tokio::task::yield_now().await;
    assert_eq!(woken.times(), 1);
    // It sleeps again, and is woken again.
    sleeper.sleep(&woken.clone().into());
    call(&mut sleeper);
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    assert_eq!(woken.times(), 2);
    courier.abort();
}

/// A thread may be held up, by a handler that computes: nobody else's wake-ups wait for it.
#[tokio::test]
async fn nobody_waits_for_the_courier_of_another_thread() {
    let (mut sleeper, woken) = asleep();
    let courier = tokio::spawn(run());
    tokio::task::yield_now().await;
    call(&mut sleeper);
    // This thread does not get to its courier; another one has something too.
    let mut sleeper = std::thread::spawn(move || {
        call(&mut sleeper);
        sleeper
    })
    .join()
    .unwrap();
    assert_eq!(woken.times(), 1);
    call(&mut sleeper);
    assert_eq!(woken.times(), 1, "it is awake");
    courier.abort();
}

#[tokio::test]
async fn a_courier_that_is_dropped_leaves_nobody_asleep() {
    let (mut sleeper, woken) = asleep();
    let courier = tokio::spawn(run());
    tokio::task::yield_now().await;
    call(&mut sleeper);
    courier.abort();
    assert!(courier.await.is_err());
    assert_eq!(woken.times(), 1);
    sleeper.sleep(&woken.clone().into());
    call(&mut sleeper);
    assert_eq!(woken.times(), 2, "no courier any more");
}
