//! Admission of sessions: the limits on handshakes, on sessions, and on sessions of one address.

use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::metrics::Limit;
use crate::node::Node;
use crate::options::ms;
use crate::rate_limit::RateLimit;
use fanfare_engineio::HandshakeError;

/// Time after which a place may have become free: sessions last long, and which one ends next is unknown.
const RETRY_AFTER_S: u32 = 5;

/// Admission to one node, asked by the handshakes on all reactors and by nothing else.
pub struct Admission {
    node: Arc<Node>,
    /// Allowance for handshakes; `None` without a limit.
    handshakes: Option<Mutex<RateLimit>>,
    taken: Mutex<Taken>,
}

/// The places that are taken.
#[derive(Default)]
struct Taken {
    all: usize,
    by_address: FxHashMap<IpAddr, usize>,
}

/// A place for one session, given back when it is dropped.
pub struct Permit {
    admission: Arc<Admission>,
    /// Address that the permit counts for, where sessions of an address are limited.
    address: Option<IpAddr>,
}

impl Admission {
    /// Admission to a node without sessions.
    pub fn new(node: Arc<Node>) -> Arc<Self> {
        let limits = &node.options.limits;
        let handshakes =
            RateLimit::new(limits.handshakes_per_second.into(), ms(limits.burst_ms), Instant::now());
        Arc::new(Self { handshakes: handshakes.map(Mutex::new), taken: Mutex::default(), node })
    }

    /// Admits a handshake, or returns the error that refuses it. A client of unknown address counts for none. `None` is a
    /// permit where sessions are not limited.
    pub fn admit(self: &Arc<Self>, client: Option<IpAddr>) -> Result<Option<Box<Permit>>, HandshakeError> {
        let limits = &self.node.options.limits;
        let place = match (limits.connections_max, limits.connections_per_address_max) {
            (0, 0) => None,
            (max, max_per_address) => Some(self.take_place(client, max, max_per_address)?),
        };
        // After the places: a client that cannot come in anyway uses up nothing.
        self.keep_pace()?;
        Ok(place)
    }

    fn take_place(
        self: &Arc<Self>,
        client: Option<IpAddr>,
        max: usize,
        max_per_address: usize,
    ) -> Result<Box<Permit>, HandshakeError> {
        let refuse = |message| Err(HandshakeError::Busy { message, retry_after_s: RETRY_AFTER_S });
        let mut taken = self.taken.lock();
        if max > 0 && taken.all >= max {
            self.node.metrics.limits.of(Limit::Connections).increment();
            return refuse("too many connections");
        }
        let address = client.filter(|_| max_per_address > 0).map(subscriber);
        if let Some(address) = address {
            let places = taken.by_address.entry(address).or_default();
            if *places >= max_per_address {
                self.node.metrics.limits.of(Limit::ConnectionsPerAddress).increment();
                return refuse("too many connections from this address");
            }
            *places += 1;
        }
        taken.all += 1;
        Ok(Box::new(Permit { admission: self.clone(), address }))
    }

    fn keep_pace(&self) -> Result<(), HandshakeError> {
        let Some(handshakes) = &self.handshakes else { return Ok(()) };
        let tried = handshakes.lock().try_take(Instant::now());
        tried.map_err(|wait| {
            self.node.metrics.limits.of(Limit::Handshakes).increment();
            HandshakeError::Busy { message: "too many handshakes", retry_after_s: whole_seconds(wait) }
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut taken = self.admission.taken.lock();
        taken.all -= 1;
        if let Some(address) = self.address
            && let Entry::Occupied(mut places) = taken.by_address.entry(address)
        {
            *places.get_mut() -= 1;
            if *places.get() == 0 {
                places.remove();
            }
        }
    }
}

/// Subscriber behind an address: all of a /64 of IPv6 belongs to one, who can take another address at will.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

fn whole_seconds(wait: Duration) -> u32 {
    wait.as_secs().saturating_add(1).try_into().unwrap_or(u32::MAX)
}
