//! Reports of the client library: connections, failures, and complaints of the server.
//!
//! The library throws reports away when they come too fast, as they do when a subscription overruns. So each one is also an
//! occasion to look at the connection itself.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use async_nats::connection::State as Connection;
use async_nats::{Client, Event, ReconnectToServer, Server, ServerError};
use fanfare_proto::State;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::link::Link;
use crate::shared::{FOREVER, Shared};

/// Other complaints of one connection than these are not logged.
const COMPLAINTS_MAX: usize = 100;

pub(crate) struct Events {
    shared: Arc<Shared>,
    /// Set right after the client library was started.
    client: OnceLock<Client>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    is_connected: bool,
    /// Number of connections so far. Since the last one:
    connects: u64,
    /// Rounds of attempts to connect since then.
    rounds: u64,
    /// Complaints that were logged, so that each is said once.
    complaints: HashSet<String>,
}

impl Events {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, client: OnceLock::new(), seen: Mutex::default() }
    }

    pub(crate) fn set_client(&self, client: Client) {
        // It is set once.
        let _ = self.client.set(client);
    }

    /// Handles one report.
    pub(crate) fn handle(&self, event: &Event) {
        match event {
            // The library says so before it acts on it.
            Event::Connected => self.look(Some(true)),
            Event::Disconnected => self.look(Some(false)),
            _ => self.look(None),
        }
        match event {
            Event::SlowConsumer(_) => self.shared.meters.overruns.increment(),
            Event::ServerError(ServerError::SlowConsumer(_)) => {}
            Event::ServerError(error) => {
                self.shared.faults.complaint(&error.to_string(), &self.shared.subjects);
                self.complain(&error.to_string());
            }
            Event::LameDuckMode => {
                tracing::info!("the NATS server is about to shut down, and another one will be used")
            }
            // Failures to connect are told before the next attempt, in more detail.
            Event::ClientError(_)
            | Event::Connected
            | Event::Disconnected
            | Event::Draining
            | Event::Closed => {}
        }
    }

    fn look(&self, is_connected: Option<bool>) {
        let mut seen = self.seen.lock();
        let Some(client) = self.client.get() else {
            // The library was faster than we.
            return self.change(&mut seen, is_connected.unwrap_or(false), 0);
        };
        let connects = client.statistics().connects.load(Ordering::Relaxed);
        let is_connected = is_connected.unwrap_or_else(|| client.connection_state() == Connection::Connected);
        self.change(&mut seen, is_connected, connects);
    }

    fn change(&self, seen: &mut Seen, is_connected: bool, connects: u64) {
        let is_another = seen.connects != 0 && connects > seen.connects;
        if seen.is_connected && (!is_connected || is_another) {
            seen.is_connected = false;
            tracing::warn!(
                "the connection to NATS is lost; this node serves its own clients and tries to connect again"
            );
            self.shared.queue.lock().hold.broken();
            self.shared.interests.lock().doubt();
            self.shared.link.down();
        }
        if !seen.is_connected && is_connected {
            seen.is_connected = true;
            seen.rounds = 0;
            seen.complaints.clear();
            // Before anybody can see the new state: nothing is known to be in force there, and nobody to be back.
            self.shared.interests.lock().doubt();
            self.shared.queue.lock().hold.connected(Instant::now());
            self.shared.faults.forgive();
            let outage_ms = self.shared.link.up();
            tracing::info!(outage_ms, "connected to NATS");
        }
        seen.connects = connects;
    }

    /// Before each round of attempts to connect. Returns where to connect, if not wherever the library chooses.
    pub(crate) fn before_attempt(&self, servers: &[Server]) -> Option<ReconnectToServer> {
        let never = never_if_closed(&self.shared.link, servers);
        if never.is_none() {
            self.tell_failures(servers);
        }
        never
    }

    /// Logs the outcome of the last round.
    fn tell_failures(&self, servers: &[Server]) {
        let mut seen = self.seen.lock();
        seen.rounds += 1;
        if seen.rounds < 2 {
            // What is known is of an earlier time.
            return;
        }
        let outcome = |server: &Server| {
            let error = server.last_error.as_deref().unwrap_or("its name is not known, or it was not tried");
            format!("{}:{}: {error}{}", server.addr.host(), server.addr.port(), advice(error))
        };
        let outcomes = servers.iter().map(outcome).collect::<Vec<_>>().join("; ");
        if seen.complaints.len() < COMPLAINTS_MAX && seen.complaints.insert(outcomes.clone()) {
            tracing::warn!(outcomes, "cannot connect to NATS yet, and go on trying");
        }
    }

    fn complain(&self, complaint: &str) {
        let mut seen = self.seen.lock();
        // One of a kind: the rest of the sentence names a subject.
        let kind = complaint.split('"').next().unwrap_or_default().to_owned();
        if seen.complaints.len() < COMPLAINTS_MAX && seen.complaints.insert(kind) {
            tracing::warn!(complaint, "the NATS server complains{}", advice(complaint));
        }
    }
}

/// Once the bus is left: a time that never comes, since the library cannot be told to stop trying.
pub(crate) fn never_if_closed(link: &Link, servers: &[Server]) -> Option<ReconnectToServer> {
    let server = servers.first().filter(|_| link.state() == State::Closed)?;
    Some(ReconnectToServer { addr: server.addr.clone(), delay: Some(FOREVER) })
}

/// Advice on what to do, if there is any.
fn advice(error: &str) -> &'static str {
    let error = error.to_lowercase();
    let knows = |words: &[&str]| words.iter().any(|word| error.contains(word));
    if knows(&["permissions violation"]) {
        " (the user must be allowed to publish and subscribe to everything below the prefix)"
    } else if knows(&["authorization", "authentication", "expired", "signing nonce", "revoked"]) {
        " (check user and password, token, nkey seed or credentials file, and that the server knows them)"
    } else if knows(&["unknownissuer", "certificate", "tls", "handshake"]) {
        " (check tls_ca_file, the name in the server's certificate, and whether it wants tls_first or a tls_cert_file)"
    } else if knows(&["refused", "timed out", "unreachable", "expected info", "name is not known"]) {
        " (check that a NATS server listens there and can be reached; one with handshake_first needs tls_first)"
    } else if knows(&["maximum subscriptions"]) {
        " (raise max_subscriptions on the server: rooms would not hear from other nodes)"
    } else if knows(&["maximum payload"]) {
        " (the servers of the NATS cluster must agree on max_payload)"
    } else {
        ""
    }
}
