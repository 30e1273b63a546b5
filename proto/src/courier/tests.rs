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

#[test]
fn a_thread_without_a_courier_wakes_at_once() {
    let woken = Arc::new(Woken::default());
    wake(woken.clone().into());
    assert_eq!(woken.times(), 1);
}

#[tokio::test]
async fn errands_wait_for_the_tasks_that_were_ready() {
    let woken = Arc::new(Woken::default());
    let courier = tokio::spawn(run());
    tokio::task::yield_now().await;
    let neighbour = tokio::spawn({
        let woken = woken.clone();
        async move { woken.times() }
    });
    wake(woken.clone().into());
    wake(woken.clone().into());
    assert_eq!(woken.times(), 0);
    assert_eq!(neighbour.await.unwrap(), 0, "it was ready before");
    tokio::task::yield_now().await;
    assert_eq!(woken.times(), 2);
    courier.abort();
}

#[tokio::test]
async fn a_courier_that_is_dropped_leaves_nobody_asleep() {
    let woken = Arc::new(Woken::default());
    let courier = tokio::spawn(run());
    tokio::task::yield_now().await;
    wake(woken.clone().into());
    courier.abort();
    assert!(courier.await.is_err());
    assert_eq!(woken.times(), 1);
    wake(woken.clone().into());
    assert_eq!(woken.times(), 2, "no courier any more");
}
