//! The bus and its life: connecting, running, leaving.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use fanfare_proto::{Bus, BusMeters, Identity, Incoming, Outgoing, Publisher, Subject, Subscription};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, timeout_at};

use crate::barrier::{Announcement, Barrier, answer_calls};
use crate::dial::Dial;
use crate::events::Events;
use crate::faults::Faults;
use crate::hold::Hold;
use crate::inbox::{Inbox, InboxReader};
use crate::interests::Interests;
use crate::link::Link;
use crate::merge::Merge;
use crate::options::{NatsOptions, OptionFaults};
use crate::peers::{PeerId, Peers};
use crate::publisher::NatsPublisher;
use crate::queue::Queue;
use crate::reconciler::Reconciler;
use crate::shared::Shared;
use crate::subjects::Subjects;
use crate::writer::Writer;

/// A [`Bus`] over NATS.
pub struct NatsBus {
    dial: Dial,
}

impl NatsBus {
    /// Checks the options and reads the files they name.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn new(options: NatsOptions) -> Result<Self, OptionFaults> {
        Ok(Self { dial: Dial::new(options)? })
    }
}

impl Bus for NatsBus {
    fn start(self: Box<Self>, identity: Identity) -> (Arc<dyn Publisher>, Subscription) {
        let options = self.dial.options();
        let meters = Arc::new(BusMeters::default());
        let inbox = Arc::new(Inbox::new(options.inbox_bytes_max));
        let age_max = Duration::from_millis(options.queue_age_max_ms);
        let outgoing = Outgoing::new(identity.clone());
        let hold = Hold::new(Duration::from_millis(options.hold_max_ms));
        let unsubscribe_delay = Duration::from_millis(options.unsubscribe_delay_ms);
        let shared = Arc::new(Shared {
            name: if identity.node.is_empty() { "fanfare".into() } else { identity.node.clone() },
            id: PeerId(identity.instance),
            subjects: Subjects::new(&options.prefix),
            envelope_bytes_max: options.envelope_bytes_max,
            sync_timeout: Duration::from_millis(options.sync_timeout_ms),
            queue: Mutex::new(Queue::new(outgoing, options.queue_bytes_max, age_max, hold, meters.clone())),
            interests: Mutex::new(Interests::new(unsubscribe_delay, meters.clone())),
            interests_changed: Notify::new(),
            peers: Mutex::new(Peers::new(meters.clone())),
            peers_changed: Notify::new(),
            faults: Faults::default(),
            arrivals: Arc::default(),
            link: Link::new(inbox.clone(), meters.clone()),
            leaves_at: watch::Sender::new(None),
            meters: meters.clone(),
        });
        let incoming = Incoming::new(&identity, options.envelope_bytes_max, meters.clone());
        let merge = Merge::new(shared.clone(), incoming, inbox.clone(), meters);
        let publisher = NatsPublisher { shared: shared.clone() };
        if !identity.node.is_empty() {
            publisher.subscribe(Subject::Node(identity.node.clone()));
        }
        tokio::spawn(run(shared, Arc::new(self.dial), merge));
        (Arc::new(publisher), Box::pin(InboxReader::new(inbox)))
    }
}

/// The life of a bus.
async fn run(shared: Arc<Shared>, dial: Arc<Dial>, merge: Merge) {
    let merge = tokio::spawn(unconstrained(merge));
    match connect(&shared, &dial).await {
        Ok(client) => {
            let subscribing = tokio::spawn(subscribe(shared.clone(), client.clone(), dial));
            publish_until_left(&shared, client.clone()).await;
            subscribing.abort();
            // If there is no room for these there is no connection that could be ended.
            let farewell = Announcement::Gone(shared.id).to_string();
            let _ =
                timeout_at(Instant::now(), client.publish(shared.subjects.barrier(), farewell.into())).await;
            let _ = timeout_at(Instant::now(), client.drain()).await;
        }
        Err(error) => tracing::error!(%error, "the NATS client does not start"),
    }
    shared.queue.lock().close();
    shared.queue.lock().clear();
    shared.arrivals.close();
    // It does not panic, and if it does there is nothing left to hand out.
    let _ = merge.await;
    shared.link.close();
    // Later callers see that it is closed.
    shared.interests.lock().give_up();
}

/// Starts the client library, which connects when it can.
async fn connect(shared: &Arc<Shared>, dial: &Dial) -> Result<Client, async_nats::ConnectError> {
    let events = Arc::new(Events::new(shared.clone()));
    let (reports, attempts) = (events.clone(), events.clone());
    let options = dial
        .connect_options(&shared.name, &shared.subjects)
        .event_callback(move |event| {
            reports.handle(&event);
            std::future::ready(())
        })
        .reconnect_to_server_callback(move |servers, _| {
            std::future::ready(attempts.before_attempt(&servers))
        });
    let client = options.connect(&dial.addresses[..]).await?;
    events.set_client(client.clone());
    Ok(client)
}

async fn subscribe(
    shared: Arc<Shared>,
    client: Client,
    dial: Arc<Dial>,
) -> Result<(), async_nats::SubscribeError> {
    let barrier = Barrier::new(shared.clone(), client.clone(), dial).await?;
    let answers = answer_calls(shared.clone(), client.clone());
    tokio::join!(Reconciler::new(shared, client, barrier).run(), answers);
    Ok(())
}

async fn publish_until_left(shared: &Arc<Shared>, client: Client) {
    let mut leaves_at = shared.leaves_at.subscribe();
    let too_late = async {
        // The sender is in `shared`.
        let leaves_at = leaves_at.wait_for(Option::is_some).await.ok().and_then(|leaves_at| *leaves_at);
        if let Some(leaves_at) = leaves_at {
            tokio::time::sleep_until(leaves_at).await;
        }
    };
    tokio::select! {
        () = Writer::new(shared.clone(), client).run() => {}
        () = too_late => {}
    }
}
