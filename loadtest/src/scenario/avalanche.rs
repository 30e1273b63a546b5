//! `loadtest avalanche`: every connection is cut at once, and every client comes back. How long until they are there?
//!
//! A client is back when its CONNECT is acknowledged. An attempt that fails, or takes too long, is repeated for as
//! long as there is patience; a client that never comes back counts as lost.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use clap::Args;
use hdrhistogram::Histogram;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

use crate::client::packet::Packet;
use crate::client::target::allow_connections;
use crate::client::{CloseReason, Stage};
use crate::error::RunError;
use crate::measure::ledger::{Ledger, empty_histogram};
use crate::measure::outcome::{Outcome, Spread};
use crate::scenario::server::ServerOptions;
use crate::swarm::control::Control;
use crate::swarm::{ClientId, Handler, Swarm};
use crate::traffic::load::as_seconds;
use crate::traffic::phases;

/// Options of `loadtest avalanche`.
#[derive(Debug, Clone, Args, Serialize)]
#[non_exhaustive]
pub struct AvalancheOptions {
    /// Servers to connect to.
    #[command(flatten)]
    pub server: ServerOptions,
    /// Number of clients; all of them are cut off
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub clients: u32,
    /// Time for which to hold the connections before they are cut
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub hold: Duration,
    /// Time for which clients stay away after the cut
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub away: Duration,
    /// Time over which the return of the clients is spread; a failed attempt is repeated after as long, at least 200 ms
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub spread: Duration,
    /// Time after which an attempt to connect has failed
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub attempt: Duration,
    /// Time to wait for the last client to come back
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub patience: Duration,
}

/// A failed attempt is not repeated sooner.
const RETRY_MIN: Duration = Duration::from_millis(200);

/// Cuts all clients and waits until they are back.
pub(crate) fn run(options: &AvalancheOptions, control: &mut Control) -> Result<Outcome, RunError> {
    let clients = options.clients as usize;
    allow_connections(clients)?;
    let meter = options.server.meter()?;
    let mut swarm = options.server.swarm(clients, |client| client, control)?;
    let mut avalanche = Avalanche::new(options);
    swarm.connect_all(&mut avalanche, options.server.connect_rate, &control.interrupt)?;
    phases::wait(&mut avalanche, &mut swarm, options.hold, &control.interrupt)?;
    phases::wait_for_others(&mut avalanche, &mut swarm, control)?;
    if control.interrupt.is_raised() {
        return Err(RunError::Interrupted);
    }

    swarm.enter(&mut avalanche.ledger, "measure", true);
    let before = meter.read()?;
    avalanche.cut(&mut swarm);
    swarm.turn_until(&mut avalanche, options.patience, &control.interrupt, |avalanche, swarm| {
        avalanche.send_back(swarm);
        avalanche.is_over()
    })?;
    swarm.enter(&mut avalanche.ledger, "end", false);
    let usage = meter.read()?.since(&before);

    let back = avalanche.back.len();
    avalanche.ledger.accounts.expected = clients as u64;
    avalanche.ledger.accounts.received = back;
    avalanche.ledger.accounts.lost = clients as u64 - back;
    let mut outcome = Outcome::new("connect", usage, swarm.series, &avalanche.ledger);
    outcome.is_interrupted = control.interrupt.is_raised();
    outcome.server_resident_kib = meter.server_resident_kib()?;
    outcome.back = Some((Spread::of(&avalanche.back), clients as u64));
    outcome.details.insert("attempts_failed".to_owned(), avalanche.ledger.failures as f64);
    Ok(outcome)
}

/// Clients on their way back.
struct Avalanche<'a> {
    options: &'a AvalancheOptions,
    chance: StdRng,
    cut_ns: Option<u64>,
    /// Clients to connect again, by time.
    attempts: BinaryHeap<Reverse<(u64, ClientId)>>,
    /// Attempts to give up, by time; outdated if the client is back or tries again.
    deadlines: BinaryHeap<Reverse<(u64, ClientId)>>,
    /// Time for which each client was gone.
    back: Histogram<u64>,
    ledger: Ledger,
}

impl<'a> Avalanche<'a> {
    fn new(options: &'a AvalancheOptions) -> Self {
        Self {
            options,
            chance: StdRng::seed_from_u64(options.server.seed),
            cut_ns: None,
            attempts: BinaryHeap::new(),
            deadlines: BinaryHeap::new(),
            back: empty_histogram(),
            ledger: Ledger::new(),
        }
    }

    fn cut(&mut self, swarm: &mut Swarm) {
        let cut_ns = swarm.tick();
        self.cut_ns = Some(cut_ns);
        for client in 0..swarm.size() {
            swarm.cut(client);
            let away = self.options.away + self.options.spread.mul_f64(self.chance.random_range(0.0..1.0));
            self.attempts.push(Reverse((cut_ns + away.as_nanos() as u64, client)));
        }
    }

    fn is_over(&self) -> bool {
        self.back.len() == u64::from(self.options.clients)
    }

    /// Begins the attempts whose time has come, and ends those that take too long.
    fn send_back(&mut self, swarm: &mut Swarm) {
        let now_ns = swarm.tick();
        let attempt_ns = self.options.attempt.as_nanos() as u64;
        while let Some(Reverse((at_ns, client))) = self.deadlines.peek().copied()
            && at_ns <= now_ns
        {
            self.deadlines.pop();
            let is_outdated = swarm.stage_of(client) == Stage::Ready
                || swarm.stage_of(client) == Stage::Absent
                || swarm.opened_ns(client) + attempt_ns > at_ns;
            if !is_outdated {
                swarm.cut(client);
                self.try_later(now_ns, client);
            }
        }
        while let Some(Reverse((at_ns, client))) = self.attempts.peek().copied()
            && at_ns <= now_ns
        {
            self.attempts.pop();
            match swarm.open(client) {
                Ok(()) => self.deadlines.push(Reverse((swarm.opened_ns(client) + attempt_ns, client))),
                Err(_) => self.try_later(now_ns, client),
            }
        }
        if let Some(Reverse((at_ns, _))) = self.attempts.peek() {
            swarm.wake_at(*at_ns);
        }
    }

    fn try_later(&mut self, now_ns: u64, client: ClientId) {
        self.ledger.failures += 1;
        let wait = self.options.spread.max(RETRY_MIN).mul_f64(self.chance.random_range(0.5..1.5));
        self.attempts.push(Reverse((now_ns + wait.as_nanos() as u64, client)));
    }
}

impl Handler for Avalanche<'_> {
    fn connected(&mut self, swarm: &mut Swarm, client: ClientId, _data: &[u8]) {
        self.ledger.measure(swarm.now_ns() - swarm.opened_ns(client));
        if let Some(cut_ns) = self.cut_ns {
            self.back.saturating_record(swarm.now_ns() - cut_ns);
        }
    }

    fn packet(&mut self, _: &mut Swarm, client: ClientId, packet: Packet<'_>, _: Option<&[u8]>) {
        if let Packet::Event { data, .. } | Packet::Ack { data, .. } = packet {
            self.ledger.corrupt(client, data);
        }
    }

    fn closed(&mut self, swarm: &mut Swarm, client: ClientId, stage: Stage, reason: &CloseReason) {
        match (self.cut_ns, stage) {
            // A client that was back and falls again has not been brought back.
            (None, _) | (_, Stage::Ready) => self.ledger.disconnected(client, &reason.to_string()),
            _ => self.try_later(swarm.now_ns(), client),
        }
    }

    fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }
}
