//! The scenarios with traffic: the same run with another topology, another call of the relay, another kind of chaos.

use crate::client::target::allow_connections;
use crate::error::RunError;
use crate::measure::meter::Meter;
use crate::measure::outcome::Outcome;
use crate::scenario::server::ServerOptions;
use crate::scenario::{
    BroadcastOptions, ChurnOptions, EchoOptions, FanoutOptions, JitterOptions, SlowOptions,
};
use crate::swarm::control::Control;
use crate::traffic::chaos::{Chaos, ChaosPlan};
use crate::traffic::load::LoadOptions;
use crate::traffic::phases::Run;
use crate::traffic::relay::{Call, Relay};
use crate::traffic::topology::Topology;
use crate::traffic::{Completion, Traffic, TrafficOptions};

/// What makes a scenario.
struct Scene<'a> {
    server: &'a ServerOptions,
    load: &'a LoadOptions,
    unit: &'static str,
    topology: Topology,
    call: Call,
    chaos: ChaosPlan,
    is_recovering: bool,
    /// Whether the nodes are told apart.
    has_sides: bool,
}

pub(crate) fn fanout(options: &FanoutOptions, control: &mut Control) -> Result<Outcome, RunError> {
    Scene::of_rooms(options)?.run(control)
}

/// One publisher per room on the first node, and members on all.
pub(crate) fn cluster(options: &FanoutOptions, control: &mut Control) -> Result<Outcome, RunError> {
    let nodes = options.server.urls.len();
    if nodes < 2 {
        return Err(RunError::Options("a cluster has two nodes at least: give several --url".to_owned()));
    }
    let mut scene = Scene::of_rooms(options)?;
    scene.topology = scene.topology.publish_from_first(nodes).map_err(RunError::Options)?;
    scene.has_sides = true;
    scene.run(control)
}

pub(crate) fn broadcast(options: &BroadcastOptions, control: &mut Control) -> Result<Outcome, RunError> {
    let (clients, publishers) = (options.clients as usize, options.publishers as usize);
    let topology = Topology::rooms(clients, 1, None, publishers).map_err(RunError::Options)?;
    Scene::plain(&options.server, &options.load, "delivery", topology, Call::Broadcast).run(control)
}

pub(crate) fn echo(options: &EchoOptions, control: &mut Control) -> Result<Outcome, RunError> {
    let topology = Topology::alone(options.clients as usize);
    Scene::plain(&options.server, &options.load, "ack", topology, Call::Echo).run(control)
}

pub(crate) fn slow(options: &SlowOptions, control: &mut Control) -> Result<Outcome, RunError> {
    let mut scene = Scene::of_rooms(&options.fanout)?;
    scene.chaos = ChaosPlan::Slow(options.slow as usize);
    scene.run(control)
}

pub(crate) fn churn(options: &ChurnOptions, control: &mut Control) -> Result<Outcome, RunError> {
    let mut scene = Scene::of_rooms(&options.fanout)?;
    scene.chaos = ChaosPlan::Churn {
        moves_per_second: options.moves,
        reconnects_per_second: options.reconnects,
        away: options.away,
    };
    scene.run(control)
}

pub(crate) fn jitter(options: &JitterOptions, control: &mut Control) -> Result<Outcome, RunError> {
    let mut scene = Scene::of_rooms(&options.fanout)?;
    scene.chaos = ChaosPlan::Jitter { cuts_per_second: options.cuts, away: options.away };
    scene.is_recovering = options.recovery;
    scene.run(control)
}

impl<'a> Scene<'a> {
    fn of_rooms(options: &'a FanoutOptions) -> Result<Self, RunError> {
        let rooms = &options.rooms;
        let members = rooms.members.map(|members| members as usize);
        let (clients, count, publishers) =
            (rooms.clients as usize, rooms.rooms as usize, rooms.publishers as usize);
        let topology = Topology::rooms(clients, count, members, publishers).map_err(RunError::Options)?;
        Ok(Self::plain(&options.server, &options.load, "delivery", topology, Call::Room))
    }

    fn plain(
        server: &'a ServerOptions,
        load: &'a LoadOptions,
        unit: &'static str,
        topology: Topology,
        call: Call,
    ) -> Self {
        let chaos = ChaosPlan::None;
        Self { server, load, unit, topology, call, chaos, is_recovering: false, has_sides: false }
    }

    fn options(&self) -> TrafficOptions {
        // Whoever comes and goes would make a window wait, or not, by chance.
        let is_moving = matches!(self.chaos, ChaosPlan::Churn { .. } | ChaosPlan::Jitter { .. });
        TrafficOptions {
            relay: Relay {
                call: self.call,
                namespace: self.server.namespace_prefix(),
                is_binary: self.load.binary,
                prefix: self.server.room_prefix(),
            },
            payload_bytes: self.load.payload.into(),
            window: self.load.window,
            completion: if is_moving { Completion::Publisher } else { self.load.complete },
            is_recovering: self.is_recovering,
            auth: self.server.auth.clone().unwrap_or_default(),
            sides: self.has_sides.then_some(self.server.urls.len()),
        }
    }

    fn run(self, control: &mut Control) -> Result<Outcome, RunError> {
        let clients = self.topology.clients();
        allow_connections(clients)?;
        let meter = Meter::new(self.server)?;
        let mut swarm = self.server.swarm(clients, |client| self.topology.targets[client], control)?;
        let mut traffic = Traffic::new(self.options(), &self.topology);
        let mut chaos = Chaos::new(self.chaos, &traffic, clients, self.server.seed);
        let timing = self.load.timing(self.server.connect_rate);
        let mut run =
            Run { traffic: &mut traffic, swarm: &mut swarm, chaos: &mut chaos, meter: &meter, control };
        let usage = run.play(&timing)?;
        let mut outcome = Outcome::new(self.unit, usage, swarm.series, &traffic.ledger);
        outcome.is_interrupted = control.interrupt.is_raised();
        outcome.server_resident_kib = meter.server_resident_kib()?;
        let mut detail = |name: &str, count: u64| outcome.details.insert(name.to_owned(), count as f64);
        match self.chaos {
            ChaosPlan::None => {}
            ChaosPlan::Slow(count) => {
                detail("slow", count as u64);
                detail("slow_disconnected", traffic.slow_disconnected);
            }
            ChaosPlan::Churn { .. } => {
                detail("moves", chaos.left);
                detail("reconnects", chaos.reconnected);
            }
            ChaosPlan::Jitter { .. } => {
                detail("cuts", chaos.cut);
                detail("attempts_failed", traffic.ledger.failures);
                if self.is_recovering {
                    detail("recovered", traffic.recovery.recovered);
                    detail("recovery_refused", traffic.recovery.refused);
                }
            }
        }
        Ok(outcome)
    }
}
