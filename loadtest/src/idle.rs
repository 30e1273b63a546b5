//! `loadtest idle`: what a connection costs that does nothing but answer heartbeats.

use crate::cli::IdleOptions;
use crate::client::{CloseReason, Phase};
use crate::error::RunError;
use crate::interrupt::Interrupt;
use crate::ledger::Ledger;
use crate::meter::Meter;
use crate::packet::Packet;
use crate::phases;
use crate::report::Report;
use crate::swarm::{ClientId, Scenario, Swarm};
use crate::target::allow_connections;

/// Runs it.
pub(crate) fn run(options: &IdleOptions, interrupt: &Interrupt) -> Result<Report, RunError> {
    let clients = options.clients as usize;
    allow_connections(clients)?;
    let meter = Meter::new(&options.server.pids)?;
    let mut swarm = Swarm::new(options.server.targets()?, clients, |client| client)?;
    let mut idle = Idle { ledger: Ledger::new() };

    let resident_before = meter.server_resident_kib()?;
    idle.ledger.is_measuring = true;
    swarm.connect_all(&mut idle, options.server.connect_rate, interrupt)?;
    idle.ledger.is_measuring = false;
    let before = meter.read()?;
    phases::wait(&mut idle, &mut swarm, options.hold, interrupt)?;
    let usage = meter.read()?.since(&before);
    let resident_after = meter.server_resident_kib()?;

    idle.ledger.accounts.expected = clients as u64;
    let report = Report::new("idle", "connection", options, usage, idle.ledger);
    let report = report.interrupted(interrupt.is_raised()).resident(resident_after);
    Ok(report.idle(resident_before, clients, swarm.pings))
}

/// Connections that only stay.
struct Idle {
    ledger: Ledger,
}

impl Scenario for Idle {
    fn connected(&mut self, swarm: &mut Swarm, client: ClientId) {
        self.ledger.accounts.received += 1;
        self.ledger.measure(swarm.now_ns() - swarm.opened_ns(client));
    }

    fn packet(&mut self, _swarm: &mut Swarm, client: ClientId, packet: Packet<'_>) {
        if let Packet::Event { data, .. } | Packet::Ack { data, .. } = packet {
            self.ledger.corrupt(client, data);
        }
    }

    fn closed(&mut self, _swarm: &mut Swarm, client: ClientId, _phase: Phase, reason: &CloseReason) {
        self.ledger.disconnected(client, &reason.to_string());
    }
}
