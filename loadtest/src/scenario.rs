//! The scenarios and their own options.

use clap::Subcommand;
use serde_json::Value;

use crate::error::RunError;
use crate::measure::outcome::Outcome;
use crate::swarm::control::Control;
use crate::traffic::load::LoadOptions;

pub(crate) mod avalanche;
pub(crate) mod connect;
pub(crate) mod idle;
pub(crate) mod plan;
pub(crate) mod rooms;
pub(crate) mod server;
pub(crate) mod share;

use avalanche::AvalancheOptions;
use connect::ConnectOptions;
use idle::IdleOptions;
use rooms::{BroadcastOptions, ChurnOptions, EchoOptions, FanoutOptions, JitterOptions, SlowOptions};
use server::ServerOptions;
use share::Share;

/// Scenarios that can be run.
#[derive(Debug, Clone, Subcommand)]
#[non_exhaustive]
pub enum Scenario {
    /// Messages to rooms: server time per delivery, deliveries per second, latency
    Fanout(FanoutOptions),
    /// Messages to all clients: server time per delivery, deliveries per second, latency
    Broadcast(BroadcastOptions),
    /// Acknowledged events: server time per round trip, round trips per second, latency
    Echo(EchoOptions),
    /// Messages from publishers on the first node to members on all: latency on the same node and across nodes apart
    Cluster(FanoutOptions),
    /// Members that stop reading while messages flow: all others must not notice
    Slow(SlowOptions),
    /// Members that leave and join, disconnect and connect, while messages flow
    Churn(ChurnOptions),
    /// TCP connections that are cut hard and come back, with or without recovery of missed messages
    Jitter(JitterOptions),
    /// Connections that are all cut at once and come back: time until 50, 99 and 100 % are there
    Avalanche(AvalancheOptions),
    /// Connections up to the acknowledged CONNECT, then closed: server time per connection
    Connect(ConnectOptions),
    /// Connections that do nothing: resident memory per connection
    Idle(IdleOptions),
}

