//! TCP connections with nothing under way: those between two requests, and those whose first request is not complete.
//!
//! Opening one costs a client nothing, so each address may have so many, and the node gives them a share of its file
//! descriptors; beyond either the one that has been idle for longest is closed. A connection with a request under way is
//! never closed for that, and WebSockets are not among them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Waker;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::descriptors;
use super::shortage::Shortage;
use crate::connection::subscriber;
use crate::metrics::Limit;
use crate::node::Node;
use crate::options::ClientLimits;

/// Idle TCP connections of one node.
pub struct IdleConnections {
    node: Arc<Node>,
    /// 0 = no limit.
    per_address_max: usize,
    max: usize,
    list: Mutex<List>,
    /// Number of connections that were told to close and have not done so yet.
    closing: AtomicUsize,
    of_one_address: Shortage,
    of_all: Shortage,
    descriptors: Shortage,
}

#[derive(Default)]
struct List {
    /// Number of the next one: they are numbered in the order in which they become idle.
    next: u64,
    all: BTreeMap<u64, Entry>,
    by_address: FxHashMap<IpAddr, BTreeSet<u64>>,
}

struct Entry {
    /// Address that it counts for; none for trusted proxies, and without a limit.
    address: Option<IpAddr>,
    /// Wakes the connection's task, which then finds that it is not listed any more.
    waker: Waker,
}

impl IdleConnections {
    /// None so far.
    pub fn new(node: Arc<Node>) -> Self {
        let ClientLimits { idle_connections_max, idle_connections_per_address_max, .. } = node.options.limits;
        // At least half of the descriptors is for connections that do something.
        let share = descriptors::limit().map_or(usize::MAX, |limit| (limit / 2).max(1));
        let max = if idle_connections_max == 0 { share } else { idle_connections_max.min(share) };
        Self {
            node,
            per_address_max: idle_connections_per_address_max,
            max,
            list: Mutex::default(),
            closing: AtomicUsize::new(0),
            of_one_address: Shortage::new(
                Limit::IdleConnectionsPerAddress,
                "name proxies in limits.trusted_proxies, or raise limits.idle_connections_per_address_max",
            ),
            of_all: Shortage::new(
                Limit::IdleConnections,
                "raise limits.idle_connections_max, or the limit of file descriptors, of which half counts",
            ),
            descriptors: Shortage::new(
                Limit::FileDescriptors,
                "raise the limit of file descriptors (ulimit -Hn, LimitNOFILE of systemd, --ulimit of Docker)",
            ),
        }
    }

    /// Lists a connection that has become idle, and returns its number. `address` is none for a trusted proxy.
    pub(super) fn enter(&self, address: Option<IpAddr>, waker: Waker) -> u64 {
        let address = address.filter(|_| self.per_address_max > 0).map(subscriber);
        let mut list = self.list.lock();
        let number = list.add(Entry { address, waker });
        let crowded = address.and_then(|address| list.oldest_beyond(address, self.per_address_max));
        let crowded = crowded.and_then(|number| list.remove(number));
        let is_full = list.all.len() > self.max;
        let oldest = if is_full { list.remove_oldest() } else { None };
        drop(list);
        self.node.metrics.http_connections_idle.increment();
        if let Some(closed) = crowded {
            self.close(closed, &self.of_one_address);
        }
        if let Some(closed) = oldest {
            self.close(closed, &self.of_all);
        }
        number
    }

    /// Takes a connection off the list, once. False if it was told to close: then nothing may be begun on it.
    pub(super) fn leave(&self, number: u64) -> bool {
        let is_listed = self.list.lock().remove(number).is_some();
        if is_listed {
            self.node.metrics.http_connections_idle.decrement();
        } else {
            self.closing.fetch_sub(1, Relaxed);
        }
        is_listed
    }

    /// Whether a connection is still to be kept.
    pub(super) fn contains(&self, number: u64) -> bool {
        self.list.lock().all.contains_key(&number)
    }

    /// Closes the connection that has been idle for longest, because file descriptors run out. False without any.
    pub(super) fn close_longest(&self) -> bool {
        let oldest = self.list.lock().remove_oldest();
        oldest.map(|entry| self.close(entry, &self.descriptors)).is_some()
    }

    /// Number of connections that were told to close and still hold their file descriptors.
    pub(super) fn closing(&self) -> usize {
        self.closing.load(Relaxed)
    }

    /// Counts a connection that was refused for lack of file descriptors.
    pub(super) fn count_refused(&self) {
        self.descriptors.count(&self.node.metrics);
    }

    fn close(&self, entry: Entry, shortage: &Shortage) {
        self.node.metrics.http_connections_idle.decrement();
        self.closing.fetch_add(1, Relaxed);
        shortage.count(&self.node.metrics);
        entry.waker.wake();
    }
}

impl List {
    fn add(&mut self, entry: Entry) -> u64 {
        let number = self.next;
        self.next += 1;
        if let Some(address) = entry.address {
            self.by_address.entry(address).or_default().insert(number);
        }
        self.all.insert(number, entry);
        number
    }

    fn remove(&mut self, number: u64) -> Option<Entry> {
        let entry = self.all.remove(&number)?;
        if let Some(address) = entry.address
            && let Some(numbers) = self.by_address.get_mut(&address)
        {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.by_address.remove(&address);
            }
        }
        Some(entry)
    }

    fn remove_oldest(&mut self) -> Option<Entry> {
        let (&number, _) = self.all.first_key_value()?;
        self.remove(number)
    }

    /// The oldest one of an address, if there are more than `max`.
    fn oldest_beyond(&self, address: IpAddr, max: usize) -> Option<u64> {
        let numbers = self.by_address.get(&address).filter(|numbers| numbers.len() > max)?;
        numbers.first().copied()
    }
}

#[cfg(test)]
mod tests;
