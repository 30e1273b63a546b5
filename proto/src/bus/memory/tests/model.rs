//! Three nodes that do anything in any order, against what they must hear of each other.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;

const NODES: [&str; 3] = ["aaaa", "bbbb", "cccc"];

/// All that messages go to; a node subscribes to some of the first four, and hears the fifth, and the sixth if it is its own.
fn subjects() -> Vec<Subject> {
    let mut subjects: Vec<_> = (0..4).map(bucket).collect();
    subjects.extend([all(), Subject::Node(NODES[0].into())]);
    subjects
}

/// Subjects of every node, beside signs of life.
fn all() -> Subject {
    Subject::Namespace("/".into())
}

#[derive(Clone, Debug)]
enum Act {
    /// Says something of this size on these subjects.
    Say(Vec<Subject>, usize),
    Beat,
    Read,
    Subscribe(u32),
    Unsubscribe(u32),
}

fn say(copies_max: usize) -> impl Strategy<Value = Act> {
    let size = prop_oneof![4 => Just(10), 1 => 800..5000_usize];
    (subsequence(subjects(), 1..=copies_max), size).prop_map(|(subjects, bytes)| Act::Say(subjects, bytes))
}

fn faults() -> impl Strategy<Value = Faults> {
    let sometimes = || prop_oneof![Just(0.0), 0.0..0.5_f64];
    (sometimes(), sometimes(), sometimes(), any::<bool>()).prop_map(
        |(drop, duplicate, overtake, shuffle_subjects)| Faults {
            drop,
            duplicate,
            overtake,
            delay_max: Duration::ZERO,
            shuffle_subjects,
        },
    )
}

/// Envelopes of one node: a number of its own, and the subjects.
type Said = Vec<(u64, Vec<Subject>)>;

struct Cluster {
    hub: MemoryHub,
    nodes: Vec<Node>,
    said: Vec<Said>,
    news: Vec<Vec<Inbound>>,
    number: u64,
}

impl Cluster {
    fn new(seed: u64) -> Self {
        let hub = MemoryHub::new(seed).with_bounds(1024, 100_000, 1 << 20);
        let nodes: Vec<_> =
            NODES.iter().map(|name| Node::join(&hub, name, &[all(), Subject::Nodes])).collect();
        let (said, news) = (vec![Vec::new(); 3], vec![Vec::new(), Vec::new(), Vec::new()]);
        Self { hub, nodes, said, news, number: 0 }
    }

    fn act(&mut self, who: usize, act: Act) {
        self.number += 1;
        let node = &mut self.nodes[who];
        match act {
            Act::Say(subjects, bytes) => {
                node.say_to(&subjects, self.number, bytes);
                self.said[who].push((self.number, subjects));
            }
            Act::Beat => node.beat(0),
            Act::Read => self.news[who].extend(node.read()),
            Act::Subscribe(number) => node.bus.subscribe(bucket(number)),
            Act::Unsubscribe(number) => node.bus.unsubscribe(&bucket(number)),
        }
    }

    fn all(&mut self, act: &Act) {
        (0..3).for_each(|who| self.act(who, act.clone()));
    }

    /// Envelopes that the first node heard of the second, and lost. Signs of life may come in any order.
    fn heard(&self, receiver: usize, sender: usize) -> (Vec<u64>, u64) {
        let (mut heard, lost) = heard_of(self.nodes[sender].instance, &self.news[receiver]);
        heard.retain(|n| *n != 0);
        (heard, lost)
    }
}

fn others() -> impl Iterator<Item = (usize, usize)> {
    (0..3)
        .flat_map(|receiver| (0..3).map(move |sender| (receiver, sender)))
        .filter(|(one, other)| one != other)
}

fn is_subsequence(part: &[u64], whole: impl IntoIterator<Item = u64>) -> bool {
    let mut rest = part.iter().peekable();
    for n in whole {
        rest.next_if(|next| **next == n);
    }
    rest.next().is_none()
}