impl Scenario {
    /// Name of the scenario on the command line.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Fanout(_) => "fanout",
            Self::Broadcast(_) => "broadcast",
            Self::Echo(_) => "echo",
            Self::Cluster(_) => "cluster",
            Self::Slow(_) => "slow",
            Self::Churn(_) => "churn",
            Self::Jitter(_) => "jitter",
            Self::Avalanche(_) => "avalanche",
            Self::Connect(_) => "connect",
            Self::Idle(_) => "idle",
        }
    }

    pub(crate) fn server(&self) -> &ServerOptions {
        match self {
            Self::Fanout(options) | Self::Cluster(options) => &options.server,
            Self::Broadcast(options) => &options.server,
            Self::Echo(options) => &options.server,
            Self::Slow(options) => &options.fanout.server,
            Self::Churn(options) => &options.fanout.server,
            Self::Jitter(options) => &options.fanout.server,
            Self::Avalanche(options) => &options.server,
            Self::Connect(options) => &options.server,
            Self::Idle(options) => &options.server,
        }
    }

    fn server_mut(&mut self) -> &mut ServerOptions {
        match self {
            Self::Fanout(options) | Self::Cluster(options) => &mut options.server,
            Self::Broadcast(options) => &mut options.server,
            Self::Echo(options) => &mut options.server,
            Self::Slow(options) => &mut options.fanout.server,
            Self::Churn(options) => &mut options.fanout.server,
            Self::Jitter(options) => &mut options.fanout.server,
            Self::Avalanche(options) => &mut options.server,
            Self::Connect(options) => &mut options.server,
            Self::Idle(options) => &mut options.server,
        }
    }

    /// Options of the traffic, for scenarios that have any.
    pub(crate) fn load_mut(&mut self) -> Option<&mut LoadOptions> {
        match self {
            Self::Fanout(options) | Self::Cluster(options) => Some(&mut options.load),
            Self::Broadcast(options) => Some(&mut options.load),
            Self::Echo(options) => Some(&mut options.load),
            Self::Slow(options) => Some(&mut options.fanout.load),
            Self::Churn(options) => Some(&mut options.fanout.load),
            Self::Jitter(options) => Some(&mut options.fanout.load),
            Self::Avalanche(_) | Self::Connect(_) | Self::Idle(_) => None,
        }
    }

    /// The options as a report shows them.
    pub(crate) fn options(&self) -> Value {
        let value = match self {
            Self::Fanout(options) | Self::Cluster(options) => serde_json::to_value(options),
            Self::Broadcast(options) => serde_json::to_value(options),
            Self::Echo(options) => serde_json::to_value(options),
            Self::Slow(options) => serde_json::to_value(options),
            Self::Churn(options) => serde_json::to_value(options),
            Self::Jitter(options) => serde_json::to_value(options),
            Self::Avalanche(options) => serde_json::to_value(options),
            Self::Connect(options) => serde_json::to_value(options),
            Self::Idle(options) => serde_json::to_value(options),
        };
        value.expect("options are plain data")
    }

    /// Runs the scenario.
    pub(crate) fn measure(&self, control: &mut Control) -> Result<Outcome, RunError> {
        match self {
            Self::Fanout(options) => rooms::fanout(options, control),
            Self::Broadcast(options) => rooms::broadcast(options, control),
            Self::Echo(options) => rooms::echo(options, control),
            Self::Cluster(options) => rooms::cluster(options, control),
            Self::Slow(options) => rooms::slow(options, control),
            Self::Churn(options) => rooms::churn(options, control),
            Self::Jitter(options) => rooms::jitter(options, control),
            Self::Avalanche(options) => avalanche::run(options, control),
            Self::Connect(options) => connect::run(options, control),
            Self::Idle(options) => idle::run(options, control),
        }
    }

    /// Reduces the run to this worker's share. Servers are watched by the coordinator.
    pub(crate) fn reduce(&mut self, share: Share) -> Result<(), RunError> {
        let server = self.server_mut();
        server.share = Some(share);
        server.pids.clear();
        server.server_metrics.clear();
        server.seed += u64::from(share.index);
        server.connect_rate = share.of(server.connect_rate).max(1);
        let part = |count: &mut u32| {
            *count = share.of(*count);
            match *count {
                0 => Err(RunError::Options("there is less to do than there are workers".to_owned())),
                _ => Ok(()),
            }
        };
        match self {
            Self::Fanout(FanoutOptions { rooms, .. })
            | Self::Cluster(FanoutOptions { rooms, .. })
            | Self::Slow(SlowOptions { fanout: FanoutOptions { rooms, .. }, .. })
            | Self::Churn(ChurnOptions { fanout: FanoutOptions { rooms, .. }, .. })
            | Self::Jitter(JitterOptions { fanout: FanoutOptions { rooms, .. }, .. }) => {
                part(&mut rooms.clients)?;
                part(&mut rooms.rooms)?;
            }
            Self::Broadcast(_) => {
                let reason = "a broadcast is heard by the clients of all workers: run it on one tester";
                return Err(RunError::Options(reason.to_owned()));
            }
            Self::Echo(options) => part(&mut options.clients)?,
            Self::Avalanche(options) => part(&mut options.clients)?,
            Self::Connect(options) => part(&mut options.count)?,
            Self::Idle(options) => part(&mut options.clients)?,
        }
        match self {
            Self::Slow(options) => options.slow = share.of(options.slow),
            Self::Churn(options) => {
                options.moves = share.of_rate(options.moves);
                options.reconnects = share.of_rate(options.reconnects);
            }
            Self::Jitter(options) => options.cuts = share.of_rate(options.cuts),
            _ => {}
        }
        if let Some(load) = self.load_mut() {
            load.rate = load.rate.map(|rate| share.of_rate(rate));
            let rates = load.phases.iter_mut().flatten().flat_map(|phase| &mut phase.rate);
            rates.for_each(|(from, to)| (*from, *to) = (share.of_rate(*from), share.of_rate(*to)));
        }
        Ok(())
    }
}
