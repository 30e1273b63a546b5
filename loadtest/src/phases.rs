//! The phases of a run with traffic: connect, join, settle, warm up, measure, drain.

use std::time::Duration;

use crate::error::RunError;
use crate::interrupt::Interrupt;
use crate::meter::{Meter, Usage};
use crate::swarm::{Scenario, Swarm};
use crate::traffic::{Traffic, Wording};

/// How long joining may take after the last client connected.
const JOIN_MAX: Duration = Duration::from_secs(10);
/// After everything has arrived, how long to listen for what should not: messages sent twice.
const QUIET: Duration = Duration::from_millis(200);

/// How often to look for messages that do not complete.
const STALL_CHECK_NS: u64 = 100_000_000;

/// How long each phase takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    pub(crate) connect_rate: u32,
    /// Between the last join and the first message.
    pub(crate) settle: Duration,
    pub(crate) warmup: Duration,
    pub(crate) duration: Duration,
    /// How long to wait for what is in flight at the end.
    pub(crate) drain: Duration,
}

/// Runs the traffic through its phases; what was used while measuring, and whether somebody interrupted it.
pub(crate) fn run<W: Wording>(
    traffic: &mut Traffic<W>,
    swarm: &mut Swarm,
    timing: Timing,
    meter: &Meter,
    interrupt: &Interrupt,
) -> Result<(Usage, bool), RunError> {
    swarm.connect_all(traffic, timing.connect_rate, interrupt)?;
    if !swarm.turn_until(traffic, JOIN_MAX, interrupt, |traffic, _| traffic.is_joined())? {
        let (done, wanted, seconds) = (traffic.joined(), swarm.size(), JOIN_MAX.as_secs());
        return Err(RunError::Silence { what: "joining rooms", seconds, done, wanted });
    }
    wait(traffic, swarm, timing.settle, interrupt)?;

    traffic.start();
    publish(traffic, swarm, timing.warmup, interrupt)?;
    if interrupt.is_raised() {
        return Err(RunError::Interrupted);
    }
    let before = meter.read()?;
    traffic.ledger.is_measuring = true;
    publish(traffic, swarm, timing.duration, interrupt)?;
    traffic.ledger.is_measuring = false;
    let after = meter.read()?;

    traffic.stop();
    let is_interrupted = interrupt.is_raised();
    let patient = Interrupt::default();
    if swarm.turn_until(traffic, timing.drain, &patient, |traffic, _| traffic.is_complete())? {
        wait(traffic, swarm, QUIET, &patient)?;
    }
    traffic.finish();
    Ok((after.since(&before), is_interrupted))
}

fn publish<W: Wording>(
    traffic: &mut Traffic<W>,
    swarm: &mut Swarm,
    time: Duration,
    interrupt: &Interrupt,
) -> Result<(), RunError> {
    let mut looked_ns = swarm.tick();
    swarm.turn_until(traffic, time, interrupt, |traffic, swarm| {
        let now_ns = swarm.tick();
        if now_ns > looked_ns + STALL_CHECK_NS {
            looked_ns = now_ns;
            traffic.give_up_stalled(now_ns);
        }
        false
    })?;
    Ok(())
}

/// Turns for this time, whatever happens.
pub(crate) fn wait<S: Scenario>(
    scenario: &mut S,
    swarm: &mut Swarm,
    time: Duration,
    interrupt: &Interrupt,
) -> Result<(), RunError> {
    swarm.turn_until(scenario, time, interrupt, |_, _| false)?;
    Ok(())
}
