//! A second connection, on which a bus hears what it says to itself.
//!
//! A server does not give back to a connection what came from it: all that a node says to a bucket that it subscribes
//! to itself would come twice. It says so if nobody subscribes, which is proof enough that it got there; but a program
//! that subscribes to everything, as operators run them, takes that away. Then this connection is opened, and stays.

use std::sync::Arc;

use async_nats::{Client, Subject, Subscriber};
use futures_util::StreamExt;

use crate::dial::Dial;
use crate::events::never_if_closed;
use crate::shared::Shared;

pub(crate) struct Witness {
    /// The subject that it subscribes to.
    pub(crate) subject: Subject,
    echoes: Subscriber,
    /// Ends with it.
    _client: Client,
}

impl Witness {
    /// Connects when it can. `None` means that the client library does not start.
    pub(crate) async fn open(dial: &Dial, shared: &Arc<Shared>) -> Option<Self> {
        let closing = shared.clone();
        let options = dial
            .connect_options(&format!("{}-witness", shared.name), &shared.subjects)
            .reconnect_to_server_callback(move |servers, _| {
                std::future::ready(never_if_closed(&closing.link, &servers))
            });
        let client = options.connect(&dial.addresses[..]).await.ok()?;
        let subject = Subject::from(client.new_inbox());
        let echoes = client.subscribe(subject.clone()).await.ok()?;
        tracing::debug!("another connection to NATS hears what this one says");
        Some(Self { subject, echoes, _client: client })
    }

    /// The number of the next call that it hears.
    pub(crate) async fn next_call(&mut self) -> u64 {
        while let Some(message) = self.echoes.next().await {
            let call = std::str::from_utf8(&message.payload).ok().and_then(|text| text.parse().ok());
            if let Some(call) = call {
                return call;
            }
        }
        std::future::pending().await
    }
}
