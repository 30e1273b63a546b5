//! Calls to the other servers of a NATS cluster, and their echo.
//!
//! A server tells the others of a new subscription and passes messages on to them over one connection, in this order.
//! So when a message has reached another server and was answered there, that server knows of all subscriptions made
//! before it. Servers do not answer, but nodes do: on each server one of the nodes connected to it, since these form a
//! queue group named after the server.
//!
//! A caller waits for the servers it knows to have nodes: those that answered lately, and those whose nodes said hello
//! since. A server whose nodes are all gone costs one call its patience, and is then forgotten.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::{Client, Message, Subscriber};
use fanfare_proto::State;
use futures_util::{FutureExt, StreamExt};
use tokio::time::timeout;

use crate::bus::Shared;

/// How long to wait for a server that has nodes.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long to wait for servers that may have none.
const PATIENCE_AT_FIRST: Duration = Duration::from_millis(200);

/// The caller's side.
pub(crate) struct Caller {
    shared: Arc<Shared>,
    client: Client,
    /// Where its calls are answered.
    inbox: String,
    answers: Subscriber,
    hellos: Subscriber,
    /// The ids of the servers that have nodes, as far as is known.
    servers: HashSet<String>,
    call: u64,
    /// The connection of the last call.
    connection: u64,
}

/// What an answer says, and a hello, which answers no call.
struct Answer {
    call: u64,
    server: String,
}

impl Caller {
    pub(crate) async fn new(shared: Arc<Shared>, client: Client) -> Result<Self, async_nats::SubscribeError> {
        let inbox = client.new_inbox();
        let answers = client.subscribe(inbox.clone()).await?;
        let hellos = client.subscribe(shared.subjects.hello()).await?;
        Ok(Self { shared, client, inbox, answers, hellos, servers: HashSet::new(), call: 0, connection: 0 })
    }

    /// Calls, and waits until all servers that are known to have nodes have answered, if there can be others at all.
    pub(crate) async fn call(&mut self) {
        let info = self.client.server_info();
        if info.cluster.is_none() {
            return;
        }
        // Nobody is known yet on a new connection: as many as there are servers may answer.
        let connection = self.client.statistics().connects.load(Ordering::Relaxed);
        let is_first = std::mem::replace(&mut self.connection, connection) != connection;
        let (others, patience) = match is_first {
            true => (info.connect_urls.len().saturating_sub(1), PATIENCE_AT_FIRST),
            false => (0, PATIENCE),
        };
        self.call += 1;
        let subject = self.shared.subjects.call();
        let call = self.call.to_string().into();
        if self.client.publish_with_reply(subject, self.inbox.clone(), call).await.is_err() {
            return;
        }
        let _ = self.note().now_or_never();
        let mut missing = self.servers.clone();
        missing.remove(&info.server_id);
        // Late, it tells that these servers have no nodes any more.
        if timeout(patience, self.collect(&info.server_id, &mut missing, others)).await.is_err() {
            self.servers.retain(|server| !missing.contains(server));
        }
    }

    /// Notes hellos, and answers that come after their call was over. Never ends while there is a client.
    pub(crate) async fn note(&mut self) {
        while let Some(answer) = self.next_answer().await {
            self.servers.insert(answer.server);
        }
        std::future::pending().await
    }

    async fn collect(&mut self, own_server: &str, missing: &mut HashSet<String>, others: usize) {
        let mut answered = HashSet::new();
        while !missing.is_empty() || answered.len() < others {
            let Some(answer) = self.next_answer().await else { return };
            if answer.server == own_server {
                continue;
            }
            self.servers.insert(answer.server.clone());
            if answer.call == self.call {
                missing.remove(&answer.server);
                answered.insert(answer.server);
            }
        }
    }

    /// An answer or a hello that says something.
    async fn next_answer(&mut self) -> Option<Answer> {
        loop {
            let message = tokio::select! {
                message = self.answers.next() => message?,
                message = self.hellos.next() => message?,
            };
            if let Some(answer) = Answer::read(&message) {
                return Some(answer);
            }
        }
    }
}

impl Answer {
    fn read(message: &Message) -> Option<Self> {
        let (call, server) = std::str::from_utf8(&message.payload).ok()?.split_once(' ')?;
        Some(Self { call: call.parse().ok()?, server: server.to_owned() })
    }
}

/// The other side: answers calls, until the bus is left.
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
            _ = state.changed() => {}
            () = answer => {}
        }
    }
}

/// For the nodes of the server that this node is connected to.
async fn answer_at_server(shared: &Shared, client: &Client) -> Option<()> {
    let info = client.server_info();
    info.cluster.as_ref()?;
    let server = info.server_id;
    let mut calls = client.queue_subscribe(shared.subjects.call(), server.clone()).await.ok()?;
    client.publish(shared.subjects.hello(), format!("0 {server}").into()).await.ok()?;
    while let Some(message) = calls.next().await {
        let Some(caller) = message.reply else { continue };
        let call = String::from_utf8_lossy(&message.payload);
        client.publish(caller, format!("{call} {server}").into()).await.ok()?;
    }
    None
}
