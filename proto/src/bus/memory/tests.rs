mod faults;
mod model;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::*;
use crate::conformance;
use crate::wire;

/// A node of the hub, read whenever a test says so.
struct Node {
    bus: Arc<dyn Publisher>,
    subscription: Subscription,
    instance: u64,
}

impl Node {
    fn join(hub: &MemoryHub, name: &str, subjects: &[Subject]) -> Self {
        // Not at random, so that a run can be repeated.
        static INSTANCE: AtomicU64 = AtomicU64::new(1);
        let instance = INSTANCE.fetch_add(1, Relaxed);
        let (bus, subscription) = Box::new(hub.bus()).start(Identity { node: name.into(), instance });
        subjects.iter().for_each(|subject| bus.subscribe(subject.clone()));
        let mut node = Self { bus, subscription, instance };
        assert!(matches!(*node.read(), [Inbound::State(State::Connected)]));
        node
    }

    fn say(&self, subject: &Subject, n: u64) {
        self.say_to(std::slice::from_ref(subject), n, 0);
    }

    fn say_to(&self, subjects: &[Subject], n: u64, bytes: usize) {
        let body = wire::Reply { request: n, arguments: "x".repeat(bytes), ..Default::default() };
        self.bus.publish(subjects, Body::Reply(body)).expect("it is not closed");
    }

    /// A heartbeat with a number of its own.
    fn beat(&self, n: u64) {
        let interval_ms = 3_600_000;
        let body = Body::Heartbeat(wire::Heartbeat { uptime_ms: n, interval_ms, ..Default::default() });
        self.bus.publish(&[Subject::Nodes], body).expect("it is not closed");
    }

    /// Everything there is now.
    fn read(&mut self) -> Vec<Inbound> {
        let mut news = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(inbound)) = self.subscription.as_mut().poll_next(&mut cx) {
            news.push(inbound);
        }
        news
    }

    fn meters(&self) -> &BusMeters {
        self.bus.meters()
    }
}

/// The numbers that one sender said, and how many it is told were lost.
fn heard_of(sender: u64, news: &[Inbound]) -> (Vec<u64>, u64) {
    let (mut numbers, mut lost) = (Vec::new(), 0);
    for inbound in news {
        match inbound {
            Inbound::Envelope(envelope) if envelope.instance == sender => {
                numbers.push(match &envelope.body {
                    Body::Reply(reply) => reply.request,
                    Body::Heartbeat(heartbeat) => heartbeat.uptime_ms,
                    body => panic!("nobody said this: {body:?}"),
                })
            }
            Inbound::Lost { instance, count } if *instance == sender => lost += count,
            _ => {}
        }
    }
    (numbers, lost)
}

fn bucket(number: u32) -> Subject {
    Subject::Bucket("/".into(), number)
}

/// One hub for each scope.
async fn conforms(faults: Faults) {
    let hubs = Mutex::new(HashMap::new());
    let make = |scope: &str| -> Box<dyn Bus> {
        let mut hubs = hubs.lock();
        let hub: &mut MemoryHub = hubs.entry(scope.to_owned()).or_insert_with(|| MemoryHub::new(1));
        hub.set_faults(faults);
        Box::new(hub.bus())
    };
    conformance::check_all(&make).await;
}

#[tokio::test]
async fn it_passes_the_conformance_suite() {
    conforms(Faults::default()).await;
}

#[tokio::test]
async fn it_passes_the_conformance_suite_with_subjects_shuffled() {
    conforms(Faults { shuffle_subjects: true, ..Faults::default() }).await;
}

#[tokio::test]
async fn it_passes_the_conformance_suite_with_delays() {
    conforms(Faults { shuffle_subjects: true, delay_max: Duration::from_millis(5), ..Faults::default() })
        .await;
}
