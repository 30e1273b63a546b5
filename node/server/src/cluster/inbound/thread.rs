//! The thread on which a node reads its bus, so that no storm of connections keeps it from that.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use fanfare_proto::{Bus, Identity, Subject, Subscription, wake};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::InboundTask;
use super::heartbeat::{beat, watch_silence};
use crate::cluster::outbound::ClusterLink;
use crate::connection::Hub;
use crate::ids::NodeTag;
use crate::options::ClusterOptions;

/// A thread that serves one bus.
pub struct ClusterThread {
    link: Arc<ClusterLink>,
    /// Taken when the node is complete.
    listen: Mutex<Option<oneshot::Sender<Arc<Hub>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl ClusterThread {
    /// Joins the bus as the node of this tag; without a tag as a pure sender.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(bus: Box<dyn Bus>, tag: Option<NodeTag>, options: ClusterOptions) -> io::Result<Self> {
        let identity = Identity::new(tag.as_ref().map_or("", NodeTag::as_str));
        let (started, publisher) = std::sync::mpsc::channel();
        let (listen, hub) = oneshot::channel();
        let thread = std::thread::Builder::new().name("fanfare-cluster".into()).spawn({
            let identity = identity.clone();
            move || {
                actix_rt::System::new().block_on(async move {
                    actix_rt::spawn(wake::run());
                    let (publisher, subscription) = bus.start(identity);
                    // The starter of this thread waits for it.
                    let _ = started.send(publisher);
                    run(subscription, hub).await;
                });
            }
        })?;
        let publisher = publisher.recv().map_err(|_| io::Error::other("the bus ended at its start"))?;
        let (listens, tag) = (tag.is_some(), tag.unwrap_or_else(NodeTag::random));
        if !listens {
            // A sender without a node hears nothing but signs of life: the bus waits for the nodes after an outage.
            publisher.subscribe(Subject::Nodes);
        }
        let link = ClusterLink::new(publisher, identity, tag, options);
        Ok(Self { link, listen: Mutex::new(listens.then_some(listen)), thread: Mutex::new(Some(thread)) })
    }

    /// The link of the node to its cluster.
    pub fn link(&self) -> &Arc<ClusterLink> {
        &self.link
    }

    /// The node is complete: it listens from now on.
    pub fn listen(&self, hub: Arc<Hub>) {
        self.link.bus.subscribe(Subject::Nodes);
        if let Some(listen) = self.listen.lock().take() {
            // The thread lives until it is closed.
            let _ = listen.send(hub);
        }
    }

    /// Says goodbye, publishes the waiting messages for at most `patience`, and ends the thread.
    pub async fn close(&self, patience: Duration) {
        if !self.link.identity.node.is_empty() {
            self.link.say_goodbye();
        }
        self.link.bus.close(patience).await;
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            // It has nothing left to do but to return; it never panics with something in its hands.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

impl Drop for ClusterThread {
    fn drop(&mut self) {
        // Begins to close, if nobody did; the thread ends by itself.
        drop(self.link.bus.close(Duration::ZERO));
    }
}

async fn run(subscription: Subscription, hub: oneshot::Receiver<Arc<Hub>>) {
    let Ok(hub) = hub.await else { return drain(subscription).await };
    let Some(cluster) = hub.node.cluster.clone() else { return };
    let beating = actix_rt::spawn(beat(hub.clone(), cluster.clone()));
    let watching = actix_rt::spawn(watch_silence(hub.clone(), cluster.clone()));
    InboundTask::new(hub, cluster.clone()).listen(subscription).await;
    beating.abort();
    watching.abort();
    cluster.announces_no_more();
}

/// Keeps the bus going for a pure sender.
async fn drain(mut subscription: Subscription) {
    while std::future::poll_fn(|cx| subscription.as_mut().poll_next(cx)).await.is_some() {}
}
