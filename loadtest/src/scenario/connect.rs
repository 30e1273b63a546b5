//! `loadtest connect`: connections one after the other, up to the acknowledged CONNECT, then an orderly close.
//!
//! A connection costs everything between the TCP handshake and the end of the close: the server's processor time
//! covers all of it, the latency goes up to the acknowledgement.

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
use crate::swarm::interrupt::Interrupt;
use crate::swarm::{ClientId, Handler, Swarm};
use crate::traffic::phases;

/// Options of `loadtest connect`.
#[derive(Debug, Clone, Args, Serialize)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// Servers to connect to.
    #[command(flatten)]
    pub server: ServerOptions,
    /// Number of connections to measure
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..))]
    pub count: u32,
    /// Number of connections under way at once
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub concurrency: u32,
    /// Number of connections to make before measuring
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub warmup: u32,
}

/// Longest time in which none of the connections under way makes progress.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Makes the connections and measures them.
pub(crate) fn run(options: &ConnectOptions, control: &mut Control) -> Result<Outcome, RunError> {
    let slots = options.concurrency as usize;
    allow_connections(slots)?;
    let meter = options.server.meter()?;
    let mut swarm = options.server.swarm(slots, |slot| slot, control)?;

    let mut warmup = Connects::new(options.warmup.into());
    warmup.run(&mut swarm, &control.interrupt)?;
    if let Some(reason) = warmup.ledger.first_fault {
        let url = options.server.urls.join(", ");
        return Err(swarm.take_failure().unwrap_or(RunError::Connect { client: 0, url, reason }));
    }
    phases::wait_for_others(&mut warmup, &mut swarm, control)?;
    let mut connects = Connects::new(options.count.into());
    swarm.enter(&mut connects.ledger, "measure", true);
    let before = meter.read()?;
    connects.run(&mut swarm, &control.interrupt)?;
    swarm.enter(&mut connects.ledger, "end", false);
    let usage = meter.read()?.since(&before);

    connects.ledger.accounts.expected = connects.opened;
    connects.ledger.accounts.lost = connects.opened - connects.ledger.accounts.received;
    let mut outcome = Outcome::new("connect", usage, swarm.series, &connects.ledger);
    outcome.is_interrupted = control.interrupt.is_raised();
    outcome.server_resident_kib = meter.server_resident_kib()?;
    Ok(outcome)
}

/// Connections being made in the swarm's places, each place used again and again.
struct Connects {
    wanted: u64,
    opened: u64,
    closed: u64,
    ledger: Ledger,
}

impl Connects {
    fn new(wanted: u64) -> Self {
        Self { wanted, opened: 0, closed: 0, ledger: Ledger::new() }
    }

    /// Makes all connections and waits until the last one is closed.
    fn run(&mut self, swarm: &mut Swarm, interrupt: &Interrupt) -> Result<(), RunError> {
        for slot in 0..swarm.size() {
            self.open_next(swarm, slot);
        }
        loop {
            let closed = self.closed;
            let is_over = |connects: &mut Self, _: &mut Swarm| {
                connects.closed == connects.wanted || connects.closed > closed
            };
            let is_moving = swarm.turn_until(self, SILENCE_MAX, interrupt, is_over)?;
            if self.closed == self.wanted || interrupt.is_raised() {
                return Ok(());
            }
            if !is_moving {
                let (done, wanted) = (self.closed as usize, self.wanted as usize);
                return Err(RunError::Silence {
                    what: "connecting and closing",
                    seconds: SILENCE_MAX.as_secs(),
                    done,
                    wanted,
                });
            }
        }
    }

    fn open_next(&mut self, swarm: &mut Swarm, slot: ClientId) {
        while self.opened < self.wanted {
            self.opened += 1;
            match swarm.open(slot) {
                Ok(()) => return,
                Err(error) => {
                    self.closed += 1;
                    self.ledger.disconnected(slot, &error.to_string());
                }
            }
        }
    }
}

impl Handler for Connects {
    fn connected(&mut self, swarm: &mut Swarm, client: ClientId, _data: &[u8]) {
        self.ledger.accounts.received += 1;
        self.ledger.measure(swarm.now_ns() - swarm.opened_ns(client));
        swarm.close(client);
    }

    fn packet(&mut self, _: &mut Swarm, client: ClientId, packet: Packet<'_>, _: Option<&[u8]>) {
        if let Packet::Event { data, .. } | Packet::Ack { data, .. } = packet {
            self.ledger.corrupt(client, data);
        }
    }

    fn closed(&mut self, swarm: &mut Swarm, client: ClientId, stage: Stage, reason: &CloseReason) {
        self.closed += 1;
        if stage != Stage::Closing {
            self.ledger.disconnected(client, &reason.to_string());
        }
        self.open_next(swarm, client);
    }

    fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }
}
