//! The scenarios with traffic: the same run with another topology, another call of the relay, another kind of chaos.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::client::target::allow_connections;
use crate::error::RunError;
use crate::measure::outcome::Outcome;
use crate::scenario::server::ServerOptions;
use crate::swarm::control::Control;
use crate::traffic::chaos::{Chaos, ChaosPlan};
use crate::traffic::load::{LoadOptions, as_seconds, parse_rate};
use crate::traffic::phases::Run;
use crate::traffic::relay::{Call, Relay};
use crate::traffic::topology::Topology;
use crate::traffic::{Completion, Traffic, TrafficOptions};

/// Options of `loadtest fanout` and `loadtest cluster`.
#[derive(Debug, Clone, Args, Serialize)]
#[non_exhaustive]
pub struct FanoutOptions {
    /// Servers to connect to.
    #[command(flatten)]
    pub server: ServerOptions,
    /// Clients and their rooms.
    #[command(flatten)]
    #[serde(flatten)]
    pub rooms: RoomOptions,
    /// Amount of traffic.
    #[command(flatten)]
    #[serde(flatten)]
    pub load: LoadOptions,
}

/// Clients and rooms.
#[derive(Debug, Clone, Args, Serialize)]
#[non_exhaustive]
pub struct RoomOptions {
    /// Number of clients, dealt to the rooms round robin
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub clients: u32,
    /// Number of rooms; the first clients of each are its publishers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub rooms: u32,
    /// Number of members of each room, so that clients may be in several rooms [default: every client in one room]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub members: Option<u32>,
    /// Number of publishers in each room
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub publishers: u32,
}

/// Options of `loadtest broadcast`.
#[derive(Debug, Clone, Args, Serialize)]
#[non_exhaustive]
pub struct BroadcastOptions {
    /// Servers to connect to.
    #[command(flatten)]
    pub server: ServerOptions,
    /// Number of clients; each of them receives every message
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub clients: u32,
    /// Number of clients that publish
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub publishers: u32,
    /// Amount of traffic.
    #[command(flatten)]
    #[serde(flatten)]
    pub load: LoadOptions,
}

/// Options of `loadtest echo`.
#[derive(Debug, Clone, Args, Serialize)]
#[non_exhaustive]
pub struct EchoOptions {
    /// Servers to connect to.
    #[command(flatten)]
    pub server: ServerOptions,
    /// Number of clients, each with its own events
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub clients: u32,
    /// Amount of traffic.
    #[command(flatten)]
    #[serde(flatten)]
    pub load: LoadOptions,
}

/// Options of `loadtest slow`.
#[derive(Debug, Clone, Args, Serialize)]
#[non_exhaustive]
pub struct SlowOptions {
    /// The traffic.
    #[command(flatten)]
    #[serde(flatten)]
    pub fanout: FanoutOptions,
    /// Number of clients that stop reading when the traffic begins, and read on when it ends
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub slow: u32,
}

/// Options of `loadtest churn`.
#[derive(Debug, Clone, Args, Serialize)]
#[non_exhaustive]
pub struct ChurnOptions {
    /// The traffic.
    #[command(flatten)]
    #[serde(flatten)]
    pub fanout: FanoutOptions,
    /// Clients per second that leave their rooms and join them again
    #[arg(long, value_name = "N", default_value = "100", value_parser = parse_rate)]
    pub moves: f64,
    /// Clients per second that disconnect and connect again
    #[arg(long, value_name = "N", default_value = "100", value_parser = parse_rate)]
    pub reconnects: f64,
    /// Time for which a client stays away before it comes back
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub away: Duration,
}

/// Options of `loadtest jitter`.
#[derive(Debug, Clone, Args, Serialize)]
#[non_exhaustive]
pub struct JitterOptions {
    /// The traffic.
    #[command(flatten)]
    #[serde(flatten)]
    pub fanout: FanoutOptions,
    /// Connections per second that are cut
    #[arg(long, value_name = "N", default_value = "50", value_parser = parse_rate)]
    pub cuts: f64,
    /// Time for which a client stays away before it comes back
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub away: Duration,
    /// Ask the server to take up the session again, and expect what was missed meanwhile
    #[arg(long)]
    pub recovery: bool,
}

/// Ingredients of a scenario with traffic.
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
        // Clients that come and go would make a window wait, or not, by chance.
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
        let meter = self.server.meter()?;
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
