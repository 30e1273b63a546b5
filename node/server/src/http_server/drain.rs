//! Draining: a server that is going to end lets its clients go at a pace, so that the nodes they come back to are not
//! overrun.
//!
//! It decides when a connection's turn has come; how the connection ends is its own business (`connection::closing`).

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};
use tracing::{info, warn};

use super::service::HttpService;
use crate::node::ServingState;
use crate::options::{deadline_after, ms};
use crate::outbox::Ending;
use fanfare_engineio::request::TransportKind;

/// Interval at which connections are closed, as many as the pace allows.
const TICK: Duration = Duration::from_millis(10);
/// Interval at which the remaining connections are listed.
const LOOK: Duration = Duration::from_millis(50);
/// Interval at which the log reports the number of connections left.
const REPORT: Duration = Duration::from_secs(5);

/// Result of draining a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were closed in their turn.
    pub connections: u64,
    /// Connections that were left when the time was over, and were cut off.
    pub cut: u64,
}

/// Lets all clients go. When it returns, those that are left are to be cut off.
pub(super) async fn drain(service: &HttpService) -> Drained {
    let node = &service.hub.node;
    let options = node.options.drain;
    let deadline = deadline_after(ms(options.timeout_ms));
    info!(connections = service.hub.sessions.count(), wait_ms = options.wait_ms, "draining");
    let leaving = async {
        wait_for_balancers(service, ms(options.wait_ms)).await;
        node.drain_to(ServingState::Draining);
        let connections = service.hub.sessions.count();
        info!(connections, per_second = options.connections_per_second, "draining: closing connections");
        close_at_a_pace(service, Pace::new(options.connections_per_second, Instant::now())).await;
    };
    let is_late = timeout_at(deadline, leaving).await.is_err();
    let open = u64::try_from(node.metrics.connections.get()).unwrap_or_default();
    let drained = Drained { connections: node.metrics.drained.get(), cut: if is_late { open } else { 0 } };
    if drained.cut > 0 {
        warn!(
            timeout_ms = options.timeout_ms,
            cut = drained.cut,
            "draining took too long: cutting off the remaining connections"
        );
    }
    info!(connections = drained.connections, "drained");
    drained
}

/// Waits until new sessions are refused and no client polls any more.
pub(super) async fn nobody_polls(service: &HttpService) {
    let polls = || service.hub.sessions.any(|session| session.link.transport() == TransportKind::Polling);
    while service.hub.node.serving_state() != ServingState::Draining || polls() {
        sleep(LOOK).await;
    }
}

/// Gives balancers time to notice that this node does not want clients. Skipped without clients: a new one that is
/// refused tries elsewhere.
async fn wait_for_balancers(service: &HttpService, patience: Duration) {
    let until = deadline_after(patience);
    while Instant::now() < until && service.hub.sessions.count() > 0 {
        sleep(LOOK.min(until - Instant::now())).await;
    }
}

/// Asks every connection to end, also those that are still being opened, and waits until all have gone.
async fn close_at_a_pace(service: &HttpService, mut pace: Pace) {
    let sessions = &service.hub.sessions;
    let mut report_at = Instant::now() + REPORT;
    let mut waiting = Vec::new();
    loop {
        if waiting.is_empty() {
            waiting = sessions
                .pick(|session| (!session.link.outbox.is_ending()).then(|| session.link.outbox.clone()));
            if waiting.is_empty() && sessions.count() == 0 {
                return;
            }
        }
        let now = Instant::now();
        let turn = pace.take(now, waiting.len());
        waiting.drain(waiting.len() - turn..).for_each(|outbox| outbox.end(Ending::Drain));
        if now >= report_at {
            report_at = now + REPORT;
            info!(connections = sessions.count(), "draining: connections are left");
        }
        sleep(if waiting.is_empty() { LOOK } else { TICK }).await;
    }
}

/// So many in a second, evenly. Who was kept from it does not catch up: in no second is it more than a tenth above, or
/// two.
struct Pace {
    /// 0 = no pace.
    per_second: u32,
    /// Number of connections that may be taken now, with the fraction of the next one.
    allowed: f64,
    at: Instant,
}

impl Pace {
    fn new(per_second: u32, now: Instant) -> Self {
        Self { per_second, allowed: 0.0, at: now }
    }

    /// Takes as many of the wanted connections as the pace allows now.
    fn take(&mut self, now: Instant, wanted: usize) -> usize {
        if self.per_second == 0 {
            return wanted;
        }
        let per_second = f64::from(self.per_second);
        let burst = (per_second / 10.0).max(2.0);
        self.allowed = (self.allowed + (now - self.at).as_secs_f64() * per_second).min(burst);
        self.at = now;
        let taken = wanted.min(self.allowed as usize);
        self.allowed -= taken as f64;
        taken
    }
}

#[cfg(test)]
mod tests;
