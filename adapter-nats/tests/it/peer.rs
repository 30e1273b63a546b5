//! A node as these tests see it: it says numbers, and notes what it hears.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use fanfare_adapter_nats::{NatsBus, NatsOptions};
use fanfare_proto::wire::envelope::Body;
use fanfare_proto::wire::{Broadcast, Heartbeat, Target};
use fanfare_proto::{Bus, Envelope, Identity, Inbound, Publisher, State, Subject, Subscription};
use futures_util::StreamExt;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::log;
use crate::server::Server;

/// Numbers that are not noted.
const PROBE: u64 = 0;
const LAST_PROBE: u64 = u64::MAX;
/// Interval at which nodes show themselves.
const INTERVAL_MS: u64 = 100;
/// Whatever is waited for has happened by then, on a busy machine too.
pub const DEADLINE: Duration = Duration::from_secs(60);

pub struct Peer {
    pub bus: Arc<dyn Publisher>,
    heard: Arc<Mutex<Heard>>,
    reads: watch::Sender<bool>,
    /// Whether somebody wants to see a heartbeat of this one.
    greeted: Arc<Notify>,
}

/// Everything that came, in order.
#[derive(Default)]
struct Heard {
    numbers: Vec<u64>,
    lost: u64,
    states: Vec<State>,
    ended: bool,
    probed: bool,
    probed_last: bool,
    /// Nodes that showed themselves.
    nodes: HashSet<Arc<str>>,
    greeted: Arc<Notify>,
}

/// Options for tests: a broker that is gone is looked for again soon, and none is given up that is only slow.
pub fn options(server: &Server) -> NatsOptions {
    NatsOptions {
        servers: vec![server.url()],
        ping_interval_ms: 20_000,
        connection_timeout_ms: 20_000,
        reconnect_delay_max_ms: 100,
        unsubscribe_delay_ms: 200,
        ..NatsOptions::default()
    }
}

/// The same, but a broker that does not answer is noticed soon.
pub fn alert(server: &Server) -> NatsOptions {
    NatsOptions { ping_interval_ms: 400, connection_timeout_ms: 500, ..options(server) }
}

impl Peer {
    /// A node that has just started.
    pub fn start(name: &str, options: NatsOptions) -> Self {
        log::capture();
        let bus = Box::new(NatsBus::new(options).expect("the options are valid"));
        let (bus, subscription) = bus.start(Identity::new(name));
        let greeted = Arc::new(Notify::new());
        let heard = Arc::new(Mutex::new(Heard { greeted: greeted.clone(), ..Heard::default() }));
        let peer = Self { bus, heard, reads: watch::Sender::new(true), greeted };
        tokio::spawn(read(subscription, peer.heard.clone(), peer.reads.subscribe()));
        peer
    }

    /// A node that is connected and hears these.
    pub async fn join(name: &str, options: NatsOptions, subjects: &[Subject]) -> Self {
        let peer = Self::start(name, options);
        peer.connected().await;
        peer.hear(subjects).await;
        peer
    }

    /// Shows itself from now on, as nodes do: when its subscriptions are in force, to nodes that greet it, and now and then.
    pub async fn shows_itself(&self) {
        self.hear(&[Subject::Nodes]).await;
        let (bus, greeted) = (self.bus.clone(), self.greeted.clone());
        tokio::spawn(async move {
            let mut was_connected = false;
            while bus.state() != State::Closed {
                if bus.state() == State::Connected {
                    bus.synced().await;
                    let body =
                        Heartbeat { interval_ms: INTERVAL_MS, hello: !was_connected, ..Heartbeat::default() };
                    let _ = bus.publish(&[Subject::Nodes], Body::Heartbeat(body));
                }
                was_connected = bus.state() == State::Connected;
                let _ = timeout(Duration::from_millis(INTERVAL_MS), greeted.notified()).await;
            }
        });
    }

    /// Waits until it knows so many others.
    pub async fn knows(&self, others: usize) {
        until("it knows the others", || self.known() >= others).await;
    }

    /// Number of others that showed themselves and did not say goodbye.
    pub fn known(&self) -> usize {
        self.heard.lock().nodes.len()
    }

    /// Stops to read, or goes on.
    pub fn set_reading(&self, reads: bool) {
        self.reads.send_replace(reads);
    }

    pub async fn connected(&self) {
        until("it connects", || self.bus.state() == State::Connected).await;
    }

    pub async fn disconnected(&self) {
        until("it disconnects", || self.bus.state() == State::Disconnected).await;
    }

    /// Listens until that is in force.
    pub async fn hear(&self, subjects: &[Subject]) {
        subjects.iter().for_each(|subject| self.bus.subscribe(subject.clone()));
        timeout(DEADLINE, self.bus.synced()).await.expect("its subscriptions are in force in time");
    }