proptest! {
    #[test]
    fn whatever_goes_wrong_is_accounted_for(
        seed in any::<u64>(),
        faults in faults(),
        interests in vec(subsequence(vec![0, 1, 2, 3], 0..=4), 3),
        acts in (1..4_usize).prop_flat_map(|copies_max| {
            vec((0..3_usize, prop_oneof![6 => say(copies_max), 1 => Just(Act::Beat), 3 => Just(Act::Read)]), 0..80)
        }),
    ) {
        let mut cluster = Cluster::new(seed);
        for (who, interests) in interests.iter().enumerate() {
            interests.iter().for_each(|number| cluster.act(who, Act::Subscribe(*number)));
        }
        // From here on each knows where the others are.
        subjects().into_iter().for_each(|subject| cluster.all(&Act::Say(vec![subject], 0)));
        cluster.all(&Act::Read);
        cluster.hub.set_faults(faults);
        acts.into_iter().for_each(|(who, act)| cluster.act(who, act));
        cluster.hub.set_faults(Faults::default());
        cluster.all(&Act::Beat);
        cluster.all(&Act::Read);

        for (receiver, sender) in others() {
            let hears = |subject: &Subject| match subject {
                Subject::Bucket(_, number) => interests[receiver].contains(number),
                Subject::Node(node) => **node == *NODES[receiver],
                _ => true,
            };
            let copies = cluster.said[sender].iter().map(|(n, subjects)| (*n, subjects.iter().filter(|one| hears(one)).count()));
            let meant: Vec<_> = copies.filter(|(_, copies)| *copies > 0).collect();
            let copies: usize = meant.iter().map(|(_, copies)| copies).sum();
            let (heard, lost) = cluster.heard(receiver, sender);
            prop_assert!(is_subsequence(&heard, meant.iter().map(|(n, _)| *n)), "{heard:?} of {meant:?}");
            // A copy that is missing counts even if another came.
            let accounted = heard.len() + lost as usize;
            prop_assert!((meant.len()..=copies).contains(&accounted), "{accounted} of {copies} copies of {meant:?}");
        }
        for (node, news) in cluster.nodes.iter().zip(&cluster.news) {
            let told = news.iter().map(|inbound| if let Inbound::Lost { count, .. } = inbound { *count } else { 0 });
            prop_assert_eq!(told.sum::<u64>(), node.meters().lost.get());
            let meters = node.meters();
            prop_assert_eq!(meters.refused.get() + meters.unknown.get() + meters.set_back.get(), 0);
        }
    }

    #[test]
    fn without_faults_a_node_hears_all_that_it_listens_to(
        seed in any::<u64>(),
        shuffle_subjects in any::<bool>(),
        acts in vec((0..3_usize, prop_oneof![
            6 => say(4),
            1 => Just(Act::Beat),
            3 => Just(Act::Read),
            2 => (0..4_u32).prop_map(Act::Subscribe),
            2 => (0..4_u32).prop_map(Act::Unsubscribe),
        ]), 0..120),
    ) {
        let mut cluster = Cluster::new(seed);
        cluster.hub.set_faults(Faults { shuffle_subjects, ..Faults::default() });
        let mut interests: Vec<HashSet<Subject>> = vec![HashSet::from([all()]); 3];
        interests[0].insert(Subject::Node(NODES[0].into()));
        // What each must hear of each.
        let mut due = vec![vec![Vec::new(); 3]; 3];
        for (who, act) in acts {
            match &act {
                Act::Subscribe(number) => drop(interests[who].insert(bucket(*number))),
                Act::Unsubscribe(number) => drop(interests[who].remove(&bucket(*number))),
                _ => {}
            }
            let said = cluster.said[who].len();
            cluster.act(who, act);
            for (n, subjects) in &cluster.said[who][said..] {
                let hears = |receiver: &usize| subjects.iter().any(|subject| interests[*receiver].contains(subject));
                (0..3).filter(hears).for_each(|receiver| due[receiver][who].push(*n));
            }
        }
        cluster.all(&Act::Read);
        for (receiver, sender) in others() {
            let (heard, lost) = cluster.heard(receiver, sender);
            let said = cluster.said[sender].iter().map(|(n, _)| *n);
            prop_assert!(is_subsequence(&heard, said), "out of order or twice: {heard:?}");
            prop_assert!(is_subsequence(&due[receiver][sender], heard.iter().copied()), "{heard:?} without some of {due:?}");
            prop_assert_eq!(lost, 0);
        }
        for node in &cluster.nodes {
            let meters = node.meters();
            prop_assert_eq!(meters.lost.get() + meters.late.get() + meters.refused.get(), 0);
            prop_assert_eq!(meters.set_back.get() + meters.parts_bytes.get(), 0);
        }
    }
}
