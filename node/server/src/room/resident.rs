//! The shards that live on this thread: entered directly by code that runs here, and by their actors.

use std::cell::{Cell, RefCell};
use std::collections::hash_map::Entry;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Waker;

use rustc_hash::FxHashMap;

use super::shard::RoomShard;

thread_local! {
    /// The shards of this thread, by the key of their [`Rooms`](super::Rooms).
    static SHARDS: RefCell<FxHashMap<u64, Rc<Resident>>> = RefCell::default();
}

/// A shard on its own thread, shared by its actor and by code that enters it directly.
pub(super) struct Resident {
    shard: RefCell<RoomShard>,
    /// Set when a visit panicked: the state of the shard may be half changed, so its actor must end.
    poisoned: Cell<bool>,
    /// The actor's task, to be woken when the shard is poisoned.
    task: RefCell<Option<Waker>>,
}

impl Resident {
    /// The shard of this thread.
    pub fn here(key: u64) -> Option<Rc<Self>> {
        SHARDS.with_borrow(|shards| shards.get(&key).cloned())
    }

    /// Puts a shard on this thread; `None` if it has one.
    pub fn enter_thread(key: u64, shard: impl FnOnce() -> RoomShard) -> Option<Rc<Self>> {
        SHARDS.with_borrow_mut(|shards| match shards.entry(key) {
            Entry::Occupied(_) => None,
            Entry::Vacant(slot) => {
                let resident = Self {
                    shard: RefCell::new(shard()),
                    poisoned: Cell::new(false),
                    task: RefCell::default(),
                };
                Some(slot.insert(Rc::new(resident)).clone())
            }
        })
    }

    /// Takes this shard off its thread. False if it was not there, since another one has taken its place.
    pub fn leave_thread(self: &Rc<Self>, key: u64) -> bool {
        // The thread may be ending, and its table with it.
        let left = SHARDS.try_with(|shards| {
            let mut shards = shards.borrow_mut();
            let is_current = shards.get(&key).is_some_and(|current| Rc::ptr_eq(current, self));
            is_current.then(|| shards.remove(&key))
        });
        matches!(left, Ok(Some(_)))
    }

    /// Enters the shard; `None` if `act` panicked. The shard must end then.
    pub fn visit<R>(&self, act: impl FnOnce(&mut RoomShard) -> R) -> Option<R> {
        catch_unwind(AssertUnwindSafe(|| act(&mut self.shard.borrow_mut()))).ok()
    }

    /// Makes the actor end.
    pub fn poison(&self) {
        self.poisoned.set(true);
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }

    /// Whether the actor has to end.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.get()
    }

    /// Notes the actor's task.
    pub fn set_task(&self, task: Waker) {
        *self.task.borrow_mut() = Some(task);
    }
}
