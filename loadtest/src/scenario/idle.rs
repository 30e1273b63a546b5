//! `loadtest idle`: the cost of a connection that does nothing but answer heartbeats.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::client::packet::Packet;
use crate::client::target::allow_connections;
use crate::client::{CloseReason, Stage};
use crate::error::RunError;
use crate::measure::ledger::Ledger;
use crate::measure::outcome::Outcome;
use crate::scenario::server::ServerOptions;
use crate::swarm::control::Control;
use crate::swarm::{ClientId, Handler, Swarm};
use crate::traffic::load::as_seconds;
use crate::traffic::phases;

/// Options of `loadtest idle`.
#[derive(Debug, Clone, Args, Serialize)]
#[non_exhaustive]
pub struct IdleOptions {
    /// Servers to connect to.
    #[command(flatten)]
    pub server: ServerOptions,
    /// Number of connections to hold
    #[arg(long, value_name = "N", default_value_t = 8000, value_parser = clap::value_parser!(u32).range(1..))]
    pub clients: u32,
    /// Time for which to hold the connections before memory is read
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub hold: Duration,
}

/// Holds the connections and reads the servers' memory.
pub(crate) fn run(options: &IdleOptions, control: &mut Control) -> Result<Outcome, RunError> {
    let clients = options.clients as usize;
    allow_connections(clients)?;
    let meter = options.server.meter()?;
    let mut swarm = options.server.swarm(clients, |client| client, control)?;
    let mut idle = Idle { ledger: Ledger::new() };

    let resident_before = meter.server_resident_kib()?;
    swarm.series.enter("connect", true);
    swarm.connect_all(&mut idle, options.server.connect_rate, &control.interrupt)?;
    swarm.enter(&mut idle.ledger, "hold", false);
    phases::wait_for_others(&mut idle, &mut swarm, control)?;
    let before = meter.read()?;
    phases::wait(&mut idle, &mut swarm, options.hold, &control.interrupt)?;
    swarm.enter(&mut idle.ledger, "end", false);
    let usage = meter.read()?.since(&before);
    let resident_after = meter.server_resident_kib()?;

    idle.ledger.accounts.expected = clients as u64;
    let heartbeats = swarm.pings;
    let mut outcome = Outcome::new("connection", usage, swarm.series, &idle.ledger);
    outcome.is_interrupted = control.interrupt.is_raised();
    outcome.server_resident_kib = resident_after;
    outcome.heartbeats = Some(heartbeats);
    let grown = resident_after.zip(resident_before).map(|(after, before)| after as f64 - before as f64);
    outcome.grown = grown.map(|kib| (kib, clients as u64));
    Ok(outcome)
}

/// Connections that only stay.
struct Idle {
    ledger: Ledger,
}

impl Handler for Idle {
    fn connected(&mut self, swarm: &mut Swarm, client: ClientId, _data: &[u8]) {
        self.ledger.accounts.received += 1;
        self.ledger.measure(swarm.now_ns() - swarm.opened_ns(client));
    }

    fn packet(&mut self, _: &mut Swarm, client: ClientId, packet: Packet<'_>, _: Option<&[u8]>) {
        if let Packet::Event { data, .. } | Packet::Ack { data, .. } = packet {
            self.ledger.corrupt(client, data);
        }
    }

    fn closed(&mut self, _swarm: &mut Swarm, client: ClientId, _stage: Stage, reason: &CloseReason) {
        self.ledger.disconnected(client, &reason.to_string());
    }

    fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }
}
