//! Starts tasks on the current reactor from wherever on its thread the code runs.
//!
//! A reactor's own tasks live in its local set; a task that a user spawned with `tokio::spawn` runs on the same thread
//! outside of it, where nothing local can be spawned. So a future to be spawned is handed to a task inside.

use std::cell::RefCell;
use std::pin::Pin;

use tokio::sync::mpsc;

type Task = Pin<Box<dyn Future<Output = ()>>>;

thread_local! {
    static DOOR: RefCell<Option<mpsc::UnboundedSender<Task>>> = const { RefCell::new(None) };
}

/// Opens the nursery of this thread; called once, by the reactor.
pub fn open() {
    // Bounded by what is handed in: one task for each handler in flight, which the connections limit.
    let (door, mut tasks) = mpsc::unbounded_channel::<Task>();
    DOOR.set(Some(door));
    actix_rt::spawn(async move {
        while let Some(task) = tasks.recv().await {
            actix_rt::spawn(task);
        }
    });
}

/// Starts a task on this thread's reactor; false if the thread is none, or ends.
pub fn spawn(task: impl Future<Output = ()> + 'static) -> bool {
    DOOR.with_borrow(|door| door.as_ref().is_some_and(|door| door.send(Box::pin(task)).is_ok()))
}
