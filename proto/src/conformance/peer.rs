//! A node as the checks see it: what it says, and what it has heard.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use prost::bytes::Bytes;

use crate::bus::{Bus, Identity, Inbound, Publisher, State, Subscription};
use crate::wire;
use crate::wire::envelope::Body;
use crate::wire::envelope::Envelope;
use crate::wire::subject::Subject;

/// Whatever was promised must have happened by then, on a busy machine too.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The buses of one check.
pub struct Scope<'a> {
    pub make: &'a dyn Fn(&str) -> Box<dyn Bus>,
    pub name: &'a str,
}

pub struct Peer {
    pub bus: Arc<dyn Publisher>,
    subscription: Subscription,
    name: Arc<str>,
    heard: VecDeque<Envelope>,
    ended: bool,
}

impl Scope<'_> {
    /// A node that has just started, connected or not.
    pub fn start(&self, name: &str) -> Peer {
        let (bus, subscription) = (self.make)(self.name).start(Identity::new(name));
        Peer { bus, subscription, name: name.into(), heard: VecDeque::new(), ended: false }
    }

    /// A node that is connected, and hears its own subject and these.
    pub async fn join(&self, name: &str, subjects: &[Subject]) -> Peer {
        let mut peer = self.start(name);
        peer.wait("it is not connected", |peer, _| match peer.bus.state() {
            State::Connected => Poll::Ready(()),
            _ => Poll::Pending,
        })
        .await;
        peer.hear(subjects).await;
        peer
    }
}

impl Peer {
    /// The subject of this node alone.
    pub fn own(&self) -> Subject {
        Subject::Node(self.name.clone())
    }

    /// Subscribes to these, and waits until that is in force.
    pub async fn hear(&mut self, subjects: &[Subject]) {
        subjects.iter().for_each(|subject| self.bus.subscribe(subject.clone()));
        let mut synced = self.bus.synced();
        self.wait("its subscriptions are not in force", |_, cx| synced.as_mut().poll(cx)).await;
    }

    pub fn say(&self, subject: &Subject, body: Body) {
        self.say_to(std::slice::from_ref(subject), body);
    }

    pub fn say_to(&self, subjects: &[Subject], body: Body) {
        self.bus.publish(subjects, body).expect("the bus takes it");
    }

    /// The next envelope.
    pub async fn next(&mut self) -> Envelope {
        self.next_or("an envelope does not come").await
    }

    async fn next_or(&mut self, missing: &str) -> Envelope {
        self.wait(missing, |peer, _| peer.heard.pop_front().map_or(Poll::Pending, Poll::Ready)).await
    }

    /// Whether an envelope has come that nobody has taken.
    pub fn has_heard(&self) -> bool {
        !self.heard.is_empty()
    }

    /// The labels of all events up to this one.
    pub async fn hear_until(&mut self, last: &str) -> Vec<String> {
        let mut labels = Vec::new();
        while labels.last().is_none_or(|label| label != last) {
            let envelope = self.next_or(&format!("{last:?} does not come")).await;
            labels.push(label(&envelope.body).to_owned());
        }
        labels
    }

    /// Hears exactly these events next.
    pub async fn expect<L: AsRef<str>>(&mut self, labels: impl IntoIterator<Item = L>) {
        for expected in labels {
            let expected = expected.as_ref();
            let envelope = self.next_or(&format!("{expected:?} does not come")).await;
            assert_eq!(label(&envelope.body), expected, "{} hears something else", self.name);
        }
    }

    /// Waits until the subscription ends.
    pub async fn expect_end(&mut self) {
        self.wait(
            "the subscription does not end",
            |peer, _| if peer.ended { Poll::Ready(()) } else { Poll::Pending },
        )
        .await;
        assert!(self.heard.is_empty(), "{} hears more: {:?}", self.name, self.heard);
    }

    /// Waits until the bus is left.
    pub async fn close(&mut self) {
        let mut closed = self.bus.close(DEADLINE / 2);
        self.wait("the bus is not left", |_, cx| closed.as_mut().poll(cx)).await;
    }

    /// Nothing went wrong: leaves the bus.
    pub async fn leave(mut self) {
        let meters = self.bus.meters();
        let wrong = [
            ("lost", &meters.lost),
            ("late", &meters.late),
            ("refused", &meters.refused),
            ("unknown", &meters.unknown),
            ("dropped", &meters.dropped),
            ("overruns", &meters.overruns),
            ("unsynced", &meters.unsynced),
            ("disconnects", &meters.disconnects),
        ];
        for (name, meter) in wrong {
            assert_eq!(meter.get(), 0, "{} counts what did not happen: {name}", self.name);
        }
        self.close().await;
    }

    /// Waits for something while the subscription is read, as a node always does.
    pub async fn wait<T>(
        &mut self,
        missing: &str,
        mut condition: impl FnMut(&mut Self, &mut Context<'_>) -> Poll<T>,
    ) -> T {
        let name = self.name.clone();
        let poll = poll_fn(|cx| {
            self.read(cx);
            condition(self, cx)
        });
        let waited = tokio::time::timeout(DEADLINE, poll).await;
        waited.unwrap_or_else(|_| panic!("{name} has waited for {DEADLINE:?}: {missing}"))
    }

    fn read(&mut self, cx: &mut Context<'_>) {
        while !self.ended {
            let Poll::Ready(news) = self.subscription.as_mut().poll_next(cx) else { return };
            match news {
                Some(Inbound::Envelope(envelope)) => self.heard.push_back(envelope),
                Some(Inbound::Lost { count, .. }) => panic!("{} is told of {count} losses", self.name),
                Some(Inbound::State(_)) => {}
                None => self.ended = true,
            }
        }
    }
}

/// An event that tells what it is.
pub fn event(label: &str) -> Body {
    large_event(label, &[])
}

/// An event with attachments of these sizes, each full of bytes of its own.
pub fn large_event(label: &str, attachments: &[usize]) -> Body {
    let kind = if attachments.is_empty() { "42".into() } else { format!("45{}-", attachments.len()) };
    let placeholders = (0..attachments.len()).map(|num| format!(r#",{{"_placeholder":true,"num":{num}}}"#));
    let attachment = |(n, bytes): (usize, &usize)| Bytes::from(vec![n as u8 + 1; *bytes]);
    Body::Broadcast(wire::Broadcast {
        target: Some(wire::Target { namespace: "/".into(), ..Default::default() }),
        packet: format!(r#"{kind}["{label}"{}]"#, placeholders.collect::<String>()),
        attachments: attachments.iter().enumerate().map(attachment).collect(),
        ..Default::default()
    })
}

/// The label of an event.
pub fn label(body: &Body) -> &str {
    let Body::Broadcast(broadcast) = body else { panic!("nobody said this: {body:?}") };
    broadcast.packet.split('"').nth(1).expect("a packet with the name of an event")
}

pub fn namespace(name: &str) -> Subject {
    Subject::Namespace(name.into())
}

pub fn bucket(number: u32) -> Subject {
    Subject::Bucket("/".into(), number)
}