    /// Waits until the other hears this one, and has heard everything said so far. In a cluster of servers interests
    /// take their time.
    pub async fn reaches(&self, other: &Self) {
        let probes = bucket(1000);
        other.hear(std::slice::from_ref(&probes)).await;
        until("a probe arrives", || {
            self.say(&probes, PROBE);
            other.heard.lock().probed
        })
        .await;
        self.say(&probes, LAST_PROBE);
        until("the last probe arrives", || other.heard.lock().probed_last).await;
    }

    pub fn say(&self, subject: &Subject, number: u64) {
        let body = event(subject, number);
        self.bus.publish(std::slice::from_ref(subject), body).expect("the bus takes it");
    }

    pub fn numbers(&self) -> Vec<u64> {
        self.heard.lock().numbers.clone()
    }

    pub fn count(&self) -> u64 {
        self.heard.lock().numbers.len() as u64
    }

    /// As told by the subscription.
    pub fn lost(&self) -> u64 {
        self.heard.lock().lost
    }

    pub fn states(&self) -> Vec<State> {
        self.heard.lock().states.clone()
    }

    pub fn ended(&self) -> bool {
        self.heard.lock().ended
    }

    /// Says how far it has come, until the other knows that of so many events each one came or is lost.
    pub async fn account(&self, other: &Self, sent: u64) {
        let (mut next, mut last) = (Instant::now(), 0);
        until("each event came or is counted as lost", || {
            if next <= Instant::now() {
                next = Instant::now() + Duration::from_millis(20);
                self.bus.publish(&[Subject::Nodes], heartbeat()).expect("the bus takes it");
            }
            let sum = other.count() + other.lost();
            if sum != last {
                last = sum;
                println!("{} came and {} are lost of {sent}", other.count(), other.lost());
            }
            sum >= sent
        })
        .await;
        assert_eq!(other.count() + other.lost(), sent);
        assert_eq!(other.bus.meters().lost.get(), other.lost());
        assert!(other.numbers().is_sorted_by(|one, next| one < next), "out of order: {:?}", other.numbers());
    }
}

async fn read(mut subscription: Subscription, heard: Arc<Mutex<Heard>>, mut reads: watch::Receiver<bool>) {
    while let Some(inbound) = subscription.next().await {
        heard.lock().note(inbound);
        if reads.wait_for(|reads| *reads).await.is_err() {
            return;
        }
    }
    heard.lock().ended = true;
}

impl Heard {
    fn note(&mut self, inbound: Inbound) {
        match inbound {
            Inbound::Envelope(Envelope { body: Body::Broadcast(broadcast), .. }) => {
                let number =
                    broadcast.packet.trim_end_matches(']').rsplit(',').next().expect("the last argument");
                match number.parse().expect("a number") {
                    PROBE => self.probed = true,
                    LAST_PROBE => self.probed_last = true,
                    number => self.numbers.push(number),
                }
            }
            Inbound::Envelope(Envelope { node, body: Body::Heartbeat(heartbeat), .. }) => {
                self.nodes.insert(node);
                if heartbeat.hello {
                    self.greeted.notify_one();
                }
            }
            Inbound::Envelope(Envelope { node, body: Body::Goodbye(_), .. }) => {
                self.nodes.remove(&node);
            }
            Inbound::Envelope(_) => {}
            Inbound::Lost { count, .. } => self.lost += count,
            Inbound::State(state) => self.states.push(state),
        }
    }
}

pub fn event(subject: &Subject, number: u64) -> Body {
    let namespace = match subject {
        Subject::Namespace(namespace) | Subject::Bucket(namespace, _) => namespace.to_string(),
        Subject::Node(_) | Subject::Nodes => "/".to_owned(),
    };
    let packet = match &*namespace {
        "/" => format!("42[\"n\",{number}]"),
        namespace => format!("42{namespace},[\"n\",{number}]"),
    };
    let target = Some(Target { namespace, ..Target::default() });
    Body::Broadcast(Broadcast { target, packet, ..Broadcast::default() })
}

pub fn heartbeat() -> Body {
    Body::Heartbeat(Heartbeat { interval_ms: 1, ..Heartbeat::default() })
}

pub fn namespace() -> Subject {
    Subject::Namespace("/".into())
}

pub fn bucket(number: u32) -> Subject {
    Subject::Bucket("/".into(), number)
}

/// Waits until it is so.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < DEADLINE, "after {DEADLINE:?} still not so: {what}\n{}", log::text());
        sleep(Duration::from_millis(2)).await;
    }
}

/// Says numbers on all of these in turn, while something else happens. Returns how many, counted on from `said`.
pub async fn say_while(
    peer: &Peer,
    subjects: &[Subject],
    said: u64,
    happens: impl Future<Output = ()>,
) -> u64 {
    let mut happens = std::pin::pin!(happens);
    let mut number = said;
    loop {
        for subject in subjects {
            number += 1;
            peer.say(subject, number);
        }
        tokio::select! {
            () = &mut happens => return number,
            () = sleep(Duration::from_millis(1)) => {}
        }
    }
}
