//! Chaos among clients while the traffic runs: some do not read, some leave and join, some are cut off.
//!
//! Publishers are left alone, so that the plan of the traffic is kept.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::swarm::{ClientId, Swarm};
use crate::traffic::{Membership, Traffic};

/// Time before a connection that failed is tried again.
const RETRY_NS: u64 = 200_000_000;
/// Number of draws for a client at rest.
const DRAWS: usize = 16;

/// Kind of chaos.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ChaosPlan {
    None,
    /// Number of clients that stop reading.
    Slow(usize),
    /// Clients leave their rooms and join them again, disconnect and connect again: so many a second, and
    /// each stays away for a while.
    Churn {
        moves_per_second: f64,
        reconnects_per_second: f64,
        away: Duration,
    },
    /// Connections are cut hard, so many a second, and made again after a while.
    Jitter {
        cuts_per_second: f64,
        away: Duration,
    },
}

/// State of the chaos in one run.
#[derive(Debug)]
pub(crate) struct Chaos {
    plan: ChaosPlan,
    /// Clients that publish nothing.
    candidates: Vec<ClientId>,
    chance: StdRng,
    moves: Beat,
    departures: Beat,
    /// Clients to connect again, and when.
    returning: VecDeque<(u64, ClientId)>,
    /// Clients to join their rooms again, and when.
    rejoining: VecDeque<(u64, ClientId)>,
    is_active: bool,
    slow: Vec<ClientId>,
    /// Number of times that clients left their rooms, were disconnected in an orderly way, and were cut.
    pub(crate) left: u64,
    pub(crate) reconnected: u64,
    pub(crate) cut: u64,
}

/// Event that happens at a rate.
#[derive(Debug)]
struct Beat {
    per_second: f64,
    next_ns: u64,
}

impl Chaos {
    pub(crate) fn new(plan: ChaosPlan, traffic: &Traffic, clients: usize, seed: u64) -> Self {
        let (moves, departures) = match plan {
            ChaosPlan::Churn { moves_per_second, reconnects_per_second, .. } => {
                (moves_per_second, reconnects_per_second)
            }
            ChaosPlan::Jitter { cuts_per_second, .. } => (0.0, cuts_per_second),
            ChaosPlan::None | ChaosPlan::Slow(_) => (0.0, 0.0),
        };
        let candidates = match plan {
            ChaosPlan::None => Vec::new(),
            _ => traffic.bystanders(clients),
        };
        Self {
            plan,
            candidates,
            chance: StdRng::seed_from_u64(seed),
            moves: Beat { per_second: moves, next_ns: 0 },
            departures: Beat { per_second: departures, next_ns: 0 },
            returning: VecDeque::new(),
            rejoining: VecDeque::new(),
            is_active: false,
            slow: Vec::new(),
            left: 0,
            reconnected: 0,
            cut: 0,
        }
    }

    /// Begins the chaos.
    pub(crate) fn start(&mut self, traffic: &mut Traffic, swarm: &mut Swarm) {
        let now_ns = swarm.tick();
        self.is_active = true;
        self.moves.start(now_ns);
        self.departures.start(now_ns);
        if let ChaosPlan::Slow(count) = self.plan {
            for _ in 0..count.min(self.candidates.len()) {
                let index = self.chance.random_range(0..self.candidates.len());
                let client = self.candidates.swap_remove(index);
                self.slow.push(client);
                traffic.slow_down(swarm, client);
            }
        }
    }

    /// Does what is due; called at least every 20 ms.
    pub(crate) fn step(&mut self, traffic: &mut Traffic, swarm: &mut Swarm) -> io::Result<()> {
        if self.plan == ChaosPlan::None {
            return Ok(());
        }
        let now_ns = swarm.tick();
        let away_ns = match self.plan {
            ChaosPlan::Churn { away, .. } => away.as_nanos() as u64,
            _ => RETRY_NS,
        };
        self.rejoining.extend(traffic.left.drain(..).map(|client| (now_ns + away_ns, client)));
        self.returning.extend(traffic.fallen.drain(..).map(|client| (now_ns + away_ns, client)));
        while let Some((_, client)) = self.rejoining.pop_front_if(|(at_ns, _)| *at_ns <= now_ns) {
            traffic.join(swarm, client);
        }
        while let Some((_, client)) = self.returning.pop_front_if(|(at_ns, _)| *at_ns <= now_ns) {
            swarm.open(client)?;
        }
        while self.is_active && self.moves.is_due(now_ns) {
            if let Some(client) = self.draw(traffic) {
                traffic.leave(swarm, client);
                self.left += 1;
            }
        }
        while self.is_active && self.departures.is_due(now_ns) {
            let Some(client) = self.draw(traffic) else { continue };
            traffic.send_away(swarm, client);
            if let ChaosPlan::Jitter { away, .. } = self.plan {
                swarm.cut(client);
                self.cut += 1;
                self.returning.push_back((now_ns + away.as_nanos() as u64, client));
            } else {
                swarm.close(client);
                self.reconnected += 1;
            }
        }
        Ok(())
    }

    /// Ends the chaos: clients that are away come back, and clients that did not read read on.
    pub(crate) fn stop(&mut self, swarm: &mut Swarm) {
        self.is_active = false;
        self.slow.drain(..).for_each(|client| swarm.set_paused(client, false));
    }

    /// Draws a client that is at rest, if one is found soon.
    fn draw(&mut self, traffic: &Traffic) -> Option<ClientId> {
        (0..DRAWS).find_map(|_| {
            let index = self.chance.random_range(0..self.candidates.len().max(1));
            let client = *self.candidates.get(index)?;
            (traffic.membership(client) == Membership::In && !traffic.is_away(client)).then_some(client)
        })
    }
}

impl Beat {
    fn start(&mut self, now_ns: u64) {
        self.next_ns = now_ns;
    }

    /// Whether the next event has come; each is reported once.
    fn is_due(&mut self, now_ns: u64) -> bool {
        let is_due = self.per_second > 0.0 && self.next_ns <= now_ns;
        if is_due {
            self.next_ns += (1e9 / self.per_second) as u64;
        }
        is_due
    }
}
