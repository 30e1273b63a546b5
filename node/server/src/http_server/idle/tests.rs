use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Wake;

use super::*;
use crate::options::Options;

/// Counts the wakes of one connection.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

fn idle(idle_connections_max: usize, idle_connections_per_address_max: usize) -> IdleConnections {
    let limits =
        ClientLimits { idle_connections_max, idle_connections_per_address_max, ..ClientLimits::default() };
    IdleConnections::new(Node::alone(Options { limits, ..Options::default() }))
}

fn enter(idle: &IdleConnections, address: &str) -> (u64, Arc<Woken>) {
    let woken = Arc::new(Woken::default());
    let address = address.parse().ok();
    (idle.enter(address, woken.clone().into()), woken)
}

/// Which of these are kept; the others were woken.
fn kept(idle: &IdleConnections, connections: &[(u64, Arc<Woken>)]) -> Vec<bool> {
    connections
        .iter()
        .map(|(number, woken)| {
            let is_kept = idle.contains(*number);
            assert_eq!(woken.0.load(Relaxed), usize::from(!is_kept));
            is_kept
        })
        .collect()
}

#[test]
fn an_address_over_its_bound_loses_the_connection_that_was_idle_for_longest() {
    let idle = idle(0, 2);
    let other = [enter(&idle, "192.0.2.9")];
    let mut connections: Vec<_> = (0..3).map(|_| enter(&idle, "192.0.2.1")).collect();
    assert_eq!(kept(&idle, &connections), [false, true, true]);
    // One that has done something meanwhile is the youngest.
    assert!(idle.leave(connections[1].0));
    connections[1] = enter(&idle, "192.0.2.1");
    connections.push(enter(&idle, "192.0.2.1"));
    assert_eq!(kept(&idle, &connections), [false, true, false, true]);
    assert!(!idle.leave(connections[0].0), "it was closed");
    assert_eq!(kept(&idle, &other), [true]);
    let metrics = &idle.node.metrics;
    assert_eq!(metrics.limits.of(Limit::IdleConnectionsPerAddress).get(), 2);
    assert_eq!(metrics.http_connections_idle.get(), 3);
    for (number, _) in connections.iter().chain(&other) {
        idle.leave(*number);
    }
    assert_eq!(metrics.http_connections_idle.get(), 0);
    assert!(idle.list.lock().by_address.is_empty());
}

#[test]
fn a_subscriber_of_ipv6_is_one_address_and_a_trusted_proxy_none() {
    let idle = idle(0, 1);
    let connections = ["2001:db8:1:2::3", "2001:db8:1:2:ffff::4", "2001:db8:1:3::3", "", "", ""]
        .map(|address| enter(&idle, address));
    assert_eq!(kept(&idle, &connections), [false, true, true, true, true, true]);
}

#[test]
fn a_full_node_loses_the_connection_that_was_idle_for_longest() {
    let idle = idle(3, 0);
    let connections: Vec<_> = (0..5).map(|n| enter(&idle, &format!("192.0.2.{n}"))).collect();
    assert_eq!(kept(&idle, &connections), [false, false, true, true, true]);
    assert_eq!(idle.node.metrics.limits.of(Limit::IdleConnections).get(), 2);
    assert!(idle.close_longest());
    assert_eq!(kept(&idle, &connections), [false, false, false, true, true]);
    assert!(idle.close_longest() && idle.close_longest());
    assert!(!idle.close_longest(), "there is none left");
    assert_eq!(idle.node.metrics.limits.of(Limit::FileDescriptors).get(), 3);
    // They hold their descriptors until their tasks have seen it.
    assert_eq!(idle.closing(), 5);
    assert!(connections.iter().all(|(number, _)| !idle.leave(*number)));
    assert_eq!(idle.closing(), 0);
}

#[test]
fn idle_connections_take_at_most_half_of_the_file_descriptors() {
    let limit = descriptors::limit().unwrap_or(usize::MAX);
    assert!(idle(usize::MAX, 0).max <= limit.div_ceil(2));
    assert!(idle(0, 0).max <= limit.div_ceil(2));
}
