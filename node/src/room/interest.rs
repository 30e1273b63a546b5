//! What a node wants to hear of the rooms of one namespace.
//!
//! Rooms share buckets; a bucket is listened to while any of its rooms has members here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use fanfare_proto::{Outlet, Subject, bucket_of};
use parking_lot::Mutex;

use crate::ids::{NodeTag, SocketId};

/// The rooms of one namespace, as far as the bus is concerned.
pub struct Interest(Option<Clustered>);

struct Clustered {
    namespace: Arc<str>,
    node: NodeTag,
    outlet: Arc<dyn Outlet>,
    /// How many rooms with members there are in each. The lock is held while the bus is told, so that it hears of
    /// changes in their order.
    buckets: Box<[Mutex<u32>]>,
    /// Rooms named like the id of a socket on another node.
    borrowed_ids: AtomicU64,
}

impl std::fmt::Debug for Interest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interest").field("clustered", &self.0.is_some()).finish()
    }
}

impl Interest {
    /// Of a node on its own: nobody has to be told.
    pub fn none() -> Self {
        Self(None)
    }

    /// Of a node in a cluster.
    pub fn new(namespace: Arc<str>, node: NodeTag, outlet: Arc<dyn Outlet>, buckets: u32) -> Self {
        Self(Some(Clustered {
            namespace,
            node,
            outlet,
            buckets: (0..buckets).map(|_| Mutex::default()).collect(),
            borrowed_ids: AtomicU64::new(0),
        }))
    }

    /// A room has its first member.
    pub fn enter(&self, room: &str) {
        let Some(clustered) = &self.0 else { return };
        let bucket = bucket_of(room, clustered.buckets.len() as u32);
        let mut rooms = clustered.buckets[bucket as usize].lock();
        *rooms += 1;
        if *rooms == 1 {
            clustered.outlet.listen(Subject::Bucket(clustered.namespace.clone(), bucket));
        }
        if clustered.is_borrowed(room) {
            clustered.borrowed_ids.fetch_add(1, Relaxed);
        }
    }

    /// A room has lost its last member.
    pub fn leave(&self, room: &str) {
        let Some(clustered) = &self.0 else { return };
        let bucket = bucket_of(room, clustered.buckets.len() as u32);
        let mut rooms = clustered.buckets[bucket as usize].lock();
        *rooms -= 1;
        if *rooms == 0 {
            clustered.outlet.unlisten(&Subject::Bucket(clustered.namespace.clone(), bucket));
        }
        if clustered.is_borrowed(room) {
            clustered.borrowed_ids.fetch_sub(1, Relaxed);
        }
    }

    /// Rooms with members here whose name looks like the id of a socket on another node.
    pub fn borrowed_ids(&self) -> u64 {
        self.0.as_ref().map_or(0, |clustered| clustered.borrowed_ids.load(Relaxed))
    }

    /// Waits until everything entered so far is heard here (JOIN-1); not while the bus is away, since nothing comes
    /// from it then.
    pub async fn settle(&self) {
        if let Some(clustered) = &self.0 {
            clustered.outlet.settled().await;
        }
    }
}

impl Clustered {
    fn is_borrowed(&self, room: &str) -> bool {
        SocketId::parse(room).is_some_and(|id| id.node() != self.node)
    }
}
