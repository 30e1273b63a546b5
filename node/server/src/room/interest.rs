//! Interest of a node in the rooms of one namespace.
//!
//! Rooms share buckets; a bucket is listened to while any of its rooms has members here. A room that is named like a
//! socket of another node is announced too, since emits to it go by that name.

use std::collections::HashSet;
use std::sync::Arc;

use fanfare_proto::{Subject, bucket_of};
use parking_lot::Mutex;

use crate::cluster::outbound::ClusterLink;
use crate::ids::SocketId;

/// The rooms of one namespace, as far as the bus is concerned.
pub struct Interest(Option<Clustered>);

struct Clustered {
    namespace: Arc<str>,
    cluster: Arc<ClusterLink>,
    /// Number of rooms with members in each bucket. The lock is held while the bus is told, so that it hears of
    /// changes in their order.
    buckets: Box<[Mutex<u32>]>,
    /// Rooms with members that are named like sockets of other nodes.
    borrowed: Mutex<HashSet<SocketId>>,
}

impl std::fmt::Debug for Interest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interest").field("clustered", &self.0.is_some()).finish()
    }
}

impl Interest {
    /// The interest of a node on its own, which no other node has to know.
    pub fn none() -> Self {
        Self(None)
    }

    /// Of a node in a cluster.
    pub fn new(namespace: Arc<str>, cluster: Arc<ClusterLink>, buckets: u32) -> Self {
        let buckets = (0..buckets).map(|_| Mutex::default()).collect();
        Self(Some(Clustered { namespace, cluster, buckets, borrowed: Mutex::default() }))
    }

    /// A room has its first member. The caller keeps it from losing it meanwhile.
    pub fn enter(&self, room: &str) {
        let Some(clustered) = &self.0 else { return };
        let bucket = bucket_of(room, clustered.buckets.len() as u32);
        let mut rooms = clustered.buckets[bucket as usize].lock();
        *rooms += 1;
        if *rooms == 1 {
            clustered.cluster.subscribe(clustered.subject(bucket));
        }
        drop(rooms);
        clustered.recognise(room);
    }

    /// A room has lost its last member.
    pub fn leave(&self, room: &str) {
        let Some(clustered) = &self.0 else { return };
        let bucket = bucket_of(room, clustered.buckets.len() as u32);
        let mut rooms = clustered.buckets[bucket as usize].lock();
        *rooms -= 1;
        if *rooms == 0 {
            clustered.cluster.unsubscribe(clustered.subject(bucket));
        }
        drop(rooms);
        if let Some(id) = SocketId::parse(room)
            && clustered.borrowed.lock().remove(&id)
        {
            clustered.cluster.give_back(id);
        }
    }

    /// A room has members, and perhaps a node was heard of whose socket it is named like. The caller keeps it from losing
    /// its members meanwhile.
    pub fn recognise(&self, room: &str) {
        if let Some(clustered) = &self.0 {
            clustered.recognise(room);
        }
    }

    /// Waits until everything entered so far is heard here (JOIN-1); not while the bus is away, since nothing comes
    /// from it then.
    pub async fn synced(&self) {
        if let Some(clustered) = &self.0 {
            clustered.cluster.bus.synced().await;
            clustered.cluster.borrowing_confirmed().await;
        }
    }
}

impl Clustered {
    fn subject(&self, bucket: u32) -> Subject {
        Subject::Bucket(self.namespace.clone(), bucket)
    }

    fn recognise(&self, room: &str) {
        if let Some(id) = self.cluster.foreign_id(room)
            && self.borrowed.lock().insert(id)
        {
            self.cluster.borrow(id);
        }
    }
}
