//! The answering side of the barrier, and what buses tell each other of where they are.

use std::fmt;
use std::sync::Arc;

use async_nats::{Client, Message, Subject};
use fanfare_proto::State;
use fanfare_proto::prost::bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::Instant;

use crate::peers::{Known, PeerId};
use crate::shared::Shared;

/// A message of a bus to all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Announcement {
    /// The bus is connected to this server.
    Here(Known),
    /// The bus leaves.
    Gone(PeerId),
}

/// Answers for the server that this bus is connected to, until the bus is left.
pub(crate) async fn answer_calls(shared: Arc<Shared>, client: Client) {
    let mut state = shared.link.watch();
    loop {
        let now = *state.borrow_and_update();
        if now == State::Closed {
            return;
        }
        let answer = async {
            if now == State::Connected {
                answer_at_server(&shared, &client).await;
            }
            std::future::pending().await
        };
        tokio::select! {
            // A call that came on one connection is not answered on the next one: that may lead elsewhere.
            _ = state.changed() => {}
            () = answer => {}
        }
    }
}

async fn answer_at_server(shared: &Shared, client: &Client) -> Option<()> {
    let own = Known { id: shared.id, server: client.server_info().server_id.into() };
    let (here, answers) = (Bytes::from(own.to_string()), shared.subjects.answers());
    let mut calls = client.subscribe(shared.subjects.barrier_of(own.id)).await.ok()?;
    let mut announcements = client.subscribe(shared.subjects.barrier()).await.ok()?;
    loop {
        let (reply, answer) = tokio::select! {
            call = calls.next() => (call?.reply, here.clone()),
            announcement = announcements.next() => {
                let announcement = announcement?;
                let Some(reply) = hear(shared, &announcement) else { continue };
                (Some(reply), introduction(shared, &own).into())
            }
        };
        // Nothing is published for others wherever they like.
        if let Some(reply) = reply.filter(|reply| reply.starts_with(&answers)) {
            client.publish(reply, answer).await.ok()?;
        }
    }
}

/// Notes it. Returns where an answer is wanted, if one is.
fn hear(shared: &Shared, message: &Message) -> Option<Subject> {
    let announcement = Announcement::read(&message.payload)?;
    let mut peers = shared.peers.lock();
    let is_news = match announcement {
        Announcement::Here(known) => peers.heard(known, Instant::now()),
        Announcement::Gone(id) => {
            peers.gone(id);
            true
        }
    };
    drop(peers);
    if is_news {
        shared.peers_changed.notify_one();
    }
    message.reply.clone()
}

/// This bus, and one of each server that it knows.
fn introduction(shared: &Shared, own: &Known) -> String {
    let others = shared.peers.lock().representatives().map(|known| format!(" {known}")).collect::<String>();
    format!("{own}{others}")
}

impl Announcement {
    fn read(payload: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(payload).ok()?;
        match Known::read_all(text).next() {
            Some(known) => Some(Self::Here(known)),
            None => Some(Self::Gone(text.parse().ok()?)),
        }
    }
}

impl fmt::Display for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here(known) => known.fmt(f),
            Self::Gone(id) => id.fmt(f),
        }
    }
}
