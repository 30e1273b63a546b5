//! Decisions about which node yields to which.

use std::time::Instant;

use fanfare_proto::wire::Heartbeat;

use super::*;

const NOBODY: [usize; 0] = [];

/// Nodes that hear each other: each its start, its instance, its buckets, and whether it lives.
struct Cluster(Vec<(Agreement, bool)>);

impl Cluster {
    fn new(nodes: &[(u64, u64, u32)]) -> Self {
        let agreement = |&(start, instance, buckets)| (Agreement::new(start, instance, buckets), true);
        Self(nodes.iter().map(agreement).collect())
    }

    fn said_by(&self, number: usize) -> Peer {
        let agreement = &self.0[number].0;
        let heartbeat = Heartbeat {
            started_at_ms: agreement.start.0,
            room_buckets: agreement.room_buckets,
            yields: agreement.dispute.is_some(),
            ..Heartbeat::default()
        };
        let (node, now) = (format!("nod{number}").into(), Instant::now());
        Peer { node, instance: agreement.start.1, since: now, heard_at: now, heartbeat }
    }

    /// Lets one node after the other hear all others, until nothing changes. Returns the nodes that yield.
    fn agree(&mut self) -> Vec<usize> {
        let alive: Vec<_> = (0..self.0.len()).filter(|number| self.0[*number].1).collect();
        for _ in 0..10 {
            let mut is_changed = false;
            for number in &alive {
                let others: Vec<_> =
                    alive.iter().filter(|other| *other != number).map(|other| self.said_by(*other)).collect();
                is_changed |= self.0[*number].0.judge(others.iter());
            }
            if !is_changed {
                let yields = |number: &usize| self.0[*number].0.dispute.is_some();
                return alive.into_iter().filter(yields).collect();
            }
        }
        panic!("they never agree who yields: {:?}", self.0);
    }

    fn end(&mut self, number: usize) {
        self.0[number].1 = false;
    }
}

#[test]
fn nodes_that_agree_do_not_yield() {
    assert_eq!(Cluster::new(&[(1, 1, 1024), (2, 2, 1024), (3, 3, 1024)]).agree(), NOBODY);
    assert_eq!(Cluster::new(&[(1, 1, 512)]).agree(), NOBODY);
}

#[test]
fn the_newcomer_yields_and_says_why() {
    let mut cluster = Cluster::new(&[(5, 1, 1024), (9, 2, 512), (7, 3, 1024)]);
    assert_eq!(cluster.agree(), [1]);
    let why = cluster.0[1].0.dispute().expect("it yields").to_string();
    assert!(why.contains("512 here and 1024 on node nod0"), "{why}");
    let disagreeing: Vec<_> = cluster.0.iter().map(|(agreement, _)| agreement.disagreeing()).collect();
    assert_eq!(disagreeing, [1, 2, 1]);
}

#[test]
fn of_two_that_start_at_once_one_yields() {
    assert_eq!(Cluster::new(&[(5, 2, 1024), (5, 1, 512)]).agree(), [0]);
    assert_eq!(Cluster::new(&[(5, 1, 1024), (5, 2, 512)]).agree(), [1]);
}

#[test]
fn a_node_that_yields_does_not_win_by_outliving_the_others() {
    let mut cluster = Cluster::new(&[(1, 1, 1024), (2, 2, 512), (3, 3, 1024)]);
    assert_eq!(cluster.agree(), [1]);
    // As in a rolling restart: the nodes that are right are younger from now on.
    cluster.end(0);
    assert_eq!(cluster.agree(), [1]);
    cluster.end(2);
    assert_eq!(cluster.agree(), NOBODY, "there is nobody to yield to");
    cluster.0.push((Agreement::new(4, 4, 1024), true));
    assert_eq!(cluster.agree(), [3], "by now it serves");
}

#[test]
fn of_several_that_yield_one_takes_over() {
    let mut cluster = Cluster::new(&[(1, 1, 1024), (2, 2, 512), (3, 3, 256)]);
    assert_eq!(cluster.agree(), [1, 2]);
    cluster.end(0);
    assert_eq!(cluster.agree(), [2]);
}

#[test]
fn nodes_of_older_releases_are_not_judged() {
    let mut cluster = Cluster::new(&[(0, 1, 512), (2, 2, 1024)]);
    let older = cluster.said_by(0);
    assert!(!cluster.0[1].0.judge([older].iter()));
    assert_eq!((cluster.0[1].0.dispute(), cluster.0[1].0.disagreeing()), (None, 0));
}
