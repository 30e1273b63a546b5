//! The phases of a run with traffic: connect, join, settle; then those of the plan, such as warming up and measuring;
//! drain.

use std::time::Duration;

use crate::error::RunError;
use crate::measure::meter::{Meter, Reading, Usage};
use crate::swarm::control::Control;
use crate::swarm::interrupt::Interrupt;
use crate::swarm::{Handler, Swarm};
use crate::traffic::Traffic;
use crate::traffic::chaos::Chaos;
use crate::traffic::schedule::Schedule;

/// Longest time for joining after the last client connected, and for coming back after the last one was sent away.
const JOIN_MAX: Duration = Duration::from_secs(10);
/// Longest time to wait for the other testers of a run.
const GATE_MAX: Duration = Duration::from_secs(120);
/// Time to listen for messages sent twice, after everything has arrived.
const QUIET: Duration = Duration::from_millis(200);
/// Time between two looks for messages that do not complete.
const STALL_CHECK_NS: u64 = 100_000_000;

/// One phase of the plan.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Phase {
    pub(crate) name: String,
    pub(crate) duration: Duration,
    /// Whether what happens in it counts.
    pub(crate) is_measured: bool,
    /// Messages per second at its beginning and at its end; `None` in a closed loop.
    pub(crate) rate: Option<(f64, f64)>,
}

/// Times of a run.
#[derive(Debug, Clone)]
pub(crate) struct Timing {
    pub(crate) connect_rate: u32,
    /// Time between the last join and the first message.
    pub(crate) settle: Duration,
    pub(crate) phases: Vec<Phase>,
    /// Longest time to wait for what is in flight at the end.
    pub(crate) drain: Duration,
}

/// Parts of a run.
pub(crate) struct Run<'a> {
    pub(crate) traffic: &'a mut Traffic,
    pub(crate) swarm: &'a mut Swarm,
    pub(crate) chaos: &'a mut Chaos,
    pub(crate) meter: &'a Meter,
    pub(crate) control: &'a mut Control,
}

impl Run<'_> {
    /// Runs the traffic through its phases and returns what was used from the first measured one to the last.
    pub(crate) fn play(&mut self, timing: &Timing) -> Result<Usage, RunError> {
        self.ramp_up(timing)?;
        self.chaos.start(self.traffic, self.swarm);
        let mut measured: Option<(Reading, Reading)> = None;
        for phase in &timing.phases {
            if self.control.interrupt.is_raised() {
                break;
            }
            self.swarm.enter(&mut self.traffic.ledger, &phase.name, phase.is_measured);
            let before = self.meter.read()?;
            self.publish(phase)?;
            // The interval ends here, before the meters are read.
            self.swarm.enter(&mut self.traffic.ledger, "drain", false);
            if phase.is_measured {
                let first = measured.take().map_or(before, |(first, _)| first);
                measured = Some((first, self.meter.read()?));
            }
        }
        let Some((before, after)) = measured else { return Err(RunError::Interrupted) };
        self.traffic.stop();
        self.calm_down()?;
        let patient = Interrupt::default();
        if self.swarm.turn_until(self.traffic, timing.drain, &patient, |traffic, _| traffic.is_complete())? {
            wait(self.traffic, self.swarm, QUIET, &patient)?;
        }
        self.swarm.enter(&mut self.traffic.ledger, "end", false);
        self.traffic.finish();
        Ok(after.since(&before))
    }

    /// Brings all clients up and into their rooms.
    fn ramp_up(&mut self, timing: &Timing) -> Result<(), RunError> {
        let interrupt = &self.control.interrupt;
        self.swarm.connect_all(self.traffic, timing.connect_rate, interrupt)?;
        self.swarm.enter(&mut self.traffic.ledger, "join", false);
        if !self.swarm.turn_until(self.traffic, JOIN_MAX, interrupt, |traffic, _| traffic.is_joined())? {
            let (done, wanted, seconds) = (self.traffic.joined(), self.swarm.size(), JOIN_MAX.as_secs());
            return Err(RunError::Silence { what: "joining rooms", seconds, done, wanted });
        }
        wait(self.traffic, self.swarm, timing.settle, interrupt)?;
        wait_for_others(self.traffic, self.swarm, self.control)
    }

    fn publish(&mut self, phase: &Phase) -> Result<(), RunError> {
        let began_ns = self.swarm.tick();
        let schedule = |rate| Schedule::new(began_ns, phase.duration.as_secs_f64(), rate);
        self.traffic.start(phase.rate.map(schedule));
        let (mut looked_ns, mut fault) = (began_ns, None);
        let chaos = &mut *self.chaos;
        self.swarm.turn_until(self.traffic, phase.duration, &self.control.interrupt, |traffic, swarm| {
            let now_ns = swarm.tick();
            if now_ns > looked_ns + STALL_CHECK_NS {
                looked_ns = now_ns;
                traffic.give_up_stalled(now_ns);
            }
            fault = chaos.step(traffic, swarm).err();
            fault.is_some()
        })?;
        fault.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Lets all clients come to rest again.
    fn calm_down(&mut self) -> Result<(), RunError> {
        self.chaos.stop(self.swarm);
        let (mut fault, patient) = (None, Interrupt::default());
        let chaos = &mut *self.chaos;
        let is_calm = self.swarm.turn_until(self.traffic, JOIN_MAX, &patient, |traffic, swarm| {
            fault = chaos.step(traffic, swarm).err();
            fault.is_some() || traffic.restless() == 0
        })?;
        if !is_calm {
            let missing = self.traffic.restless();
            for _ in 0..missing {
                self.traffic.ledger.disconnected(0, "it was cut off and could not come back (any client)");
            }
        }
        fault.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// Waits until every tester of the run has come this far.
pub(crate) fn wait_for_others<H: Handler>(
    handler: &mut H,
    swarm: &mut Swarm,
    control: &mut Control,
) -> Result<(), RunError> {
    let Some(gate) = &mut control.gate else { return Ok(()) };
    (gate.announce)();
    if swarm.turn_until(handler, GATE_MAX, &control.interrupt, |_, _| gate.is_open())? {
        return Ok(());
    }
    Err(match control.interrupt.is_raised() {
        true => RunError::Interrupted,
        false => RunError::Options("the other testers were not ready in time".to_owned()),
    })
}

/// Turns the event loop for this time, whatever happens.
pub(crate) fn wait<H: Handler>(
    handler: &mut H,
    swarm: &mut Swarm,
    time: Duration,
    interrupt: &Interrupt,
) -> Result<(), RunError> {
    swarm.turn_until(handler, time, interrupt, |_, _| false)?;
    Ok(())
}
